//! The worker of one lane of one table: reads, folds, writes, one transaction a batch. It holds no
//! connection and no statement; what it may not do is decided by the checkpoint in the sink.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::LaneId;
use log::{Follower, Log, Mutant};
use tokio::sync::watch;
use uuid::Uuid;

use crate::batch::{ParkedStreams, Piece, keys, shared};
use crate::cell::{LaneCell, ProjectionCell};
use crate::rival::Rival;
use crate::sink::{Checkpoint, RowSink, SinkError, Table};
use crate::work::{Work, blocking};

/// Records a transaction: enough to make its fixed cost small, few enough that a rival, a pause or a
/// reader of the checkpoint waits for milliseconds.
const BATCH_RECORDS: u64 = 2_000;

/// Why a step did not succeed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Try again after a back-off.
    Wait(String),
    /// Try again after this time.
    Stand(String, Duration),
    /// The table itself must be looked after.
    Restart(String),
}

/// What a transaction did, to be remembered once it is certain.
pub(crate) struct Done {
    pub(crate) next: Checkpoint,
    park: Vec<crate::sink::Parked>,
    unpark: Vec<domain::StreamId>,
    applied: u64,
}

/// What every worker of a projection shares.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) sink: Arc<dyn RowSink>,
    pub(crate) owner: Uuid,
    pub(crate) projection: Arc<ProjectionCell>,
    /// Told after every commit.
    pub(crate) moved: watch::Sender<()>,
}

/// The worker.
pub(crate) struct Worker {
    pub(crate) shop: Shop,
    pub(crate) table: Table,
    pub(crate) lane: LaneId,
    pub(crate) cell: Arc<LaneCell>,
    /// The reader, from the first successful `take` on.
    pub(crate) follower: Option<Follower>,
    /// The last certain checkpoint.
    pub(crate) at: Option<Checkpoint>,
    /// Behind the last frame read.
    pub(crate) read_to: u64,
    queue: VecDeque<Piece>,
    pub(crate) batch: Vec<Piece>,
    pub(crate) parked: ParkedStreams,
    /// A commit with an unknown result.
    pub(crate) unsure: Option<Done>,
    /// The checkpoint of a rival, as last seen.
    pub(crate) rival: Option<Rival>,
    /// So many pieces go alone, to find the one that cannot be stored.
    alone: usize,
}

impl Worker {
    pub(crate) fn new(shop: Shop, table: Table, cell: Arc<LaneCell>) -> Self {
        Self {
            shop,
            table,
            lane: cell.lane,
            cell,
            follower: None,
            at: None,
            read_to: 0,
            queue: VecDeque::new(),
            batch: Vec::new(),
            parked: ParkedStreams::new(),
            unsure: None,
            rival: None,
            alone: 0,
        }
    }

    /// One batch, or the news that there is none.
    pub(crate) async fn step(&mut self) -> Result<bool, Fault> {
        if self.rival.is_some() {
            self.watch_rival().await?;
        }
        if self.unsure.is_some() {
            self.decide().await?;
        }
        if self.follower.is_none() {
            self.take().await?;
        }
        if self.batch.is_empty() {
            self.fill().await?;
        }
        if self.batch.is_empty() {
            return Ok(false);
        }
        self.write().await.map(|()| true)
    }

    /// Forgets everything but the sink: the next step takes the lane again.
    pub(crate) fn reset(&mut self) {
        self.follower = None;
        self.unsure = None;
        self.rival = None;
        self.queue.clear();
        self.batch.clear();
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        if self.queue.is_empty() {
            self.read().await?;
        }
        let mut records = 0;
        while let Some(piece) = self.queue.pop_front() {
            records += piece.records;
            self.batch.push(piece);
            if self.alone > 0 {
                self.alone -= 1;
                break;
            }
            if records >= BATCH_RECORDS {
                break;
            }
        }
        let oldest = self.batch.iter().find_map(|piece| piece.recorded_at);
        self.cell.set(|view| view.oldest = oldest);
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let Some(follower) = &self.follower else { return Ok(()) };
        if self.shop.log.end(self.lane) <= follower.offset() {
            return Ok(());
        }
        let (mut next, log) = (follower.clone(), Arc::clone(&self.shop.log));
        let (projection, mut before) = (Arc::clone(&self.shop.projection), self.read_to);
        let read = blocking(move || {
            let frames = next.poll(&*log).map_err(|error| error.to_string())?;
            let mut pieces = VecDeque::with_capacity(frames.len());
            for frame in frames {
                let piece = Piece::new(&projection.entry, frame, before);
                before = piece.after.offset_hint;
                pieces.push_back(piece);
            }
            Ok((next, pieces, before))
        });
        // On an error the follower stays where it was: frames of the failed poll are read again.
        let (next, pieces, read_to) = read.await?;
        (self.follower, self.queue, self.read_to) = (Some(next), pieces, read_to);
        Ok(())
    }

