//! What the next owner of a lane must know beside the rule: keys, log time, newest claim. The keys since the
//! last checkpoint are in memory, the ones before in its file. Not what an owner makes of them.

use domain::{CommandKey, Timestamp};
use log::{Asked, KEY_WINDOW_MS, KeyAt};

use crate::bytes::{Put as _, Take};
use crate::piece::Piece;

/// A key as it is kept: key, log time in microseconds, offset, seq.
pub(crate) type Row = [u8; 40];
pub(crate) const ROW_BYTES: u64 = 40;

/// What one lane keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    log_time: Timestamp,
    /// Offset of the newest valid claim.
    claim: Option<u64>,
    /// Nothing is kept: no owner will ask, or a valid record could not be looked into.
    off: bool,
    /// In the order of the lane, behind those of `older`.
    rows: Vec<Row>,
    older: Option<Piece>,
}

/// What is kept, at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) log_time: Timestamp,
    pub(crate) claim: Option<u64>,
    pub(crate) rows: Vec<Row>,
    pub(crate) older: Option<Piece>,
}

impl Snapshot {
    /// Offset of the last row in memory.
    pub(crate) fn upto(&self) -> Option<u64> {
        self.rows.last().map(|row| key_at(row).offset)
    }

    /// The keys of all rows, oldest first; the window may have passed some of them.
    pub(crate) fn keys(&self) -> Result<Vec<KeyAt>, String> {
        let older = self.older.as_ref().map_or(0, |older| older.bytes / ROW_BYTES);
        let older = usize::try_from(older).map_err(|error| error.to_string())?;
        let mut keys = Vec::with_capacity(older + self.rows.len());
        if let Some(older) = &self.older {
            older.read_rows(size_of::<Row>(), |rows| {
                keys.extend(rows.as_chunks().0.iter().map(key_at));
            })?;
        }
        keys.extend(self.rows.iter().map(key_at));
        Ok(keys)
    }

    /// All rows, one behind the other, without those that the window has passed.
    pub(crate) fn all_rows(&self) -> Result<Vec<u8>, String> {
        let mut all = self.older.as_ref().map_or_else(|| Ok(Vec::new()), Piece::read)?;
        all.extend_from_slice(self.rows.as_flattened());
        let (rows, _) = all.as_chunks();
        let passed = passed(rows);
        all.drain(..passed * size_of::<Row>());
        Ok(all)
    }
}

impl Kept {
    /// Keeps nothing from now on.
    pub(crate) fn turn_off(&mut self) {
        *self = Self { off: true, ..Self::default() };
    }

    /// A claim took effect; `None`: it could not be looked into.
    pub(crate) fn claimed(&mut self, offset: u64, asked: Option<Asked>) {
        self.claim = Some(offset);
        match asked {
            Some(Asked { at, .. }) => self.log_time = self.log_time.max(at),
            None => self.turn_off(),
        }
    }

    /// A frame took effect that begins with this record.
    pub(crate) fn framed(&mut self, offset: u64, seq: u64, asked: Option<Asked>) {
        let Some(Asked { at, key }) = asked else { return self.turn_off() };
        self.log_time = self.log_time.max(at);
        let Some(key) = key.filter(|_| !self.off) else { return };
        if self.older.is_none() && self.rows.len() == self.rows.capacity() {
            self.rows.drain(..passed(&self.rows));
        }
        self.rows.push(row(KeyAt { key, at, offset, seq }));
    }

    /// `None`: nothing is kept.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let Self { log_time, claim, off, rows, older } = self;
        let (rows, older) = (rows.clone(), older.clone());
        (!off).then_some(Snapshot { log_time: *log_time, claim: *claim, rows, older })
    }

    /// The rows up to this offset are in a file now.
    pub(crate) fn moved(&mut self, older: Piece, upto: Option<u64>) {
        if !self.off {
            let is_in = |row: &Row| upto.is_some_and(|upto| key_at(row).offset <= upto);
            self.rows.drain(..self.rows.partition_point(is_in));
            self.older = Some(older);
        }
    }

    /// For a checkpoint, without the rows.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(self.log_time.as_micros().cast_unsigned());
        out.put(self.claim.map_or(0, |offset| offset.saturating_add(1)));
        out.put(u64::from(self.off));
    }

    /// What [`Self::write`] wrote.
    pub(crate) fn read(from: &mut Take<'_>) -> Option<Self> {
        let log_time = Timestamp::from_micros(from.u64()?.cast_signed());
        let (claim, off) = (from.u64()?.checked_sub(1), from.u64()?);
        let it = Self { log_time, claim, off: off == 1, ..Self::default() };
        (off <= 1).then_some(it)
    }
}

fn row(of: KeyAt) -> Row {
    let mut row = [0; 40];
    row[..16].copy_from_slice(&of.key.0);
    row[16..24].copy_from_slice(&of.at.as_micros().to_le_bytes());
    row[24..32].copy_from_slice(&of.offset.to_le_bytes());
    row[32..].copy_from_slice(&of.seq.to_le_bytes());
    row
}

/// The key of a row.
pub(crate) fn key_at(row: &Row) -> KeyAt {
    let number = |at: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&row[at..at + 8]);
        u64::from_le_bytes(number)
    };
    let mut key = [0; 16];
    key.copy_from_slice(&row[..16]);
    let at = Timestamp::from_micros(number(16).cast_signed());
    KeyAt { key: CommandKey(key), at, offset: number(24), seq: number(32) }
}

/// How many rows at the front an owner would have forgotten by the last one.
fn passed(rows: &[Row]) -> usize {
    let Some(now) = rows.last().map(|last| key_at(last).at) else { return 0 };
    rows.iter().take_while(|row| now.ms_since(key_at(row).at) > KEY_WINDOW_MS).count()
}
