//! The world of a seed: time, chance, faults, and what happens when. One thread, so every lock is free;
//! they are here because what runs in the world asks for `Send`.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use domain::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::chance::Chance;
use crate::faults::{Fault, Faults};
use crate::planted::Planted;
use crate::run::{Pulse, Wish};
use crate::trace::Trace;

/// When every run begins: 2026-01-01, in microseconds since 1970.
const BEGIN_MICROS: i64 = 1_767_225_600_000_000;

type Call = Box<dyn FnOnce() + Send>;
type Doom = Arc<dyn Fn(usize) + Send + Sync>;

struct Due {
    at_ms: u64,
    number: u64,
    call: Call,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at_ms, self.number) == (other.at_ms, other.number)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}

/// The world of a seed.
pub(crate) struct World {
    begun: Instant,
    pulse: Pulse,
    /// What the wall clock of everybody is off by, in microseconds.
    offset: AtomicI64,
    chance: Mutex<Chance>,
    faults: Mutex<Faults>,
    pub(crate) planted: Option<Planted>,
    /// Whether the log remembers lanes for owners that begin. Not drawn: a draw would change every seed.
    pub(crate) remembers: bool,
    trace: Mutex<Trace>,
    due: Mutex<BinaryHeap<Reverse<Due>>>,
    number: AtomicU64,
    sooner: Notify,
    over: AtomicBool,
    /// Lets a node crash.
    doom: Mutex<Option<Doom>>,
    /// When the wall clock was set forward.
    set_forward_ms: Mutex<Vec<u64>>,
}

