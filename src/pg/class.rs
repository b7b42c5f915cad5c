//! OIDs of the system catalogs, the same in every release: the `classid` of an object.

/// `pg_depend`
pub const DEPEND: u32 = 2608;
/// `pg_type`
pub const TYPE: u32 = 1247;
/// `pg_proc`
pub const ROUTINE: u32 = 1255;
/// `pg_attribute`
pub const ATTRIBUTE: u32 = 1249;
/// `pg_class`
pub const RELATION: u32 = 1259;
/// `pg_sequence`
pub const SEQUENCE: u32 = 2224;
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
/// `pg_am`
pub const ACCESS_METHOD: u32 = 2601;
/// `pg_amop`
pub const MEMBER_OPERATOR: u32 = 2602;
/// `pg_amproc`
pub const MEMBER_FUNCTION: u32 = 2603;
/// `pg_cast`
pub const CAST: u32 = 2605;
/// `pg_conversion`
pub const CONVERSION: u32 = 2607;
/// `pg_language`
pub const LANGUAGE: u32 = 2612;
/// `pg_opclass`
pub const OPERATOR_CLASS: u32 = 2616;
/// `pg_operator`
pub const OPERATOR: u32 = 2617;
/// `pg_opfamily`
pub const OPERATOR_FAMILY: u32 = 2753;
/// `pg_statistic_ext`
pub const STATISTICS: u32 = 3381;
/// `pg_collation`
pub const COLLATION: u32 = 3456;
/// `pg_transform`
pub const TRANSFORM: u32 = 3576;
/// `pg_ts_dict`
pub const TS_DICTIONARY: u32 = 3600;
/// `pg_ts_parser`
pub const TS_PARSER: u32 = 3601;
/// `pg_ts_config`
pub const TS_CONFIGURATION: u32 = 3602;
/// `pg_ts_template`
pub const TS_TEMPLATE: u32 = 3764;

/// Whether an object of this catalog is a family by itself, with no relation or type to hang on.
pub fn stands_alone(classid: u32) -> bool {
    matches!(
        classid,
        ACCESS_METHOD
            | CAST
            | CONVERSION
            | LANGUAGE
            | OPERATOR_CLASS
            | OPERATOR
            | OPERATOR_FAMILY
            | COLLATION
            | TRANSFORM
            | TS_DICTIONARY
            | TS_PARSER
            | TS_CONFIGURATION
            | TS_TEMPLATE
    )
}
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
