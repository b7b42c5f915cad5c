//! The queries, expanded for a major version and for a full or a filtered read.
//!
//! Markers in a query: `/*filter i.indrelid i.indexrelid*/` becomes `AND i.indrelid = ANY ($1)` in a filtered
//! read, the same with the second column (the rows' own, where it is another) in a listed one, and nothing in a
//! full one; `/*if X*/ … /*else*/ … /*end*/` keeps one part, X being `full`, `filtered`
//! (listed or not), `listed`, `>=17` or `<17`. They can be nested. `/*one pg_namespace n.oid c.relnamespace*/` joins the row of a catalog
//! with this key; in a filtered read by a look-up for each row, and never the other way round, whatever
//! the catalogs' sizes were when the plan was made.

use super::Malformed;
use std::sync::OnceLock;

const OLDEST: u32 = 14;
const NEWEST: u32 = 18;
const VARIANTS: usize = (NEWEST - OLDEST + 1) as usize * 3;

/// Of which objects a query brings the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Full,
    /// Those of the objects in `$1`.
    Filtered,
    /// Those that are in `$1` themselves.
    Listed,
}

pub(super) struct Query {
    pub(super) name: &'static str,
    template: &'static str,
    expanded: [OnceLock<Result<&'static str, String>>; VARIANTS],
}

impl Query {
    const fn new(name: &'static str, template: &'static str) -> Self {
        Self { name, template, expanded: [const { OnceLock::new() }; VARIANTS] }
    }

    /// The query's text, the same address each time. It is leaked once per variant.
    pub(super) fn text(&self, major: u32, extent: Extent) -> Result<&'static str, Malformed> {
        let major = major.clamp(OLDEST, NEWEST);
        let variant = (major - OLDEST) as usize * 3 + extent as usize;
        let text = self.expanded[variant].get_or_init(|| Ok(String::leak(expand(self.template, major, extent)?)));
        text.as_ref().copied().map_err(|what| Malformed { query: self.name, what: what.clone() })
    }
}

macro_rules! queries {
    ($($constant:ident = $file:literal),* $(,)?) => {
        $(pub(super) static $constant: Query = Query::new($file, include_str!(concat!("../../sql/catalog/", $file, ".sql")));)*
        #[cfg(test)]
        static ALL: &[&Query] = &[$(&$constant),*];
    };
}

queries!(
    SCHEMA = "schema",
    EXTENSION = "extension",
    TYPE = "type",
    ENUM = "enum",
    RANGE = "range",
    DOMAIN_CONSTRAINT = "domain_constraint",
    RELATION = "relation",
    VIEW = "view",
    COLUMN = "column",
    COLUMN_TYPE = "column_type",
    DEFAULT = "default",
    IDENTITY = "identity",
    SEQUENCE = "sequence",
    CONSTRAINT = "constraint",
    INDEX = "index",
    INDEX_LIST = "index_list",
    TRIGGER = "trigger",
    POLICY = "policy",
    POLICY_LIST = "policy_list",
    RULE = "rule",
    INHERIT = "inherit",
    ROUTINE = "routine",
    ROUTINE_LIST = "routine_list",
    AGGREGATE = "aggregate",
    BASE_TYPE = "base_type",
    CAST = "cast",
    OPERATOR = "operator",
    OPERATOR_FAMILY = "operator_family",
    OPERATOR_CLASS = "operator_class",
    MEMBER_OPERATOR = "member_operator",
    MEMBER_FUNCTION = "member_function",
    COLLATION = "collation",
    CONVERSION = "conversion",
    TEXT_SEARCH_PARSER = "text_search_parser",
    TEXT_SEARCH_TEMPLATE = "text_search_template",
    TEXT_SEARCH_DICTIONARY = "text_search_dictionary",
    TEXT_SEARCH_CONFIGURATION = "text_search_configuration",
    TEXT_SEARCH_MAPPING = "text_search_mapping",
    STATISTICS = "statistics",
    ACCESS_METHOD = "access_method",
    LANGUAGE = "language",
    TRANSFORM = "transform",
    COMMENT = "comment",
    EDGE = "edge",
    REFERENCE_TYPE = "reference_type",
    REFERENCE_RELATION = "reference_relation",
    REFERENCE_MEMBER = "reference_member",
    FOREIGN_DATA_WRAPPER = "foreign_data_wrapper",
    SERVER = "server",
    USER_MAPPING = "user_mapping",
    PUBLICATION = "publication",
    PUBLICATION_TABLE = "publication_table",
    PUBLICATION_SCHEMA = "publication_schema",
    SUBSCRIPTION = "subscription",
    EVENT_TRIGGER = "event_trigger",
    DEFAULT_PRIVILEGE = "default_privilege",
    UNMODELLED = "unmodelled",
);

