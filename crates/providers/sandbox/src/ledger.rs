//! What stands in the sandbox, in an append-only file: a line a fact, on disk before it is answered.
//! Not the product's log, and not in need of a backup.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use domain::saga::StepKey;
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Posts on platforms.
    Posts,
    /// Charges of cards.
    Charges,
    /// Mails to users.
    Mails,
}

impl Kind {
    /// As paths have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Charges => "charges",
            Self::Mails => "mails",
        }
    }
}

/// One work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What it is.
    pub kind: Kind,
    /// The key that it was put under.
    pub key: StepKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// What was asked, as it came.
    pub asked: Value,
    /// When it was done.
    pub done_at: Timestamp,
    /// When it was taken back, if it was.
    pub taken_back_at: Option<Timestamp>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
enum Fact {
    /// A work was done.
    Done { kind: Kind, key: StepKey, tenant: TenantId, asked: Value, at: Timestamp },
    /// What stood was taken back, or nothing had arrived yet: from now on it is refused.
    TakenBack { kind: Kind, key: StepKey, at: Timestamp },
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("sandbox {}: {source}", path.display())]
pub struct LedgerError {
    path: PathBuf,
    source: std::io::Error,
}

/// How a key stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// Never seen.
    Unknown,
    /// It stands.
    Stands(Box<Work>),
    /// It was taken back, before or after it was done.
    TakenBack,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    file: File,
    works: BTreeMap<(Kind, StepKey), Option<Work>>,
    /// Works in the order in which they were done.
    order: Vec<(Kind, StepKey)>,
}

impl Ledger {
    /// Opens or makes the file in this directory. A last line that a crash tore was never answered:
    /// it is cut off.
    pub(crate) fn open(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join("ledger.jsonl");
        let failed = |source| LedgerError { path: path.clone(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut ledger = Self { path: path.clone(), file, works: BTreeMap::new(), order: vec![] };
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let fact =
                serde_json::from_slice(line).map_err(std::io::Error::from).map_err(failed)?;
            ledger.fold(fact);
        }
        ledger.file.set_len(whole as u64).map_err(failed)?;
        ledger.file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(ledger)
    }

    pub(crate) fn standing(&self, kind: Kind, key: StepKey) -> Standing {
        match self.works.get(&(kind, key)) {
            None => Standing::Unknown,
            Some(Some(work)) if work.taken_back_at.is_none() => {
                Standing::Stands(Box::new(work.clone()))
            }
            Some(_) => Standing::TakenBack,
        }
    }

    /// Works in the order in which they were done, those that were taken back among them.
    pub(crate) fn works(&self) -> impl DoubleEndedIterator<Item = &Work> {
        self.order.iter().filter_map(|at| self.works.get(at)?.as_ref())
    }

    /// Does a work; it is on disk when this returns. Only for a key that is unknown.
    pub(crate) fn done(
        &mut self,
        kind: Kind,
        key: StepKey,
        tenant: TenantId,
        asked: Value,
    ) -> Result<(), LedgerError> {
        let at = provider_http::now();
        self.append(Fact::Done { kind, key, tenant, asked, at })
    }

    /// Takes back what stands under a key, or fences it; on disk when this returns.
    pub(crate) fn take_back(&mut self, kind: Kind, key: StepKey) -> Result<(), LedgerError> {
        if self.standing(kind, key) == Standing::TakenBack {
            return Ok(());
        }
        self.append(Fact::TakenBack { kind, key, at: provider_http::now() })
    }

    fn append(&mut self, fact: Fact) -> Result<(), LedgerError> {
        let failed = |source| LedgerError { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&fact).map_err(std::io::Error::from).map_err(failed)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.fold(fact);
        Ok(())
    }

    fn fold(&mut self, fact: Fact) {
        match fact {
            Fact::Done { kind, key, tenant, asked, at } => {
                let work = Work { kind, key, tenant, asked, done_at: at, taken_back_at: None };
                self.works.insert((kind, key), Some(work));
                self.order.push((kind, key));
            }
            Fact::TakenBack { kind, key, at } => {
                if let Some(work) = self.works.entry((kind, key)).or_insert(None) {
                    work.taken_back_at = Some(at);
                }
            }
        }
    }
}
