//! The kit finds what it is there to find: each law broken once, and its message. Not the laws of
//! the product's own rules, which stand beside them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::context::{Aggregates, Routes};
use domain::query::{Filter, View};
use domain::{
    Aggregate, Ask, Context, Decider, Describe, Envelope, EventSet, Invalid, Method, Projection,
    Projections, Request, Route, Row,
};
use proptest::prelude::*;

use crate::{
    ReadModels, Refused, context_laws, decider_laws, given, id, request, rows, storage_laws,
};

/// What a broken example says.
fn message(example: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(example)).expect_err("the kit says nothing");
    payload.downcast::<String>().map_or_else(|_| "not a text".to_owned(), |text| *text)
}

/// A counter whose rules can be broken by a command.
#[derive(Debug)]
struct Counter;

#[derive(Debug, Clone, PartialEq)]
enum Command {
    Add(u64),
    Overflow,
    Whim,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "kit.counter")]
enum Event {
    #[event("added.v1")]
    Added { by: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is too much")]
struct TooMuch(u64);

impl domain::Rejection for TooMuch {
    fn rule(&self) -> &'static str {
        "too_much"
    }
}

thread_local!(static WHIM: Cell<u64> = const { Cell::new(0) });

impl Decider for Counter {
    const CATEGORY: &'static str = "counter";
    type Command = Command;
    type Event = Event;
    type State = u64;
    type Error = TooMuch;

    fn decide(_: &u64, command: Command) -> Result<Vec<Event>, TooMuch> {
        match command {
            Command::Add(0) => Ok(vec![]),
            Command::Add(by) if by > 9 => Err(TooMuch(by)),
            Command::Add(by) => Ok(vec![Event::Added { by }]),
            Command::Overflow => Ok(vec![Event::Added { by: u64::MAX }]),
            Command::Whim => Ok(vec![Event::Added { by: WHIM.replace(WHIM.get() + 1) }]),
        }
    }

    fn evolve(state: u64, event: &Event) -> u64 {
        let Event::Added { by } = event;
        state.checked_add(*by).expect("it is not much")
    }
}

#[test]
fn a_right_example_says_nothing() {
    given::<Counter>([]).when(Command::Add(1)).then([Event::Added { by: 1 }]);
    given::<Counter>([]).when(Command::Add(0)).then_nothing();
    given::<Counter>([]).when(Command::Add(10)).then_refused(TooMuch(10));
}

#[test]
fn a_wrong_example_tells_its_whole_story() {
    let before = || given::<Counter>([Event::Added { by: 1 }, Event::Added { by: 2 }]);
    let story = "\ngiven     Added { by: 1 }\n          Added { by: 2 }\nstate     3\n";
    for (found, end) in [
        (
            message(|| before().when(Command::Add(4)).then_nothing()),
            "when      Add(4)\nexpected  nothing happens\nbut       Added { by: 4 }\n",
        ),
        (
            message(|| before().when(Command::Add(10)).then([Event::Added { by: 10 }])),
            "when      Add(10)\nexpected  Added { by: 10 }\nbut       refused by `too_much`: TooMuch(10)\n",
        ),
        (
            message(|| before().when(Command::Add(10)).then_refused(TooMuch(11))),
            "when      Add(10)\nexpected  refused by `too_much`: TooMuch(11)\nbut       refused by `too_much`: TooMuch(10)\n",
        ),
        (
            message(|| before().when(Command::Add(0)).then_refused(TooMuch(0))),
            "when      Add(0)\nexpected  refused by `too_much`: TooMuch(0)\nbut       nothing happened\n",
        ),
    ] {
        assert_eq!(found, format!("{story}{end}"));
    }
}

#[test]
fn the_laws_hold_for_a_lawful_decider() {
    decider_laws::<Counter>((0..20_u64).prop_map(Command::Add));
}

#[test]
fn a_decider_that_panics_is_found_with_its_seed() {
    let found = message(|| decider_laws::<Counter>(Just(Command::Overflow)));
    assert!(found.contains("it is not much"), "{found}");
    assert!(found.contains("minimal failing input: [\n    Overflow,\n]"), "{found}");
    assert!(found.contains("RECOUNT_SEED="), "{found}");
}

#[test]
fn a_decider_that_does_not_repeat_itself_is_found() {
    let found = message(|| decider_laws::<Counter>(Just(Command::Whim)));
    assert!(found.contains("and asked again"), "{found}");
}

/// A read model whose rows depend on which stream came last.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "kit.last", key = "last_id")]
struct Last {
    /// One row for all.
    last_id: uuid::Uuid,
    /// Who came last.
    version: uuid::Uuid,
}

impl Projection for Last {
    const NAME: &'static str = "last";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(_: &Envelope<Event>) -> Option<uuid::Uuid> {
        Some(id(0))
    }

    fn fold(_: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        Some(Self { last_id: id(0), version: event.id() })
    }

