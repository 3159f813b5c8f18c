//! The handle on the command runtime: what callers hold. Not the shell behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::LaneId;
use log::{Delivery, Log};
use tokio::sync::{mpsc, oneshot};

use crate::answer::Answer;
use crate::cluster::{Election, Member, Node};
use crate::gather::{Gathered, Seat};
use crate::handler::Deciders;
use crate::owner::Mark;
use crate::shell::Shell;
use crate::submit::Submit;

/// Commands submitted and not answered; more are answered "overloaded".
const OPEN_MAX: usize = 16_384;
/// How long an overloaded caller should wait.
pub(crate) const RETRY_AFTER_MS: u64 = 1_000;

/// A handle on the command runtime; cheap to clone.
#[derive(Debug, Clone)]
pub struct Commands {
    to: mpsc::UnboundedSender<Message>,
    /// Commands submitted and not answered; the bound of the channel.
    open: Arc<AtomicUsize>,
}

/// What the shell takes.
pub(crate) enum Message {
    Submit(Submit, Caller),
    Many(Vec<(Submit, Caller)>),
    Delivered(Vec<(LaneId, Mark)>, Vec<Delivery>, usize),
    Retake(LaneId),
    Grown(Vec<LaneId>),
    Elected(Election),
    Held(LaneId),
    Lanes(oneshot::Sender<Vec<LaneReport>>),
    Stop(oneshot::Sender<()>),
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit(..) => "Submit",
            Self::Many(_) => "Many",
            Self::Delivered(..) => "Delivered",
            Self::Retake(_) => "Retake",
            Self::Grown(_) => "Grown",
            Self::Elected(_) => "Elected",
            Self::Held(_) => "Held",
            Self::Lanes(_) => "Lanes",
            Self::Stop(_) => "Stop",
        })
    }
}

/// How one lane stands at its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneReport {
    /// The lane.
    pub lane: LaneId,
    /// Whether it takes commands.
    pub serving: bool,
    /// Its epoch.
    pub epoch: u64,
    /// Its valid records.
    pub seq: u64,
}

impl Commands {
    /// Starts the runtime on a thread of its own. Lanes are claimed when their first command comes.
    pub fn start(log: Arc<dyn Log>, deciders: Deciders, node: &str) -> std::io::Result<Self> {
        let node = Node { name: node.to_owned(), url: String::new() };
        Self::run(log, deciders, node, None)
    }

    /// The same as one node of several: it claims the lanes that it is [elected](Self::elected) for at
    /// once, and commands for all others are answered [`Answer::Elsewhere`].
    pub fn join(log: &Arc<dyn Log>, deciders: Deciders, node: Node) -> std::io::Result<Self> {
        let commands = Self::run(Arc::clone(log), deciders, node, Some(Member::default()))?;
        let to = commands.to.downgrade();
        log.on_growth(Box::new(move |lanes| {
            if let Some(to) = to.upgrade() {
                to.send(Message::Grown(lanes.to_vec())).ok();
            }
        }));
        commands.to.send(Message::Grown(log.topics().lanes().collect())).ok();
        Ok(commands)
    }

    fn run(
        log: Arc<dyn Log>,
        deciders: Deciders,
        node: Node,
        member: Option<Member>,
    ) -> std::io::Result<Self> {
        let (to, from) = mpsc::unbounded_channel();
        let shell = Shell::new(log, deciders, (node, member), to.downgrade());
        std::thread::Builder::new().name("lanes".to_owned()).spawn(move || shell.run(from))?;
        Ok(Self { to, open: Arc::default() })
    }

    /// As [`Self::start`], without a thread: the runtime is the future, for whoever polls it. Only where
    /// reading the log does not block. Some lanes are claimed at once, as an elected node does.
    pub fn drive(
        log: Arc<dyn Log>,
        deciders: Deciders,
        node: Node,
        claims: Vec<LaneId>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (to, from) = mpsc::unbounded_channel();
        let shell = Shell::new(log, deciders, (node, None), to.downgrade());
        (Self { to, open: Arc::default() }, shell.drive(from, claims))
    }

    /// Tells which lanes this node was elected for. Only behind [`Self::join`].
    pub fn elected(&self, election: Election) {
        self.to.send(Message::Elected(election)).ok();
    }

    /// Submits a command and waits for its answer. Dropped, the command goes on: ask again with the
    /// same key.
    pub async fn submit(&self, submit: Submit) -> Answer {
        let Some(room) = Room::take(&self.open) else {
            return Answer::Overloaded { retry_after_ms: RETRY_AFTER_MS };
        };
        let (answer, answered) = oneshot::channel();
        let caller = Caller { to: To::Alone(answer), _room: room };
        if self.to.send(Message::Submit(submit, caller)).is_err() {
            return stopping();
        }
        answered
            .await
            .unwrap_or_else(|_| Answer::Unknown { why: "the command runtime stopped".to_owned() })
    }

    /// Submits commands that do not wait for each other: one message for all, one waking of the caller.
    /// Each is taken as if it came alone, those of one stream in this order.
    pub fn submit_all(&self, submits: Vec<Submit>) -> Gathered {
        let (gathered, seats) = Gathered::seats(submits.len());
        let mut many = Vec::with_capacity(submits.len());
        for (submit, seat) in submits.into_iter().zip(seats) {
            match Room::take(&self.open) {
                Some(room) => many.push((submit, Caller { to: To::Seat(seat), _room: room })),
                None => seat.answer(Answer::Overloaded { retry_after_ms: RETRY_AFTER_MS }),
            }
        }
        if let Err(mpsc::error::SendError(Message::Many(many))) = self.to.send(Message::Many(many))
        {
            for (_, caller) in many {
                caller.answer(stopping());
            }
        }
        gathered
    }

    /// How the lanes of this node stand.
    pub async fn lanes(&self) -> Vec<LaneReport> {
        let (answer, answered) = oneshot::channel();
        if self.to.send(Message::Lanes(answer)).is_err() {
            return Vec::new();
        }
        answered.await.unwrap_or_default()
    }

    /// Answers what was submitted before, then stops.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.to.send(Message::Stop(done)).is_ok() {
            stopped.await.ok();
        }
    }
}

/// Who waits for an answer. It keeps its place until it is answered, also when the caller went away.
pub(crate) struct Caller {
    to: To,
    _room: Room,
}

enum To {
    Alone(oneshot::Sender<Answer>),
    Seat(Seat),
}

impl Caller {
    pub(crate) fn answer(self, answer: Answer) {
        match self.to {
            To::Alone(to) => drop(to.send(answer)),
            To::Seat(seat) => seat.answer(answer),
        }
    }
}

/// A place among the commands that are submitted and not answered.
struct Room(Arc<AtomicUsize>);

impl Room {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let room = Self(open.clone());
        (room.0.fetch_add(1, Ordering::Relaxed) < OPEN_MAX).then_some(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn stopping() -> Answer {
    Answer::Unavailable { why: "this node is stopping".to_owned() }
}
