//! The keyring: seals, unseals, destroys, fingerprints. Not the layout of its files.

mod open;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use domain::{CommandKey, SealError, Sealed, Sealer, SubjectId};
use uuid::Uuid;

use crate::cache::Cache;
use crate::crypt::{self, Keyed};
use crate::record::{self, Head, Kind};
use crate::secret::{Key, Secret};
use crate::state::{self, Entry, Paths, State};
use crate::{DestroyError, OpenError, UnsealError, files};

/// The keys of an installation, open.
pub struct Keyring {
    path: PathBuf,
    master: Key,
    fingerprints: Keyed,
    state: RwLock<State>,
    writer: Mutex<Writer>,
    cache: Cache,
    torn: u64,
    /// Keeps other writers out; none when open to read only, or shared.
    _lock: Option<File>,
    /// When other processes write too: the directory, and the file as it was read last.
    shared: Option<(PathBuf, Mutex<Option<Stamp>>)>,
}

/// Inode and length of a file: another one means that it was written.
type Stamp = (u64, u64);

/// Whether the file may be changed; its lock is held while it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    ReadOnly,
    Open,
    /// Nobody knows what a failed write left: nothing is written any more.
    Broken,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Bytes of a torn tail that were found when it was opened.
    pub fn torn_bytes(&self) -> u64 {
        self.torn
    }

    /// Opens a sealed value; `field` is the name it was sealed for.
    pub fn open_sealed(&self, sealed: &Sealed, field: &str) -> Result<Secret, UnsealError> {
        let (subject, generation) = (sealed.subject(), crypt::generation(sealed));
        let key = match self.entry(subject) {
            Some(Entry::Live { generation: live, .. }) if live == generation => {
                let key = self.key(subject, generation);
                key.map_err(|source| UnsealError::Keyring {
                    subject,
                    field: field.to_owned(),
                    source: Box::new(source),
                })?
            }
            Some(Entry::Live { generation: last, .. } | Entry::Destroyed { generation: last })
                if generation <= last =>
            {
                None
            }
            _ => return Err(UnsealError::NoKey { subject, generation, field: field.to_owned() }),
        };
        let key = key.ok_or_else(|| UnsealError::Destroyed { subject, field: field.to_owned() })?;
        let plain = crypt::unseal(&key, sealed, field);
        plain
            .map(Secret::new)
            .ok_or_else(|| UnsealError::Changed { subject, field: field.to_owned() })
    }

    /// Destroys the keys of a subject: what was sealed for it opens nowhere any more, but from a backup
    /// of the keys. `false` when it has none. What is sealed for it later gets a new key.
    pub fn destroy(&self, subject: SubjectId) -> Result<bool, DestroyError> {
        let failed = |source| DestroyError::Keyring { subject, source };
        let mut writer = self.writer();
        match *writer {
            Writer::Open => {}
            Writer::ReadOnly => return Err(DestroyError::ReadOnly),
            Writer::Broken => return Err(failed(self.broken())),
        }
        let _turn = self.turn().map_err(failed)?;
        let Some(Entry::Live { generation, .. }) = self.entry(subject) else { return Ok(false) };
        let destroyed = self.rewrite_without(subject, generation);
        if destroyed.is_err() {
            // The rename may or may not be on disk.
            *writer = Writer::Broken;
        }
        destroyed.map(|()| true).map_err(failed)
    }

    fn rewrite_without(&self, subject: SubjectId, generation: u32) -> Result<(), OpenError> {
        let head = Head { kind: Kind::Destroyed, subject, generation };
        let nothing = Key(zeroize::Zeroizing::new([0; 32]));
        let destroyed = head.wrap(&nothing, &self.master).map_err(OpenError::Random)?;
        let bytes =
            files::read(&self.path)?.ok_or_else(|| OpenError::Missing(self.path.clone()))?;
        let bytes = state::without(&bytes, subject, &destroyed);
        let paths = Paths { ring: &self.path, master: Path::new("master.key") };
        let index = state::scan(paths, &bytes, &self.master, false)?;
        let file = files::replace(&self.path, &bytes)?;
        let old = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            self.cache.forget(subject);
            std::mem::replace(&mut *state, State { file, index })
        };
        old.wipe();
        Ok(())
    }

    /// HMAC-SHA256 under the installation's key over a label and parts, unambiguously joined. The
    /// label keeps uses apart.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        crypt::mac(&self.fingerprints, label, parts)
    }

    /// The key of a command from what identifies it: tenant, actor, route with its ids, key.
    pub fn command_key(&self, parts: &[&[u8]]) -> CommandKey {
        let mut key = [0; 16];
        key.copy_from_slice(&self.mac("command key", parts)[..16]);
        CommandKey(key)
    }

    /// A UUID of version 8 that only this installation derives from these parts.
    pub fn derive_uuid(&self, label: &str, parts: &[&[u8]]) -> Uuid {
        crypt::uuid(self.mac(label, parts))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, subject: SubjectId) -> Option<Entry> {
        if let Err(error) = self.look() {
            // What was read last still holds; who writes is told.
            tracing::warn!(%error, "keys that other nodes wrote cannot be read");
        }
        self.state().index.subjects.get(&subject).copied()
    }

    fn broken(&self) -> OpenError {
        self.refused("an earlier write failed; restart the server when the disk is well")
    }

    fn refused(&self, why: &'static str) -> OpenError {
        OpenError::io("writing", &self.path)(std::io::Error::other(why))
    }

    /// The key of a subject from the cache or the file; `None` when it was destroyed meanwhile.
    fn key(&self, subject: SubjectId, generation: u32) -> Result<Option<Arc<Key>>, OpenError> {
        if let Some(key) = self.cache.get(subject, generation) {
            return Ok(Some(key));
        }
        // Held until the key is cached: destruction waits, and forgets it afterwards.
        let state = self.state();
        let at = match state.index.subjects.get(&subject) {
            Some(Entry::Live { generation: live, at }) if *live == generation => *at,
            _ => return Ok(None),
        };
        let record = state.record(at).map_err(OpenError::io("reading", &self.path))?;
        let damaged = || OpenError::Damaged {
            path: self.path.clone(),
            offset: at,
            why: "the key of a record does not unwrap",
        };
        let same = Head::parse(&record)
            .is_ok_and(|head| head.subject == subject && head.generation == generation);
        let key = record::unwrap(&record, &self.master).filter(|_| same).ok_or_else(damaged)?;
        let key = Arc::new(key);
        self.cache.put(subject, generation, key.clone());
        Ok(Some(key))
    }

    /// The key to seal with, made when the subject has none: on disk before anything is sealed.
    fn sealing_key(&self, subject: SubjectId) -> Result<(u32, Arc<Key>), OpenError> {
        if let Some(Entry::Live { generation, .. }) = self.entry(subject)
            && let Some(key) = self.key(subject, generation)?
        {
            return Ok((generation, key));
        }
        let mut writer = self.writer();
        let _turn = self.turn()?;
        let generation = match (self.entry(subject), *writer) {
            (Some(Entry::Live { generation, .. }), _) => {
                // Another thread made it while this one waited; nobody destroys while the lock is held.
                let key = self.key(subject, generation)?.ok_or_else(|| self.broken())?;
                return Ok((generation, key));
            }
            (_, Writer::Broken) => return Err(self.broken()),
            (_, Writer::ReadOnly) => {
                return Err(self.refused("it is open read-only and the subject has no key yet"));
            }
            (Some(Entry::Destroyed { generation }), _) => generation.saturating_add(1),
            (None, _) => 1,
        };
        let key = Key::random().map_err(OpenError::Random)?;
        let head = Head { kind: Kind::Subject, subject, generation };
        let record = head.wrap(&key, &self.master).map_err(OpenError::Random)?;
        let appended = self.state().append(&record);
        if let Err(failed) = appended {
            *writer = if failed.unknown { Writer::Broken } else { Writer::Open };
            return Err(OpenError::io("writing", &self.path)(failed.source));
        }
        let key = Arc::new(key);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let at = state.index.end;
        state.index.end += record::RECORD_BYTES as u64;
        state.index.subjects.insert(subject, Entry::Live { generation, at });
        self.cache.put(subject, generation, key.clone());
        Ok((generation, key))
    }
}

impl Sealer for Keyring {
    fn seal(
        &self,
        subject: SubjectId,
        field: &'static str,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        let failed = |why: OpenError| SealError { field, why: crate::error::chain(&why) };
        let (generation, key) = self.sealing_key(subject).map_err(failed)?;
        let sealed = crypt::seal(&key, subject, generation, field, plain);
        sealed.map_err(|error| failed(OpenError::Random(error)))
    }
}
