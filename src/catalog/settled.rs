//! Deparsed text in the form that it settles in.
//!
//! A few expressions are deparsed into text that, read again, becomes another expression: `x IN ('a',
//! 'b')` over a `varchar` casts the array, and once reloaded casts each element; `a BETWEEN 1 AND 2 AND
//! b` nests two lists of AND, and once reloaded is one. A replica, a restored dump and a planned change
//! hold the second form where the original holds the first, and nothing tells them apart. So the
//! second form is what is read from either.

use crate::model::{Body, RoutineBody};
use crate::plan::lexer::{Spanned, Token, scan};

/// Settles every expression of a fact's attributes.
pub(super) fn body(body: &mut Body) {
    match body {
        Body::Domain(domain) => domain.default.iter_mut().for_each(settle),
        Body::DomainConstraint(constraint) => settle(&mut constraint.definition),
        Body::Default(default) => settle(&mut default.expression),
        Body::Constraint(constraint) => settle(&mut constraint.definition),
        Body::Index(index) => settle(&mut index.definition),
        Body::View(view) => settle(&mut view.definition),
        Body::MaterializedView(view) => settle(&mut view.definition),
        Body::Trigger(trigger) => settle(&mut trigger.action),
        Body::Policy(policy) => policy.using.iter_mut().chain(&mut policy.check).for_each(settle),
        Body::Rule(rule) => settle(&mut rule.definition),
        Body::Routine(routine) => {
            settle(&mut routine.arguments);
            if let RoutineBody::Sql(sql) = &mut routine.body {
                settle(sql);
            }
        }
        _ => {}
    }
}

/// Settles one text.
pub(super) fn settle(text: &mut String) {
    // Most texts hold neither.
    if !text.contains("])::") && !text.contains(") AND ") && !text.contains(") OR ") {
        return;
    }
    // Lists are nested as deep as they were written.
    for _ in 0..64 {
        let Some(next) = once(text) else { return };
        *text = next;
    }
}

