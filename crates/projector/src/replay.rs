//! A read model from the log alone: the fold from zero up to a point, without a database. For
//! `recount replay` and for the check that a table equals it.

use std::collections::{BTreeMap, HashMap};

use domain::{LaneId, Timestamp};
use log::{Body, Follower, Frame, Log};
use uuid::Uuid;

use crate::batch::{Folding, ParkedStreams, Piece, keys};
use crate::projector::lanes_of;
use crate::registry::Entry;
use crate::sink::{Parked, StoredRow};

/// How far to fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// To the end of the log.
    End,
    /// Everything recorded up to this time.
    Time(Timestamp),
    /// On each of these lanes up to this position; nothing of other lanes.
    Positions(Vec<(LaneId, u64)>),
}

/// A read model at a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Its rows, by key.
    pub rows: Vec<StoredRow>,
    /// Streams behind a poison event.
    pub parked: Vec<Parked>,
    /// How far every lane was folded.
    pub positions: Vec<(LaneId, u64)>,
    /// Events folded.
    pub folded: u64,
}

impl Until {
    fn takes(&self, frame: &Frame) -> bool {
        match self {
            Self::End => true,
            Self::Positions(all) => {
                all.iter().any(|(lane, seq)| *lane == frame.lane && frame.last() <= *seq)
            }
            Self::Time(at) => frame.records.iter().all(|record| match &record.body {
                Body::Event { meta, .. } => meta.recorded_at <= *at,
                Body::Outcome(outcome) => outcome.recorded_at <= *at,
                Body::Claim(_) => true,
            }),
        }
    }
}

/// Folds a projection from the first record of every lane it reads. May block on the medium.
pub fn fold_all(log: &dyn Log, entry: &Entry, until: &Until) -> Result<Replay, log::ReadError> {
    let mut rows: BTreeMap<Uuid, StoredRow> = BTreeMap::new();
    let mut all = Replay { rows: Vec::new(), parked: Vec::new(), positions: Vec::new(), folded: 0 };
    for lane in lanes_of(log.topics(), entry) {
        let mut follower = Follower::from_start(log, lane);
        let (mut parked, mut seq) = (ParkedStreams::new(), 0);
        'lane: loop {
            let frames = follower.poll(log)?;
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                if !until.takes(&frame) {
                    break 'lane;
                }
                seq = frame.last();
                let piece = Piece::new(entry, frame, 0);
                all.folded += fold(entry, &piece, &mut rows, &mut parked);
            }
        }
        all.positions.push((lane, seq));
        all.parked.extend(parked.into_values());
    }
    all.parked.sort_unstable_by(|a, b| a.stream.cmp(&b.stream));
    all.rows = rows.into_values().collect();
    Ok(all)
}

fn fold(
    entry: &Entry,
    piece: &Piece,
    rows: &mut BTreeMap<Uuid, StoredRow>,
    parked: &mut ParkedStreams,
) -> u64 {
    let found: HashMap<_, _> = keys(piece.items.iter())
        .into_iter()
        .filter_map(|key| rows.get(&key).map(|row| (key, row.clone())))
        .collect();
    let mut folding = Folding::new(entry, parked, found);
    piece.items.iter().for_each(|item| folding.take(item));
    let applied = folding.applied;
    let changes = folding.finish();
    rows.extend(changes.put.into_iter().map(|row| (row.key, row)));
    changes.remove.iter().for_each(|key| drop(rows.remove(key)));
    parked.extend(changes.park.into_iter().map(|it| (it.stream.clone(), it)));
    applied
}
