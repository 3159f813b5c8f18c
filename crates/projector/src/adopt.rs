//! How a worker takes a lane over: from the checkpoint, with the parked streams tried again.

use std::sync::Arc;
use std::time::Duration;

use log::{Follower, LaneState};

use crate::sink::{Checkpoint, SinkError};
use crate::work::{Work, blocking, held_items};
use crate::worker::{Fault, Worker};

/// A log that is shorter than the read database is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Worker {
    /// Takes the lane over and reads where its last owner left it.
    pub(crate) async fn take(&mut self) -> Result<(), Fault> {
        let taken = self.shop.sink.take(&self.table, self.lane, self.shop.owner).await;
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => return Err(self.fault(error).await),
        };
        let end = self.shop.log.end(self.lane);
        let topics = self.shop.log.topics();
        let state = match &taken.checkpoint {
            Some(at) if at.seq > end => {
                return Err(Fault::Stand(
                    self.other_history(taken.checkpoint.as_ref()),
                    LOOK_AGAIN,
                ));
            }
            Some(at) => LaneState::resume(at.epoch, at.seq, at.head),
            None => LaneState::new(topics.genesis(self.lane)),
        };
        let hint = taken.checkpoint.map_or(0, |at| at.offset_hint);
        let (log, lane) = (Arc::clone(&self.shop.log), self.lane);
        let follower = blocking(move || {
            Follower::find(&*log, lane, state, hint).map_err(|error| error.to_string())
        });
        let Some(follower) = follower.await? else {
            return Err(Fault::Stand(self.other_history(taken.checkpoint.as_ref()), LOOK_AGAIN));
        };
        self.read_to = follower.offset();
        self.follower = Some(follower);
        self.at = taken.checkpoint;
        self.parked = taken.parked.into_iter().map(|it| (it.stream.clone(), it)).collect();
        if let Err(fault) = self.drain().await {
            self.reset();
            return Err(fault);
        }
        self.show();
        Ok(())
    }

    /// What is told when the log is not the one that was folded.
    fn other_history(&self, at: Option<&Checkpoint>) -> String {
        let (lane, end) =
            (self.shop.log.topics().lane_name(self.lane), self.shop.log.end(self.lane));
        let seq = at.map_or(0, |at| at.seq);
        format!(
            "{} has folded {lane} up to {seq}, but that is not what the log has there (it ends at {end}); \
             if the log was restored from a backup, drop schema recount and start again",
            self.table.name
        )
    }

    /// Tries the parked streams again: the fold may be a better one than when they were parked.
    async fn drain(&mut self) -> Result<(), Fault> {
        let Some(at) = self.at else { return Ok(()) };
        let streams: Vec<_> = self.parked.keys().cloned().collect();
        for stream in streams {
            let Some(parked) = self.parked.get(&stream).cloned() else { continue };
            let (log, lane) = (Arc::clone(&self.shop.log), self.lane);
            let projection = Arc::clone(&self.shop.projection);
            let again = parked.clone();
            let items =
                blocking(move || held_items(&*log, &projection, lane, &again, at.seq)).await?;
            let first = items.first().filter(|item| item.event.is_ok());
            if first.is_none() && !items.is_empty() {
                continue;
            }
            let mut rest = self.parked.clone();
            rest.remove(&stream);
            let work =
                Work { items: items.iter().collect(), parked: &rest, drained: Some(&parked) };
            match self.transact(&at, work).await {
                Ok(done) => self.advance(done),
                Err((SinkError::Refused(_), _)) => {}
                Err((error, _)) => return Err(self.fault(error).await),
            }
        }
        Ok(())
    }
}
