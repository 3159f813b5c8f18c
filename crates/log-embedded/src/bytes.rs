//! Little-endian numbers in a byte string, and rows of them. Not a format: who writes them says what
//! they are.

/// Appends numbers.
pub(crate) trait Put {
    fn put(&mut self, number: u64);
    /// How many rows, then the rows.
    fn put_rows<const N: usize>(&mut self, rows: impl ExactSizeIterator<Item = [u8; N]>);
}

impl Put for Vec<u8> {
    fn put(&mut self, number: u64) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    fn put_rows<const N: usize>(&mut self, rows: impl ExactSizeIterator<Item = [u8; N]>) {
        self.put(rows.len() as u64);
        self.reserve(rows.len() * N);
        rows.for_each(|row| self.extend_from_slice(&row));
    }
}

/// Takes numbers off the front; `None` where the bytes end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What [`Put::put_rows`] put. Nothing is allocated for a number of rows that are not there.
    pub(crate) fn rows<const N: usize>(&mut self) -> Option<&'a [[u8; N]]> {
        let count = usize::try_from(self.u64()?).ok()?;
        Some(self.bytes(count.checked_mul(N)?)?.as_chunks().0)
    }

    /// `None` unless everything was taken.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Two numbers as one row.
pub(crate) fn pair(a: u64, b: u64) -> [u8; 16] {
    (u128::from(a) | u128::from(b) << 64).to_le_bytes()
}

/// The numbers of a row that [`pair`] made.
pub(crate) fn unpair(row: [u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(row);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the first number")]
    (both as u64, (both >> 64) as u64)
}

/// An id and a number as one row.
pub(crate) fn named(id: [u8; 16], number: u64) -> [u8; 24] {
    let mut row = [0; 24];
    row[..16].copy_from_slice(&id);
    row[16..].copy_from_slice(&number.to_le_bytes());
    row
}

/// Id and number of a row that [`named`] made.
pub(crate) fn unnamed(row: &[u8; 24]) -> ([u8; 16], u64) {
    let (mut id, mut number) = ([0; 16], [0; 8]);
    id.copy_from_slice(&row[..16]);
    number.copy_from_slice(&row[16..]);
    (id, u64::from_le_bytes(number))
}
