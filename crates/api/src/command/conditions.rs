//! Headers that condition a command: idempotency key and expected version. Not their keeping.

use axum::http::{HeaderMap, HeaderName, header};

use crate::codes;
use crate::problem::Problem;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_CHARS_MAX: usize = 255;

/// The idempotency key: a structured-field string, or bare as real clients send it; both are the
/// same key.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let key = value.to_str().ok().and_then(unwrapped).filter(|_| given.next().is_none());
    key.map(Some).ok_or_else(wrong_key)
}

fn wrong_key() -> Problem {
    let detail = "send one Idempotency-Key of 1 to 255 visible ASCII characters, as \"0190e2a4-7d1b-7cc2-9f0e-5a9b1c2d3e4f\"";
    Problem::new(codes::BAD_IDEMPOTENCY_KEY, detail)
}

/// The key that this text is, by the rules of the header.
pub(super) fn key(text: &str) -> Result<String, Problem> {
    unwrapped(text).ok_or_else(wrong_key)
}

fn unwrapped(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(quoted) => unquote(quoted)?,
    };
    let fits =
        (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic());
    fits.then_some(key)
}

/// The inside of a structured-field string (RFC 9651, section 3.3.3), without parameters.
fn unquote(quoted: &str) -> Option<String> {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(out),
            '\\' => match chars.next()? {
                c @ ('"' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
}

/// The version that a stream must have: `If-Match: "17"`, or 0 for `If-None-Match: *`.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let (matches, none) = (one(headers, &header::IF_MATCH), one(headers, &header::IF_NONE_MATCH));
    match (matches, none) {
        (Given::Nothing, Given::Nothing) => Ok(None),
        (Given::Nothing, Given::Text("*")) => Ok(Some(0)),
        (Given::Text(etag), Given::Nothing) => version(etag).map(Some).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn wrong() -> Problem {
    let detail = "send `If-Match: \"17\"` with the version you have seen, or `If-None-Match: *` when it must be new";
    Problem::new(codes::BAD_PRECONDITION, detail)
}

/// The version of a strong `ETag` of ours.
fn version(etag: &str) -> Option<u64> {
    let digits = etag.strip_prefix('"')?.strip_suffix('"')?;
    let plain =
        digits.bytes().all(|c| c.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().ok())?
}

enum Given<'a> {
    Nothing,
    Text(&'a str),
    Wrong,
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Given<'a> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Given::Nothing,
        (Some(value), None) => value.to_str().map_or(Given::Wrong, |text| Given::Text(text.trim())),
        (Some(_), Some(_)) => Given::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(all: &[(&HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&HeaderName, &str)| {
            ((*name).clone(), HeaderValue::from_str(value).unwrap())
        };
        all.iter().map(pair).collect()
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let long = "k".repeat(KEY_CHARS_MAX);
        for (text, is) in
            [("abc", "abc"), ("\"abc\"", "abc"), (r#""a\"b\\""#, r#"a"b\"#), (&long, &long)]
        {
            let found = idempotency_key(&headers(&[(&IDEMPOTENCY_KEY, text)])).unwrap();
            assert_eq!(found.as_deref(), Some(is));
        }
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_refused() {
        let long = "k".repeat(KEY_CHARS_MAX + 1);
        for text in ["", "\"\"", "\"a", "\"a\"b", "a b", r#""a\b""#, "\"a\";p=1", &long] {
            let error = idempotency_key(&headers(&[(&IDEMPOTENCY_KEY, text)])).unwrap_err();
            assert_eq!(error.word(), "bad_idempotency_key", "{text}");
        }
        let mut two = HeaderMap::new();
        two.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        two.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        assert!(idempotency_key(&two).is_err());
    }

    #[test]
    fn headers_of_any_bytes_are_read_or_refused() {
        let seeds = ["abc", "\"abc\"", r#""a\"b\\""#, "\"17\"", "W/\"17\"", "*", "\"1\", \"2\""];
        let seeds = seeds.iter().map(|it| it.as_bytes().to_vec()).collect();
        fuzz::fuzz("headers", seeds, fuzz::Bound::NONE, |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return "no value".to_owned() };
            let one = |name: &HeaderName| HeaderMap::from_iter([(name.clone(), value.clone())]);
            let key = idempotency_key(&one(&IDEMPOTENCY_KEY));
            if let Ok(Some(key)) = &key {
                // The same key, whichever way it is sent.
                let quoted = format!("\"{}\"", key.replace('\\', r"\\").replace('"', "\\\""));
                let again = idempotency_key(&headers(&[(&IDEMPOTENCY_KEY, &quoted)]));
                assert_eq!(again.unwrap().as_ref(), Some(key));
            }
            let version = expected(&one(&header::IF_MATCH));
            if let Ok(Some(version)) = version {
                let text = value.to_str().unwrap().trim_matches([' ', '\t']);
                assert_eq!(text, format!("\"{version}\""));
            }
            let absent = expected(&one(&header::IF_NONE_MATCH)).is_ok();
            format!("{} {} {absent}", key.is_ok(), version.is_ok())
        });
    }

    #[test]
    fn an_expected_version_is_a_strong_etag_of_ours() {
        let (yes, no) = (&header::IF_MATCH, &header::IF_NONE_MATCH);
        assert_eq!(expected(&HeaderMap::new()).unwrap(), None);
        assert_eq!(expected(&headers(&[(yes, "\"17\"")])).unwrap(), Some(17));
        assert_eq!(expected(&headers(&[(no, "*")])).unwrap(), Some(0));
        let wrong: [&[(&HeaderName, &str)]; 8] = [
            &[(yes, "17")],
            &[(yes, "W/\"17\"")],
            &[(yes, "\"017\"")],
            &[(yes, "*")],
            &[(yes, "\"1\", \"2\"")],
            &[(yes, "\"99999999999999999999\"")],
            &[(no, "\"17\"")],
            &[(yes, "\"17\""), (no, "*")],
        ];
        for all in wrong {
            assert_eq!(expected(&headers(all)).unwrap_err().word(), "bad_precondition", "{all:?}");
        }
    }
}
