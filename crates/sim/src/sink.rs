//! The read database of the world: tables in memory, with the places where a connection can break and a
//! worker can die: before the checkpoint is looked at, behind it, behind the load, before the commit
//! stands, and behind it. Not SQL, which is tested on the real database.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{LaneId, StreamId};
use projector::{
    Changes, Checkpoint, Generation, Parked, RowSink, RowTx, SinkError, Standing, StoredRow, Table,
    Taken,
};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, oneshot};
use uuid::Uuid;

use crate::faults::Fault;
use crate::planted::Planted;
use crate::world::{World, lock};

/// How long a statement takes, in milliseconds, when nothing is wrong.
const STATEMENT_MS: u64 = 2;

/// One table.
#[derive(Default, Clone)]
pub(crate) struct Filled {
    pub(crate) rows: BTreeMap<Uuid, StoredRow>,
    pub(crate) lanes: BTreeMap<LaneId, (Option<Checkpoint>, Uuid)>,
    pub(crate) parked: BTreeMap<(LaneId, StreamId), Parked>,
}

type Name = (&'static str, u32, u32);

#[derive(Default)]
struct State {
    tables: BTreeMap<Name, Filled>,
    live: BTreeMap<&'static str, (Generation, Option<Generation>)>,
    locks: HashMap<(Name, LaneId), Arc<tokio::sync::Mutex<()>>>,
    shared: HashMap<Name, Arc<tokio::sync::RwLock<()>>>,
    down_until_ms: u64,
}

/// The read database.
pub(crate) struct Database {
    world: Arc<World>,
    state: Mutex<State>,
}

const fn name(table: &Table) -> Name {
    (table.projection, table.revision, table.build)
}

impl Database {
    pub(crate) fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), state: Mutex::default() })
    }

    /// The live table of a projection.
    pub(crate) fn live(&self, projection: &'static str) -> Option<Filled> {
        let state = lock(&self.state);
        let (live, _) = state.live.get(projection)?;
        state.tables.get(&(projection, live.revision, live.build)).cloned()
    }

    fn lane_lock(&self, table: &Table, lane: LaneId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.state).locks.entry((name(table), lane)).or_default())
    }

    /// The way to the server; an error on the way means that the statement did not arrive.
    async fn travel(&self) -> Result<(), SinkError> {
        let slow = if self.world.strikes(Fault::SinkSlow) { 100 } else { 1 };
        let ms = self.world.chance().tailed(STATEMENT_MS) * slow;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let now = self.world.ms();
        if self.world.strikes(Fault::SinkDown) {
            let down = self.world.chance().between(500, 20_000);
            lock(&self.state).down_until_ms = now + down;
        }
        if lock(&self.state).down_until_ms > now {
            return Err(SinkError::Unavailable("connection refused".to_owned()));
        }
        Ok(())
    }
}

/// The read database as one start of one node reaches it.
pub(crate) struct NodeSink {
    pub(crate) database: Arc<Database>,
    pub(crate) node: usize,
}

enum Guard {
    All(#[expect(dead_code, reason = "held")] OwnedRwLockWriteGuard<()>),
    Own(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
}

/// An open transaction; the row of the checkpoint is locked.
struct Tx {
    database: Arc<Database>,
    node: usize,
    table: Table,
    lane: LaneId,
    owner: Uuid,
    expected: Option<Checkpoint>,
    next: Checkpoint,
    checkpoint: Option<OwnedMutexGuard<()>>,
    rows: Option<Guard>,
    ended: bool,
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.ended {
            // Rolled back: its worker died, or gave it up.
            self.database.world.sometimes("projector crashed with a transaction open");
        }
    }
}

#[async_trait]
impl RowSink for NodeSink {
    async fn standing(&self, projection: &'static str) -> Result<Option<Standing>, SinkError> {
        self.database.travel().await?;
        let state = lock(&self.database.state);
        Ok(state.live.get(projection).map(|(live, building)| Standing {
            live: *live,
            building: *building,
            positions: state
                .tables
                .get(&(projection, live.revision, live.build))
                .map(Filled::positions)
                .unwrap_or_default(),
        }))
    }

    async fn prepare(&self, table: &Table) -> Result<(), SinkError> {
        self.database.travel().await?;
        let mut state = lock(&self.database.state);
        let generation = table.generation();
        let live = state.live.entry(table.projection).or_insert((generation, None));
        if live.0 != generation {
            live.1 = Some(generation);
        }
        state.tables.entry(name(table)).or_default();
        Ok(())
    }

    async fn take(&self, table: &Table, lane: LaneId, owner: Uuid) -> Result<Taken, SinkError> {
        self.database.travel().await?;
        let _row = self.database.lane_lock(table, lane).lock_owned().await;
        let mut state = lock(&self.database.state);
        let none = || SinkError::Broken("no such table".to_owned());
        let rows = state.tables.get_mut(&name(table)).ok_or_else(none)?;
        let held = rows.lanes.entry(lane).or_insert((None, owner));
        held.1 = owner;
        let checkpoint = held.0;
        let parked = rows.parked.iter().filter(|((of, _), _)| *of == lane);
        Ok(Taken { checkpoint, parked: parked.map(|(_, it)| it.clone()).collect() })
    }

    async fn look(
        &self,
        table: &Table,
        lane: LaneId,
    ) -> Result<Option<(Option<Checkpoint>, Uuid)>, SinkError> {
        self.database.travel().await?;
        let _row = self.database.lane_lock(table, lane).lock_owned().await;
        let state = lock(&self.database.state);
        Ok(state.tables.get(&name(table)).and_then(|rows| rows.lanes.get(&lane).copied()))
    }

