//! A row sink in memory whose calls can fail before and after the commit. Not a test.

#![allow(
    clippy::allow_attributes,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "part of a test"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{LaneId, StreamId};
use projector::{
    Changes, Checkpoint, Generation, Parked, RowSink, RowTx, SinkError, Standing, StoredRow, Table,
    Taken,
};
use uuid::Uuid;

use super::Rng;

#[derive(Debug, Default, Clone)]
pub struct Tab {
    pub rows: BTreeMap<Uuid, StoredRow>,
    pub lanes: HashMap<LaneId, (Option<Checkpoint>, Uuid)>,
    pub parked: BTreeMap<(LaneId, StreamId), Parked>,
}

impl Tab {
    pub fn positions(&self) -> Vec<(LaneId, u64)> {
        self.lanes.iter().map(|(lane, (at, _))| (*lane, at.map_or(0, |at| at.seq))).collect()
    }
}

/// Sees every table after every commit.
pub type Look = Box<dyn Fn(&'static str, &Tab) + Send>;

#[derive(Default)]
pub struct State {
    pub tables: HashMap<(&'static str, Generation), Tab>,
    pub live: HashMap<&'static str, (Generation, Option<Generation>)>,
    pub commits: u64,
    pub refuse: Option<i64>,
    /// One call in so many fails; 0: none.
    pub faults: u64,
    pub rng: Option<Rng>,
    /// Commits get lost on their way.
    pub deaf: bool,
    /// So many did.
    pub lost: u64,
    pub after_commit: Option<Look>,
}

#[derive(Clone, Default)]
pub struct MemSink(pub Arc<Mutex<State>>);

enum Guard {
    All(#[expect(dead_code, reason = "held")] tokio::sync::OwnedRwLockWriteGuard<()>),
    Own(#[expect(dead_code, reason = "held")] tokio::sync::OwnedRwLockReadGuard<()>),
}

pub struct MemTx {
    sink: MemSink,
    table: Table,
    lane: LaneId,
    owner: Uuid,
    expected: Option<Checkpoint>,
    next: Checkpoint,
    guard: Option<Guard>,
}

static SHARED: std::sync::LazyLock<Arc<tokio::sync::RwLock<()>>> =
    std::sync::LazyLock::new(Arc::default);

impl MemSink {
    fn fault(&self, at: &str) -> Result<(), SinkError> {
        let mut state = self.0.lock().unwrap();
        let faults = state.faults;
        if faults > 0 && state.rng.as_mut().is_some_and(|rng| rng.below(faults) == 0) {
            return Err(SinkError::Unavailable(format!("fault {at}")));
        }
        Ok(())
    }

    pub fn live(&self, projection: &'static str) -> Tab {
        let state = self.0.lock().unwrap();
        let live = state.live[projection].0;
        state.tables[&(projection, live)].clone()
    }
}

impl MemTx {
    fn holds(&self, state: &State) -> bool {
        let found = state.tables.get(&(self.table.projection, self.table.generation()));
        let found = found.and_then(|tab| tab.lanes.get(&self.lane));
        found == Some(&(self.expected, self.owner))
    }
}

#[async_trait]
impl RowSink for MemSink {
    async fn standing(&self, projection: &'static str) -> Result<Option<Standing>, SinkError> {
        self.fault("standing")?;
        let state = self.0.lock().unwrap();
        Ok(state.live.get(projection).map(|(live, building)| Standing {
            live: *live,
            building: *building,
            positions: state.tables[&(projection, *live)].positions(),
        }))
    }

    async fn prepare(&self, table: &Table) -> Result<(), SinkError> {
        self.fault("prepare")?;
        let mut state = self.0.lock().unwrap();
        let generation = table.generation();
        let live = state.live.entry(table.projection).or_insert((generation, None));
        if live.0 != generation {
            live.1 = Some(generation);
        }
        state.tables.entry((table.projection, generation)).or_default();
        Ok(())
    }

    async fn take(&self, table: &Table, lane: LaneId, owner: Uuid) -> Result<Taken, SinkError> {
        self.fault("take")?;
        let mut state = self.0.lock().unwrap();
        let tab = state.tables.get_mut(&(table.projection, table.generation()));
        let tab = tab.ok_or_else(|| SinkError::Broken("no table".into()))?;
        let held = tab.lanes.entry(lane).or_insert((None, owner));
        held.1 = owner;
        let checkpoint = held.0;
        let parked = tab.parked.iter().filter(|((it, _), _)| *it == lane).map(|(_, it)| it.clone());
        Ok(Taken { checkpoint, parked: parked.collect() })
    }

    async fn look(
        &self,
        table: &Table,
        lane: LaneId,
    ) -> Result<Option<(Option<Checkpoint>, Uuid)>, SinkError> {
        self.fault("look")?;
        let state = self.0.lock().unwrap();
        let tab = state.tables.get(&(table.projection, table.generation()));
        Ok(tab.and_then(|tab| tab.lanes.get(&lane).copied()))
    }

    async fn begin(
        &self,
        table: &Table,
        lane: LaneId,
        owner: Uuid,
        expected: Option<&Checkpoint>,
        next: &Checkpoint,
    ) -> Result<Box<dyn RowTx>, SinkError> {
        self.fault("begin")?;
        let (sink, expected) = (self.clone(), expected.copied());
        let tx =
            MemTx { sink, table: table.clone(), lane, owner, expected, next: *next, guard: None };
        if !tx.holds(&self.0.lock().unwrap()) {
            return Err(SinkError::Lost { projection: table.projection });
        }
        Ok(Box::new(tx))
    }

    async fn publish(&self, table: &Table) -> Result<bool, SinkError> {
        self.fault("publish")?;
        let mut state = self.0.lock().unwrap();
        let live = state.live[table.projection].0;
        let old = state.tables[&(table.projection, live)].positions();
        let new: HashMap<_, _> =
            state.tables[&(table.projection, table.generation())].positions().into_iter().collect();
        if old.iter().any(|(lane, seq)| new.get(lane).is_none_or(|at| at < seq)) {
            return Ok(false);
        }
        state.tables.remove(&(table.projection, live));
        state.live.insert(table.projection, (table.generation(), None));
        Ok(true)
    }
}

#[async_trait]
impl RowTx for MemTx {
    async fn load(
        &mut self,
        keys: &[Uuid],
        shared: bool,
    ) -> Result<HashMap<Uuid, StoredRow>, SinkError> {
        self.sink.fault("load")?;
        let lock = Arc::clone(&SHARED);
        self.guard = Some(if shared {
            Guard::All(lock.write_owned().await)
        } else {
            Guard::Own(lock.read_owned().await)
        });
        let state = self.sink.0.lock().unwrap();
        let tab = state.tables.get(&(self.table.projection, self.table.generation()));
        let Some(tab) = tab else { return Err(SinkError::Broken("no table".into())) };
        Ok(keys.iter().filter_map(|key| tab.rows.get(key).map(|row| (*key, row.clone()))).collect())
    }

    async fn commit(self: Box<Self>, changes: Changes) -> Result<(), SinkError> {
        self.sink.fault("before commit")?;
        {
            let mut state = self.sink.0.lock().unwrap();
            if state.deaf {
                state.lost += 1;
                return Err(SinkError::Unavailable("no answer".into()));
            }
        }
        tokio::task::yield_now().await;
        {
            let mut state = self.sink.0.lock().unwrap();
            if !self.holds(&state) {
                return Err(SinkError::Lost { projection: self.table.projection });
            }
            let refused = state.refuse.map(domain::Value::Int);
            if changes
                .put
                .iter()
                .any(|row| refused.as_ref().is_some_and(|it| row.values.contains(it)))
            {
                return Err(SinkError::Refused("a value".into()));
            }
            state.commits += 1;
            let tab =
                state.tables.get_mut(&(self.table.projection, self.table.generation())).unwrap();
            tab.lanes.insert(self.lane, (Some(self.next), self.owner));
            tab.rows.extend(changes.put.into_iter().map(|row| (row.key, row)));
            changes.remove.iter().for_each(|key| drop(tab.rows.remove(key)));
            for parked in changes.park {
                tab.parked.insert((self.lane, parked.stream.clone()), parked);
            }
            changes.unpark.into_iter().for_each(|it| drop(tab.parked.remove(&(self.lane, it))));
            let tab = tab.clone();
            if let Some(look) = &state.after_commit {
                look(self.table.projection, &tab);
            }
        }
        self.sink.fault("after commit")
    }
}
