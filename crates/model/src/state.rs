//! The world of the model: one lane, its owners, their producers, and what clients were told.

use std::collections::VecDeque;

use lane::Tenure;
use log::{Header, LaneState};

use crate::chain::CheapChain;

/// The head of the lane before its first record.
pub(crate) const GENESIS: u64 = 7;

/// A record on its way or in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rec {
    /// What the reader rule looks at.
    pub header: Header,
    /// The head its writer saw.
    pub prev: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Which command it belongs to; `None`: a claim.
    pub command: Option<u8>,
    /// Which producer sent it.
    pub producer: (u8, u8),
}

/// What a client was told of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Told {
    /// Nothing yet, or "unknown": it may ask again with the same key.
    Nothing,
    /// It happened.
    Happened,
    /// It never happened; it is not asked again.
    Never,
}

/// A node that wants to own the lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    /// The production protocol.
    pub tenure: Tenure<CheapChain>,
    /// Counts the producers it has had: a new one for each claim.
    pub generation: u8,
    /// Commands whose frame it has read or committed.
    pub seen: Vec<bool>,
    /// Open frames: command and first seq, in order.
    pub open: Vec<(u8, u64)>,
    /// Commands of an epoch that broke, until the next own claim is read back.
    pub lost: Vec<u8>,
    /// Delivery reports of its frames under way.
    pub reports: Vec<Report>,
}

/// Delivery reports of one frame, gathered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Report {
    /// The epoch it was handed over in.
    pub epoch: u64,
    /// The seq of its first record.
    pub first_seq: u64,
    /// How many records were not reported yet.
    pub missing: u16,
    /// The offset of the first record, as the last report tells it.
    pub at: Option<u64>,
}

/// A delivery report on its way to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Word {
    /// The producer it is for.
    pub producer: (u8, u8),
    /// The record's seq; 0: a claim.
    pub seq: u64,
    /// The record's place in its frame.
    pub place: u64,
    /// Its offset; `None`: an error or a time-out of the client library.
    pub offset: Option<u64>,
}

/// The lane after a valid frame, and the command of that frame; `None`: a claim.
pub(crate) type Folded = (LaneState<CheapChain>, Option<u8>);

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// What lies in the lane.
    pub log: Vec<Rec>,
    /// How many of its records are replicated: only these can be read, and no leader change takes
    /// them back.
    pub durable: usize,
    /// Requests under way, of each producer, in the order of sending.
    pub sent: Vec<((u8, u8), VecDeque<Rec>)>,
    /// Delivery reports under way, in no order.
    pub words: Vec<Word>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What the clients were told.
    pub told: Vec<Told>,
    /// Which node each command was asked of last: only its answer is still heard.
    pub asked: Vec<Option<u8>>,
    /// Misfortunes left.
    pub left: Left,
}

/// How much may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    /// Claims that may still be written.
    pub claims: u8,
    /// Requests that may still be dropped, doubled or truncated, reports lost.
    pub drops: u8,
    /// Nodes that may still crash.
    pub crashes: u8,
}

impl Node {
    /// A node that has read nothing.
    pub(crate) fn new(commands: u8, generation: u8) -> Self {
        Self {
            tenure: Tenure::new(LaneState::new(GENESIS), 0),
            generation,
            seen: vec![false; usize::from(commands)],
            open: Vec::new(),
            lost: Vec::new(),
            reports: Vec::new(),
        }
    }
}

impl World {
    /// The lane as any reader sees it: the state after each valid frame, and which command it was.
    pub(crate) fn fold(&self) -> (Vec<Folded>, bool) {
        let mut state = LaneState::<CheapChain>::new(GENESIS);
        let mut mismatch = false;
        let mut frames = vec![(state.clone(), None)];
        for rec in &self.log[..self.durable] {
            match state.step(&rec.header, &rec.prev, &rec.bytes) {
                log::Step::Claimed => frames.push((state.clone(), None)),
                log::Step::Whole { .. } => frames.push((state.clone(), rec.command)),
                log::Step::Mismatch => mismatch = true,
                log::Step::Partial | log::Step::Void(_) => {}
            }
        }
        (frames, mismatch)
    }
}
