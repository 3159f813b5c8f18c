//! The clients of the world: they write posts, plan, change and withdraw them, wish publications, and
//! ask again under the same key until they know. Everything is written down.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing::quota;
use content::post;
use domain::{ActorId, CommandKey, Money, PostId, StreamId, TenantId};
use lane::{Answer, Submit};
use log::Fingerprint;
use orchestrator::run::Submitter;
use sha2::{Digest, Sha256};
use social::publication;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::history::{Asked, Attempt, Op};
use crate::network::Route;
use crate::product::PLATFORMS;
use crate::world::{World, lock};

/// Times that one command is sent at most in the safety phase; an answer is wanted in the end.
const ATTEMPTS_MAX: u32 = 60;
const TENANTS: [TenantId; 2] = [TenantId::from_static("north"), TenantId::from_static("south")];

/// All clients of a run.
pub(crate) struct Clients {
    cluster: Arc<Cluster>,
    pub(crate) ops: Mutex<Vec<Op>>,
    posts: Mutex<Vec<(TenantId, PostId)>>,
    next: AtomicU64,
    pub(crate) closing: AtomicBool,
    pub(crate) busy: AtomicU64,
    /// Mean pause between two commands of a client.
    think_ms: u64,
    /// How long plans lie ahead at most.
    ahead_ms: u64,
    pub(crate) asked: AtomicU64,
}

impl Clients {
    pub(crate) fn new(cluster: &Arc<Cluster>) -> Arc<Self> {
        let (think_ms, ahead_ms) = {
            let mut chance = cluster.world.chance();
            let think = *chance.pick(&[700, 2_500, 8_000, 20_000]);
            (think, *chance.pick(&[2_000, 30_000, 240_000]))
        };
        Arc::new(Self {
            cluster: Arc::clone(cluster),
            ops: Mutex::default(),
            posts: Mutex::default(),
            next: AtomicU64::new(1),
            closing: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            think_ms,
            ahead_ms,
            asked: AtomicU64::new(0),
        })
    }

    fn world(&self) -> &Arc<World> {
        &self.cluster.world
    }

    /// One client, until all are told to close.
    pub(crate) async fn live(self: Arc<Self>) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        while !self.closing.load(Ordering::Relaxed) {
            let pause = self.world().chance().tailed(self.think_ms);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let (tenant, stream, asked) = self.wish();
            self.ask(&tenant, stream, asked).await;
        }
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    fn text(&self) -> post::Text {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        post::Text { title: None, body: format!("text {number}"), tags: Vec::new() }
    }

    fn wish(&self) -> (TenantId, StreamId, Asked) {
        let world = Arc::clone(self.world());
        let roll = world.chance().below(100);
        let known = lock(&self.posts).len() as u64;
        if known == 0 || roll < 30 {
            let tenant = world.chance().pick(&TENANTS).clone();
            let id = PostId(ambient::random_id());
            let mut posts = lock(&self.posts);
            posts.push((tenant.clone(), id));
            // Old ones are left alone, so that those that are left are contended for.
            if posts.len() > 12 {
                posts.remove(0);
            }
            let draft = post::Command::Draft { text: self.text() };
            return (tenant, StreamId::new("post", id.0), Asked::Post(draft));
        }
        let (tenant, id) = {
            let posts = lock(&self.posts);
            world.chance().pick(&posts).clone()
        };
        let stream = StreamId::new("post", id.0);
        let asked = match roll {
            30..=42 => Asked::Post(post::Command::Edit { text: self.text() }),
            43..=69 => Asked::Post(self.plan()),
            70..=76 => Asked::Post(post::Command::Unschedule),
            77..=80 => Asked::Post(post::Command::Withdraw { reason: None }),
            81..=95 => {
                let wish = publication::Wish {
                    post: id,
                    platforms: self.platforms(),
                    boost: self.boost(),
                };
                let stream = StreamId::new("publication", ambient::random_id());
                return (
                    tenant,
                    stream,
                    Asked::Publication(publication::Command::Request { wish }),
                );
            }
            _ => {
                let monthly = *world.chance().pick(&[3, 100_000, 100_000, 100_000, 100_000]);
                let stream = StreamId::new("quota", quota::id_of(&tenant));
                return (tenant, stream, Asked::Quota(quota::Command::Set { monthly }));
            }
        };
        (tenant, stream, asked)
    }

    fn platforms(&self) -> std::collections::BTreeSet<domain::Platform> {
        let mut chance = self.world().chance();
        let mut some: std::collections::BTreeSet<_> =
            PLATFORMS.into_iter().filter(|_| chance.percent(50)).collect();
        some.insert(*chance.pick(&PLATFORMS));
        some
    }

    fn boost(&self) -> Option<Money> {
        let mut chance = self.world().chance();
        let minor = i64::try_from(chance.between(100, 9_999)).unwrap_or(100);
        chance.percent(50).then(|| Money::new(minor, "EUR"))
    }

    fn plan(&self) -> post::Command {
        let now = self.world().wall();
        let ahead = self.world().chance().below(self.ahead_ms);
        post::Command::Schedule {
            publish_at: now.plus_ms(i64::try_from(ahead).unwrap_or(0)),
            platforms: self.platforms(),
            boost: self.boost(),
            issued_at: now,
        }
    }

