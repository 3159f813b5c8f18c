//! The laws of every decider, tried with random commands. Not its rules: those are said one by one.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};

use domain::{Aggregate, Context, Decider, EventSet, Rejection};
use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Random histories per test: a second at most for a rule of pure functions.
const CASES: u32 = 256;
/// Commands of one history: enough to walk through a lifecycle several times.
const COMMANDS_MAX: usize = 30;
/// Sets the seed of a run again; a failure prints it.
const SEED_VARIABLE: &str = "RECOUNT_SEED";

/// Makes a test of [`decider_laws`](fn@decider_laws): `decider_laws!(Post, commands())`, where
/// `commands()` is a proptest strategy of its commands. With the context,
/// `decider_laws!(Content: Post, commands())`, also of [`storage_laws`].
#[macro_export]
macro_rules! decider_laws {
    ($decider:ty, $commands:expr) => {
        #[test]
        fn the_laws_of_a_decider_hold() {
            $crate::decider_laws::<$decider>($commands);
        }
    };
    ($context:ty : $decider:ty, $commands:expr) => {
        $crate::decider_laws!($decider, $commands);

        #[test]
        fn what_is_decided_can_be_stored_and_read_again() {
            $crate::storage_laws::<$context, $decider>($commands);
        }
    };
}

/// Tries what holds for every decider:
/// - it is deterministic: the same state and command give the same answer, the same events the same
///   state;
/// - no command in any state panics, and no event on any state does, in or out of order;
/// - what it decides is of its own event types, and what it refuses has a rule's name and a sentence.
///
/// # Panics
/// When a law does not hold; the message has the shortest history and the seed.
pub fn decider_laws<D>(commands: impl Strategy<Value = D::Command>)
where
    D: Decider<Command: Clone + Debug, Event: PartialEq, State: PartialEq, Error: PartialEq>,
{
    run(&vec(commands, 0..COMMANDS_MAX), |commands| walk::<D>(&commands));
}

/// Tries that every event is the same after its way through the schemas of its context, and every state after
/// its way through a snapshot.
///
/// # Panics
/// When one is not; the message has the shortest history and the seed.
pub fn storage_laws<C, D>(commands: impl Strategy<Value = D::Command>)
where
    C: Context,
    D: Aggregate<Command: Clone + Debug, Event: PartialEq, State: PartialEq>,
{
    let schemas = codec::Schemas::builder().register::<C>().build();
    let schemas = schemas.unwrap_or_else(|error| panic!("{error}"));
    run(&vec(commands, 0..COMMANDS_MAX), |commands| {
        let mut state = D::State::default();
        for command in commands {
            for event in D::decide(&state, command).unwrap_or_default() {
                let stored = schemas.encode(&event).map_err(|e| failed(&event, &e))?;
                let read: D::Event = schemas.decode(&stored).map_err(|e| failed(&event, &e))?;
                holds(read == event, || format!("{event:?} is read again as {read:?}"))?;
                state = D::evolve(state, &event);
                let kept = codec::state_to_bytes(&state);
                let read: Option<D::State> = kept.and_then(|kept| codec::state_from_bytes(&kept));
                holds(read.as_ref() == Some(&state), || {
                    format!("{state:?} is read again as {read:?}")
                })?;
            }
        }
        Ok(())
    });
}

fn failed(event: &impl Debug, error: &dyn std::error::Error) -> TestCaseError {
    let why = error.source().map_or_else(String::new, |source| format!(": {source}"));
    TestCaseError::fail(format!("{event:?}: {error}{why}"))
}

/// Runs a law over many cases; says how to run a failure again.
fn run<S: Strategy>(cases: &S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seed = seed();
    let config = Config {
        cases: CASES,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(cases, law) {
        panic!("{error}\nrun it again with {SEED_VARIABLE}={seed}");
    }
}

/// One history: each command in turn, then every command in and every event on every state it met.
fn walk<D>(commands: &[D::Command]) -> Result<(), TestCaseError>
where
    D: Decider<Command: Clone + Debug, Event: PartialEq, State: PartialEq, Error: PartialEq>,
{
    let (mut states, mut events) = (vec![D::State::default()], vec![]);
    let mut state = D::State::default();
    for command in commands {
        for event in answer::<D>(&state, command)?.unwrap_or_default() {
            state = evolved::<D>(&state, &event)?;
            states.push(state.clone());
            events.push(event);
        }
    }
    let replayed = events.iter().fold(D::State::default(), D::evolve);
    holds(replayed == state, || format!("replayed {replayed:?}, lived {state:?}"))?;
    for state in &states {
        for command in commands {
            answer::<D>(state, command)?.unwrap_or_default();
        }
        for event in &events {
            evolved::<D>(state, event)?;
        }
    }
    Ok(())
}

type Answer<D> = Result<Vec<<D as Decider>::Event>, <D as Decider>::Error>;

fn answer<D>(state: &D::State, command: &D::Command) -> Result<Answer<D>, TestCaseError>
where
    D: Decider<Command: Clone + Debug, Event: PartialEq, Error: PartialEq>,
{
    let first = D::decide(state, command.clone());
    let second = D::decide(state, command.clone());
    holds(first == second, || {
        format!("{command:?} in {state:?} gives {first:?}, and asked again {second:?}")
    })?;
    match &first {
        Ok(events) => {
            for event in events {
                let ours = D::Event::TYPES.contains(&event.event_type());
                holds(ours, || format!("`{}` is none of its event types", event.event_type()))?;
            }
        }
        Err(refusal) => {
            let rule = refusal.rule();
            let named =
                !rule.is_empty() && rule.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            holds(named, || format!("`{rule}` is no rule's name (a-z and _)"))?;
            holds(!refusal.to_string().is_empty(), || format!("`{rule}` has no sentence"))?;
        }
    }
    Ok(first)
}

fn evolved<D>(state: &D::State, event: &D::Event) -> Result<D::State, TestCaseError>
where
    D: Decider<State: PartialEq>,
{
    let first = D::evolve(state.clone(), event);
    let second = D::evolve(state.clone(), event);
    holds(first == second, || {
        format!("{event:?} on {state:?} makes {first:?}, and again {second:?}")
    })?;
    Ok(first)
}

fn holds(law: bool, otherwise: impl FnOnce() -> String) -> Result<(), TestCaseError> {
    if law { Ok(()) } else { Err(TestCaseError::fail(otherwise())) }
}

/// The seed that was asked for, or a new one.
fn seed() -> u64 {
    match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE}={text} is no number")),
        Err(_) => RandomState::new().hash_one(0),
    }
}
