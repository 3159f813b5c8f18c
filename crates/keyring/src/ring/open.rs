//! Opening a keyring: alone, beside other writers, or to read only; and what a shared one reads anew.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use super::{Keyring, Writer};
use crate::cache::Cache;
use crate::secret::Key;
use crate::state::{self, Paths, State};
use crate::{OpenError, Options, crypt, files, master};

/// A shared keyring is held by others for moments only: five seconds in all.
const OPEN_TRIES: u32 = 100;
const OPEN_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

impl Keyring {
    /// Opens the keys to read and write; one process at a time. A tail that a crash tore is cut off:
    /// no value was sealed with it yet.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let (path, master_path) = (options.ring_path(), options.master_path());
        if options.create {
            files::make_dir(&options.dir)?;
        } else if !path.exists() {
            return Err(OpenError::Missing(path));
        }
        let lock = files::lock(&options.dir)?;
        files::remove_leftover(&path)?;
        let exists = path.exists();
        let key = match master::load(&master_path)? {
            Some(key) => key,
            None if exists => return Err(OpenError::MasterMissing(master_path)),
            None => master::create(&master_path)?,
        };
        if !exists {
            files::replace(&path, &state::fresh(&key)?)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(OpenError::io("opening", &path))?;
        let ring = Self::load(&path, &master_path, key, file, Some(lock))?;
        if ring.torn > 0 {
            let state = ring.state();
            let cut = state.file.set_len(state.index.end).and_then(|()| state.file.sync_all());
            cut.map_err(OpenError::io("cutting the torn tail of", &path))?;
        }
        Ok(ring)
    }

    /// Opens the keys to read and write beside other processes that do the same, on one machine or on a
    /// file system whose locks hold across machines. Each write takes its turn, and each use looks
    /// whether the file has changed: it is read whole then, so this is for up to some 100,000 subjects.
    pub fn open_shared(options: &Options) -> Result<Self, OpenError> {
        let mut tries = 0;
        let ring = loop {
            match Self::open(options) {
                // Another one writes now, or opens.
                Err(OpenError::InUse(_)) if tries < OPEN_TRIES => {
                    tries += 1;
                    std::thread::sleep(OPEN_PAUSE);
                }
                opened => break opened?,
            }
        };
        // From here on each write takes the lock in turn.
        Ok(Self { _lock: None, shared: Some((options.dir.clone(), Mutex::default())), ..ring })
    }

    /// The turn of a shared keyring to write, with everything that others wrote.
    pub(super) fn turn(&self) -> Result<Option<File>, OpenError> {
        let Some((dir, _)) = &self.shared else { return Ok(None) };
        let turn = files::lock_in_turn(dir)?;
        self.look()?;
        Ok(Some(turn))
    }

    /// Reads what other processes wrote.
    pub(super) fn look(&self) -> Result<(), OpenError> {
        use std::os::unix::fs::MetadataExt as _;
        let Some((_, stamp)) = &self.shared else { return Ok(()) };
        let io = || OpenError::io("reading", &self.path);
        let mut stamp = stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let is = std::fs::metadata(&self.path).map_err(io())?;
        if *stamp == Some((is.ino(), is.len())) {
            return Ok(());
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path).map_err(io())?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(io())?;
        let ino = file.metadata().map_err(io())?.ino();
        let paths = Paths { ring: &self.path, master: Path::new("master.key") };
        let index = state::scan(paths, &bytes, &self.master, false)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State { file, index };
        *stamp = Some((ino, bytes.len() as u64));
        Ok(())
    }

    /// Opens the keys beside a running server, for a tool: nothing is made, cut or destroyed.
    pub fn open_read_only(options: &Options) -> Result<Self, OpenError> {
        let (path, master_path) = (options.ring_path(), options.master_path());
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::Missing(path));
            }
            opened => opened.map_err(OpenError::io("opening", &path))?,
        };
        let key =
            master::load(&master_path)?.ok_or(OpenError::MasterMissing(master_path.clone()))?;
        Self::load(&path, &master_path, key, file, None)
    }

    fn load(
        path: &Path,
        master_path: &Path,
        master: Key,
        mut file: File,
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes)
            .map_err(OpenError::io("reading", path))?;
        let index = state::scan(Paths { ring: path, master: master_path }, &bytes, &master, false)?;
        Ok(Self {
            path: path.to_owned(),
            fingerprints: crypt::keyed(&index.installation),
            master,
            torn: index.torn,
            state: RwLock::new(State { file, index }),
            writer: Mutex::new(if lock.is_some() { Writer::Open } else { Writer::ReadOnly }),
            _lock: lock,
            shared: None,
            cache: Cache::new(),
        })
    }
}