    /// Sends one command until it is known what became of it.
    async fn ask(&self, tenant: &TenantId, stream: StreamId, asked: Asked) {
        let world = Arc::clone(self.world());
        let key = CommandKey(*ambient::random_id().as_bytes());
        let expected = {
            let mut chance = world.chance();
            let guess = chance.below(4);
            chance.percent(10).then_some(guess)
        };
        let op = Op { stream, asked, key, expected, attempts: Vec::new() };
        self.asked.fetch_add(1, Ordering::Relaxed);
        let place = {
            let mut ops = lock(&self.ops);
            ops.push(op.clone());
            ops.len() - 1
        };
        let (mut unsure, mut pause_ms) = (false, 50);
        for _ in 0..ATTEMPTS_MAX {
            let twice = world.strikes(Fault::RequestDoubled);
            if world.strikes(Fault::OtherBody) {
                self.other_body(tenant, &op).await;
            }
            let answer = if twice {
                let (one, other) =
                    tokio::join!(self.send(place, tenant, &op), self.send(place, tenant, &op));
                if is_told(&one) { one } else { other }
            } else {
                self.send(place, tenant, &op).await
            };
            self.rare(&answer, unsure);
            if is_told(&answer) {
                return;
            }
            unsure |= matches!(answer, Answer::Unknown { .. });
            // Who was told that nothing happened gives up, now and then.
            if matches!(answer, Answer::Unavailable { .. }) && world.chance().percent(30) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(5_000);
        }
    }

    async fn send(&self, place: usize, tenant: &TenantId, op: &Op) -> Answer {
        let number = {
            let mut ops = lock(&self.ops);
            let attempts = &mut ops[place].attempts;
            attempts.push(Attempt { sent_ms: self.world().ms(), heard: None });
            attempts.len() - 1
        };
        let answer = self.submit(submit(tenant, op, &op.asked)).await;
        let heard = Some((self.world().ms(), answer.clone()));
        lock(&self.ops)[place].attempts[number].heard = heard;
        crate::check::answer(&self.cluster, op, &answer);
        answer
    }

    async fn submit(&self, submit: Submit) -> Answer {
        let answer = Route { cluster: Arc::clone(&self.cluster), from: None }.submit(submit).await;
        let code = match &answer {
            Answer::Accepted(_) => 1,
            Answer::Refused(_) => 2,
            Answer::KeyReused => 3,
            Answer::StillRunning => 4,
            Answer::Overloaded { .. } => 5,
            Answer::Unavailable { .. } | Answer::Elsewhere { .. } => 6,
            Answer::Unknown { .. } => 7,
        };
        self.world().note("answer", &[code]);
        answer
    }

    /// The same key for another command: refused, or taken for the command if it comes first, which then
    /// is refused. So it is sent only behind a command that is known.
    async fn other_body(&self, tenant: &TenantId, op: &Op) {
        let keys = |key: &CommandKey| {
            let state = lock(&self.cluster.broker.state);
            state.lanes.values().any(|lane| lane.judge.keys.contains_key(key))
        };
        let known: Vec<Op> = {
            let ops = lock(&self.ops);
            ops.iter().rev().take(20).filter(|it| keys(&it.key)).cloned().collect()
        };
        let Some(victim) = known.first().filter(|it| it.key != op.key) else { return };
        let other = Asked::Post(post::Command::Edit { text: self.text() });
        let answer = self.submit(submit(tenant, victim, &other)).await;
        match answer {
            Answer::KeyReused => self.world().sometimes("key of another command refused"),
            Answer::Accepted(_) => {
                self.world().wrong("I3 another command was accepted under a used key");
            }
            _ => {}
        }
    }

    fn rare(&self, answer: &Answer, unsure: bool) {
        let world = self.world();
        match answer {
            Answer::Accepted(accepted) if accepted.replayed => {
                world.sometimes("duplicate answered from the log");
                if unsure {
                    world.sometimes("unknown outcome resolved committed");
                }
            }
            Answer::Accepted(_) if unsure => world.sometimes("unknown outcome resolved absent"),
            Answer::Refused(refused) if refused.verdict == log::Verdict::WrongVersion => {
                world.sometimes("command refused by its version");
            }
            Answer::Refused(_) => world.sometimes("command refused by a rule"),
            Answer::StillRunning => world.sometimes("command still running"),
            Answer::Unavailable { .. } => world.sometimes("command failed definitely"),
            _ => {}
        }
    }
}

/// Whether an answer says what became of the command.
const fn is_told(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted(_) | Answer::Refused(_) | Answer::KeyReused)
}

fn submit(tenant: &TenantId, op: &Op, asked: &Asked) -> Submit {
    let mut fingerprint = [0; 16];
    let hash = Sha256::digest(format!("{asked:?} {:?}", op.expected));
    fingerprint.copy_from_slice(&hash[..16]);
    let command: Box<dyn std::any::Any + Send> = match asked.clone() {
        Asked::Post(command) => Box::new(command),
        Asked::Publication(command) => Box::new(command),
        Asked::Quota(command) => Box::new(command),
    };
    Submit {
        stream: op.stream.clone(),
        command,
        key: Some(op.key),
        fingerprint: Fingerprint(fingerprint),
        expected: op.expected,
        tenant: tenant.clone(),
        actor: ActorId::from_static("ann"),
        correlation: Uuid::nil(),
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    }
}
