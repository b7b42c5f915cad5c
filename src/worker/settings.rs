//! The worker's settings.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;
use std::time::Duration;

static DATABASES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static RECONCILE_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(300);

/// Defines them.
pub fn init() {
    GucRegistry::define_string_guc(
        c"accord.databases",
        c"Databases whose schema changes are sealed and delivered to replicas, separated by commas.",
        c"Each has a worker of its own. A name with a comma, a space at its ends or a quote stands in double quotes.",
        &DATABASES,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"accord.reconcile_interval",
        c"Time between full comparisons of the catalogs with the ledger; 0 for none.",
        c"They find what fires no event trigger, and what was done while capture was off.",
        &RECONCILE_INTERVAL,
        0,
        604_800,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
}

/// The names in `accord.databases`, each once.
pub fn databases() -> Vec<String> {
    let text = DATABASES.get().and_then(|text| text.into_string().ok()).unwrap_or_default();
    let mut names = Vec::new();
    for name in split(&text) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `accord.reconcile_interval`; none where it is off.
pub fn reconcile_interval() -> Option<Duration> {
    u64::try_from(RECONCILE_INTERVAL.get()).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn split(text: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    let mut was_quoted = false;
    let mut finish = |name: &mut String, was_quoted: &mut bool| {
        let whole = if *was_quoted { std::mem::take(name) } else { std::mem::take(name).trim().to_owned() };
        *was_quoted = false;
        if !whole.is_empty() {
            names.push(whole);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => name.extend(chars.next()),
            '"' if !quoted && name.trim().is_empty() => {
                name.clear();
                (quoted, was_quoted) = (true, true);
            }
            '"' if quoted => quoted = false,
            ',' if !quoted => finish(&mut name, &mut was_quoted),
            c if c.is_whitespace() && was_quoted && !quoted => {}
            c => name.push(c),
        }
    }
    finish(&mut name, &mut was_quoted);
    names
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names() {
        assert_eq!(split(" app, shop ,,x"), ["app", "shop", "x"]);
        assert_eq!(split(r#""a, b" , "say ""hi""",Ärger"#), ["a, b", "say \"hi\"", "Ärger"]);
        assert!(split("").is_empty());
    }
}
