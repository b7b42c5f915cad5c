//! Functions, procedures, window functions, aggregates.

use super::Malformed;
use super::gather::{Gather, PROC, Subject};
use super::property::acl;
use super::row::Rows;
use crate::model::{Aggregate, FactId, Kind, Literal, Name, Qualified, Routine, RoutineBody, RoutineKind};
use std::collections::HashMap;

pub(super) fn routines(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Routine, [row.text()?, row.text()?, row.text()?]), PROC, oid);
        let kind = match row.letter()? {
            Some('f') => RoutineKind::Function,
            Some('p') => RoutineKind::Procedure,
            Some('w') => RoutineKind::Window,
            other => return Err(row.malformed(format!("prokind {other:?}"))),
        };
        let (arguments, result, language) = (row.text()?, row.opt_text()?, row.name()?);
        let (source, library, sql) = (row.text()?, row.opt_text()?, row.opt_text()?);
        let body = match (library, sql) {
            (_, Some(sql)) => RoutineBody::Sql(sql),
            (Some(file), None) => RoutineBody::Library { file, symbol: source },
            (None, None) => RoutineBody::Source(source),
        };
        let volatility = match row.letter()? {
            Some('i') => Some("immutable".to_owned()),
            Some('s') => Some("stable".to_owned()),
            _ => None,
        };
        let (strict, security_definer, leakproof) = (row.bool()?, row.bool()?, row.bool()?);
        let parallel = parallel(row.letter()?).map(str::to_owned);
        let native = matches!(language.as_str(), "c" | "internal");
        let cost = row.opt_text()?.filter(|cost| cost != if native { "1" } else { "100" });
        let returned = row.opt_text()?.filter(|rows| rows != "1000");
        let (support, config, transforms) = (row.qualified()?, row.texts()?, row.texts()?);
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        let routine = Routine {
            kind,
            arguments,
            result,
            language,
            body,
            volatility,
            strict,
            security_definer,
            leakproof,
            parallel,
            cost,
            rows: returned,
            support,
            config,
            transforms,
        };
        gather.object(subject, routine);
    }
    Ok(())
}

fn parallel(letter: Option<char>) -> Option<&'static str> {
    match letter {
        Some('s') => Some("safe"),
        Some('r') => Some("restricted"),
        _ => None,
    }
}

fn finalfunc_modify(letter: Option<char>, default: char) -> Option<&'static str> {
    match letter {
        letter if letter == Some(default) => None,
        Some('r') => Some("READ_ONLY"),
        Some('s') => Some("SHAREABLE"),
        Some('w') => Some("READ_WRITE"),
        _ => None,
    }
}

pub(super) fn aggregates(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Aggregate, [row.text()?, row.text()?, row.text()?]), PROC, oid);
        let arguments = Some(row.text()?).filter(|a| !a.is_empty()).unwrap_or_else(|| "*".to_owned());
        let parallel = parallel(row.letter()?);
        let kind = row.letter()?;
        // Ordered-set aggregates modify their state when they finish, others do not.
        let modify = if kind == Some('n') { 'r' } else { 'w' };
        let (state, space) = (row.text()?, row.int()?);
        let (extra, final_modify, initial) = (row.bool()?, finalfunc_modify(row.letter()?, modify), row.opt_text()?);
        let (moving_state, moving_space) = (row.opt_text()?, row.int()?);
        let (moving_extra, moving_modify, moving_initial) = (row.bool()?, finalfunc_modify(row.letter()?, modify), row.opt_text()?);
        let sort_operator = row.qualified()?;
        let (roles, schemas, names) = (row.texts()?, row.texts()?, row.texts()?);
        if roles.len() != schemas.len() || roles.len() != names.len() {
            return Err(row.malformed("a function of an aggregate does not exist"));
        }
        let functions: HashMap<String, Qualified> = roles
            .into_iter()
            .zip(schemas.into_iter().zip(names))
            .map(|(role, (schema, name))| (role, Qualified { schema: Name::from(schema), name: Name::from(name) }))
            .collect();

        let mut options: Vec<String> = Vec::new();
        let mut option = |name: &str, value: Option<String>| options.extend(value.map(|value| format!("{name} = {value}")));
        let function = |role: &str| functions.get(role).map(ToString::to_string);
        let number = |space: i64| (space != 0).then(|| space.to_string());
        let literal = |text: &Option<String>| text.as_deref().map(|text| Literal(text).to_string());
        option("SFUNC", function("SFUNC"));
        option("STYPE", Some(state));
        option("SSPACE", number(space));
        option("FINALFUNC", function("FINALFUNC"));
        option("FINALFUNC_EXTRA", extra.then(String::new));
        option("FINALFUNC_MODIFY", final_modify.map(str::to_owned));
        option("COMBINEFUNC", function("COMBINEFUNC"));
        option("SERIALFUNC", function("SERIALFUNC"));
        option("DESERIALFUNC", function("DESERIALFUNC"));
        option("INITCOND", literal(&initial));
        option("MSFUNC", function("MSFUNC"));
        option("MINVFUNC", function("MINVFUNC"));
        option("MSTYPE", moving_state);
        option("MSSPACE", number(moving_space));
        option("MFINALFUNC", function("MFINALFUNC"));
        option("MFINALFUNC_EXTRA", moving_extra.then(String::new));
        option("MFINALFUNC_MODIFY", moving_modify.map(str::to_owned));
        option("MINITCOND", literal(&moving_initial));
        // An operator's name is symbols, which are not quoted.
        option("SORTOP", sort_operator.map(|o| format!("OPERATOR({}.{})", o.schema, o.name.as_str())));
        option("PARALLEL", parallel.map(str::to_uppercase));
        if kind == Some('h') {
            options.push("HYPOTHETICAL".to_owned());
        }
        for flag in &mut options {
            if let Some(bare) = flag.strip_suffix(" = ") {
                *flag = bare.to_owned();
            }
        }
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, Aggregate { arguments, options });
    }
    Ok(())
}
