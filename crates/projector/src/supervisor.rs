//! The supervisor of one projection: which tables there are, which workers run, and the swap from one
//! table to the next. Not the folding, which is the workers'.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::cell::Phase;
use crate::pace::Pace;
use crate::sink::{Generation, SinkError, Table};
use crate::team::{Growth, Mode, Team};
use crate::worker::Shop;

/// How often the progress of a rebuild is looked at.
const PROGRESS: Duration = Duration::from_millis(100);
/// Events behind the log at which the live workers hold for the swap.
const NEAR: u64 = 2_000;

/// What an operator asks of a projection.
#[derive(Debug)]
pub(crate) enum Order {
    Rebuild(oneshot::Sender<Result<(), String>>),
    Pause,
    Resume,
}

/// The supervisor.
pub(crate) struct Supervisor {
    pub(crate) shop: Shop,
    pub(crate) growth: Growth,
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    pub(crate) ended: watch::Receiver<bool>,
    live: Option<Team>,
    building: Option<Team>,
}

/// How a run of the workers ended.
enum End {
    Stop,
    Restart(String),
}

impl Supervisor {
    pub(crate) const fn new(
        shop: Shop,
        growth: Growth,
        orders: mpsc::UnboundedReceiver<Order>,
        ended: watch::Receiver<bool>,
    ) -> Self {
        Self { shop, growth, orders, ended, live: None, building: None }
    }

