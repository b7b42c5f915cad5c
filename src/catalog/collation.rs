//! Collations and conversions.

use super::Malformed;
use super::gather::{COLLATION, CONVERSION, Gather, Subject};
use super::row::Rows;
use crate::model::{Collation, CollationProvider, Conversion, FactId, Kind};

pub(super) fn collations(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Collation, [row.text()?, row.text()?]), COLLATION, oid);
        let provider = match row.letter()? {
            Some('c') => CollationProvider::Libc,
            Some('i') => CollationProvider::Icu,
            Some('b') => CollationProvider::Builtin,
            other => return Err(row.malformed(format!("collprovider {other:?}"))),
        };
        let nondeterministic = !row.bool()?;
        let (collate, ctype, locale, rules) = (row.opt_text()?, row.opt_text()?, row.opt_text()?, row.opt_text()?);
        let (locale, lc_collate, lc_ctype) = if collate == ctype { (collate.or(locale), None, None) } else { (locale, collate, ctype) };
        gather.owner(&subject, row.text()?);
        gather.object(subject, Collation { provider, locale, lc_collate, lc_ctype, nondeterministic, rules });
    }
    Ok(())
}

pub(super) fn conversions(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Conversion, [row.text()?, row.text()?]), CONVERSION, oid);
        let (from, to) = (row.text()?, row.text()?);
        let function = row.expected_qualified("a conversion without a function")?;
        let default = row.bool()?;
        gather.owner(&subject, row.text()?);
        gather.object(subject, Conversion { from, to, function, default });
    }
    Ok(())
}
