//! OIDs of the system catalogs, the same in every release: the `classid` of an object.

/// `pg_type`
pub const TYPE: u32 = 1247;
/// `pg_proc`
pub const ROUTINE: u32 = 1255;
/// `pg_class`
pub const RELATION: u32 = 1259;
/// `pg_attrdef`
pub const DEFAULT: u32 = 2604;
/// `pg_constraint`
pub const CONSTRAINT: u32 = 2606;
/// `pg_namespace`
pub const SCHEMA: u32 = 2615;
/// `pg_rewrite`
pub const REWRITE: u32 = 2618;
/// `pg_trigger`
pub const TRIGGER: u32 = 2620;
/// `pg_extension`
pub const EXTENSION: u32 = 3079;
/// `pg_policy`
pub const POLICY: u32 = 3256;
