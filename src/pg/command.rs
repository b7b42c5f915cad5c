//! What a command's parse tree tells beforehand about what it can have changed, and small reads of
//! the backend's state.

use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// How far a command's effects reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reach {
    /// ALTER TABLE that only adds columns without constraints: columns and defaults of the table, and views on it.
    AddColumn,
    /// COMMENT ON a table, view or column: comments of the relation.
    Comment,
    /// CREATE of something: the objects reported.
    Create,
    /// CREATE TABLE by itself: its columns, constraints and sequences, nothing of which was there before.
    NewTable,
    /// GRANT, REVOKE: the rows that this transaction wrote in the catalogs, because nothing is reported.
    Grant,
    /// Anything else: the objects reported with all that belongs to them or depends on them.
    #[default]
    Dependents,
    /// Names in every corner can have changed: the whole catalog.
    Everything,
}

/// What a parse tree tells.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// How far its effects reach.
    pub reach: Reach,
    /// It creates a temporary object and nothing else.
    pub temporary: bool,
    /// It only drops: what it did is what `sql_drop` saw.
    pub drops: bool,
    /// CONCURRENTLY.
    pub concurrently: bool,
    /// It changes a column's type (a USING expression may travel).
    pub alters_type: bool,
    /// It adds a column with a default (existing rows may get a value).
    pub adds_default: bool,
    /// The command only adds columns, with no default and no constraint but NOT NULL.
    pub bare_columns: Option<BareColumns>,
    /// The command is a CREATE TABLE by itself, without sequences of its own.
    pub new_table: Option<NewTable>,
    /// Relations that the command names beside its target: a partition attached or detached.
    pub also: Vec<u32>,
}

/// The parse tree of an ALTER TABLE that only adds bare columns; made for an event trigger's call and
/// used within it.
#[derive(Clone, Debug)]
pub struct BareColumns(*mut pg_sys::AlterTableStmt);

impl BareColumns {
    /// What the command did, from the relation cache.
    pub fn added(&self) -> super::relation::Added {
        // SAFETY: the parse tree lives as long as the command, within which the event trigger is called.
        unsafe { super::relation::added_columns(self.0) }
    }
}

/// The parse tree of a CREATE TABLE; made for an event trigger's call and used within it.
#[derive(Clone, Debug)]
pub struct NewTable(*mut pg_sys::CreateStmt);

impl NewTable {
    /// The table that the command made.
    pub fn created(&self) -> Option<super::relation::CreatedTable> {
        // SAFETY: the parse tree lives as long as the command, within which the event trigger is called.
        unsafe { super::relation::created_table(self.0) }
    }
}

/// Whether a CREATE TABLE, before it runs, says all that the table will have: columns and constraints, and
/// no copies of other tables' parts, no sequences, no doubt whether it is made. Running it, the server
/// writes over its own parse tree: afterwards neither LIKE nor serial can be told.
///
/// # Safety
/// `node` is a utility statement's node that has not run yet.
pub(super) unsafe fn is_plain_table(node: *mut pg_sys::Node) -> bool {
    // SAFETY: nodes are cast to the struct that their tag names.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_CreateStmt {
            return false;
        }
        let create = node.cast::<pg_sys::CreateStmt>();
        (*create).inhRelations.is_null()
            && (*create).ofTypename.is_null()
            && !(*create).if_not_exists
            && items::<pg_sys::Node>((*create).tableElts)
                .into_iter()
                .all(|element| (*element).type_ != pg_sys::NodeTag::T_TableLikeClause && !is_serial(element))
    }
}

/// Whether a column is declared with one of the names that bring a sequence.
///
/// # Safety
/// `element` is an element of a CREATE TABLE.
unsafe fn is_serial(element: *mut pg_sys::Node) -> bool {
    // SAFETY: nodes are cast to the struct that their tag names; a type's names are String nodes.
    unsafe {
        if (*element).type_ != pg_sys::NodeTag::T_ColumnDef {
            return false;
        }
        let type_name = (*element.cast::<pg_sys::ColumnDef>()).typeName;
        if type_name.is_null() {
            return false;
        }
        // In whatever schema: a look at the catalogs is the price of a doubt.
        items::<pg_sys::Node>((*type_name).names).last().is_some_and(|&name| {
            #[cfg(feature = "pg14")]
            let text = (*name.cast::<pg_sys::Value>()).val.str_;
            #[cfg(not(feature = "pg14"))]
            let text = (*name.cast::<pg_sys::String>()).sval;
            !text.is_null() && CStr::from_ptr(text).to_bytes().windows(6).any(|part| part == b"serial")
        })
    }
}