/// Full queries that bring nothing in most databases: unless a row of this catalog (with its alias) fulfils a condition
/// that begins theirs. Each takes longer to plan than its catalog to look at.
pub(super) static SELDOM: &[(&Query, &str, &str)] = &[
    (&EXTENSION, "pg_extension e", "e.oid >= 16384"),
    (&TYPE, "pg_type t", "t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')"),
    (
        &BASE_TYPE,
        "pg_type t",
        "t.oid >= 16384 AND t.typtype IN ('b', 'p') AND NOT (t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc)",
    ),
    (&ENUM, "pg_enum e", "e.enumtypid >= 16384"),
    (&RANGE, "pg_range r", "r.rngtypid >= 16384"),
    (&AGGREGATE, "pg_proc p", "p.oid >= 16384 AND p.prokind = 'a'"),
    (&INHERIT, "pg_inherits i", "i.inhrelid >= 16384"),
    (&STATISTICS, "pg_statistic_ext s", "s.stxrelid >= 16384"),
    (&CAST, "pg_cast c", "c.oid >= 16384"),
    (&OPERATOR, "pg_operator o", "o.oid >= 16384"),
    (&OPERATOR_FAMILY, "pg_opfamily f", "f.oid >= 16384"),
    (&OPERATOR_CLASS, "pg_opclass c", "c.oid >= 16384"),
    (&MEMBER_OPERATOR, "pg_amop a", "a.oid >= 16384"),
    (&MEMBER_FUNCTION, "pg_amproc a", "a.oid >= 16384"),
    (&COLLATION, "pg_collation c", "c.oid >= 16384"),
    (&CONVERSION, "pg_conversion c", "c.oid >= 16384"),
    (&TEXT_SEARCH_PARSER, "pg_ts_parser t", "t.oid >= 16384"),
    (&TEXT_SEARCH_TEMPLATE, "pg_ts_template t", "t.oid >= 16384"),
    (&TEXT_SEARCH_DICTIONARY, "pg_ts_dict d", "d.oid >= 16384"),
    (&TEXT_SEARCH_CONFIGURATION, "pg_ts_config c", "c.oid >= 16384"),
    (&TEXT_SEARCH_MAPPING, "pg_ts_config_map m", "m.mapcfg >= 16384"),
    (&ACCESS_METHOD, "pg_am a", "a.oid >= 16384"),
    (&LANGUAGE, "pg_language l", "l.oid >= 16384"),
    (&TRANSFORM, "pg_transform t", "t.oid >= 16384"),
    (&FOREIGN_DATA_WRAPPER, "pg_foreign_data_wrapper w", "w.oid >= 16384"),
    (&SERVER, "pg_foreign_server s", "s.oid >= 16384"),
    (&PUBLICATION, "pg_publication p", "p.oid >= 16384"),
    (&PUBLICATION_TABLE, "pg_publication_rel r", "r.prpubid >= 16384"),
    (&EVENT_TRIGGER, "pg_event_trigger t", "t.oid >= 16384"),
    (&DEFAULT_PRIVILEGE, "pg_default_acl d", "d.oid >= 16384"),
];

fn expand(template: &str, major: u32, extent: Extent) -> Result<String, String> {
    let filtered = extent != Extent::Full;
    let mut out = String::with_capacity(template.len());
    // One element per open `if`: whether its current part is kept.
    let mut kept: Vec<bool> = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find("/*") {
        let end = rest[start..].find("*/").ok_or("a marker is not closed")? + start;
        let (before, marker) = (&rest[..start], &rest[start + 2..end]);
        if kept.iter().all(|k| *k) {
            out.push_str(before);
        }
        match marker.split_once(' ').unwrap_or((marker, "")) {
            ("filter", columns) if filtered && kept.iter().all(|k| *k) => {
                let (of, own) = columns.split_once(' ').unwrap_or((columns, columns));
                out.push_str("AND ");
                out.push_str(if extent == Extent::Listed { own } else { of });
                out.push_str(" = ANY ($1)");
            }
            ("filter", _) => {}
            ("one", join) if kept.iter().all(|k| *k) => {
                let [catalog, key, value] = join.split(' ').collect::<Vec<_>>()[..] else { return Err(format!("unknown marker {marker}")) };
                let (alias, column) = key.split_once('.').ok_or_else(|| format!("unknown marker {marker}"))?;
                out.push_str(&if filtered {
                    format!("CROSS JOIN LATERAL (SELECT * FROM pg_catalog.{catalog} x WHERE x.{column} = {value} OFFSET 0) {alias}")
                } else {
                    format!("JOIN pg_catalog.{catalog} {alias} ON {alias}.{column} = {value}")
                });
            }
            ("one", _) => {}
            ("if", condition) => kept.push(holds(condition, major, extent)?),
            ("else", "") => {
                let last = kept.last_mut().ok_or("else without if")?;
                *last = !*last;
            }
            ("end", "") => {
                kept.pop().ok_or("end without if")?;
            }
            _ => return Err(format!("unknown marker {marker}")),
        }
        rest = &rest[end + 2..];
    }
    if !kept.is_empty() {
        return Err("an if is not closed".to_owned());
    }
    out.push_str(rest);
    Ok(out)
}

