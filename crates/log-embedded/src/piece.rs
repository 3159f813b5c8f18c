//! A piece of the file of a checkpoint, with its checksum. Not what is in it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use crc32c::{crc32c, crc32c_append};

/// Read at once where all is not needed at once.
const SOME_BYTES: usize = 64 << 10;

/// Bytes of a file that stays open, so that they stay what they are when it is replaced.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) file: Arc<File>,
    /// Where they begin.
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    /// CRC-32C.
    pub(crate) check: u32,
}

impl Piece {
    /// Reads and checks them.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let length = usize::try_from(self.bytes).map_err(|error| error.to_string())?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, self.at).map_err(|error| error.to_string())?;
        self.right(crc32c(&bytes)).map(|()| bytes)
    }

    /// Reads and checks them, and gives them to `each` some at a time: a multiple of `row` bytes, which is
    /// less than 64 KiB. What was given counts if the checksum is right. Memory that is touched for the first
    /// time costs more than the reading.
    pub(crate) fn read_rows(&self, row: usize, mut each: impl FnMut(&[u8])) -> Result<(), String> {
        let mut some = vec![0; SOME_BYTES / row * row];
        let (mut at, mut left, mut check) = (self.at, self.bytes, 0);
        while left > 0 {
            let length = some.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let some = &mut some[..length];
            self.file.read_exact_at(some, at).map_err(|error| error.to_string())?;
            check = crc32c_append(check, some);
            each(some);
            at += length as u64;
            left -= length as u64;
        }
        self.right(check)
    }

    fn right(&self, check: u32) -> Result<(), String> {
        if check == self.check { Ok(()) } else { Err("its checksum is wrong".to_owned()) }
    }
}
