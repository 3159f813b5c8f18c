//! The manifest: which log this is and which topics it has; `docs/formats/log-directory.md`. Not
//! where its records are: those lie in the segment store beside it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use log::{Topic, Topics};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::OpenError;

/// Written by this version, and the newest it reads.
const VERSION: u32 = 1;
/// Its name in the log directory.
pub(crate) const FILE: &str = "manifest";
/// Its name while it is written; may be deleted at any time.
pub(crate) const UNFINISHED: &str = "manifest.new";
const TITLE: &str = "recount log manifest ";
const CHECK: &str = "sha256 ";
/// Length of the last line: `sha256 `, 64 digits, line feed.
const CHECK_BYTES: usize = CHECK.len() + 64 + 1;

/// Why bytes are not a manifest that this program can use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Damaged(&'static str),
    Newer(u32),
}

/// Whether a topic of this name and size can be.
pub(crate) fn is_topic(name: &str, lanes: u16) -> bool {
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    lanes > 0 && (1..=200).contains(&name.len()) && name.bytes().all(letter)
}

/// The bytes of a manifest.
pub(crate) fn encode(topics: &Topics) -> String {
    let mut text = format!("{TITLE}{VERSION}\nlog {}\n", topics.log().hyphenated());
    for topic in topics.all() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "topic {} {}", topic.lanes, topic.name);
    }
    let check = check_line(&text);
    text + &check
}

fn check_line(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    format!("{CHECK}{}\n", log::Head(hash))
}

/// Reads a manifest; every single changed byte is found.
pub(crate) fn decode(bytes: &[u8]) -> Result<Topics, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::Damaged("it is not text"))?;
    // Title and last line keep their form in every version, so damage is told from a newer version.
    let (body, check) = text
        .len()
        .checked_sub(CHECK_BYTES)
        .and_then(|at| text.split_at_checked(at))
        .ok_or(Fault::Damaged("it is too short"))?;
    if check != check_line(body) {
        return Err(Fault::Damaged("its checksum is wrong"));
    }
    let mut lines = body.lines();
    let version =
        lines.next().and_then(|line| line.strip_prefix(TITLE)).and_then(|v| v.parse().ok());
    match version {
        Some(VERSION) => {}
        Some(newer) if newer > VERSION => return Err(Fault::Newer(newer)),
        _ => return Err(Fault::Damaged("it has no version")),
    }
    let topics = parse(lines).ok_or(Fault::Damaged("a line cannot be read"))?;
    // One spelling only: what is read is what would be written.
    if encode(&topics) == text { Ok(topics) } else { Err(Fault::Damaged("a line is misspelt")) }
}

fn parse<'a>(mut rows: impl Iterator<Item = &'a str>) -> Option<Topics> {
    let log = Uuid::try_parse(rows.next()?.strip_prefix("log ")?).ok()?;
    let topics = rows.map(|line| {
        let (lanes, name) = line.strip_prefix("topic ")?.split_once(' ')?;
        let lanes = lanes.parse().ok()?;
        is_topic(name, lanes).then(|| Topic { name: name.to_owned(), lanes })
    });
    let all: Vec<Topic> = topics.collect::<Option<_>>()?;
    let unique =
        all.iter().enumerate().all(|(at, topic)| all[..at].iter().all(|t| t.name != topic.name));
    unique.then(|| Topics::new(log, all))
}

/// The manifest of a directory; `None` when there is none.
pub(crate) fn read(dir: &Path) -> Result<Option<Topics>, OpenError> {
    let file = dir.join(FILE);
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io("reading", &file)(error)),
    };
    decode(&bytes).map(Some).map_err(|fault| explain(file, &fault))
}

fn explain(file: PathBuf, fault: &Fault) -> OpenError {
    match fault {
        Fault::Damaged(what) => OpenError::Damaged { file, offset: 0, what: (*what).to_owned() },
        Fault::Newer(version) => {
            OpenError::NewerVersion { file, version: *version, known: VERSION }
        }
    }
}

/// Replaces the manifest: after a power cut it is the old one or the new one.
pub(crate) fn write(dir: &Path, topics: &Topics) -> Result<(), OpenError> {
    let (unfinished, file) = (dir.join(UNFINISHED), dir.join(FILE));
    File::create(&unfinished)
        .and_then(|mut new| {
            new.write_all(encode(topics).as_bytes())?;
            new.sync_all()
        })
        .map_err(OpenError::io("writing", &unfinished))?;
    fs::rename(&unfinished, &file).map_err(OpenError::io("renaming to", &file))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(OpenError::io("syncing", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Topics {
        let topic = |name: &str, lanes| Topic { name: name.to_owned(), lanes };
        let log = "0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
        Topics::new(log, vec![topic("content.events", 16), topic("content.sagas", 4)])
    }

    #[test]
    fn what_was_written_is_read() {
        let text = encode(&sample());
        assert!(text.starts_with(
            "recount log manifest 1\nlog 0190e2a4-0000-7000-8000-000000000001\n\
             topic 16 content.events\ntopic 4 content.sagas\nsha256 "
        ));
        assert_eq!(decode(text.as_bytes()), Ok(sample()));
    }

    #[test]
    fn every_changed_byte_is_found() {
        let text = encode(&sample()).into_bytes();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert!(matches!(decode(&changed), Err(Fault::Damaged(_))), "byte {at} bit {bit}");
            }
            assert!(matches!(decode(&text[..at]), Err(Fault::Damaged(_))), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let body = "recount log manifest 7\nsomething else\n";
        let text = format!("{body}{}", check_line(body));
        assert_eq!(decode(text.as_bytes()), Err(Fault::Newer(7)));
        let error = explain(PathBuf::from("log/manifest"), &Fault::Newer(7)).to_string();
        assert_eq!(
            error,
            "log/manifest has format version 7, this version of Recount reads up to 1; \
             run the version that wrote it, or a newer one"
        );
    }
}
