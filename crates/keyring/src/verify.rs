//! Checks the two files without using them. Not a repair: a damaged file is restored from a backup.

use crate::state::{self, Entry, Index, Paths};
use crate::{OpenError, Options, files, master};

/// What [`verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Subjects with a key.
    pub live: usize,
    /// Subjects whose key was destroyed.
    pub destroyed: usize,
    /// Bytes of a tail that a crash tore; the next start cuts them off.
    pub torn_bytes: u64,
}

/// Reads both files whole and opens every wrapped key once: any changed byte is found. Writes nothing.
pub fn verify(options: &Options) -> Result<Verified, OpenError> {
    let (path, master_path) = (options.ring_path(), options.master_path());
    let bytes = files::read(&path)?.ok_or_else(|| OpenError::Missing(path.clone()))?;
    let key =
        master::load(&master_path)?.ok_or_else(|| OpenError::MasterMissing(master_path.clone()))?;
    let Index { subjects, torn, .. } =
        state::scan(Paths { ring: &path, master: &master_path }, &bytes, &key, true)?;
    let destroyed =
        subjects.values().filter(|entry| matches!(entry, Entry::Destroyed { .. })).count();
    Ok(Verified { live: subjects.len() - destroyed, destroyed, torn_bytes: torn })
}
