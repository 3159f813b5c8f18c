//! From an address in the segment store to file and byte, as people look for them.

use std::path::{Path, PathBuf};

use segment::Location;

/// Segment files of a directory with the address of their first byte, ascending. A segment's name is
/// that address, sixteen hexadecimal digits (`docs/formats/segment.md`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Vec<(u64, PathBuf)>);

impl Places {
    /// Lists the directory; what cannot be listed has no place.
    pub(crate) fn of(segments: &Path) -> Self {
        let mut all: Vec<_> = segments
            .read_dir()
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let digits = path.file_name()?.to_str()?.strip_suffix(".segment")?.to_owned();
                Some((u64::from_str_radix(&digits, 16).ok()?, path))
            })
            .collect();
        all.sort_unstable();
        Self(all)
    }

    /// Address of the first byte of a file.
    pub(crate) fn base(&self, file: &Path) -> Option<u64> {
        self.0.iter().find(|(_, path)| path == file).map(|(base, _)| *base)
    }

    /// File and byte of an address.
    pub(crate) fn find(&self, at: Location) -> Option<(&Path, u64)> {
        let after = self.0.partition_point(|(base, _)| *base <= at.0);
        let (base, path) = self.0.get(after.checked_sub(1)?)?;
        Some((path, at.0 - base))
    }
}