/// Locks; nothing panics with it held but the whole run.
pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(wish: &Wish, pulse: Pulse) -> Arc<Self> {
        let mut chance = Chance::of(wish.seed);
        let mut faults = Faults::draw(&mut chance);
        if !wish.only.is_empty() {
            faults = faults.only(&wish.only);
        }
        Arc::new(Self {
            begun: Instant::now(),
            pulse,
            offset: AtomicI64::new(0),
            chance: Mutex::new(chance),
            faults: Mutex::new(faults),
            planted: wish.planted,
            remembers: wish.seed % 2 == 1,
            trace: Mutex::new(Trace::new(wish.shown)),
            due: Mutex::default(),
            number: AtomicU64::new(0),
            sooner: Notify::new(),
            over: AtomicBool::new(false),
            doom: Mutex::default(),
            set_forward_ms: Mutex::default(),
        })
    }

    /// Milliseconds since the beginning.
    pub(crate) fn ms(&self) -> u64 {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.pulse.beat(ms);
        ms
    }

    /// What clocks that are right show, microseconds and all.
    pub(crate) fn wall(&self) -> Timestamp {
        let since = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(BEGIN_MICROS + since + self.offset.load(Ordering::Relaxed))
    }

    /// The wall clock jumps, for everybody.
    pub(crate) fn jump(&self, by_ms: i64) {
        self.offset.fetch_add(by_ms * 1_000, Ordering::Relaxed);
        self.note("clock jumps", &[by_ms.unsigned_abs(), u64::from(by_ms < 0)]);
        if by_ms < 0 {
            self.sometimes("clock went back");
        } else {
            lock(&self.set_forward_ms).push(self.ms());
        }
    }

    /// Whether the wall clock was set forward in this time, in milliseconds, ends included.
    pub(crate) fn was_set_forward(&self, from_ms: u64, to_ms: u64) -> bool {
        lock(&self.set_forward_ms).iter().any(|at_ms| (from_ms..=to_ms).contains(at_ms))
    }

    pub(crate) fn chance(&self) -> MutexGuard<'_, Chance> {
        lock(&self.chance)
    }

    pub(crate) fn strikes(&self, kind: Fault) -> bool {
        let strikes = lock(&self.faults).strikes(kind, &mut self.chance());
        if strikes {
            self.note(kind.name(), &[]);
        }
        strikes
    }

    /// No faults any more.
    pub(crate) fn calm(&self) {
        lock(&self.faults).end();
        self.note("faults end", &[]);
    }

    pub(crate) fn struck(&self) -> Vec<(Fault, u64)> {
        let faults = lock(&self.faults);
        Fault::ALL.iter().map(|kind| (*kind, faults.struck[*kind as usize])).collect()
    }

    pub(crate) fn note(&self, what: &str, of: &[u64]) {
        lock(&self.trace).note(self.ms(), what, of);
    }

    pub(crate) fn sometimes(&self, what: &'static str) {
        lock(&self.trace).sometimes(what);
    }

    pub(crate) fn wrong(&self, what: impl Into<String>) {
        lock(&self.trace).wrong(self.ms(), &what.into());
    }

    /// Whether everything is printed.
    pub(crate) fn is_shown(&self) -> bool {
        lock(&self.trace).is_shown()
    }

    pub(crate) fn trace(&self) -> MutexGuard<'_, Trace> {
        lock(&self.trace)
    }

    /// Whether a mistake is planted in this run.
    pub(crate) fn plants(&self, mistake: Planted) -> bool {
        self.planted == Some(mistake)
    }

    /// Calls so many milliseconds from now; those of one time in the order in which they were asked for.
    pub(crate) fn after(&self, ms: u64, call: impl FnOnce() + Send + 'static) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let at_ms = self.ms() + ms;
        lock(&self.due).push(Reverse(Due { at_ms, number, call: Box::new(call) }));
        self.sooner.notify_one();
    }

    /// Who lets a node crash.
    pub(crate) fn dooms(&self, by: impl Fn(usize) + Send + Sync + 'static) {
        *lock(&self.doom) = Some(Arc::new(by));
    }

    /// A node is at an edge of its work: now and then it dies within milliseconds.
    pub(crate) fn edge(&self, node: usize) {
        if !self.strikes(Fault::CrashAtEdge) {
            return;
        }
        let Some(doom) = lock(&self.doom).clone() else { return };
        let ms = self.chance().below(8);
        self.after(ms, move || doom(node));
    }

    /// Makes happen what is due, until the world ends.
    pub(crate) async fn turn(self: Arc<Self>) {
        while !self.over.load(Ordering::Relaxed) {
            let next = lock(&self.due).peek().map(|Reverse(due)| due.at_ms);
            let wait = async {
                match next {
                    Some(at_ms) => {
                        tokio::time::sleep_until(self.begun + Duration::from_millis(at_ms)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.sooner.notified() => {}
                () = wait => {}
            }
            let now = self.ms();
            loop {
                let due = {
                    let mut all = lock(&self.due);
                    match all.peek() {
                        Some(Reverse(due)) if due.at_ms <= now => all.pop(),
                        _ => None,
                    }
                };
                let Some(Reverse(Due { call, .. })) = due else { break };
                call();
            }
        }
    }

    /// Nothing happens any more; what was to come is dropped.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        lock(&self.due).clear();
        *lock(&self.doom) = None;
        self.sooner.notify_one();
    }
}

thread_local! {
    static SKEW: Cell<i64> = const { Cell::new(0) };
}

/// What the runtime takes for the machine it runs on.
pub(crate) struct Machine(pub(crate) Arc<World>);

impl Machine {
    /// Until it is dropped, the runtime of this thread lives in the world.
    pub(crate) fn of(world: &Arc<World>) -> ambient::MadeUp {
        ambient::make_up(Rc::new(Self(Arc::clone(world))))
    }
}

impl ambient::Surroundings for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.wall().as_micros() + SKEW.get())
    }

    fn random_id(&self) -> Uuid {
        let mut chance = self.0.chance();
        uuid::Builder::from_u128(u128::from(chance.next()) << 64 | u128::from(chance.next()))
            .with_version(uuid::Version::Random)
            .into_uuid()
    }

    fn later(&self, pause: Duration, call: Box<dyn FnOnce() + Send>) {
        self.0.after(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), call);
    }
}

/// What can be done to a process from outside.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// What its clock is off by, in microseconds.
    pub(crate) skew: AtomicI64,
    /// Until when it is stopped.
    pub(crate) stopped_until_ms: AtomicU64,
}

/// A task of a process: it sees the clock of the process, and stands still when that does.
pub(crate) struct Inside<F> {
    pub(crate) process: Arc<Process>,
    pub(crate) world: Arc<World>,
    pub(crate) task: Pin<Box<F>>,
    pub(crate) still: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<F: Future<Output = ()>> Future for Inside<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if let Some(still) = &mut this.still {
                std::task::ready!(still.as_mut().poll(cx));
                this.still = None;
            }
            let until = this.process.stopped_until_ms.load(Ordering::Relaxed);
            let now = this.world.ms();
            if until <= now {
                break;
            }
            let pause = Duration::from_millis(until - now);
            this.still = Some(Box::pin(tokio::time::sleep(pause)));
        }
        SKEW.set(this.process.skew.load(Ordering::Relaxed));
        let done = this.task.as_mut().poll(cx);
        SKEW.set(0);
        done
    }
}
