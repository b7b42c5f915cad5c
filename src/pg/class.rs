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
/// `pg_default_acl`
pub const DEFAULT_ACL: u32 = 826;
/// `pg_foreign_server`
pub const SERVER: u32 = 1417;
/// `pg_user_mapping`
pub const USER_MAPPING: u32 = 1418;
/// `pg_foreign_data_wrapper`
pub const FOREIGN_DATA_WRAPPER: u32 = 2328;
/// `pg_event_trigger`
pub const EVENT_TRIGGER: u32 = 3466;
/// `pg_subscription`
pub const SUBSCRIPTION: u32 = 6100;
/// `pg_publication`
pub const PUBLICATION: u32 = 6104;
/// `pg_publication_rel`
pub const PUBLICATION_TABLE: u32 = 6106;
/// `pg_publication_namespace`
pub const PUBLICATION_SCHEMA: u32 = 6237;