/// The value of a setting as SHOW prints it.
pub fn setting(name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    // SAFETY: the returned string belongs to the server and is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}

/// Number of elements and the i-th pointer of a List.
///
/// # Safety
/// `list` is a List of pointers or null.
pub(super) unsafe fn items<T>(list: *mut pg_sys::List) -> Vec<*mut T> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: a pointer list has `length` elements.
    unsafe { (0..(*list).length as usize).map(|i| (*(*list).elements.add(i)).ptr_value.cast::<T>()).collect() }
}

/// # Safety
/// `relation` is a RangeVar or null.
unsafe fn is_temporary(relation: *mut pg_sys::RangeVar) -> bool {
    // SAFETY: as the caller promises.
    !relation.is_null() && unsafe { (*relation).relpersistence } == pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char
}

/// Reads what can be known from the parse tree.
///
/// # Safety
/// `node` is a utility statement's node.
pub unsafe fn describe(node: *mut pg_sys::Node) -> Command {
    use pg_sys::NodeTag as T;
    let mut command = Command::default();
    // SAFETY: each node is cast to the struct that its tag names.
    unsafe {
        match (*node).type_ {
            T::T_CreateStmt => {
                command.reach = Reach::Create;
                let create = node.cast::<pg_sys::CreateStmt>();
                command.temporary = is_temporary((*create).relation);
                if !(*create).inhRelations.is_null() {
                    command.reach = Reach::Dependents;
                } else if super::hook::plain_table() {
                    command.reach = Reach::NewTable;
                    command.new_table = Some(NewTable(create));
                }
            }
            T::T_CreateTableAsStmt => {
                command.reach = Reach::Create;
                let into = (*node.cast::<pg_sys::CreateTableAsStmt>()).into;
                command.temporary = !into.is_null() && is_temporary((*into).rel);
            }
            T::T_CreateSeqStmt => {
                command.reach = Reach::Create;
                command.temporary = is_temporary((*node.cast::<pg_sys::CreateSeqStmt>()).sequence);
            }
            T::T_ViewStmt => command.temporary = is_temporary((*node.cast::<pg_sys::ViewStmt>()).view),
            T::T_IndexStmt => {
                command.reach = Reach::Create;
                let index = node.cast::<pg_sys::IndexStmt>();
                command.concurrently = (*index).concurrent;
                command.temporary = is_temporary((*index).relation);
                // On a partitioned table it makes indexes on the partitions too.
                command.reach = Reach::Dependents;
            }
            T::T_DropStmt => {
                command.drops = true;
                command.concurrently = (*node.cast::<pg_sys::DropStmt>()).concurrent;
            }
            T::T_CommentStmt => {
                use pg_sys::ObjectType as O;
                let on = (*node.cast::<pg_sys::CommentStmt>()).objtype;
                command.reach =
                    if matches!(on, O::OBJECT_TABLE | O::OBJECT_COLUMN | O::OBJECT_VIEW) { Reach::Comment } else { Reach::Create };
            }
            T::T_GrantStmt => command.reach = Reach::Grant,
            T::T_CreateFunctionStmt
            | T::T_CreateEnumStmt
            | T::T_CreateSchemaStmt
            | T::T_CreateDomainStmt
            | T::T_CompositeTypeStmt
            | T::T_CreateRangeStmt
            | T::T_CreateTrigStmt
            | T::T_CreatePolicyStmt
            | T::T_CreateExtensionStmt => command.reach = Reach::Create,
            T::T_RenameStmt => {
                let rename = node.cast::<pg_sys::RenameStmt>();
                if (*rename).renameType == pg_sys::ObjectType::OBJECT_SCHEMA {
                    command.reach = Reach::Everything;
                }
            }
            T::T_AlterObjectSchemaStmt
                if (*node.cast::<pg_sys::AlterObjectSchemaStmt>()).objectType == pg_sys::ObjectType::OBJECT_EXTENSION =>
            {
                command.reach = Reach::Everything;
            }
            T::T_DropOwnedStmt | T::T_ReassignOwnedStmt | T::T_ImportForeignSchemaStmt => command.reach = Reach::Everything,
            T::T_AlterTableStmt => describe_alter_table(node.cast(), &mut command),
            _ => {}
        }
    }
    command
}