    fn views() -> &'static [View] {
        const {
            &[View::List {
                path: "/last/{id}",
                summary: "",
                filters: &[Filter::is("who")],
                sorts: &["version"],
                descending: false,
            }]
        }
    }
}

#[test]
fn a_fold_that_depends_on_the_order_of_streams_is_found() {
    let added = || vec![Event::Added { by: 1 }];
    assert_eq!(rows::<Last>([(1, added())])[0].version, id(1));
    let found = message(|| drop(rows::<Last>([(1, added()), (2, added())])));
    assert!(found.contains("last depends on the order of streams"), "{found}");
}

#[test]
fn views_that_name_what_is_not_there_are_found() {
    let found = message(|| {
        let mut seen = ReadModels::default();
        seen.projection::<Last>();
        seen.check();
    });
    for wrong in
        ["column: \"who\"", "`version` is sorted by and has no index", "`/last/{id}` is no path"]
    {
        assert!(found.contains(wrong), "{found}");
    }
}

/// A context whose schemas and routes are wrong in many ways.
struct Kit;

impl Context for Kit {
    const NAME: &'static str = "kit";
    const SCHEMAS: &'static [&'static str] = &[
        r#"{"type": "record", "namespace": "kit.counter", "name": "AddedV1", "event_type": "kit.counter.added.v1",
            "fields": [{"name": "count", "type": "bytes"}]}"#,
        r#"{"type": "record", "namespace": "kit.counter", "name": "RemovedV1",
            "event_type": "kit.counter.removed.v1", "fields": []}"#,
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<Counter>();
    }
}

#[derive(serde::Deserialize, Describe)]
struct Add {
    by: u32,
    #[serde(default)]
    #[describe(max_items = 1)]
    why: Vec<String>,
}

impl Request<Counter> for Add {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        if self.by == 0 {
            return Err(Invalid::field("/by", "nothing", "nothing is added"));
        }
        Ok(Command::Add(self.by.into()))
    }
}

impl Aggregate for Counter {
    fn routes(to: &mut impl Routes<Self>) {
        let route = Route { method: Method::Post, path: "/counters", name: "add", summary: "Add" };
        to.command::<Add>(route);
        to.command::<Add>(route);
    }

    fn show(state: &u64) -> Vec<(&'static str, String)> {
        vec![("count", state.to_string())]
    }
}

#[test]
fn a_context_that_does_not_agree_with_itself_is_found() {
    let found = message(context_laws::<Kit>);
    for wrong in [
        "the record has no doc",
        "the fields are [\"count\"], the event's [\"by\"]",
        "count has no doc",
        "count: bytes are `sealed` or `personal`",
        "the schema of `kit.counter.removed.v1` belongs to no event",
        "the route `add` stands twice",
        "POST /counters stands twice",
        "add: its body or a field of it has no sentence",
    ] {
        assert!(found.contains(wrong), "`{wrong}` is not in:\n{found}");
    }
}

/// A context whose schema cannot be loaded.
struct Broken;

impl Context for Broken {
    const NAME: &'static str = "kit";
    const SCHEMAS: &'static [&'static str] =
        &[r#"{"type": "record", "namespace": "kit.counter", "name": "Added", "fields": []}"#];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<Counter>();
    }
}

#[test]
fn a_schema_that_the_codec_refuses_is_found() {
    let found = message(context_laws::<Broken>);
    assert!(found.contains("it has no property event_type"), "{found}");
}

#[test]
fn an_event_that_its_schema_cannot_hold_is_found() {
    let found = message(|| storage_laws::<Kit, Counter>(Just(Command::Add(1))));
    assert!(found.contains("Added { by: 1 }: "), "{found}");
}

#[test]
fn a_request_is_decoded_bounded_and_made_a_command() {
    let ask = |body| request::<Counter>("add", body).map(|asked| asked.command);
    assert_eq!(ask(r#"{"by": 3}"#).unwrap(), Command::Add(3));
    assert!(matches!(ask(r#"{"by": -3}"#), Err(Refused::Malformed(_))));
    let long = ask(r#"{"by": 3, "why": ["a", "b"]}"#);
    assert_eq!(long.unwrap_err(), Refused::TooMuch("/why".into(), 1));
    let nothing = Invalid::field("/by", "nothing", "nothing is added");
    assert_eq!(ask(r#"{"by": 0}"#).unwrap_err(), Refused::Invalid(nothing));
    assert_eq!(request::<Counter>("remove", "{}").unwrap_err(), Refused::NoSuchRoute);
}

#[test]
fn a_field_with_a_default_is_not_required() {
    let domain::Shape::Object { properties, .. } = Add::shape() else { panic!("an object") };
    let required: Vec<_> = properties.iter().map(|p| (p.name, p.required)).collect();
    assert_eq!(required, [("by", true), ("why", false)]);
}
