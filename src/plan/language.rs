//! Access methods, languages, transforms.

use super::object::Object;
use super::sql::{Joined, Maybe, flag};
use crate::model::{AccessMethod, AccessMethodType, FactId, Language, Transform};

pub(super) fn create_access_method(id: &FactId, method: &AccessMethod) -> String {
    let what = match method.method_type {
        AccessMethodType::Table => "TABLE",
        AccessMethodType::Index => "INDEX",
    };
    format!("CREATE {} TYPE {what} HANDLER {}", Object(id), method.handler)
}

pub(super) fn create(id: &FactId, language: &Language, replace: bool) -> String {
    let Language { trusted, handler, inline, validator } = language;
    format!(
        "CREATE {}{}{} HANDLER {handler}{}{}",
        flag(replace, "OR REPLACE "),
        flag(*trusted, "TRUSTED "),
        Object(id),
        Maybe(" INLINE ", inline.as_ref()),
        Maybe(" VALIDATOR ", validator.as_ref())
    )
}

pub(super) fn create_transform(id: &FactId, transform: &Transform, replace: bool) -> String {
    let mut functions = Vec::new();
    functions.extend(transform.from_sql.as_ref().map(|name| format!("FROM SQL WITH FUNCTION {name}(internal)")));
    functions.extend(transform.to_sql.as_ref().map(|name| format!("TO SQL WITH FUNCTION {name}(internal)")));
    format!("CREATE {}{} ({})", flag(replace, "OR REPLACE "), Object(id), Joined(&functions, ", "))
}
