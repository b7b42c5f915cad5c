//! Rows for tables that nobody here has seen before: whatever the columns' types suggest, wherever the
//! table's constraints let it in.

use super::cluster::quote;
use postgres::Client;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const COLUMNS: &str = "
SELECT c.oid, format('%I.%I', n.nspname, c.relname), a.attname::text,
       format_type(b.oid, NULL), b.typcategory::text, b.typtype::text, t.typtype::text = 'd',
       a.attnotnull, a.atthasdef OR a.attidentity <> '',
       information_schema._pg_char_max_length(coalesce(nullif(t.typbasetype, 0), t.oid),
           CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),
       f.target, f.target_column
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN LATERAL (
    SELECT format('%I.%I', rn.nspname, r.relname) AS target, ra.attname::text AS target_column
    FROM pg_constraint k
    JOIN pg_class r ON r.oid = k.confrelid
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    JOIN pg_attribute ra ON ra.attrelid = r.oid AND ra.attnum = k.confkey[array_position(k.conkey, a.attnum)]
    WHERE k.contype = 'f' AND k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
    ORDER BY cardinality(k.conkey) LIMIT 1) f ON true
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('accord', 'accord_kept', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.oid, a.attnum";

/// Empties every table: [`fill`]'s rows may be ones that a migration's authors never had.
pub fn empty(client: &mut Client) {
    let tables: std::collections::BTreeSet<String> =
        client.query(COLUMNS, &[]).expect("read the columns").iter().map(|row| row.get(1)).collect();
    if !tables.is_empty() {
        let list = tables.into_iter().collect::<Vec<_>>().join(", ");
        super::link::batch(client, &format!("TRUNCATE {list} CASCADE"));
    }
}

struct Column {
    name: String,
    value: String,
    required: bool,
}

/// Puts up to `rows` rows into every table that has fewer, and reports how many tables have some.
pub fn fill(client: &mut Client, rows: i64) -> usize {
    let mut tables: BTreeMap<u32, (String, Vec<Column>)> = BTreeMap::new();
    for row in client.query(COLUMNS, &[]).expect("read the columns") {
        let (_, columns) = tables.entry(row.get(0)).or_insert_with(|| (row.get(1), Vec::new()));
        let value = match (row.get::<_, Option<String>>(10), row.get::<_, Option<String>>(11)) {
            (Some(table), Some(column)) => {
                format!("(SELECT {} FROM {table} ORDER BY random() LIMIT 1)", quote(&column))
            }
            _ => value(&row.get::<_, String>(3), row.get(4), row.get(5), row.get(9)),
        };
        columns.push(Column { name: row.get(2), value, required: row.get::<_, bool>(7) && !row.get::<_, bool>(8) });
    }

    let mut script = String::from("DO $fill$ BEGIN SET LOCAL check_function_bodies = off;\n");
    // Twice: a table that refers to a later one gets its rows in the second pass.
    for (table, columns) in tables.values().chain(tables.values()) {
        write!(script, "IF (SELECT count(*) FROM (SELECT FROM {table} LIMIT {rows}) few) < {rows} THEN ").unwrap();
        for _ in 0..rows {
            let all = insert(table, columns, |_| true);
            let least = insert(table, columns, |column| column.required);
            writeln!(script, "BEGIN {all} EXCEPTION WHEN OTHERS THEN BEGIN {least} EXCEPTION WHEN OTHERS THEN NULL; END; END;").unwrap();
        }
        script.push_str("END IF;\n");
    }
    script.push_str("END $fill$");
    if let Err(error) = client.batch_execute(&script) {
        eprintln!("rows: {}", super::link::describe(&error));
    }
    let filled = tables.values().map(|(table, _)| format!("EXISTS (SELECT FROM {table})::int")).collect::<Vec<_>>();
    if filled.is_empty() {
        return 0;
    }
    client.query_one(&format!("SELECT {}", filled.join(" + ")), &[]).map_or(0, |row| row.get::<_, i32>(0) as usize)
}

fn insert(table: &str, columns: &[Column], wanted: impl Fn(&Column) -> bool) -> String {
    let chosen: Vec<&Column> = columns.iter().filter(|column| wanted(column)).collect();
    if chosen.is_empty() {
        return format!("INSERT INTO {table} DEFAULT VALUES ON CONFLICT DO NOTHING;");
    }
    let names: Vec<String> = chosen.iter().map(|column| quote(&column.name)).collect();
    let values: Vec<&str> = chosen.iter().map(|column| column.value.as_str()).collect();
    format!("INSERT INTO {table} ({}) OVERRIDING USER VALUE VALUES ({}) ON CONFLICT DO NOTHING;", names.join(", "), values.join(", "))
}

/// An expression of this type. `category` and `typtype` are pg_type's, of a domain's base type.
fn value(base: &str, category: String, typtype: String, length: Option<i32>) -> String {
    match (typtype.as_str(), category.as_str(), base) {
        ("e", ..) => format!("(SELECT e FROM unnest(enum_range(NULL::{base})) e ORDER BY random() LIMIT 1)"),
        ("r", ..) => format!("'empty'::{base}"),
        ("m", ..) => format!("'{{}}'::{base}"),
        (_, "A", _) => format!("'{{}}'::{base}"),
        (_, "N", "smallint") => "(random() * 100)::int::smallint".to_owned(),
        (_, "N", _) => format!("(random() * 100000)::int::{base}"),
        (_, "B", _) => "random() < 0.5".to_owned(),
        (_, "D", _) => format!("(now() - random() * interval '900 days')::{base}"),
        (_, "T", _) => "random() * interval '9 hours'".to_owned(),
        (_, "I", _) => format!("'10.0.0.1'::{base}"),
        (_, _, "json" | "jsonb") => format!("'{{\"a\": 1}}'::{base}"),
        (_, _, "uuid") => "gen_random_uuid()".to_owned(),
        (_, _, "bytea") => "decode(md5(random()::text), 'hex')".to_owned(),
        (_, "S", _) => format!("left(md5(random()::text), {})::{base}", length.unwrap_or(32)),
        _ => "NULL".to_owned(),
    }
}