/// The text with everything rewritten that does not overlap; nothing where there is nothing to do.
fn once(text: &str) -> Option<String> {
    let (tokens, closed) = scan(text);
    if !closed {
        return None;
    }
    let partner = partners(&tokens)?;
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for open in 0..tokens.len() {
        if !tokens[open].0.is_symbol("(") {
            continue;
        }
        let edit = cast_array(text, &tokens, &partner, open).or_else(|| nested_list(text, &tokens, &partner, open));
        if let Some(edit) = edit
            && edits.last().is_none_or(|(_, end, _)| *end <= edit.0)
        {
            edits.push(edit);
        }
    }
    if edits.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, with) in edits {
        out.push_str(&text[at..start]);
        out.push_str(&with);
        at = end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// Where each parenthesis and bracket is closed (or opened).
fn partners(tokens: &[Spanned]) -> Option<Vec<usize>> {
    let (mut open, mut partner) = (Vec::new(), vec![0; tokens.len()]);
    for (i, (token, ..)) in tokens.iter().enumerate() {
        if token.is_symbol("(") || token.is_symbol("[") {
            open.push(i);
        } else if token.is_symbol(")") || token.is_symbol("]") {
            let start: usize = open.pop()?;
            partner[start] = i;
            partner[i] = start;
        }
    }
    open.is_empty().then_some(partner)
}

fn bare(text: &str, token: &Spanned, word: &str) -> bool {
    token.0.is_word(word) && text.as_bytes()[token.1] != b'"'
}

/// `(ARRAY[a, b])::t[]` as `ARRAY[(a)::t, (b)::t]`.
fn cast_array(text: &str, tokens: &[Spanned], partner: &[usize], open: usize) -> Option<(usize, usize, String)> {
    let (array, bracket) = (tokens.get(open + 1)?, open + 2);
    if !bare(text, array, "array") || !tokens.get(bracket)?.0.is_symbol("[") {
        return None;
    }
    let (last, close) = (partner[bracket], partner[open]);
    if last + 1 != close || !tokens.get(close + 1)?.0.is_symbol("::") {
        return None;
    }
    // The type's name up to its brackets.
    let first = close + 2;
    let mut at = first;
    loop {
        match &tokens.get(at)?.0 {
            Token::Word(_) => at += 1,
            Token::Symbol(symbol) if symbol == "." => at += 1,
            Token::Symbol(symbol) if symbol == "(" && at > first => at = partner[at] + 1,
            Token::Symbol(symbol) if symbol == "[" && at > first => break,
            _ => return None,
        }
    }
    let one_dimension = tokens.get(at + 1)?.0.is_symbol("]") && !tokens.get(at + 2).is_some_and(|next| next.0.is_symbol("["));
    if !one_dimension {
        return None;
    }
    let element_type = &text[tokens[first].1..tokens[at - 1].2];
    let mut elements = Vec::new();
    let (mut i, mut begin) = (bracket + 1, bracket + 1);
    while i <= last {
        let token = &tokens[i].0;
        if i == last || token.is_symbol(",") {
            if begin == i || bare(text, &tokens[begin], "array") {
                return None;
            }
            elements.push(format!("({})::{element_type}", &text[tokens[begin].1..tokens[i - 1].2]));
            begin = i + 1;
        } else if token.is_symbol("(") || token.is_symbol("[") {
            i = partner[i];
        }
        i += 1;
    }
    Some((tokens[open].1, tokens[at + 1].2, format!("ARRAY[{}]", elements.join(", "))))
}

/// `((a AND b) AND c)` as `(a AND b AND c)`: the edit takes the inner parentheses away.
fn nested_list(text: &str, tokens: &[Spanned], partner: &[usize], open: usize) -> Option<(usize, usize, String)> {
    // Only what begins a list in parentheses of its own is taken up by it.
    if open == 0 || !tokens[open - 1].0.is_symbol("(") {
        return None;
    }
    let (close, outer) = (partner[open], partner[open - 1]);
    let word = ["and", "or"].into_iter().find(|word| tokens.get(close + 1).is_some_and(|next| bare(text, next, word)))?;
    let lists = |from: usize, to: usize| {
        let (mut i, mut found) = (from, false);
        while i < to {
            let token = &tokens[i];
            if token.0.is_symbol("(") || token.0.is_symbol("[") {
                i = partner[i];
            } else if bare(text, token, word) {
                found = true;
            } else if ["and", "or", "case", "select", "when", "where", "from", "between"].iter().any(|other| bare(text, token, other)) {
                return false;
            }
            i += 1;
        }
        found
    };
    (lists(open + 1, close) && lists(open, outer))
        .then(|| (tokens[open].1, tokens[close].2, text[tokens[open].2..tokens[close].1].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str) -> String {
        let mut text = text.to_owned();
        settle(&mut text);
        text
    }

    #[test]
    fn a_cast_array_casts_its_elements() {
        assert_eq!(
            settled("CHECK (((code)::text = ANY ((ARRAY['a'::character varying, 'b, ]'::character varying])::text[])))"),
            "CHECK (((code)::text = ANY (ARRAY[('a'::character varying)::text, ('b, ]'::character varying)::text])))"
        );
        assert_eq!(settled("(ARRAY[f(1, 2), (x + 1)])::numeric(10,2)[]"), "ARRAY[(f(1, 2))::numeric(10,2), ((x + 1))::numeric(10,2)]");
        assert_eq!(settled("(ARRAY[a])::\"S\".mood[]"), "ARRAY[(a)::\"S\".mood]");
        for kept in
            ["(ARRAY[ARRAY[1]])::bigint[]", "(ARRAY[a])::text", "(\"array\"[1])::text[]", "ARRAY['x'::text]", "'(ARRAY[a])::text[]'::text"]
        {
            assert_eq!(settled(kept), kept);
        }
    }

    #[test]
    fn lists_of_and_and_of_or_are_flat_at_their_beginning() {
        assert_eq!(settled("CHECK ((((id >= 1) AND (id <= 9)) AND (n > 1.50)))"), "CHECK (((id >= 1) AND (id <= 9) AND (n > 1.50)))");
        assert_eq!(settled("((((a OR b) OR c) OR d))"), "((a OR b OR c OR d))");
        assert_eq!(settled("(((a AND b) AND c) OR d)"), "((a AND b AND c) OR d)");
        for kept in [
            "((a AND b) OR c)",
            "(c AND (a AND b))",
            "((a OR b) AND c)",
            "(f((a AND b) , c))",
            "(CASE WHEN x THEN (a AND b) ELSE c END AND d)",
            "(('(a AND b) AND c'::text = x) AND d)",
        ] {
            assert_eq!(settled(kept), kept);
        }
    }
}
