//! What the runtime takes from its surroundings: the wall clock, random ids, threads that wait or
//! block. The simulator puts its own in their place, for its thread alone. Not for rules, which take
//! time and ids as values, and not tokio's clock, which can be paused by itself.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use uuid::Uuid;

/// Surroundings that are made up.
pub trait Surroundings {
    /// What the wall clock shows.
    fn now(&self) -> Timestamp;
    /// An id that nobody has drawn before.
    fn random_id(&self) -> Uuid;
    /// Calls back after a pause.
    fn later(&self, pause: Duration, call: Box<dyn FnOnce() + Send>);
}

thread_local! {
    static MADE_UP: RefCell<Option<Rc<dyn Surroundings>>> = const { RefCell::new(None) };
}

fn made_up() -> Option<Rc<dyn Surroundings>> {
    MADE_UP.with_borrow(Clone::clone)
}

/// Now, by the wall clock; 0 when that stands before 1970.
pub fn now() -> Timestamp {
    if let Some(around) = made_up() {
        return around.now();
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A random id (`UUIDv4`).
pub fn random_id() -> Uuid {
    made_up().map_or_else(Uuid::new_v4, |around| around.random_id())
}

/// Calls back after a pause, from a thread of its own. An error: there is no thread to wait with.
pub fn later(pause: Duration, call: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    if let Some(around) = made_up() {
        around.later(pause, Box::new(call));
        return Ok(());
    }
    let wait = move || {
        std::thread::sleep(pause);
        call();
    };
    std::thread::Builder::new().name("later".to_owned()).spawn(wait).map(drop)
}

/// Whether this thread's surroundings are made up: then nothing may go to another thread, and nothing
/// blocks.
pub fn is_made_up() -> bool {
    MADE_UP.with_borrow(Option::is_some)
}

/// Makes this thread's surroundings up until what it gives is dropped.
///
/// ```
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// struct Still;
/// impl ambient::Surroundings for Still {
///     fn now(&self) -> domain::Timestamp {
///         domain::Timestamp::from_micros(7)
///     }
///     fn random_id(&self) -> uuid::Uuid {
///         uuid::Uuid::nil()
///     }
///     fn later(&self, _: Duration, call: Box<dyn FnOnce() + Send>) {
///         call();
///     }
/// }
///
/// let still = ambient::make_up(Rc::new(Still));
/// assert_eq!(ambient::now().as_micros(), 7);
/// drop(still);
/// assert!(ambient::now().as_micros() > 7);
/// ```
#[must_use]
pub fn make_up(around: Rc<dyn Surroundings>) -> MadeUp {
    MadeUp { before: MADE_UP.replace(Some(around)) }
}

/// Made up surroundings; dropped, those before it are back.
pub struct MadeUp {
    before: Option<Rc<dyn Surroundings>>,
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        MADE_UP.replace(self.before.take());
    }
}

impl std::fmt::Debug for MadeUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeUp").finish_non_exhaustive()
    }
}
