//! The two ways to write a connection string. Errors never quote a value: it might be a secret.

use super::ConninfoError;

type Pairs = Vec<(String, String)>;

fn syntax(what: impl Into<String>) -> ConninfoError {
    ConninfoError::Syntax(what.into())
}

/// `key = value` pairs; values may stand in single quotes, with `\` before a quote or a backslash.
pub(super) fn pairs(text: &str) -> Result<Pairs, ConninfoError> {
    let mut pairs = Pairs::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(pairs);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') || name.is_empty() {
            // What stands before a missing "=" may be the rest of a password with a space in it.
            return Err(syntax(format!("missing \"=\" after option {} of the connection string", pairs.len() + 1)));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut value = String::new();
        let quoted = chars.next_if_eq(&'\'').is_some();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => break,
                Some(c) if !quoted && c.is_whitespace() => break,
                Some(c) => value.push(c),
                None if quoted => return Err(syntax(format!("the quoted value of \"{name}\" is not closed"))),
                None => break,
            }
        }
        pairs.push((name, value));
    }
}

/// `postgresql://[user[:password]@][host[:port][,…]][/dbname][?option=value&…]`
pub(super) fn uri(text: &str) -> Result<Pairs, ConninfoError> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
    let (authority, dbname) = rest.split_once('/').map_or((rest, ""), |(authority, dbname)| (authority, dbname));
    let (login, places) = authority.rsplit_once('@').map_or(("", authority), |(login, places)| (login, places));
    let (user, password) = login.split_once(':').map_or((login, ""), |(user, password)| (user, password));

    let mut pairs = Pairs::new();
    pairs.push(("user".to_owned(), decoded(user)?));
    pairs.push(("password".to_owned(), decoded(password)?));
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in places.split(',') {
        let (host, port) = if let Some(rest) = place.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(|| syntax("an IPv6 address is not closed by \"]\" in the URI"))?;
            (host, rest.strip_prefix(':').unwrap_or(""))
        } else {
            place.rsplit_once(':').unwrap_or((place, ""))
        };
        hosts.push(decoded(host)?);
        ports.push(decoded(port)?);
    }
    pairs.push(("host".to_owned(), if hosts.iter().all(String::is_empty) { String::new() } else { hosts.join(",") }));
    pairs.push(("port".to_owned(), if ports.iter().all(String::is_empty) { String::new() } else { ports.join(",") }));
    pairs.push(("dbname".to_owned(), decoded(dbname)?));
    for item in query.split('&').filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').ok_or_else(|| syntax("an option of the URI has no \"=\""))?;
        match (decoded(name)?, decoded(value)?) {
            (name, value) if name == "ssl" && value == "true" => pairs.push(("sslmode".to_owned(), "require".to_owned())),
            pair => pairs.push(pair),
        }
    }
    Ok(pairs)
}

fn decoded(text: &str) -> Result<String, ConninfoError> {
    let bad = || syntax("a percent sign in the URI is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(bad);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((high * 16 + low) as u8);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(syntax("the URI holds %00")),
        Ok(text) => Ok(text),
        Err(_) => Err(syntax("the URI does not decode to UTF-8")),
    }
}

/// A value as a `key=value` pair needs it.
pub(super) fn quoted(value: &str) -> String {
    if !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '\'' || c == '\\') {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pairs: &Pairs, name: &str) -> Option<String> {
        pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }

    #[test]
    fn pairs_as_libpq_reads_them() {
        let read = pairs(r" host = /tmp  dbname='a b' password='it\'s\\' user=x\ y").unwrap();
        assert_eq!(find(&read, "host").unwrap(), "/tmp");
        assert_eq!(find(&read, "dbname").unwrap(), "a b");
        assert_eq!(find(&read, "password").unwrap(), r"it's\");
        assert_eq!(find(&read, "user").unwrap(), "x y");
        assert!(pairs("").unwrap().is_empty());
        assert!(pairs("host").is_err() && pairs("=x").is_err() && pairs("a='x").is_err());
    }

    #[test]
    fn uris_as_libpq_reads_them() {
        let read = uri("postgresql://u%40x:p%3Aw@h1:1,[::1]:2/my%20db?sslmode=require&application_name=a%26b").unwrap();
        assert_eq!(find(&read, "user").unwrap(), "u@x");
        assert_eq!(find(&read, "password").unwrap(), "p:w");
        assert_eq!(find(&read, "host").unwrap(), "h1,::1");
        assert_eq!(find(&read, "port").unwrap(), "1,2");
        assert_eq!(find(&read, "dbname").unwrap(), "my db");
        assert_eq!(find(&read, "application_name").unwrap(), "a&b");
        let socket = uri("postgresql://%2Fvar%2Frun/x").unwrap();
        assert_eq!(find(&socket, "host").unwrap(), "/var/run");
        assert!(uri("postgresql://h/%zz").is_err() && uri("postgresql://h/a%00").is_err() && uri("postgresql://[::1").is_err());
    }
}