/// # Safety
/// `alter` is an ALTER TABLE's parse tree.
unsafe fn describe_alter_table(alter: *mut pg_sys::AlterTableStmt, command: &mut Command) {
    use pg_sys::{AlterTableType as A, ConstrType as C};
    // SAFETY: the lists hold what the grammar puts into them for each subtype.
    unsafe {
        let mut simple = true;
        let mut bare = true;
        for cmd in items::<pg_sys::AlterTableCmd>((*alter).cmds) {
            match (*cmd).subtype {
                A::AT_AddColumn => {
                    let column = (*cmd).def.cast::<pg_sys::ColumnDef>();
                    if column.is_null() {
                        simple = false;
                        continue;
                    }
                    for constraint in items::<pg_sys::Constraint>((*column).constraints) {
                        match (*constraint).contype {
                            C::CONSTR_NULL | C::CONSTR_NOTNULL => {}
                            C::CONSTR_DEFAULT => bare = false,
                            _ => simple = false,
                        }
                    }
                    // A domain's default counts as well: it stands in the catalog and not here.
                    command.adds_default = true;
                }
                A::AT_AlterColumnType => {
                    simple = false;
                    command.alters_type = true;
                }
                A::AT_AttachPartition | A::AT_DetachPartition => {
                    simple = false;
                    let partition = (*cmd).def.cast::<pg_sys::PartitionCmd>();
                    if !partition.is_null() && !(*partition).name.is_null() {
                        let oid = pg_sys::RangeVarGetRelidExtended(
                            (*partition).name,
                            pg_sys::NoLock as i32,
                            pg_sys::RVROption::RVR_MISSING_OK,
                            None,
                            std::ptr::null_mut(),
                        );
                        if oid != pg_sys::Oid::INVALID {
                            command.also.push(oid.to_u32());
                        }
                        command.concurrently |= (*partition).concurrent;
                    }
                }
                _ => simple = false,
            }
        }
        if simple {
            command.reach = Reach::AddColumn;
        }
        let table = (*alter).objtype == pg_sys::ObjectType::OBJECT_TABLE;
        command.bare_columns = (simple && bare && table).then_some(BareColumns(alter));
    }
}

/// The current (sub)transaction's XID as the catalogs' `xmin` shows it, assigned if need be.
pub fn current_xid() -> u32 {
    // SAFETY: called inside a transaction.
    unsafe { pg_sys::GetCurrentTransactionId().into_inner() }
}

/// The top-level transaction's 64-bit XID, assigned if need be.
pub fn top_xid() -> u64 {
    // SAFETY: called inside a transaction.
    unsafe { pg_sys::GetTopFullTransactionId().value }
}

/// Whether an extension's script runs.
pub fn creating_extension() -> bool {
    // SAFETY: a plain variable of this backend.
    unsafe { pg_sys::creating_extension }
}

/// The server's major version.
pub fn major() -> u32 {
    pg_sys::PG_VERSION_NUM / 10000
}

/// Whether this is a logical replication worker.
pub fn in_apply_worker() -> bool {
    // SAFETY: looks at a pointer of this process.
    unsafe { pg_sys::IsLogicalWorker() }
}

/// In an apply worker, where the transaction that is being committed was committed on the publisher.
pub fn origin_lsn() -> String {
    // SAFETY: a plain variable of this process.
    let lsn = unsafe { pg_sys::replorigin_session_origin_lsn };
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}

