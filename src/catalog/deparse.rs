//! Cuts deparsed statements. The server quoted every identifier in them that needs it, so a keyword
//! outside of quotes is that keyword.

/// What follows the identifier that `text` begins with.
fn after_identifier(text: &str) -> Option<&str> {
    if !text.starts_with('"') {
        let end = text.find([' ', '.', '(', ','])?;
        return (end > 0).then_some(&text[end..]);
    }
    let mut rest = &text[1..];
    loop {
        let quote = rest.find('"')?;
        rest = &rest[quote + 1..];
        // A doubled quote is a quote inside of the identifier.
        match rest.strip_prefix('"') {
            Some(more) => rest = more,
            None => return Some(rest),
        }
    }
}

/// What follows the schema-qualified (or, in `pg_catalog`, bare) name that `text` begins with.
fn after_qualified(text: &str) -> Option<&str> {
    let rest = after_identifier(text)?;
    match rest.strip_prefix('.') {
        Some(name) => after_identifier(name),
        None => Some(rest),
    }
}

/// Splits at the first ` ON ` that is not inside of a quoted identifier.
fn split_on(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b' ' if !quoted && text[at..].starts_with(" ON ") => return Some((&text[..at], &text[at + 4..])),
            _ => {}
        }
    }
    None
}

/// `pg_get_indexdef`'s text from `USING` on.
pub(super) fn index_definition(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("CREATE ")?;
    let rest = rest.strip_prefix("UNIQUE ").unwrap_or(rest);
    let rest = after_identifier(rest.strip_prefix("INDEX ")?)?.strip_prefix(" ON ")?;
    let rest = after_qualified(rest.strip_prefix("ONLY ").unwrap_or(rest))?.strip_prefix(' ')?;
    rest.starts_with("USING ").then_some(rest)
}

/// The events and the action of `pg_get_triggerdef`'s text: what stands between the trigger's name
/// and ` ON `, and what stands after the table's name.
pub(super) fn trigger_parts(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("CREATE ")?;
    let rest = rest.strip_prefix("CONSTRAINT ").unwrap_or(rest);
    let rest = after_identifier(rest.strip_prefix("TRIGGER ")?)?.strip_prefix(' ')?;
    let (events, rest) = split_on(rest)?;
    Some((events, after_qualified(rest)?.strip_prefix(' ')?))
}

/// A constraint's definition, and whether it said NOT VALID.
pub(super) fn without_not_valid(text: String) -> String {
    match text.strip_suffix(" NOT VALID") {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// A view's or rule's definition without its closing semicolon.
pub(super) fn without_semicolon(mut text: String) -> String {
    if text.ends_with(';') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_definitions() {
        for (text, cut) in [
            ("CREATE INDEX i ON s.t USING btree (a)", Some("USING btree (a)")),
            ("CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a) WHERE (a > 0)", Some("USING btree (a) WHERE (a > 0)")),
            (r#"CREATE INDEX "i ON s.t USING" ON "S.x"."t"" ON ""u" USING gin (b)"#, Some("USING gin (b)")),
            (r#"CREATE INDEX "UNIQUE" ON s."ONLY" USING hash (c)"#, Some("USING hash (c)")),
            (r#"CREATE INDEX "größe" ON s."ÜÄ" USING btree ("ß")"#, Some(r#"USING btree ("ß")"#)),
            (r#"CREATE INDEX """" ON """."".""" USING btree (a)"#, Some("USING btree (a)")),
            (r#"CREATE INDEX """" ON """"."."."#, None),
            ("CREATE INDEX i", None),
            ("", None),
        ] {
            assert_eq!(index_definition(text), cut, "{text}");
        }
        let long = "x".repeat(63);
        assert_eq!(index_definition(&format!("CREATE INDEX {long} ON {long}.{long} USING btree (a)")), Some("USING btree (a)"));
    }

    #[test]
    fn triggers() {
        for (text, events, action) in [
            (
                "CREATE TRIGGER t BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()",
                "BEFORE INSERT",
                "FOR EACH ROW EXECUTE FUNCTION s.f()",
            ),
            (
                r#"CREATE CONSTRAINT TRIGGER "a ON s.t b" AFTER UPDATE OF "x ON y", "q""ON " ON "S"."t ON u" FROM s.v DEFERRABLE FOR EACH ROW WHEN ((new.a > 0)) EXECUTE FUNCTION "S".f(' ON ')"#,
                r#"AFTER UPDATE OF "x ON y", "q""ON ""#,
                r#"FROM s.v DEFERRABLE FOR EACH ROW WHEN ((new.a > 0)) EXECUTE FUNCTION "S".f(' ON ')"#,
            ),
            (r#"CREATE TRIGGER "ß" INSTEAD OF DELETE ON "é".v EXECUTE FUNCTION f()"#, "INSTEAD OF DELETE", "EXECUTE FUNCTION f()"),
        ] {
            assert_eq!(trigger_parts(text), Some((events, action)));
        }
        assert_eq!(trigger_parts("CREATE TRIGGER t BEFORE INSERT"), None);
    }

    #[test]
    fn tails() {
        assert_eq!(without_not_valid("CHECK ((a > 0)) NOT VALID".into()), "CHECK ((a > 0))");
        assert_eq!(without_not_valid("CHECK ((a > 0))".into()), "CHECK ((a > 0))");
        assert_eq!(without_semicolon(" SELECT 1;".into()), " SELECT 1");
    }
}
