//! Given / when / then: a rule, said as an example. Not a test of the runtime that carries it.

use std::fmt::Debug;

use domain::Decider;

/// What has happened before.
#[derive(Debug)]
pub struct Given<D: Decider> {
    events: Vec<D::Event>,
}

/// What a rule said.
#[derive(Debug)]
pub struct When<D: Decider> {
    /// All that a reader of a failure needs: history, state, command.
    story: String,
    answer: Result<Vec<D::Event>, D::Error>,
}

/// Begins an example with what has happened before.
///
/// ```
/// # #[derive(Debug)] struct Door;
/// # #[derive(Debug)] enum Command { Open }
/// # #[derive(Debug, Clone, PartialEq, domain::EventSet)] #[event(namespace = "house.door")]
/// # enum Event { #[event("opened.v1")] Opened {} }
/// # #[derive(Debug, Clone, PartialEq, Eq)] struct Locked;
/// # impl std::fmt::Display for Locked {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("locked") }
/// # }
/// # impl std::error::Error for Locked {}
/// # impl domain::Rejection for Locked { fn rule(&self) -> &'static str { "locked" } }
/// # impl domain::Decider for Door {
/// #     const CATEGORY: &'static str = "door";
/// #     type Command = Command; type Event = Event; type State = bool; type Error = Locked;
/// #     fn decide(open: &bool, _: Command) -> Result<Vec<Event>, Locked> {
/// #         Ok(if *open { vec![] } else { vec![Event::Opened {}] })
/// #     }
/// #     fn evolve(_: bool, _: &Event) -> bool { true }
/// # }
/// use testkit::given;
/// given::<Door>([]).when(Command::Open).then([Event::Opened {}]);
/// given::<Door>([Event::Opened {}]).when(Command::Open).then_nothing();
///
/// let wrong = std::panic::catch_unwind(|| {
///     given::<Door>([Event::Opened {}]).when(Command::Open).then([Event::Opened {}]);
/// });
/// let message = *wrong.unwrap_err().downcast::<String>().unwrap();
/// assert_eq!(message, "
/// given     Opened
/// state     true
/// when      Open
/// expected  Opened
/// but       nothing happened
/// ");
/// ```
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    Given { events: events.into_iter().collect() }
}

impl<D: Decider> Given<D> {
    /// Asks a command after it.
    pub fn when(self, command: D::Command) -> When<D>
    where
        D::Command: Debug,
    {
        let state = self.events.iter().fold(D::State::default(), D::evolve);
        let story = format!(
            "\ngiven     {}\nstate     {state:?}\nwhen      {command:?}",
            list(&self.events, "nothing has happened")
        );
        When { story, answer: D::decide(&state, command) }
    }
}

impl<D: Decider<Event: PartialEq>> When<D> {
    /// Exactly this happens.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        if self.answer.as_ref().ok() != Some(&expected) {
            self.fail(&list(&expected, "nothing happens"));
        }
    }

    /// The fact already stands: accepted, and nothing happens.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// A rule says no.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "an example reads better without `&`")]
    pub fn then_refused(self, expected: D::Error)
    where
        D::Error: PartialEq,
    {
        if self.answer.as_ref().err() != Some(&expected) {
            self.fail(&format!(
                "refused by `{}`: {expected:?}",
                domain::Rejection::rule(&expected)
            ));
        }
    }

    #[track_caller]
    fn fail(&self, expected: &str) -> ! {
        let found = match &self.answer {
            Ok(events) => list(events, "nothing happened"),
            Err(error) => {
                format!("refused by `{}`: {error:?}", domain::Rejection::rule(error))
            }
        };
        panic!("{}\nexpected  {expected}\nbut       {found}\n", self.story)
    }
}

/// Events one a line, aligned behind the first.
fn list(events: &[impl Debug], none: &str) -> String {
    if events.is_empty() {
        return none.to_owned();
    }
    let lines: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
    lines.join("\n          ")
}
