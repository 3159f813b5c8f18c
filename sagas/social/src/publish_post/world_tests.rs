//! The saga's asks against the very aggregates that they are for: what stands there at the end, done
//! or undone, repeated or not. Not the orchestrator's order, which the laws try.

use std::any::Any;
use std::collections::BTreeMap;

use billing::{payment, quota};
use content::post;
use domain::saga::{Heard, Saga as _, StepName, To};
use domain::{Aggregate, Decider, EventSet, Money, Platform, PostId, StreamId};
use notifications::notification;
use social::publication;
use testkit::{at, envelope, id};

use super::tests::{answer, charged, text, wished};
use super::{Ask, PublishPost, State};

/// All aggregates, by stream.
#[derive(Default)]
struct World {
    streams: BTreeMap<StreamId, Box<dyn Any>>,
}

/// What a command left.
struct Left(Vec<Box<dyn Any>>);

impl Heard for Left {
    fn events<E: EventSet>(&self) -> Vec<E> {
        self.0.iter().filter_map(|event| event.downcast_ref::<E>().cloned()).collect()
    }
}

impl World {
    fn state<D: Decider>(&self, id: domain::Uuid) -> D::State {
        let stream = StreamId::new(D::CATEGORY, id);
        let state = self.streams.get(&stream).and_then(|state| state.downcast_ref::<D::State>());
        state.cloned().unwrap_or_default()
    }

    fn take<D: Decider>(&mut self, stream: &StreamId, command: D::Command) -> Left {
        let mut state = self.state::<D>(stream.id());
        let name = stream.category().to_owned();
        let events = D::decide(&state, command).unwrap_or_else(|no| panic!("{name}: {no}"));
        for event in &events {
            state = D::evolve(state, event);
        }
        self.streams.insert(stream.clone(), Box::new(state));
        Left(events.into_iter().map(|event| Box::new(event) as Box<dyn Any>).collect())
    }

    /// Asks an aggregate; a port does what it is asked.
    fn ask(&mut self, ask: &Ask) -> Option<super::Answer> {
        let To::Aggregate(stream) = PublishPost::target(ask).to else {
            assert!(PublishPost::command(ask, at(0)).is_none());
            return Some(answer(ask));
        };
        let command = PublishPost::command(ask, at(0)).expect("an aggregate takes a command").0;
        let left = match stream.category() {
            "publication" => self.take::<publication::Publication>(&stream, cast(command)),
            "notification" => self.take::<notification::Notification>(&stream, cast(command)),
            "post" => self.take::<post::Post>(&stream, cast(command)),
            "quota" => self.take::<quota::Quota>(&stream, cast(command)),
            "payment" => self.take::<payment::Payment>(&stream, cast(command)),
            other => panic!("nobody is called {other}"),
        };
        PublishPost::answer(ask, &left)
    }

    fn name<A: Aggregate>(&self, id: domain::Uuid) -> String {
        A::show(&self.state::<A>(id)).swap_remove(0).1
    }

    /// Publication, notification, post, payment, held and used quota.
    fn stands(&self, state: &State) -> [String; 6] {
        let quota = self.state::<quota::Quota>(quota::id_of(&state.tenant));
        let id = state.publication.0;
        [
            self.name::<publication::Publication>(id),
            self.name::<notification::Notification>(id),
            self.name::<post::Post>(state.post.0),
            self.name::<payment::Payment>(id),
            quota.held.len().to_string(),
            quota.used.to_string(),
        ]
    }
}

fn cast<C: 'static>(command: Box<dyn Any + Send>) -> C {
    *command.downcast().expect("the command is that of the category's decider")
}

/// A drafted post, a wish for it, and the saga that the wish begins.
fn begun() -> (World, State) {
    let mut world = World::default();
    let post = StreamId::new("post", id(9));
    let super::PostText { title, body, tags } = text();
    let draft = post::Command::Draft { text: post::Text { title, body, tags } };
    world.take::<post::Post>(&post, draft);
    let wish = publication::Wish {
        post: PostId(id(9)),
        platforms: [Platform::Bluesky, Platform::Mastodon].into(),
        boost: Some(Money::new(500, "EUR")),
    };
    let publication = StreamId::new("publication", id(1));
    world.take::<publication::Publication>(&publication, publication::Command::Request { wish });
    let meets = PublishPost::meet(&envelope(1, 1, 1, wished()));
    match &meets[..] {
        [domain::saga::Meets::Start { state, .. }] => (world, state.clone()),
        other => panic!("{other:?}"),
    }
}

/// Does the first steps of the plan, each so often.
fn forward(world: &mut World, mut state: State, steps: usize, times: usize) -> State {
    let plan = PublishPost::plan();
    let ids: Vec<_> = plan.steps_of(&state).into_iter().map(|step| step.id).collect();
    for step in ids.iter().take(steps) {
        let name = StepName::of(step);
        let ask = (plan.line(step).unwrap().ask)(&state, name.item);
        for _ in 0..times {
            if let Some(answer) = world.ask(&ask) {
                state = PublishPost::fold(state, name, &answer);
            }
        }
    }
    state
}

/// Takes the first steps of the plan back in reverse order, each so often.
fn back(world: &mut World, state: State, steps: usize, times: usize) -> State {
    let plan = PublishPost::plan();
    let state = PublishPost::undoing(state, "publish/mastodon was refused: too long");
    let ids: Vec<_> = plan.steps_of(&state).into_iter().map(|step| step.id).collect();
    for step in ids.iter().take(steps).rev() {
        let undo = plan.line(step).unwrap().undo.expect("only what can be undone");
        let ask = undo(&state, StepName::of(step).item, None);
        for _ in 0..times {
            world.ask(&ask);
        }
    }
    state
}