    async fn write(&mut self) -> Result<(), Fault> {
        let Some(next) = self.batch.last().map(|piece| piece.after) else { return Ok(()) };
        let items = self.batch.iter().flat_map(|piece| &piece.items).collect();
        let work = Work { items, parked: &self.parked, drained: None };
        match self.transact(&next, work).await {
            Ok(done) => {
                self.batch.clear();
                self.advance(done);
                Ok(())
            }
            Err((SinkError::Refused(why), _)) => self.split(why),
            Err((_, Some(done))) if Mutant::UnsureTakenForDone.is_on() => {
                self.batch.clear();
                self.advance(done);
                Ok(())
            }
            Err((error, done)) => {
                self.unsure = done;
                Err(self.fault(error).await)
            }
        }
    }

    /// A value of the batch cannot be stored: frame by frame from here, and the one that is refused
    /// alone is poison.
    fn split(&mut self, why: String) -> Result<(), Fault> {
        if let [piece] = &mut self.batch[..] {
            if piece.items.iter().all(|item| item.event.is_err()) {
                return Err(Fault::Restart(why));
            }
            for item in &mut piece.items {
                item.event = Err(why.clone());
            }
            return Ok(());
        }
        self.alone = self.batch.len() - 1;
        let mut pieces = std::mem::take(&mut self.batch).into_iter();
        self.batch.extend(pieces.next());
        pieces.rev().for_each(|piece| self.queue.push_front(piece));
        Ok(())
    }

    /// One transaction. An error comes with what was done when that may have been committed.
    pub(crate) async fn transact(
        &self,
        next: &Checkpoint,
        work: Work<'_>,
    ) -> Result<Done, (SinkError, Option<Done>)> {
        let Shop { sink, owner, projection, .. } = &self.shop;
        let before = |error| (error, None);
        let begun = sink.begin(&self.table, self.lane, *owner, self.at.as_ref(), next);
        let mut tx = begun.await.map_err(before)?;
        let mut keys = keys(work.items.iter().copied());
        keys.extend(work.drained.map(|parked| parked.key));
        let rows = if keys.is_empty() {
            std::collections::HashMap::new()
        } else {
            let shared = shared(&projection.entry, work.items.iter().copied());
            tx.load(&keys, shared).await.map_err(before)?
        };
        let (changes, applied) = work.fold(&projection.entry, rows);
        let (park, unpark) = (changes.park.clone(), changes.unpark.clone());
        let done = Done { next: *next, park, unpark, applied };
        match tx.commit(changes).await {
            Ok(()) => Ok(done),
            Err(error @ SinkError::Unavailable(_)) => Err((error, Some(done))),
            Err(error) => Err((error, None)),
        }
    }

    pub(crate) fn advance(&mut self, done: Done) {
        self.at = Some(done.next);
        for stream in done.unpark {
            tracing::info!(projection = self.table.projection, %stream, "parked stream goes on");
            self.parked.remove(&stream);
        }
        for parked in done.park {
            if !self.parked.contains_key(&parked.stream) {
                let (stream, version, why) = (&parked.stream, parked.version, &parked.why);
                let projection = self.table.projection;
                tracing::warn!(projection, %stream, version, %why, "stream is parked; a fixed build drains it");
            }
            self.parked.insert(parked.stream.clone(), parked);
        }
        self.shop.projection.folded.fetch_add(done.applied, Ordering::Relaxed);
        crate::meter::folded(self.table.projection, done.applied);
        self.show();
    }

    pub(crate) fn show(&self) {
        let oldest = self.queue.iter().find_map(|piece| piece.recorded_at);
        let mut parked: Vec<_> =
            self.parked.values().map(|it| (it.stream.clone(), it.why.clone())).collect();
        parked.sort_unstable();
        self.cell.set(|view| {
            view.seq = self.at.map_or(0, |at| at.seq);
            view.offset = self.at.map_or(0, |at| at.offset_hint);
            view.oldest = oldest;
            view.held = self.parked.values().map(|it| it.held).sum();
            view.parked = parked;
            view.waiting = None;
            view.known = true;
        });
        self.shop.moved.send_replace(());
    }
}
