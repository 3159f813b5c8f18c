//! What a log must do: the trait of the adapters. Offsets here are the adapter's own places; what
//! the rest of the system speaks of are positions, which the reader rule makes.

use domain::{LaneId, StreamId};

use crate::{Head, Recall, Topics};

/// Records handed over to the log as one unit: a claim, or the whole frame of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Where to.
    pub lane: LaneId,
    /// The lane's head before them, as the writer knows it.
    pub prev: Head,
    /// How many records.
    pub records: u16,
    /// Their canonical bytes.
    pub bytes: Vec<u8>,
    /// The head behind them, of a claim or one frame whose writer has computed it: spares the log the hash.
    pub after: Option<Head>,
}

/// What became of a handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Durable; its records lie at these offsets, in order.
    At {
        /// Offset of the first record.
        first: u64,
        /// Whether the others follow without a gap.
        contiguous: bool,
    },
    /// It may be in the log or not.
    Unknown(String),
}

/// Called once, from a thread of the log or before [`Log::append`] returns, with one delivery a handover.
/// Calls that share a lane are answered in their order as long as all are delivered: behind one whose fate
/// is unknown, later ones may be told first. On a log of several machines calls of other lanes have no
/// order. It must not block.
pub type Done = Box<dyn FnOnce(Vec<Delivery>) + Send>;

/// Told which lanes have grown.
pub type GrowthHook = Box<dyn Fn(&[LaneId]) + Send + Sync>;

/// A record as it lies in the log: valid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the lane, from 0, as the adapter counts.
    pub offset: u64,
    /// The head that its writer saw before its frame.
    pub prev: Head,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// Takes a record that is not kept: its offset, the head that its writer saw, its bytes.
pub type VisitRecord<'a> = &'a mut dyn FnMut(u64, &Head, &[u8]);

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The medium says something it must not say.
    #[error("log is damaged: {0}; run `recount audit verify`, then restore from a backup")]
    Damaged(String),
    /// Not now.
    #[error("log cannot be read now: {0}")]
    Unavailable(String),
}

/// A durable log of lanes.
///
/// Promises, checked by [`crate::conformance`]: handovers of one lane lie in the order in which they
/// were handed over; `At` means that no crash takes the records back; what `read` gave once, it gives
/// for ever, at the same offsets.
pub trait Log: Send + Sync + 'static {
    /// Its topics and lanes.
    fn topics(&self) -> &Topics;

    /// Hands records over, in order, without waiting for those before; a log may write a handover that comes
    /// alone while the caller waits. Overload and a failed medium are deliveries too: `Unknown`, and nothing
    /// handed over later in the epoch counts.
    fn append(&self, handovers: Vec<Handover>, done: Done);

    /// The records of a lane from an offset on, about `bytes_max` of them and at least one unless the
    /// end is reached. Only durable ones. May block on the medium.
    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError>;

    /// The valid records of one stream with at least this offset, through an index if there is one.
    /// May block on the medium.
    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError>;

    /// The same, each record given to `each` in its turn: for who looks at many once, and keeps none.
    fn visit_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
        each: VisitRecord<'_>,
    ) -> Result<(), ReadError> {
        for Stored { offset, prev, bytes } in self.read_stream(lane, stream, from)? {
            each(offset, &prev, &bytes);
        }
        Ok(())
    }

    /// The offset behind the last durable record of a lane.
    fn end(&self, lane: LaneId) -> u64;

    /// The offset up to which [`Log::read`] gives records at once; more may be on the way from another
    /// machine.
    fn ready(&self, lane: LaneId) -> u64 {
        self.end(lane)
    }

    /// What reading a lane up to some offset, at most [`Log::ready`], would tell its owner, if the log keeps
    /// that. May block on the medium.
    fn recall(&self, _lane: LaneId) -> Result<Option<Recall>, ReadError> {
        Ok(None)
    }

    /// Calls `hook` after the end of lanes has moved, from a thread of the log. It must not block.
    fn on_growth(&self, hook: GrowthHook);

    /// Why the log takes no more records, if that is so.
    fn failed(&self) -> Option<String>;
}