/// Steps before the pivot: two platforms, boosted.
const UNDOABLE: usize = 8;
const ALL: usize = 13;

#[test]
fn done_everything_is_published_paid_and_told() {
    for times in [1, 2] {
        let (mut world, state) = begun();
        let state = forward(&mut world, state, ALL, times);
        let stands = world.stands(&state);
        assert_eq!(stands, ["confirmed", "sent", "published", "settled", "0", "1"]);
        assert_eq!(state.text, Some(text()));
        assert_eq!((state.charged, state.links.len()), (Some(charged()), 2));
    }
}

#[test]
fn undone_nothing_stands_whatever_was_done_before_and_the_author_is_told() {
    for steps in 0..=UNDOABLE {
        for times in [1, 2] {
            let (mut world, state) = begun();
            let before = world.stands(&state);
            let state = forward(&mut world, state, steps, times);
            let state = back(&mut world, state, steps, times);
            let [publication, notification, post, payment, held, used] = world.stands(&state);
            assert_eq!((post, held, used), ("draft".into(), "0".into(), "0".into()));
            assert_eq!(publication, if steps < 1 { before[0].as_str() } else { "failed" });
            assert_eq!(notification, if steps < 2 { "absent" } else { "sent" });
            let paid = match steps {
                ..5 => "absent",
                5 => "cancelled",
                _ => "refunded",
            };
            assert_eq!(payment, paid, "after {steps} steps");
        }
    }
}

#[test]
fn taking_back_what_never_was_is_done() {
    let (mut world, state) = begun();
    // The notice is an exception: it is never sent before it was promised.
    let plan = PublishPost::plan();
    for line in plan.steps.iter().filter(|line| line.name != "open-notice" && line.each.is_none()) {
        if let Some(undo) = line.undo {
            world.ask(&undo(&state, "", None));
        }
    }
    let stands = world.stands(&state);
    assert_eq!(stands, ["failed", "absent", "draft", "absent", "0", "0"]);
}

#[test]
fn what_it_asks_is_the_same_after_its_way_through_the_log() {
    let (mut world, state) = begun();
    let state = forward(&mut world, state, ALL, 1);
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    let plan = PublishPost::plan();
    for step in plan.steps_of(&state) {
        let forward = (step.step.ask)(&state, &step.item);
        let undo = step.step.undo.map(|undo| undo(&state, &step.item, Some(&answer(&forward))));
        for ask in [Some(forward), undo].into_iter().flatten() {
            let json = serde_json::to_string(&ask).unwrap();
            assert_eq!(serde_json::from_str::<Ask>(&json).unwrap(), ask, "{json}");
        }
    }
}

#[test]
fn the_ledger_reads_as_what_is_asked_of_whom() {
    let (mut world, state) = begun();
    let state = forward(&mut world, state, ALL, 1);
    let mut lines = Vec::new();
    let line = |ask: &Ask| {
        let target = PublishPost::target(ask);
        let to = match target.to {
            To::Aggregate(stream) => stream.category().to_owned(),
            To::Port(name) => format!("port {name}"),
        };
        let money = target.money.map_or(String::new(), |money| format!(" ({money})"));
        format!("{to}: {}{money}", target.what)
    };
    let plan = PublishPost::plan();
    for step in plan.steps_of(&state) {
        lines.push(line(&(step.step.ask)(&state, &step.item)));
        if let Some(undo) = step.step.undo {
            lines.push(format!("    {}", line(&undo(&state, &step.item, None))));
        }
    }
    expect_test::expect![[r"
        publication: open it
            publication: say that it failed
        notification: promise a notice
            notification: tell that it could not be published
        post: take it for publishing
            post: let it go
        quota: hold one publication
            quota: release one publication
        payment: owe 500 EUR
            payment: owe nothing
        port payments: charge the boost (500 EUR)
            port payments: refund the boost (500 EUR)
        port publishing: publish on bluesky
            port publishing: withdraw from bluesky
        port publishing: publish on mastodon
            port publishing: withdraw from mastodon
        publication: confirm it
        post: mark it published
        payment: settle it
        quota: use one publication
        notification: tell that it is published
    "]]
    .assert_eq(&format!("{}\n", lines.join("\n")));
}

#[test]
fn a_wish_that_was_never_opened_is_taken_back_too() {
    let (_, state) = begun();
    let undo = PublishPost::plan().steps_of(&state)[0].step.undo.unwrap();
    let undo = undo(&state, "", None);
    assert!(
        PublishPost::target(&undo).regardless,
        "nobody else says that the wish came to nothing"
    );
    let (mut wished, mut planned) = (World::default(), World::default());
    let stream = StreamId::new(publication::Publication::CATEGORY, state.publication.0);
    let wish = publication::Wish {
        post: state.post,
        platforms: state.platforms.clone(),
        boost: state.boost.clone(),
    };
    wished.take::<publication::Publication>(&stream, publication::Command::Request { wish });
    for (world, left) in
        [(&mut wished, publication::State::Failed), (&mut planned, publication::State::Absent)]
    {
        world.ask(&undo);
        assert_eq!(world.state::<publication::Publication>(state.publication.0), left);
    }
}
