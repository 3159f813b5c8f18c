//! Bearer tokens, known by their hashes. Not their making: the command line draws them.
//!
//! The file has a line a token: `<SHA-256 of the token, hex> <tenant> <actor> <role,role,...>
//! [<expires, RFC 3339>]`; empty lines and lines that begin with `#` say nothing. It is read again
//! when it has changed; a file that has become wrong is reported and the last good one stays.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use domain::{Principal, Role, Timestamp};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};

use super::{same, sha256};

/// Most tokens in a file: every request is compared with all of them.
pub(crate) const TOKENS_MAX: usize = 1_000;
/// How long a change of the file may go unseen, in milliseconds.
const LOOK_AGAIN_MS: u64 = 1_000;

/// The token file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("RC0471: reading token file {}: {why}", path.display())]
pub struct TokenFileError {
    path: PathBuf,
    why: String,
}

/// A file of hashed tokens.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    opened: Instant,
    /// When it was looked at last, in milliseconds since `opened`.
    looked_ms: AtomicU64,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    tokens: Arc<Vec<Token>>,
}

#[derive(Debug)]
struct Token {
    hash: [u8; 32],
    principal: Arc<Principal>,
    expires: Option<Timestamp>,
}

impl TokenFile {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, TokenFileError> {
        let path = path.to_owned();
        let known = read(&path)?;
        let (opened, looked_ms) = (Instant::now(), AtomicU64::new(0));
        Ok(Self { path, opened, looked_ms, known: RwLock::new(known) })
    }

    /// The principal of a token, if it is known and has not expired.
    pub(crate) fn principal(&self, token: &[u8], now: Timestamp) -> Option<Arc<Principal>> {
        self.look_again();
        let tokens = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&known.tokens)
        };
        let hash = sha256(token);
        let mut found = None;
        for token in tokens.iter() {
            if same(&token.hash, &hash) {
                found = Some(token);
            }
        }
        let token = found?;
        let fresh = token.expires.is_none_or(|expires| now < expires);
        fresh.then(|| Arc::clone(&token.principal))
    }

    /// Reads the file again when it has changed and was not looked at just now.
    fn look_again(&self) {
        let now_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(looked_ms) >= LOOK_AGAIN_MS;
        let mine = due
            && self
                .looked_ms
                .compare_exchange(looked_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            self.reload();
        }
    }

    fn reload(&self) {
        let seen = self.known.read().unwrap_or_else(PoisonError::into_inner).stamp;
        if stamp(&self.path).is_some_and(|now| Some(now) == seen) {
            return;
        }
        match read(&self.path) {
            Ok(known) => {
                tracing::info!(tokens = known.tokens.len(), "token file read again");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
            }
            Err(error) => tracing::error!(%error, "the last good token file stays in force"),
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read(path: &Path) -> Result<Known, TokenFileError> {
    let wrong = |why: String| TokenFileError { path: path.to_owned(), why };
    // The stamp first: a change while reading is then seen the next time.
    let stamp = stamp(path);
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let mut tokens = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = parse(line).map_err(|why| wrong(format!("line {}: {why}", at + 1)))?;
        tokens.push(token);
    }
    if tokens.len() > TOKENS_MAX {
        return Err(wrong(format!("{} tokens, at most {TOKENS_MAX} are taken", tokens.len())));
    }
    Ok(Known { stamp, tokens: Arc::new(tokens) })
}

fn parse(line: &str) -> Result<Token, String> {
    let mut fields = line.split_whitespace();
    let (Some(hash), Some(tenant), Some(actor), Some(roles)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("write `<sha-256 hex> <tenant> <actor> <roles> [<expires>]`".to_owned());
    };
    let hash = hex32(hash).ok_or("the first field is not a SHA-256 in hexadecimal digits")?;
    let roles = roles.split(',').map(role).collect::<Result<Vec<_>, _>>()?;
    let principal = Principal {
        tenant: tenant.parse().map_err(|error: domain::NotAnId| error.to_string())?,
        actor: actor.parse().map_err(|error: domain::NotAnId| error.to_string())?,
        roles,
    };
    let expires = match fields.next() {
        Some(at) => Some(at.parse::<Timestamp>().map_err(|error| error.to_string())?),
        None => None,
    };
    if fields.next().is_some() {
        return Err("there is something behind the time".to_owned());
    }
    Ok(Token { hash, principal: Arc::new(principal), expires })
}

fn role(word: &str) -> Result<Role, String> {
    let from: StrDeserializer<'_, WordError> = word.into_deserializer();
    Role::deserialize(from).map_err(|error| error.to_string())
}

fn hex32(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(token: &str, rest: &str) -> String {
        let hash = sha256(token.as_bytes());
        let (head, tail) = (hash[..16].try_into().unwrap(), hash[16..].try_into().unwrap());
        format!("{:032x}{:032x} {rest}\n", u128::from_be_bytes(head), u128::from_be_bytes(tail))
    }

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_token_is_known_by_its_hash_until_it_expires() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        let text = format!(
            "# who may\n\n{}{}",
            line("alpha", "acme alice member,auditor"),
            line("beta", "acme bob viewer 2026-11-21T08:00:00Z")
        );
        std::fs::write(&path, text).unwrap();
        let file = TokenFile::open(&path).unwrap();
        let alice = file.principal(b"alpha", now()).unwrap();
        assert_eq!((alice.tenant.as_str(), alice.actor.as_str()), ("acme", "alice"));
        assert_eq!(alice.roles, [Role::Member, Role::Auditor]);
        assert!(file.principal(b"beta", now().plus_ms(-1)).is_some());
        assert!(file.principal(b"beta", now()).is_none());
        assert!(file.principal(b"gamma", now()).is_none());
        assert!(file.principal(b"", now()).is_none());
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        std::fs::write(&path, line("alpha", "acme alice member")).unwrap();
        let file = TokenFile::open(&path).unwrap();
        std::fs::write(&path, line("gamma_", "acme carol member 2027-01-01T00:00:00Z")).unwrap();
        file.reload();
        assert!(file.principal(b"alpha", now()).is_none());
        assert!(file.principal(b"gamma_", now()).is_some());
        std::fs::write(&path, "nonsense").unwrap();
        file.reload();
        assert!(file.principal(b"gamma_", now()).is_some());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        let cases = [
            ("zz acme alice member".to_owned(), "line 1: the first field is not a SHA-256"),
            (line("a", "acme alice king"), "line 1: unknown variant `king`"),
            (line("a", "acme alice"), "line 1: write `<sha-256 hex>"),
            (line("a", "acme alice member tomorrow"), "line 1: `tomorrow` is not a time"),
        ];
        for (text, says) in cases {
            std::fs::write(&path, text).unwrap();
            let error = TokenFile::open(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