    /// Until it is told to stop.
    pub(crate) async fn run(mut self) {
        let mut pace = Pace::default();
        while !*self.ended.borrow() {
            let (restart, restarts) = mpsc::unbounded_channel();
            let why = match self.bring_up(&restart).await {
                Ok(()) => {
                    let begun = tokio::time::Instant::now();
                    let end = self.watch(&restart, restarts).await;
                    self.stand_down().await;
                    if begun.elapsed() > Duration::from_secs(10) {
                        pace.reset();
                    }
                    match end {
                        End::Stop => return,
                        End::Restart(why) => why,
                    }
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!(projection = self.projection(), why, "projection waits");
            self.shop.projection.set_phase(Phase::Waiting(why));
            self.wait(pace.next()).await;
        }
    }

    fn projection(&self) -> &'static str {
        self.shop.projection.entry.table.projection
    }

    fn mode(&self) -> Mode {
        if self.shop.projection.is_paused() { Mode::Hold } else { Mode::Run }
    }

    fn start(&self, table: Table, restart: &mpsc::UnboundedSender<String>) -> Team {
        Team::start(&self.shop, table, self.mode(), &self.growth, restart)
    }

    /// Makes what is missing in the database and starts the workers.
    async fn bring_up(&mut self, restart: &mpsc::UnboundedSender<String>) -> Result<(), SinkError> {
        let code = self.shop.projection.entry.table.clone();
        let sink = std::sync::Arc::clone(&self.shop.sink);
        let mut standing = sink.standing(code.projection).await?;
        if standing.is_none() {
            sink.prepare(&code).await?;
            standing = sink.standing(code.projection).await?;
        }
        let Some(standing) = standing else {
            return Err(SinkError::Broken(format!("{} was made and is not there", code.name)));
        };
        let of_code = |generation: &Generation| generation.revision == code.revision;
        let live = at(&code, standing.live);
        let live = if of_code(&standing.live) {
            sink.prepare(&live).await?;
            self.start(live, restart)
        } else {
            Team::resting(live, &standing.positions)
        };
        let resumed = standing.building.filter(of_code).map(|generation| at(&code, generation));
        let next = if of_code(&standing.live) { resumed } else { resumed.or(Some(code)) };
        self.shop.projection.set_live(live.cells.clone());
        self.live = Some(live);
        match next {
            Some(table) => self.build(table, restart).await?,
            None => self.shop.projection.set_phase(Phase::Running),
        }
        Ok(())
    }

    async fn build(
        &mut self,
        table: Table,
        restart: &mpsc::UnboundedSender<String>,
    ) -> Result<(), SinkError> {
        self.shop.sink.prepare(&table).await?;
        let team = self.start(table, restart);
        tracing::info!(projection = self.projection(), generation = ?team.table.generation(), "rebuild begins");
        self.shop.projection.set_phase(Phase::Rebuilding(team.cells.clone()));
        self.building = Some(team);
        Ok(())
    }

    async fn watch(
        &mut self,
        restart: &mpsc::UnboundedSender<String>,
        mut restarts: mpsc::UnboundedReceiver<String>,
    ) -> End {
        let mut progress = tokio::time::interval(PROGRESS);
        loop {
            tokio::select! {
                _ = self.ended.changed() => return End::Stop,
                why = restarts.recv() => return End::Restart(why.unwrap_or_default()),
                order = self.orders.recv() => match order {
                    None => return End::Stop,
                    Some(order) => self.obey(order, restart).await,
                },
                _ = progress.tick(), if self.building.is_some() => {
                    if let Err(error) = self.swap_when_ready().await {
                        tracing::warn!(projection = self.projection(), %error, "swap failed; trying again");
                    }
                }
            }
        }
    }

    async fn obey(&mut self, order: Order, restart: &mpsc::UnboundedSender<String>) {
        match order {
            Order::Pause => self.pause(true),
            Order::Resume => self.pause(false),
            Order::Rebuild(answer) => {
                let done = self.rebuild(restart).await;
                // Who asked may have gone.
                let _ = answer.send(done);
            }
        }
    }

    fn pause(&self, paused: bool) {
        self.shop.projection.set_paused(paused);
        let mode = self.mode();
        self.live.iter().chain(&self.building).for_each(|team| team.tell(mode));
    }

    async fn rebuild(&mut self, restart: &mpsc::UnboundedSender<String>) -> Result<(), String> {
        let Some(live) = &self.live else { return Err("projection is not up yet".to_owned()) };
        if self.building.is_some() {
            return Err("a rebuild is running already; wait for its end".to_owned());
        }
        let table = live.table.at_build(live.table.build + 1);
        self.build(table, restart).await.map_err(|error| error.to_string())
    }

    /// Swaps when the new table has reached the live one. The live workers hold while the last few
    /// events are folded, or the two would never meet under load.
    async fn swap_when_ready(&mut self) -> Result<(), SinkError> {
        let (Some(live), Some(building)) = (&self.live, &self.building) else { return Ok(()) };
        if self.shop.projection.is_paused() || !building.cells.iter().all(|cell| cell.view().known)
        {
            return Ok(());
        }
        let log = &self.shop.log;
        let behind =
            |cell: &crate::cell::LaneCell| log.end(cell.lane).saturating_sub(cell.view().offset);
        if building.cells.iter().map(|cell| behind(cell)).sum::<u64>() > NEAR {
            return Ok(());
        }
        live.tell(Mode::Hold);
        let done = self.shop.sink.publish(&building.table).await;
        if !matches!(done, Ok(true)) {
            live.tell(self.mode_while_swapping(&done));
            return done.map(drop);
        }
        let Some(team) = self.building.take() else { return Ok(()) };
        tracing::info!(projection = self.projection(), generation = ?team.table.generation(), "rebuild is live");
        self.shop.projection.set_live(team.cells.clone());
        self.shop.projection.set_phase(Phase::Running);
        if let Some(old) = self.live.replace(team) {
            old.stop().await;
        }
        self.shop.moved.send_replace(());
        Ok(())
    }

    /// Behind by a little: the live workers go on holding. An error: they go on working.
    fn mode_while_swapping(&self, done: &Result<bool, SinkError>) -> Mode {
        if done.is_ok() { Mode::Hold } else { self.mode() }
    }

    async fn stand_down(&mut self) {
        for team in self.live.take().into_iter().chain(self.building.take()) {
            team.stop().await;
        }
    }

    /// Waits before the next attempt, open for orders.
    async fn wait(&mut self, pause: Duration) {
        let end = tokio::time::Instant::now() + pause;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                _ = self.ended.changed() => return,
                order = self.orders.recv() => match order {
                    None => return,
                    Some(Order::Rebuild(answer)) => {
                        let _ = answer.send(Err("the read database is not up; try again".to_owned()));
                    }
                    Some(Order::Pause) => self.shop.projection.set_paused(true),
                    Some(Order::Resume) => self.shop.projection.set_paused(false),
                }
            }
        }
    }
}

fn at(table: &Table, generation: Generation) -> Table {
    Table { revision: generation.revision, build: generation.build, ..table.clone() }
}
