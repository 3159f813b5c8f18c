//! The row of a saga, over timelines of the example: what a list says agrees with what the engine says.
//! Not its table, which the read store makes.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

use domain::{Envelope, Projection, Row, StreamId, Timestamp, Uuid};
use orchestrator::{Cause, Event, Instance, Kept, Phase, SagaRow, State, Waits};
use testkit::Says::{Done, Refused, Transient, Unknown};
use testkit::saga;

use crate::publish::{Publish, due};

fn all(to: &mut impl domain::Projections) {
    to.projection::<SagaRow>();
}

testkit::projection_laws!(all);

fn envelope(stream: &StreamId, version: u64, at: Timestamp, event: Event) -> Envelope<Event> {
    let mut envelope = testkit::envelope(7, 0, version, event);
    envelope.meta.stream = stream.clone();
    envelope.meta.recorded_at = at;
    envelope
}

/// The rows after each event; each row goes through its columns, as a read store keeps it.
fn rows(events: Vec<(Timestamp, Event)>) -> Vec<SagaRow> {
    let stream = StreamId::new("publish_example", Uuid::from_u128(7));
    let (mut row, mut all) = (None, Vec::new());
    let mut is = Instance::default();
    for (version, (at, event)) in (1..).zip(events) {
        is = is.evolve(at, &event);
        let folded = SagaRow::fold(row, &envelope(&stream, version, at, event)).unwrap();
        let kept = SagaRow::from_values(folded.clone().into_values()).unwrap();
        assert_eq!(kept, folded, "a row survives its columns");
        let fresh = SagaRow::of(stream.id(), stream.to_string(), "local".into(), is.clone());
        assert_eq!(folded, fresh, "the list says what the page says");
        all.push(folded.clone());
        row = Some(folded);
    }
    all
}

/// Each state with the step it was at, without repetitions.
fn story(rows: &[SagaRow]) -> Vec<(State, Option<&str>, Option<Waits>)> {
    let mut all: Vec<_> =
        rows.iter().map(|row| (row.state, row.step.as_deref(), row.waits)).collect();
    all.dedup();
    all
}

#[test]
fn a_saga_that_is_undone_goes_back_step_by_step() {
    let script = saga::<Publish>(due())
        .answers("charge-boost", Done)
        .answers("publish/bluesky", Refused("too long"));
    let rows = rows(script.events().0);
    let story = story(&rows);
    let at = |state, step, waits| story.contains(&(state, Some(step), Some(waits)));
    assert!(at(State::Running, "charge-boost", Waits::Answer), "{story:?}");
    assert!(at(State::Undoing, "publish/mastodon", Waits::Answer), "{story:?}");
    assert_eq!(story.last(), Some(&(State::Undone, None, None)));
    let risk: Vec<_> = rows.iter().map(|row| row.at_risk).collect();
    assert!(risk.contains(&500) || risk.iter().any(|risk| *risk > 0), "{risk:?}");
    let last = rows.last().unwrap();
    assert_eq!((last.at_risk, last.done, last.total), (0, last.total, last.total));
    assert_eq!(last.ended_at, Some(last.last_at));
    assert!(last.error.as_deref().unwrap().contains("too long"), "{:?}", last.error);
    assert!(rows.iter().all(|row| row.plan == "publish-example" && row.plan_version == 1));
    // Its deadline is set behind its start, and dropped when it is undone.
    let due = |row: &SagaRow| row.phase == Phase::Forward && row.due_at.is_some();
    assert!(rows[1..].iter().any(due) && last.due_at.is_none());
}

#[test]
fn a_saga_that_waits_for_a_human_says_which_step_and_why() {
    let script = saga::<Publish>(due()).answers("charge-boost", Unknown("lost call 17"));
    let rows = rows(script.events().0);
    let parked = rows.iter().find(|row| row.state == State::Parked).unwrap();
    assert_eq!((parked.cause, parked.waits), (Some(Cause::InDoubt), Some(Waits::Human)));
    assert_eq!(
        (parked.step.as_deref(), &*parked.causes),
        (Some("charge-boost"), &["in_doubt".to_owned()][..])
    );
    assert!(parked.error.as_deref().unwrap().starts_with("lost call 17"), "{:?}", parked.error);
    let failure = parked.failure.as_deref().unwrap();
    assert!(failure.starts_with("publish-example, charge-boost: lost call #"), "{failure}");
    assert!(rows.iter().any(|row| row.waits == Some(Waits::Probe)));
}

#[test]
fn a_step_that_is_tried_again_counts_its_attempts() {
    let script = saga::<Publish>(due())
        .answers("hold-quota", Transient("busy"))
        .answers("hold-quota", Transient("busy"));
    let rows = rows(script.events().0);
    let waits = rows.iter().filter(|row| row.waits == Some(Waits::Retry));
    let attempts: Vec<_> = waits.map(|row| row.attempts).collect();
    assert!(attempts.contains(&1) && attempts.contains(&2), "{attempts:?}");
    let last = rows.last().unwrap();
    assert_eq!((last.state, last.phase, last.at_risk), (State::Done, Phase::Done, 0));
    assert_eq!((last.done, last.wakes_at), (last.total, None));
}

#[test]
fn sagas_of_two_types_with_one_number_have_a_row_each() {
    let (at, started) = saga::<Publish>(due()).events().0[0].clone();
    let number = Uuid::from_u128(7);
    let [one, other] = ["publish_example", "another"].map(|it| StreamId::new(it, number));
    let key = |stream: &StreamId| SagaRow::key(&envelope(stream, 1, at, started.clone()));
    assert_ne!(key(&one), key(&other));
    for stream in [one, other] {
        assert_eq!(key(&stream), Some(SagaRow::own(&stream)));
        let row = SagaRow::of(number, stream.to_string(), "local".into(), Instance::default());
        assert_eq!((Some(row.key), row.saga_id), (key(&stream), number));
    }
    assert_eq!(Kept::default().0, Instance::default());
}
