//! Collations and conversions.

use super::sql::{Joined, flag, relation};
use crate::model::{Collation, CollationProvider, Conversion, FactId, Literal};

pub(super) fn create(id: &FactId, collation: &Collation) -> String {
    let provider = match collation.provider {
        CollationProvider::Libc => "libc",
        CollationProvider::Icu => "icu",
        CollationProvider::Builtin => "builtin",
    };
    let mut options = vec![format!("PROVIDER = {provider}")];
    let mut option =
        |name: &str, value: &Option<String>| options.extend(value.as_deref().map(|value| format!("{name} = {}", Literal(value))));
    option("LOCALE", &collation.locale);
    option("LC_COLLATE", &collation.lc_collate);
    option("LC_CTYPE", &collation.lc_ctype);
    option("RULES", &collation.rules);
    options.extend(collation.nondeterministic.then(|| "DETERMINISTIC = false".to_owned()));
    format!("CREATE COLLATION {} ({})", relation(id), Joined(&options, ", "))
}

pub(super) fn create_conversion(id: &FactId, conversion: &Conversion) -> String {
    let Conversion { from, to, function, default } = conversion;
    let default = flag(*default, "DEFAULT ");
    format!("CREATE {default}CONVERSION {} FOR {} TO {} FROM {function}", relation(id), Literal(from), Literal(to))
}
