//! The index of a lane up to some place, in the file of a checkpoint until somebody asks for it: a start reads
//! what it needs, however long the log is. Not what came since.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::LaneId;
use log::{Head, ReadError};
use segment::{Location, Reader};

use crate::bytes::Take;
use crate::entry;
use crate::error::read_error;
use crate::index::Index;
use crate::lanes::Lane;
use crate::piece::Piece;

/// Where the index of a lane lies, and how it is had if it is damaged there.
#[derive(Debug)]
pub(crate) struct Apart {
    pub(crate) piece: Piece,
    /// Records of the lane that it knows.
    pub(crate) end: u64,
    /// Handovers up to here are in it.
    pub(crate) held: Location,
    pub(crate) lane: LaneId,
    pub(crate) genesis: Head,
    /// The segments, with which nothing is lost.
    pub(crate) reader: Reader,
    /// Who reads it; others wait instead of reading it too.
    pub(crate) turn: Mutex<()>,
}

impl Apart {
    /// Waits until nobody else reads it.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index: from the file, or made anew from the segments when the file is damaged.
    pub(crate) fn index(&self) -> Result<Index, ReadError> {
        match self.written() {
            Ok(index) => Ok(index),
            Err(why) => {
                let LaneId { topic, index } = self.lane;
                let (topic, lane) = (topic.0, index);
                tracing::warn!(topic, lane, why, "checkpoint of the log is passed over for a lane");
                self.again()
            }
        }
    }

    /// As it is in the file.
    pub(crate) fn written(&self) -> Result<Index, String> {
        let bytes = self.piece.read()?;
        let index = Index::read(Take(&bytes), self.end, self.held);
        index.ok_or_else(|| "the index in it cannot be read".to_owned())
    }

    fn again(&self) -> Result<Index, ReadError> {
        let mut lane = Lane::new(self.genesis);
        let mut scan = self.reader.scan(Location(0));
        while let Some(found) = scan.next_entry().map_err(|error| read_error(&error))? {
            if found.location > self.held {
                break;
            }
            if entry::unpack(found.lane) == self.lane {
                let taken = entry::decode(found.bytes)
                    .map(|(prev, records)| lane.take(found.location, (&prev, None), records));
                if !matches!(taken, Some(Ok(_))) {
                    let what = format!("the entry at {} is not a row of records", found.location.0);
                    return Err(ReadError::Damaged(what));
                }
            }
        }
        Ok(lane.streams.index)
    }
}
