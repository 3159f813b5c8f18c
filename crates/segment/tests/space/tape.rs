//! What a process asked of the disk, in the order in which it did: read from what `strace` wrote down. Knows
//! the calls that the store makes, and no others.

use std::collections::HashMap;
use std::path::Path;

/// A call that changes what lies on the disk, or tells what must lie there.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A new file under this name.
    Create {
        file: usize,
        name: String,
    },
    Write {
        file: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Sync {
        file: usize,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        name: String,
    },
    SyncDirectory,
    /// The process said that this call of its own was answered.
    Answered(usize),
}

/// An act with the lines at which it began and was done.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) act: Act,
    pub(crate) begun: usize,
    pub(crate) done: usize,
}

/// Everything that happened below one directory.
#[derive(Debug)]
pub(crate) struct Tape {
    pub(crate) events: Vec<Event>,
    /// Files that were there before, by their numbers.
    pub(crate) before: Vec<String>,
    /// Lines: a cut may come before any of them, or behind the last.
    pub(crate) lines: usize,
}

/// What `strace` is to write down, each string whole and in hexadecimal digits.
pub(crate) const STRACE: [&str; 7] = [
    "-f",
    "-qq",
    "-xx",
    "-s",
    "1000000",
    "-e",
    "trace=openat,pwrite64,fdatasync,fsync,rename,unlink,write",
];

struct Reader<'a> {
    dir: &'a Path,
    tape: Tape,
    /// Names as the process sees them now.
    names: HashMap<String, usize>,
    /// Open files; None is the directory.
    open: HashMap<String, Option<usize>>,
}

/// Reads what was written down of a process that worked in `dir`, where these files lay before.
pub(crate) fn read(text: &str, dir: &Path, before: Vec<String>) -> Tape {
    let names = before.iter().cloned().enumerate().map(|(file, name)| (name, file)).collect();
    let tape = Tape { events: Vec::new(), before, lines: text.lines().count() };
    let mut reader = Reader { dir, tape, names, open: HashMap::new() };
    let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
    for (line, text) in text.lines().enumerate() {
        let (thread, text) = text.split_once(' ').expect("a line names its thread");
        let text = text.trim_start();
        if let Some(start) = text.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (line, start));
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let rest = rest.split_once(" resumed>").expect("a call goes on").1;
            let (since, start) = begun.remove(thread).expect("it was begun");
            reader.take(&format!("{start}{rest}"), since, line);
        } else {
            reader.take(text, line, line);
        }
    }
    reader.tape
}

impl Reader<'_> {
    fn take(&mut self, call: &str, begun: usize, done: usize) {
        let Some((call, result)) = call.rsplit_once(" = ") else { return };
        let call = call.trim_end().trim_end_matches(')');
        let Some((name, args)) = call.split_once('(') else { return };
        if result.starts_with('-') {
            // It failed, and changed nothing.
            return;
        }
        let args: Vec<&str> = args.split(", ").map(str::trim).collect();
        let path = |at: usize| {
            let path = String::from_utf8(bytes(args[at])).expect("a path is text");
            let inside = Path::new(&path).strip_prefix(self.dir).ok()?;
            Some(inside.to_str().expect("a path is text").to_owned())
        };
        let act = match name {
            "openat" => {
                let opened = path(1).and_then(|name| self.opened(name, args[2], result));
                let Some(act) = opened else { return };
                act
            }
            "pwrite64" => {
                let Some(Some(file)) = self.open.get(args[0]).copied() else { return };
                let offset = args[3].parse().expect("an offset is a number");
                Act::Write { file, offset, bytes: bytes(args[1]) }
            }
            "fsync" | "fdatasync" => match self.open.get(args[0]).copied() {
                Some(Some(file)) => Act::Sync { file },
                Some(None) => Act::SyncDirectory,
                None => return,
            },
            "rename" => {
                let (Some(from), Some(to)) = (path(0), path(1)) else { return };
                let file = self.names.remove(&from).expect("it was there");
                self.names.insert(to.clone(), file);
                Act::Rename { from, to }
            }
            "unlink" => {
                let Some(name) = path(0) else { return };
                self.names.remove(&name);
                Act::Remove { name }
            }
            "write" => {
                let said = bytes(args[1]);
                let said = String::from_utf8_lossy(&said);
                let Some(number) = said.strip_prefix("answered ") else { return };
                Act::Answered(number.trim().parse().expect("a number"))
            }
            _ => return,
        };
        self.tape.events.push(Event { act, begun, done });
    }

    /// A file or the directory was opened; gives what that changed.
    fn opened(&mut self, name: String, flags: &str, handle: &str) -> Option<Act> {
        if name.is_empty() {
            self.open.insert(handle.to_owned(), None);
            return None;
        }
        if let Some(file) = self.names.get(&name) {
            self.open.insert(handle.to_owned(), Some(*file));
            return None;
        }
        assert!(flags.contains("O_CREAT"), "{name} is not there");
        let made = |event: &&Event| matches!(event.act, Act::Create { .. });
        let file = self.tape.before.len() + self.tape.events.iter().filter(made).count();
        self.names.insert(name.clone(), file);
        self.open.insert(handle.to_owned(), Some(file));
        Some(Act::Create { file, name })
    }
}

/// A string as `strace -xx` writes it: `"\x61\x62"`.
fn bytes(text: &str) -> Vec<u8> {
    let text = text.trim_matches('"');
    let digits = text.split("\\x").skip(1);
    digits.map(|it| u8::from_str_radix(it, 16).expect("two digits")).collect()
}