/// Whether the server is a standby.
pub fn in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Name of a role; its OID where the role is gone.
fn role_name(oid: pg_sys::Oid) -> String {
    // SAFETY: returns palloc'ed text or null where the role is gone.
    unsafe {
        let name = pg_sys::GetUserNameFromId(oid, true);
        if name.is_null() { oid.to_u32().to_string() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// (session user, current user).
pub fn users() -> (String, String) {
    // SAFETY: reads the backend's own variables.
    unsafe { (role_name(pg_sys::GetSessionUserId()), role_name(pg_sys::GetUserId())) }
}

/// Settings pinned and rights raised for as long as this value lives: what capture does for a user's
/// DDL, it does as the extension's owner, under an empty search_path, whatever the user has set.
pub struct Pinned {
    nest: Option<i32>,
    user: Option<(pg_sys::Oid, i32)>,
}

/// Pins the settings that deparsed text depends on and becomes the bootstrap superuser.
pub fn pin() -> Pinned {
    let owner = become_owner();
    let settings = pin_settings();
    let pinned = Pinned { nest: settings.nest, user: owner.user };
    std::mem::forget(owner);
    std::mem::forget(settings);
    pinned
}

/// Pins the settings that deparsed text depends on, and leaves the user's rights as they are.
pub fn pin_settings() -> Pinned {
    // SAFETY: undone by Drop; an error before that is undone by the (sub)transaction's abort.
    unsafe {
        let nest = pg_sys::NewGUCNestLevel();
        for (name, value) in crate::catalog::PINNED_SETTINGS {
            if setting(name).as_deref() != Some(value) {
                set(name, value);
            }
        }
        Pinned { nest: Some(nest), user: None }
    }
}

/// A nest level for settings, none set yet.
pub fn settings() -> Pinned {
    // SAFETY: undone by Drop; an error before that is undone by the (sub)transaction's abort.
    Pinned { nest: Some(unsafe { pg_sys::NewGUCNestLevel() }), user: None }
}

/// Becomes the bootstrap superuser, who owns what the extension's tables hold. Whoever calls this has
/// pinned the path: under a user's, a statement of ours could find an operator of theirs.
pub fn become_owner() -> Pinned {
    // SAFETY: undone by Drop; an error before that is undone by the (sub)transaction's abort.
    unsafe {
        let mut user = pg_sys::Oid::INVALID;
        let mut context = 0;
        pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
        pg_sys::SetUserIdAndSecContext(
            pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID),
            context | (pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_NOFORCE_RLS) as i32,
        );
        Pinned { nest: None, user: Some((user, context)) }
    }
}

/// Becomes the role that called the extension's function again, for what runs with its rights and no more.
pub fn become_caller() -> Pinned {
    become_role(caller())
}

/// OID of the role that called the extension's function.
pub fn caller() -> u32 {
    // SAFETY: a plain variable of this backend.
    unsafe { pg_sys::GetOuterUserId() }.to_u32()
}

/// Becomes a role, for what runs with its rights and no more.
pub fn become_role(role: u32) -> Pinned {
    become_with(role, pg_sys::SECURITY_LOCAL_USERID_CHANGE)
}

/// Becomes a role for what is its own to do: it cannot become another from there, and leaves nothing behind that would
/// run later with other rights.
pub fn confine_to_role(role: u32) -> Pinned {
    become_with(role, pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION)
}

fn become_with(role: u32, flags: u32) -> Pinned {
    // SAFETY: undone by Drop; an error before that is undone by the (sub)transaction's abort.
    unsafe {
        let mut user = pg_sys::Oid::INVALID;
        let mut context = 0;
        pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
        pg_sys::SetUserIdAndSecContext(pg_sys::Oid::from(role), context | flags as i32);
        Pinned { nest: None, user: Some((user, context)) }
    }
}

/// Sets a setting until the enclosing nest level ends.
///
/// # Safety
/// Called inside a nest level that is ended.
unsafe fn set(name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) {
        // SAFETY: both strings outlive the call, which copies them.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
}

impl Pinned {
    /// Pins one more setting.
    pub fn set(&self, name: &str, value: &str) {
        debug_assert!(self.nest.is_some(), "settings are pinned within a nest level of their own");
        // SAFETY: the nest level is ended by Drop.
        unsafe { set(name, value) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // While an error unwinds, the (sub)transaction's abort restores both.
        if !std::thread::panicking() {
            // SAFETY: the nest level is the innermost one that we opened; user and context are those of before.
            unsafe {
                if let Some(nest) = self.nest {
                    pg_sys::AtEOXact_GUC(false, nest);
                }
                if let Some((user, context)) = self.user {
                    pg_sys::SetUserIdAndSecContext(user, context);
                }
            }
        }
    }
}

/// The server's version number, e.g. 150018.
pub fn server_version_num() -> i32 {
    setting("server_version_num").and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// Whether the transaction sees what others commit meanwhile.
pub fn read_committed() -> bool {
    // SAFETY: a plain variable of this backend.
    unsafe { pg_sys::XactIsoLevel <= pg_sys::XACT_READ_COMMITTED as i32 }
}

/// The client's whole query string.
pub fn debug_query_string() -> Option<String> {
    // SAFETY: null or a nul-terminated string that lives as long as the query.
    unsafe {
        let text = pg_sys::debug_query_string;
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().trim().to_owned())
    }
}

/// (CPU milliseconds, peak memory in bytes, bytes read from disk) of this process so far.
pub fn resources() -> (f64, i64, i64) {
    // SAFETY: getrusage fills the struct that it is given.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        let ms = |t: libc::timeval| t.tv_sec as f64 * 1000.0 + t.tv_usec as f64 / 1000.0;
        (ms(usage.ru_utime) + ms(usage.ru_stime), usage.ru_maxrss * 1024, usage.ru_inblock * 512)
    }
}

/// Sleeps for so many milliseconds, answering interrupts.
pub fn nap(milliseconds: i64) {
    pgrx::check_for_interrupts!();
    std::thread::sleep(std::time::Duration::from_millis(milliseconds as u64));
    pgrx::check_for_interrupts!();
}

/// The schemas that the search_path names and that exist, in order, without the implicit ones.
pub fn search_path_schemas() -> Vec<String> {
    // SAFETY: the list and the names are palloc'ed in the current context and copied.
    unsafe {
        let list = pg_sys::fetch_search_path(false);
        if list.is_null() {
            return Vec::new();
        }
        (0..(*list).length as usize)
            .filter_map(|i| {
                let name = pg_sys::get_namespace_name((*(*list).elements.add(i)).oid_value);
                (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
            })
            .collect()
    }
}

/// Keeps Rust's backtraces out of what clients are shown, whatever the server's environment asks for.
pub fn without_backtraces() {
    // SAFETY: called once, when the library is loaded, before any thread of ours exists.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
}
