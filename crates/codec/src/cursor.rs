//! Reads and writes the primitives of Avro within limits. Not aware of schemas.

use crate::DatumError;

/// Longest datum, in bytes, written or read: a record of the log must stay small enough to be moved
/// around whole, and a reader must be able to hold it.
pub const DATUM_BYTES_MAX: usize = 1024 * 1024;

/// Most items of all lists and maps of a datum together. One item can be one byte in the datum and
/// some 64 in memory, so this bounds a decoded event to a few MiB.
pub const ITEMS_MAX: usize = 65_536;

/// A datum being read.
#[derive(Debug)]
pub(crate) struct Cursor<'de> {
    rest: &'de [u8],
    items: usize,
}

impl<'de> Cursor<'de> {
    #[inline]
    pub(crate) fn new(datum: &'de [u8]) -> Result<Self, DatumError> {
        if datum.len() > DATUM_BYTES_MAX {
            let why = format!("{} bytes exceed the limit of {DATUM_BYTES_MAX}", datum.len());
            return Err(DatumError::new(why));
        }
        Ok(Self { rest: datum, items: ITEMS_MAX })
    }

    /// All bytes must have been used.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), DatumError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(DatumError::new(format!(
            "{} bytes are left over behind the last field",
            self.rest.len()
        )))
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'de [u8], DatumError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.short(count)),
        }
    }

    #[cold]
    fn short(&self, count: usize) -> DatumError {
        DatumError::new(format!("{count} bytes announced, {} left", self.rest.len()))
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DatumError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    #[inline]
    pub(crate) fn bool(&mut self) -> Result<bool, DatumError> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(DatumError::new(format!("{other} is not a boolean"))),
        }
    }

    /// A zigzag varint of at most ten bytes.
    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, DatumError> {
        match self.rest {
            // Most lengths, indices and block heads.
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1))
            }
            _ => self.long_slowly(),
        }
    }

    fn long_slowly(&mut self) -> Result<i64, DatumError> {
        let mut value = 0u64;
        for (at, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if at == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * at);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        Err(DatumError::new(if self.rest.len() < 10 {
            "a number is cut off"
        } else {
            "a number is too long"
        }))
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<i32, DatumError> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| DatumError::new(format!("{long} is not an int")))
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'de [u8], DatumError> {
        let long = self.long()?;
        let count = usize::try_from(long).map_err(|_| DatumError::new(format!("length {long}")))?;
        self.take(count)
    }

    #[inline]
    pub(crate) fn str(&mut self) -> Result<&'de str, DatumError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DatumError::new("text is not UTF-8"))
    }

    /// An index below `count`, of a union or enum.
    #[inline]
    pub(crate) fn index(&mut self, count: usize) -> Result<usize, DatumError> {
        let long = self.long()?;
        usize::try_from(long)
            .ok()
            .filter(|index| *index < count)
            .ok_or_else(|| DatumError::new(format!("index {long} where {count} are known")))
    }

    /// The number of items in the next block of a list or map; zero ends it. Each item takes at
    /// least one byte (schemas that say otherwise are not loaded), so more items than bytes is a bomb.
    #[inline]
    pub(crate) fn block(&mut self) -> Result<usize, DatumError> {
        let long = self.long()?;
        if long < 0 {
            let size = self.long()?;
            if usize::try_from(size).map_or(true, |size| size > self.rest.len()) {
                return Err(DatumError::new(format!(
                    "a block of {size} bytes, {} left",
                    self.rest.len()
                )));
            }
        }
        let count = usize::try_from(long.unsigned_abs()).unwrap_or(usize::MAX);
        if count > self.rest.len() || count > self.items {
            let why = format!(
                "{count} items announced, {} bytes left, {ITEMS_MAX} items allowed",
                self.rest.len()
            );
            return Err(DatumError::new(why));
        }
        self.items -= count;
        Ok(count)
    }
}

/// A datum being written.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    items: usize,
}

impl Output {
    #[inline]
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, items: ITEMS_MAX }
    }

    #[inline]
    pub(crate) fn long(&mut self, long: i64) {
        let mut rest = (long << 1 ^ long >> 63).cast_unsigned();
        while rest >= 0x80 {
            self.bytes.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest.to_le_bytes()[0]);
    }

    #[inline]
    pub(crate) fn length(&mut self, length: usize) {
        self.long(i64::try_from(length).unwrap_or(i64::MAX));
    }

    #[inline]
    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// The head of a list or map of so many items.
    #[inline]
    pub(crate) fn block(&mut self, count: usize) -> Result<(), DatumError> {
        self.items = self.items.checked_sub(count).ok_or_else(|| {
            DatumError::new(format!("{count} more items exceed the limit of {ITEMS_MAX} an event"))
        })?;
        if count > 0 {
            self.length(count);
        }
        Ok(())
    }
}
