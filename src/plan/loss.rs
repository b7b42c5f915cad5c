//! What a plan destroys and what a change of type costs.

/// How values fare under a change of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    /// Stored values stay as they are: no rewrite.
    Free,
    /// Every value has its like in the new type.
    Widening,
    /// Values may not fit, or lose digits.
    Narrowing,
}

/// A type's name and its modifiers.
fn parse(data_type: &str) -> (&str, Vec<i64>) {
    let Some((name, rest)) = data_type.split_once('(') else { return (data_type, Vec::new()) };
    let numbers = rest.split(')').next().unwrap_or_default();
    (name.trim_end(), numbers.split(',').filter_map(|n| n.trim().parse().ok()).collect())
}

/// Judges a change of type by the names that `format_type` gives. What is not known to be safe is not.
#[allow(clippy::match_same_arms)] // One line per pair of types reads better than one long pattern.
pub(super) fn cast(from: &str, to: &str) -> Cast {
    let ((old, old_mods), (new, new_mods)) = (parse(from), parse(to));
    let fits = |n: usize| match (old_mods.get(n), new_mods.get(n)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => new >= old,
    };
    let rank = |name: &str| ["smallint", "integer", "bigint", "numeric"].iter().position(|t| *t == name);
    match (old, new) {
        _ if from == to => Cast::Free,
        // Stored alike.
        ("character varying" | "xml", "text") | ("cidr", "inet") | ("oid", "regclass" | "regtype" | "regproc") => Cast::Free,
        ("text", "character varying") if new_mods.is_empty() => Cast::Free,
        ("character varying", "character varying") | ("bit varying", "bit varying") | ("time" | "timestamp" | "interval", _)
            if old == new && fits(0) && !from.contains("without") && !from.contains("with ") =>
        {
            Cast::Free
        }
        ("numeric", "numeric") if new_mods.is_empty() => Cast::Free,
        ("numeric", "numeric")
            if old_mods.len() == 2 && new_mods.len() == 2 && old_mods[1] == new_mods[1] && new_mods[0] >= old_mods[0] =>
        {
            Cast::Free
        }
        ("numeric", "numeric")
            if old_mods.len() == 2
                && new_mods.len() == 2
                && new_mods[1] >= old_mods[1]
                && new_mods[0] - new_mods[1] >= old_mods[0] - old_mods[1] =>
        {
            Cast::Widening
        }
        ("real", "double precision") | ("date", "timestamp without time zone" | "timestamp with time zone") => Cast::Widening,
        ("json", "jsonb") | (_, "text") => Cast::Widening,
        (_, "character varying") if new_mods.is_empty() => Cast::Widening,
        _ if rank(old).zip(rank(new)).is_some_and(|(a, b)| a < b) && new_mods.is_empty() => Cast::Widening,
        _ if from.starts_with("timestamp")
            && to.starts_with("timestamp")
            && old == "timestamp without time zone"
            && new == "timestamp with time zone" =>
        {
            Cast::Widening
        }
        _ => Cast::Narrowing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_judged_by_name_and_modifier() {
        for (from, to, expected) in [
            ("character varying(10)", "character varying(20)", Cast::Free),
            ("character varying(20)", "character varying(10)", Cast::Narrowing),
            ("character varying", "character varying(10)", Cast::Narrowing),
            ("character varying(10)", "text", Cast::Free),
            ("text", "character varying", Cast::Free),
            ("numeric(10,2)", "numeric(12,2)", Cast::Free),
            ("numeric(10,2)", "numeric(12,4)", Cast::Widening),
            ("numeric(10,2)", "numeric(10,4)", Cast::Narrowing),
            ("numeric(10,2)", "numeric", Cast::Free),
            ("integer", "bigint", Cast::Widening),
            ("bigint", "integer", Cast::Narrowing),
            ("integer", "text", Cast::Widening),
            ("s.mood", "s.other", Cast::Narrowing),
        ] {
            assert_eq!(cast(from, to), expected, "{from} → {to}");
        }
    }
}
