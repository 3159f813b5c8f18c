//! What the records of a lane say by the reader rule: which are valid, to which streams they belong, what
//! the next owner must know. Not where that is looked up, which is `index`.

use log::{Asked, Head, Header, LaneState, Sha256Chain, Step};
use uuid::Uuid;

use crate::bytes::{Put as _, Take, named, unnamed};
use crate::index::Index;
use crate::kept::Kept;

/// The head before a handover, and the one behind it if its writer has told it.
pub(crate) type Heads<'a> = (&'a Head, Option<Head>);

/// Judges the records of a lane by the reader rule, and has those of each stream linked.
#[derive(Debug)]
pub(crate) struct Streams {
    state: LaneState<Sha256Chain>,
    /// Records of the frame under assembly: offset and stream.
    partial: Vec<(u64, Uuid)>,
    void: u64,
    /// Among them, since this was opened: those that only the hash does not fit.
    mismatches: u64,
    /// For the next owner.
    pub(crate) kept: Kept,
    pub(crate) index: Index,
}

impl Streams {
    pub(crate) fn new(genesis: Head) -> Self {
        Self {
            state: LaneState::new(genesis),
            partial: Vec::new(),
            void: 0,
            mismatches: 0,
            kept: Kept::default(),
            index: Index::default(),
        }
    }

    /// Takes the next record of the lane.
    pub(crate) fn take(&mut self, offset: u64, (prev, after): Heads<'_>, record: &[u8]) {
        let Ok((header, _)) = Header::read(record) else {
            self.void += 1;
            return;
        };
        // The rule forgets a frame when it is whole, and the first record says what it is.
        let ends = header.place > 0 && header.place.checked_add(1) == Some(header.of);
        let partial = self.state.partial().filter(|_| ends);
        let first = partial.map(|(_, _, bytes)| Asked::peek(bytes).ok());
        match self.state.step_to(&header, prev, record, after) {
            Step::Claimed => {
                self.partial.clear();
                self.kept.claimed(offset, Asked::peek(record).ok());
            }
            Step::Partial => match stream(record) {
                Some(stream) => self.partial.push((offset, stream)),
                None => self.kept.turn_off(),
            },
            Step::Whole { first: seq } => {
                let begins = self.partial.first().map_or(offset, |(at, _)| *at);
                let first = first.unwrap_or_else(|| Asked::peek(record).ok());
                self.kept.framed(begins, seq, first);
                let mut partial = std::mem::take(&mut self.partial);
                for (offset, stream) in partial.drain(..) {
                    self.index.link(offset, stream);
                }
                self.partial = partial;
                if let Some(stream) = stream(record) {
                    self.index.link(offset, stream);
                }
            }
            Step::Void(_) => self.void += 1,
            Step::Mismatch => {
                self.void += 1;
                self.mismatches += 1;
            }
        }
    }

    /// What the rule knows of the lane before the frame under assembly, and where reading goes on then, of
    /// a lane that ends at `end`.
    pub(crate) fn resume(&self, end: u64) -> (LaneState<Sha256Chain>, u64) {
        let LaneState { epoch, seq, head, .. } = &self.state;
        let begins = self.partial.first().map_or(end, |(at, _)| *at);
        (LaneState::resume(*epoch, *seq, *head), begins)
    }

    /// What the rule knows of the lane.
    pub(crate) fn state(&self) -> &LaneState<Sha256Chain> {
        &self.state
    }

    /// How many records were void.
    pub(crate) fn void(&self) -> u64 {
        self.void
    }

    /// How many of those that were taken here fitted in all but their hash: no healthy history has one,
    /// so that what was known before may have been wrong.
    pub(crate) fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// For a checkpoint, without the index.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let LaneState { epoch, seq, head, .. } = &self.state;
        let (have, of, bytes) = self.state.partial().unwrap_or_default();
        out.extend_from_slice(&head.0);
        for number in [*epoch, *seq, self.void, u64::from(have), u64::from(of)] {
            out.put(number);
        }
        out.put_rows(bytes.iter().map(|byte| [*byte]));
        out.put_rows(self.partial.iter().map(|(at, stream)| named(*stream.as_bytes(), *at)));
        self.kept.write(out);
    }

    /// What [`Self::write`] wrote of a lane with `end` records and this index.
    pub(crate) fn read(from: &mut Take<'_>, end: u64, index: Index) -> Option<Self> {
        let head = Head(from.array()?);
        let (epoch, seq, void) = (from.u64()?, from.u64()?, from.u64()?);
        let (have, of) = (u16::try_from(from.u64()?).ok()?, u16::try_from(from.u64()?).ok()?);
        let bytes = from.rows::<1>()?.as_flattened();
        let state = LaneState::resume(epoch, seq, head);
        let state = match have {
            0 if of == 0 && bytes.is_empty() => state,
            have if have > 0 && have < of => state.with_partial(have, of, bytes.to_vec()),
            _ => return None,
        };
        let of_stream = |row: &[u8; 24]| {
            let (stream, at) = unnamed(row);
            (at < end).then_some((at, Uuid::from_bytes(stream)))
        };
        let partial = from.rows()?.iter().map(of_stream).collect::<Option<Vec<_>>>()?;
        let kept = Kept::read(from)?;
        let sound = void <= end && seq <= end;
        sound.then_some(Self { state, partial, void, mismatches: 0, kept, index })
    }
}

/// The stream of a valid record; two categories may share an id, so readers look at the record too.
fn stream(record: &[u8]) -> Option<Uuid> {
    log::stream_of(record).ok().flatten().map(|(_, id)| id)
}