    async fn begin(
        &self,
        table: &Table,
        lane: LaneId,
        owner: Uuid,
        expected: Option<&Checkpoint>,
        next: &Checkpoint,
    ) -> Result<Box<dyn RowTx>, SinkError> {
        self.database.travel().await?;
        let checkpoint = self.database.lane_lock(table, lane).lock_owned().await;
        let expected = expected.copied();
        let world = &self.database.world;
        let found = lock(&self.database.state)
            .tables
            .get(&name(table))
            .and_then(|rows| rows.lanes.get(&lane).copied());
        if found != Some((expected, owner)) && !world.plants(Planted::BothWorkersWin) {
            world.sometimes("projector lost its lane to a rival");
            return Err(SinkError::Lost { projection: table.projection });
        }
        Ok(Box::new(Tx {
            database: Arc::clone(&self.database),
            node: self.node,
            table: table.clone(),
            lane,
            owner,
            expected,
            next: *next,
            checkpoint: Some(checkpoint),
            rows: None,
            ended: false,
        }))
    }

    async fn publish(&self, table: &Table) -> Result<bool, SinkError> {
        self.database.travel().await?;
        let mut state = lock(&self.database.state);
        let Some((live, _)) = state.live.get(table.projection).copied() else { return Ok(false) };
        let old = (table.projection, live.revision, live.build);
        let positions = |state: &State, of| state.tables.get(&of).map(Filled::positions);
        let before = positions(&state, old).unwrap_or_default();
        let new: HashMap<_, _> =
            positions(&state, name(table)).unwrap_or_default().into_iter().collect();
        if before.iter().any(|(lane, seq)| new.get(lane).is_none_or(|at| at < seq)) {
            return Ok(false);
        }
        state.tables.remove(&old);
        state.live.insert(table.projection, (table.generation(), None));
        Ok(true)
    }
}

#[async_trait]
impl RowTx for Tx {
    async fn load(
        &mut self,
        keys: &[Uuid],
        shared: bool,
    ) -> Result<HashMap<Uuid, StoredRow>, SinkError> {
        self.database.world.edge(self.node);
        self.database.travel().await.inspect_err(|_| self.ended = true)?;
        let all = {
            let mut state = lock(&self.database.state);
            Arc::clone(state.shared.entry(name(&self.table)).or_default())
        };
        self.rows = Some(if shared {
            Guard::All(all.write_owned().await)
        } else {
            Guard::Own(all.read_owned().await)
        });
        let state = lock(&self.database.state);
        let none = || SinkError::Broken("no such table".to_owned());
        let rows = &state.tables.get(&name(&self.table)).ok_or_else(none)?.rows;
        Ok(keys.iter().filter_map(|key| Some((*key, rows.get(key)?.clone()))).collect())
    }

    async fn commit(mut self: Box<Self>, changes: Changes) -> Result<(), SinkError> {
        self.ended = true;
        let database = Arc::clone(&self.database);
        let world = Arc::clone(&database.world);
        world.edge(self.node);
        database.travel().await?;
        if world.strikes(Fault::SinkCutBefore) {
            world.sometimes("commit of unknown result does not stand");
            return Err(SinkError::Unavailable("connection lost".to_owned()));
        }
        // From here on the server has it: it stands, whatever becomes of the worker.
        let (tell, told) = oneshot::channel();
        let ms = world.chance().tailed(STATEMENT_MS);
        let after = Arc::clone(&world);
        world.after(ms, move || {
            let checkpoint = self.checkpoint.take();
            self.apply(changes);
            drop((checkpoint, self));
            if tell.send(()).is_err() {
                after.sometimes("projector crashed with a commit under way");
            }
        });
        let lost = || SinkError::Unavailable("connection lost".to_owned());
        told.await.map_err(|_| lost())?;
        if world.strikes(Fault::SinkCutAfter) {
            world.sometimes("commit of unknown result stands");
            return Err(lost());
        }
        Ok(())
    }
}

impl Tx {
    fn apply(&self, changes: Changes) {
        let world = &self.database.world;
        let mut state = lock(&self.database.state);
        let Some(rows) = state.tables.get_mut(&name(&self.table)) else { return };
        let found = rows.lanes.get(&self.lane).copied();
        if found != Some((self.expected, self.owner)) && !world.plants(Planted::BothWorkersWin) {
            return world.wrong("a locked checkpoint was moved: the world is broken");
        }
        let tell = |seq: u64| {
            let id = u64::from(self.lane.topic.0) << 16 | u64::from(self.lane.index);
            world.note("rows", &[id, seq, changes.put.len() as u64, changes.remove.len() as u64]);
        };
        tell(self.next.seq);
        let half = world.chance().percent(2);
        if !(half && world.plants(Planted::RowsBeforeCheckpoint)) {
            rows.lanes.insert(self.lane, (Some(self.next), self.owner));
        }
        if half && world.plants(Planted::CheckpointBeforeRows) {
            return;
        }
        rows.rows.extend(changes.put.into_iter().map(|row| (row.key, row)));
        changes.remove.iter().for_each(|key| drop(rows.rows.remove(key)));
        for parked in changes.park {
            rows.parked.insert((self.lane, parked.stream.clone()), parked);
        }
        changes.unpark.into_iter().for_each(|it| drop(rows.parked.remove(&(self.lane, it))));
    }
}

impl Filled {
    pub(crate) fn positions(&self) -> Vec<(LaneId, u64)> {
        self.lanes.iter().map(|(lane, (at, _))| (*lane, at.map_or(0, |at| at.seq))).collect()
    }
}