fn holds(condition: &str, major: u32, extent: Extent) -> Result<bool, String> {
    let number = |text: &str| text.parse::<u32>().map_err(|_| format!("unknown condition {condition}"));
    match condition {
        "full" => Ok(extent == Extent::Full),
        "filtered" => Ok(extent != Extent::Full),
        "listed" => Ok(extent == Extent::Listed),
        _ => match (condition.strip_prefix(">="), condition.strip_prefix('<')) {
            (Some(least), _) => Ok(major >= number(least)?),
            (_, Some(below)) => Ok(major < number(below)?),
            _ => Err(format!("unknown condition {condition}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        let template = "a /*if >=17*/b/*if full*/ full/*end*/ /*else*/c /*end*/d /*filter x.y x.z*/ e";
        assert_eq!(expand(template, 15, Extent::Full).unwrap(), "a c d  e");
        assert_eq!(expand(template, 17, Extent::Full).unwrap(), "a b full d  e");
        assert_eq!(expand(template, 18, Extent::Filtered).unwrap(), "a b d AND x.y = ANY ($1) e");
        assert_eq!(expand(template, 18, Extent::Listed).unwrap(), "a b d AND x.z = ANY ($1) e");
        let one = "/*one pg_am am.oid c.relam*/";
        assert_eq!(expand(one, 15, Extent::Full).unwrap(), "JOIN pg_catalog.pg_am am ON am.oid = c.relam");
        assert!(expand(one, 15, Extent::Filtered).unwrap().contains("LATERAL"));
        for bad in ["/*if >=x*/a/*end*/", "/*if full*/a", "a/*end*/", "a/*else*/b", "/*what*/", "/*filter x", "/*one x*/"] {
            assert!(expand(bad, 15, Extent::Full).is_err(), "{bad}");
        }
    }

    #[test]
    fn all_queries_expand_and_keep_their_address() {
        for query in ALL {
            for major in 13..20 {
                for extent in [Extent::Full, Extent::Filtered, Extent::Listed] {
                    let text = query.text(major, extent).unwrap();
                    assert!(std::ptr::eq(text, query.text(major, extent).unwrap()));
                    assert_eq!(text.contains("$1"), extent != Extent::Full, "{}", query.name);
                    assert!(!text.contains("/*"));
                }
            }
        }
    }
    /// What makes a query seldom is what its rows have to fulfil: the first of its conditions, on its first catalog.
    #[test]
    fn seldom_queries_bring_nothing_without_what_the_census_looks_for() {
        for (query, from, condition) in SELDOM {
            for major in OLDEST..=NEWEST {
                let text = query.text(major, Extent::Full).unwrap();
                let from = text.rfind(&format!("\nFROM pg_catalog.{from}")).unwrap_or_else(|| panic!("{}: another catalog", query.name));
                let place = text.rfind(&format!("\nWHERE {condition}")).unwrap_or_else(|| panic!("{}: other conditions", query.name));
                assert!(from < place, "{}", query.name);
                // All that stands by itself is joined by AND.
                let mut depth = 0;
                let outer: String = text[from..]
                    .chars()
                    .filter(|c| {
                        depth += i32::from(*c == '(') - i32::from(*c == ')');
                        depth == 0
                    })
                    .collect();
                assert!(![" OR ", "UNION", "RIGHT JOIN", "FULL JOIN"].iter().any(|word| outer.contains(word)), "{}", query.name);
                assert!(super::super::seldom(query.name));
            }
        }
    }
}
