//! The world of the model: one lane, its log, its owners, what is under way. Concrete: nothing here is
//! abbreviated; which worlds count as the same is told by `shape`.

use std::sync::Arc;

use lane::Tenure;
use log::{Header, LaneState};

use crate::chain::CheapChain;
use crate::law::Wrong;

/// The head of the lane before its first record.
pub(crate) const GENESIS: u64 = 7;

/// What a reader of this lane knows.
pub(crate) type Lane = LaneState<CheapChain>;

/// A record on its way or in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rec {
    /// What the reader rule looks at.
    pub header: Header,
    /// The head its writer saw.
    pub prev: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// The command it belongs to; `None`: a claim.
    pub of: Option<Part>,
}

/// Which command a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    /// The command.
    pub command: u8,
    /// The version of the aggregate that it was decided at.
    pub version: u8,
}

impl Rec {
    /// Whether the rule calls it void for ever: another epoch has begun, and epochs never fall.
    pub(crate) fn is_stale(&self, epoch: u64) -> bool {
        self.header.epoch < epoch + u64::from(self.of.is_none())
    }

    /// The seq of its frame's first record.
    pub(crate) fn first_seq(&self) -> u64 {
        self.header.seq - u64::from(self.header.place)
    }
}

/// Records in the order of sending.
pub(crate) type Queue = Vec<Arc<Rec>>;

/// The log, from its newest record back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    /// `None`: bytes that are no record.
    pub rec: Option<Arc<Rec>>,
    /// The records before.
    pub older: Option<Arc<Self>>,
}

/// A node that wants to own the lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    /// The production protocol.
    pub tenure: Tenure<CheapChain>,
    /// Commands whose frame it has read or committed, one bit each.
    pub seen: u8,
    /// Frames handed over and not committed, oldest first.
    pub open: Vec<Open>,
    /// Frames of epochs that broke, until the next own claim is read back.
    pub lost: Vec<Lost>,
    /// What its present producer has under way.
    pub queue: Queue,
    /// The offset that the next frame must get.
    pub next: u64,
    /// It serves and takes commands.
    pub taking: bool,
    /// A delivery report that will come once more: first seq and offset.
    pub again: Option<(u64, Option<u64>)>,
}

/// A frame handed over and not committed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Open {
    /// Its command.
    pub command: u8,
    /// The seq of its first record.
    pub first_seq: u64,
    /// The offset that its first record must get.
    pub expected: u64,
    /// What every reader knew, and the offset behind it, when it took effect.
    pub truth: Option<(Lane, u64)>,
    /// Its delivery report.
    pub report: Report,
}

/// The delivery report of a frame, as an adapter gives it: one, when the last record's fate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Report {
    /// Not all its records have a fate. `first`: the offset of the first; `torn`: they do not lie together.
    UnderWay { first: Option<u64>, torn: bool },
    /// On its way to the owner; `None`: an error, a time-out, offsets unknown or not contiguous.
    Ready(Option<u64>),
    /// The owner has it, and waits for that of an older frame.
    Heard,
    /// Lost.
    Lost,
}

/// A frame whose owner does not know what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lost {
    /// The epoch it was handed over in.
    pub epoch: u64,
    /// The seq of its first record.
    pub first_seq: u64,
    /// Whether it took effect.
    pub truth: bool,
    /// Whether its owner has read it.
    pub read: bool,
}

/// How much may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    /// Claims that may still be written.
    pub claims: u8,
    /// Misfortunes of broker, network and client library.
    pub faults: u8,
    /// Nodes that may still crash.
    pub crashes: u8,
}

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct World {
    /// What every reader knows at the end of the log.
    pub fold: Lane,
    /// How many records of a frame are assembled.
    pub assembled: u16,
    /// The log.
    pub log: Option<Arc<Link>>,
    /// The offset behind its last record.
    pub end: u64,
    /// Commands that took effect, one bit each.
    pub happened: u8,
    /// Commands of one record that were ever submitted: the highest of them.
    pub fresh: u8,
    /// Under way without a producer that listens, and void whenever they arrive; `None`: no record.
    pub strays: Vec<Option<Arc<Rec>>>,
    /// Under way without a producer that listens.
    pub orphans: Vec<Queue>,
    /// The nodes.
    pub nodes: Vec<Arc<Node>>,
    /// What may still happen.
    pub left: Left,
    /// The law that was just broken.
    pub wrong: Option<Wrong>,
}

impl Node {
    /// A node that has read nothing.
    pub(crate) fn new() -> Self {
        Self {
            tenure: Tenure::new(Lane::new(GENESIS), 0),
            seen: 0,
            open: Vec::new(),
            lost: Vec::new(),
            queue: Vec::new(),
            next: 0,
            taking: false,
            again: None,
        }
    }

    /// Whether it serves in an epoch that is over.
    pub(crate) fn is_zombie(&self, epoch: u64) -> bool {
        self.tenure.is_serving() && self.tenure.known().epoch < epoch
    }

    /// The events it has under way.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Rec> {
        self.queue.iter().map(AsRef::as_ref).filter(|rec| rec.of.is_some())
    }
}

impl World {
    /// The records from this offset on, in order.
    pub(crate) fn from(&self, offset: u64) -> Vec<Option<Arc<Rec>>> {
        let mut records = Vec::new();
        let mut link = self.log.as_ref();
        for _ in offset..self.end {
            let Some(at) = link else { break };
            records.push(at.rec.clone());
            link = at.older.as_ref();
        }
        records.reverse();
        records
    }

    /// One node, to be changed.
    pub(crate) fn node(&mut self, n: usize) -> &mut Node {
        Arc::make_mut(&mut self.nodes[n])
    }
}
