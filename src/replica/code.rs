//! What policy `code: "reject"` refuses: anything that carries executable text.

use super::examine::Examined;
use super::reason;
use crate::error::Result;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{CodePolicy, Reason, ReasonCode, VerdictState, code};

/// Functions of the server's own that run a text as SQL, or change under what the rest of it is read.
const RUN_TEXT: &[&str] = &[
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
    "set_config",
];

/// Refuses an offer that carries code, where the policy says so.
pub fn refuse(spi: &Spi, examined: &mut Examined) -> Result<()> {
    if examined.policy.code != CodePolicy::Reject || examined.offer.skip.is_some() {
        return Ok(());
    }
    let mut carried = code(&examined.offer);
    let called: Vec<String> = carried.builtin.keys().cloned().collect();
    let certain: Vec<String> = carried.certain.iter().cloned().collect();
    let forbidden: Vec<String> = RUN_TEXT.iter().map(|name| (*name).to_owned()).collect();
    // Of a server's own functions, those that not everybody may call read its files or stop its processes; and what
    // is in pg_catalog and did not come with the server, somebody made.
    let rows = spi.query(
        "SELECT p.proname::text FROM pg_catalog.pg_proc p
          WHERE p.proname = ANY ($1::name[]) AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
            AND (p.oid >= 16384 OR p.proname = ANY ($2::name[])
                 OR NOT EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a WHERE a.grantee = 0))
          UNION
         SELECT n FROM pg_catalog.unnest($3) n
          WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = n AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_get_keywords() k WHERE k.word = n)",
        &[Arg::Texts(&called), Arg::Texts(&forbidden), Arg::Texts(&certain)],
        See::Latest,
    )?;
    for row in rows {
        let name = row.text(0);
        if let Some(id) = carried.builtin.remove(&name) {
            carried.found.push((id, format!("calls {name}")));
        }
    }
    if carried.found.is_empty() {
        return Ok(());
    }
    let mut words: Vec<String> = carried.found.iter().take(10).map(|(id, why)| format!("{id} {why}")).collect();
    if carried.found.len() > 10 {
        words.push(format!("and {} more", carried.found.len() - 10));
    }
    let hint = format!(
        "SELECT accord.skip('{}', {}, '<reason>') goes on without it; a policy without code: \"reject\" takes it.",
        examined.offer.replica, examined.offer.position.version
    );
    let facts = carried.found.into_iter().map(|(id, _)| id).collect();
    examined.refuse(
        VerdictState::Rejected,
        Reason {
            detail: Some(format!("{}.", words.join("; "))),
            hint: Some(hint),
            facts,
            ..reason(ReasonCode::Policy, "this replica's policy refuses code, and the version carries some")
        },
    );
    Ok(())
}
