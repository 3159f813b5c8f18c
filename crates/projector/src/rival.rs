//! What a worker does when its checkpoint is not where it left it: an unknown commit, a rival.

use std::time::Duration;

use uuid::Uuid;

use crate::sink::{Checkpoint, SinkError};
use crate::worker::{Fault, Worker};

/// A rival that has not moved the checkpoint for this long, with work to do, is gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The checkpoint of another worker, as last seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rival(Option<Checkpoint>);

impl Worker {
    /// The commit of [`Self::unsure`]: it stands or it does not, and the checkpoint knows.
    pub(crate) async fn decide(&mut self) -> Result<(), Fault> {
        let Some(done) = self.unsure.take() else { return Ok(()) };
        match self.shop.sink.look(&self.table, self.lane).await {
            Ok(Some((at, owner))) if owner == self.shop.owner && at == Some(done.next) => {
                self.batch.clear();
                self.advance(done);
                Ok(())
            }
            Ok(Some((at, owner))) if owner == self.shop.owner && at == self.at => Ok(()),
            Ok(found) => Err(self.lost(found)),
            Err(error @ SinkError::Unavailable(_)) => {
                self.unsure = Some(done);
                Err(Fault::Wait(error.to_string()))
            }
            Err(error) => Err(Fault::Restart(error.to_string())),
        }
    }

    pub(crate) async fn fault(&mut self, error: SinkError) -> Fault {
        match error {
            SinkError::Unavailable(_) => Fault::Wait(error.to_string()),
            SinkError::Lost { .. } => match self.shop.sink.look(&self.table, self.lane).await {
                Ok(found) => self.lost(found),
                Err(error) => {
                    self.reset();
                    Fault::Wait(error.to_string())
                }
            },
            SinkError::Refused(_) | SinkError::Broken(_) => Fault::Restart(error.to_string()),
        }
    }

    /// The checkpoint is not where this worker left it.
    fn lost(&mut self, found: Option<(Option<Checkpoint>, Uuid)>) -> Fault {
        self.reset();
        match found {
            None => Fault::Restart(format!("checkpoint of {} is gone", self.table.name)),
            Some((_, owner)) if owner == self.shop.owner => {
                Fault::Wait("checkpoint was set back; reading it again".to_owned())
            }
            Some((at, _)) => {
                self.rival = Some(Rival(at));
                self.standing_by()
            }
        }
    }

    fn standing_by(&self) -> Fault {
        let lane = self.shop.log.topics().lane_name(self.lane);
        Fault::Stand(format!("another worker folds {lane}"), PATIENCE)
    }

    /// Leaves the lane to a rival for as long as it moves or has nothing to do.
    pub(crate) async fn watch_rival(&mut self) -> Result<(), Fault> {
        let Some(Rival(seen)) = self.rival else { return Ok(()) };
        let found = self.shop.sink.look(&self.table, self.lane).await;
        let (at, owner) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Err(self.lost(None)),
            Err(error) => return Err(Fault::Wait(error.to_string())),
        };
        let offset = at.map_or(0, |at| at.offset_hint);
        self.cell.set(|view| {
            view.seq = at.map_or(0, |at| at.seq);
            view.offset = offset;
        });
        self.shop.moved.send_replace(());
        if owner == self.shop.owner || (at == seen && offset < self.shop.log.end(self.lane)) {
            self.rival = None;
            return Ok(());
        }
        self.rival = Some(Rival(at));
        Err(self.standing_by())
    }
}
