//! The thin shell around the owners: one thread that takes commands and delivery reports, asks the
//! owners, and hands what they decided to the log, all of one round in one call. Not its handle, which
//! is `commands`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ambient::now;
use domain::{LaneId, TopicId};
use log::{Delivery, Handover, Log};
use tokio::sync::{mpsc, oneshot};

use crate::answer::Answer;
use crate::cluster::{Member, Node};
use crate::commands::{Caller, LaneReport, Message, RETRY_AFTER_MS, stopping};
use crate::handler::Deciders;
use crate::maps::Map;
use crate::owner::{Action, Mark, Owner, Ticket};
use crate::submit::Submit;

/// Commands and reports taken in one round: what is decided in a round shares a group commit.
const ROUND_MAX: usize = 1_024;
/// Wait before a lane is taken over again after it was lost or the claim did not win.
const RETAKE_AFTER: Duration = Duration::from_millis(50);
/// Times that a lane is taken over in vain before those who wait for it are told: a second in all.
const RETAKES_MAX: u32 = 20;
/// Wait before a lane is tried again that could not be served: one of several nodes has no other call.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Most bytes of one call to the log: what one call carries is refused or durable as a whole, so it
/// stays far below what any log takes.
const CALL_BYTES_MAX: usize = 4 << 20;
/// Bytes handed over and not reported; beyond it commands are answered "overloaded" before they are
/// decided. Half of what the segment store queues.
const OPEN_BYTES_MAX: usize = 32 << 20;
/// Longest wait, awake, for a caller who was just answered: half of a device sync. To sleep and to be woken
/// costs one caller more than that, and there is nobody else whom it could cost anything.
const LINGER: Duration = Duration::from_micros(50);

pub(crate) struct Shell {
    pub(crate) log: Arc<dyn Log>,
    deciders: Deciders,
    pub(crate) node: Node,
    /// Its place among several nodes; alone, it has every lane.
    pub(crate) member: Option<Member>,
    pub(crate) back: mpsc::WeakUnboundedSender<Message>,
    topics: Map<String, TopicId>,
    pub(crate) owners: BTreeMap<LaneId, Owner>,
    callers: Map<Ticket, Caller>,
    /// Lanes that are taken over again after a pause.
    pub(crate) retaking: BTreeSet<LaneId>,
    /// Lanes in which commands wait for an owner to show itself.
    pub(crate) holding: BTreeSet<LaneId>,
    /// Times in a row that a lane was taken over in vain.
    pub(crate) in_vain: BTreeMap<LaneId, u32>,
    /// Bytes handed over and not reported.
    open_bytes: usize,
    next_ticket: Ticket,
    round: Vec<(Handover, Mark)>,
    stopping: Option<oneshot::Sender<()>>,
}

impl Shell {
    pub(crate) fn new(
        log: Arc<dyn Log>,
        deciders: Deciders,
        (node, member): (Node, Option<Member>),
        back: mpsc::WeakUnboundedSender<Message>,
    ) -> Self {
        let topics = log.topics().all().iter().map(|topic| topic.name.clone());
        let topics =
            topics.filter_map(|name| Some((name.clone(), log.topics().find(&name)?))).collect();
        Self {
            log,
            deciders,
            node,
            member,
            back,
            topics,
            owners: BTreeMap::new(),
            callers: Map::default(),
            retaking: BTreeSet::new(),
            holding: BTreeSet::new(),
            in_vain: BTreeMap::new(),
            open_bytes: 0,
            next_ticket: 1,
            round: Vec::new(),
            stopping: None,
        }
    }

    pub(crate) fn run(mut self, mut from: mpsc::UnboundedReceiver<Message>) {
        let mut messages = Vec::with_capacity(ROUND_MAX);
        while from.blocking_recv_many(&mut messages, ROUND_MAX) > 0 && !self.take_all(&mut messages)
        {
            self.linger(&from);
        }
        self.stopped();
    }

    /// Who was answered and nobody beside may ask again at once: looks for that before it sleeps.
    fn linger(&self, from: &mpsc::UnboundedReceiver<Message>) {
        let begun = Instant::now();
        while self.callers.is_empty() && from.is_empty() && begun.elapsed() < LINGER {
            // Lets them run, on a machine with few processors.
            std::thread::yield_now();
        }
    }

    /// The same as a task, which blocks its thread while the log is read.
    pub(crate) async fn drive(
        mut self,
        mut from: mpsc::UnboundedReceiver<Message>,
        claims: Vec<LaneId>,
    ) {
        for lane in claims {
            self.own(lane);
        }
        self.hand_over();
        let mut messages = Vec::with_capacity(ROUND_MAX);
        while from.recv_many(&mut messages, ROUND_MAX).await > 0 && !self.take_all(&mut messages) {}
        self.stopped();
    }

    /// Takes what came; says whether that was all.
    fn take_all(&mut self, messages: &mut Vec<Message>) -> bool {
        for message in messages.drain(..) {
            self.take(message);
        }
        self.hand_over();
        self.callers.is_empty() && self.stopping.is_some()
    }

    fn stopped(self) {
        if let Some(done) = self.stopping {
            done.send(()).ok();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Submit(submit, caller) => self.submit(submit, caller),
            Message::Many(many) => {
                for (submit, caller) in many {
                    self.submit(submit, caller);
                }
            }
            Message::Delivered(marks, deliveries, bytes) => {
                self.open_bytes = self.open_bytes.saturating_sub(bytes);
                self.delivered(marks, deliveries);
            }
            Message::Retake(lane) => {
                self.retaking.remove(&lane);
                self.retake(lane);
            }
            Message::Grown(lanes) => lanes.into_iter().for_each(|lane| self.grown(lane)),
            Message::Elected(election) => self.elected(election),
            Message::Held(lane) => self.held(lane),
            Message::Lanes(caller) => {
                caller.send(self.report()).ok();
            }
            Message::Stop(done) => self.stop(done),
        }
    }

    fn report(&self) -> Vec<LaneReport> {
        let report = |(lane, owner): (&LaneId, &Owner)| {
            let (epoch, seq) = owner.known();
            LaneReport { lane: *lane, serving: owner.is_serving(), epoch, seq }
        };
        self.owners.iter().map(report).collect()
    }

    fn submit(&mut self, submit: Submit, caller: Caller) {
        if self.stopping.is_some() {
            return caller.answer(stopping());
        }
        let topic = self.deciders.topic_of(submit.stream.category());
        let topic = topic.and_then(|topic| self.topics.get(topic).copied());
        let Some(topic) = topic else {
            let why = format!("nobody here takes commands for {}", submit.stream.category());
            return caller.answer(Answer::Unavailable { why });
        };
        if self.open_bytes > OPEN_BYTES_MAX {
            return caller.answer(Answer::Overloaded { retry_after_ms: RETRY_AFTER_MS });
        }
        let lane = self.log.topics().lane_for(topic, &submit.stream);
        if self.member.as_ref().is_some_and(|member| !member.is_elected(lane)) {
            return self.not_ours(lane, submit, caller);
        }
        let ticket = self.ticket(caller);
        self.own(lane);
        self.ask(lane, ticket, submit);
    }

    /// Takes a lane over that has no owner here.
    fn own(&mut self, lane: LaneId) {
        if !self.owners.contains_key(&lane) {
            self.owners.insert(lane, Owner::new(self.log.as_ref(), lane, &self.node));
            self.take_over(lane);
        }
    }

    pub(crate) fn ticket(&mut self, caller: Caller) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.callers.insert(ticket, caller);
        ticket
    }

    fn ask(&mut self, lane: LaneId, ticket: Ticket, submit: Submit) {
        let Some(owner) = self.owners.get_mut(&lane) else {
            let why = "the lane cannot be read now; nothing happened".to_owned();
            return self.act(Some(Action::Answer(ticket, Answer::Unavailable { why })));
        };
        match owner.submit(self.log.as_ref(), ticket, submit, &self.deciders, now()) {
            Ok(action) => self.act(action),
            // Nothing was decided: only this command hears of it.
            Err(error) => {
                let why = error.to_string();
                self.act(Some(Action::Answer(ticket, Answer::Unavailable { why })));
            }
        }
        if self.owners.get(&lane).is_some_and(|owner| !owner.is_serving() && !owner.is_claiming()) {
            self.go_on(lane);
        }
    }

    fn take_over(&mut self, lane: LaneId) {
        let Some(owner) = self.owners.get_mut(&lane) else { return };
        // Records that are on their way are waited for without holding the other lanes up.
        if self.log.ready(lane) < self.log.end(lane) {
            return self.retake_later(lane, RETAKE_AFTER);
        }
        match owner.take_over(self.log.as_ref(), ambient::random_id(), now()) {
            Ok(action) => self.act(Some(action)),
            Err(error) => self.give_up(lane, &error.to_string()),
        }
    }

    fn delivered(&mut self, marks: Vec<(LaneId, Mark)>, deliveries: Vec<Delivery>) {
        for ((lane, mark), delivery) in marks.into_iter().zip(deliveries) {
            let at = match delivery {
                Delivery::At { first, contiguous: true } => Some(first),
                Delivery::At { .. } => None,
                Delivery::Unknown(why) => {
                    tracing::warn!(
                        lane = lane.index,
                        topic = lane.topic.0,
                        why,
                        "outcome of an append is unknown"
                    );
                    None
                }
            };
            let Some(owner) = self.owners.get_mut(&lane) else { continue };
            match owner.delivered(self.log.as_ref(), mark, at) {
                Ok(actions) => actions.into_iter().for_each(|action| self.act(Some(action))),
                Err(error) => self.give_up(lane, &error.to_string()),
            }
            self.go_on(lane);
        }
    }

    /// After a report: an owner that serves takes what waited, one that lost the lane takes over anew
    /// after a pause, but not for ever while somebody waits.
    pub(crate) fn go_on(&mut self, lane: LaneId) {
        let Some(owner) = self.owners.get_mut(&lane) else { return };
        for action in owner.told() {
            self.act(Some(action));
        }
        let Some(owner) = self.owners.get_mut(&lane) else { return };
        if owner.is_serving() {
            if let Some(member) = &mut self.member {
                member.serves(lane);
                if !member.is_elected(lane) {
                    return self.resign(lane);
                }
            }
            self.in_vain.remove(&lane);
            for (ticket, submit) in owner.waiting() {
                self.ask(lane, ticket, submit);
            }
        } else if !owner.is_claiming() {
            self.contend(lane);
        }
    }

    pub(crate) fn take_again(&mut self, lane: LaneId) {
        let tries = *self.in_vain.get(&lane).unwrap_or(&0);
        if let Some(why) = self.log.failed() {
            self.give_up(lane, &why);
        } else if self.stopping.is_some() || tries >= RETAKES_MAX {
            self.give_up(lane, "the log does not take records now");
        } else if !self.retaking.contains(&lane) {
            self.in_vain.insert(lane, tries + 1);
            self.retake_later(lane, RETAKE_AFTER);
        }
    }

    pub(crate) fn retake_later(&mut self, lane: LaneId, pause: Duration) {
        if !self.retaking.insert(lane) {
            return;
        }
        if !self.later(pause, Message::Retake(lane)) {
            self.retaking.remove(&lane);
            self.give_up(lane, "no thread to wait with");
        }
    }

    /// Sends itself a message after a pause; `false`: it cannot.
    pub(crate) fn later(&self, pause: Duration, message: Message) -> bool {
        let back = self.back.clone();
        let waiting = ambient::later(pause, move || {
            if let Some(to) = back.upgrade() {
                to.send(message).ok();
            }
        });
        waiting.is_ok()
    }

    /// Takes nothing more; lanes that are not served now answer those who wait.
    fn stop(&mut self, done: oneshot::Sender<()>) {
        if self.stopping.replace(done).is_some() {
            tracing::warn!("asked to stop twice");
        }
        let lost: Vec<LaneId> = self
            .owners
            .iter()
            .filter(|(_, owner)| !owner.is_serving() && !owner.is_claiming())
            .map(|(lane, _)| *lane)
            .collect();
        for lane in lost {
            self.give_up(lane, "this node is stopping");
        }
    }

    pub(crate) fn retake(&mut self, lane: LaneId) {
        if self.member.as_ref().is_some_and(|member| !member.may_claim(lane)) {
            return;
        }
        if self.owners.get(&lane).is_some_and(|owner| !owner.is_serving() && !owner.is_claiming()) {
            self.take_over(lane);
        }
    }

    /// The lane cannot be served: everyone is told, and the next command tries anew.
    pub(crate) fn give_up(&mut self, lane: LaneId, why: &str) {
        tracing::error!(lane = lane.index, topic = lane.topic.0, why, "lane is not served");
        let actions = match &self.member {
            None => self.owners.remove(&lane).map(|mut owner| owner.give_up(why)),
            // What was read stays true, and the lane is still this node's to serve.
            Some(_) => self.owners.get_mut(&lane).map(|owner| owner.give_up(why)),
        };
        for action in actions.into_iter().flatten() {
            self.act(Some(action));
        }
        self.in_vain.remove(&lane);
        if self.member.as_ref().is_some_and(|member| member.may_claim(lane)) {
            self.retake_later(lane, TRY_AGAIN);
        }
    }

    pub(crate) fn act(&mut self, action: Option<Action>) {
        match action {
            Some(Action::HandOver(handover, mark)) => self.round.push((handover, mark)),
            Some(Action::Answer(ticket, answer)) => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    caller.answer(answer);
                }
            }
            None => {}
        }
    }

    /// Hands everything that this round decided to the log, in few calls.
    fn hand_over(&mut self) {
        let (mut handovers, mut marks, mut bytes) = (Vec::<Handover>::new(), Vec::new(), 0);
        let mut round = std::mem::take(&mut self.round);
        let by_lane = self.member.is_some();
        if by_lane {
            // A call is answered with its slowest lane: on several machines each has its own.
            round.sort_by_key(|(handover, _)| handover.lane);
        }
        for (handover, mark) in round {
            let other = by_lane && handovers.last().is_some_and(|last| last.lane != handover.lane);
            if (other || bytes + handover.bytes.len() > CALL_BYTES_MAX) && bytes > 0 {
                self.call(std::mem::take(&mut handovers), std::mem::take(&mut marks), bytes);
                bytes = 0;
            }
            bytes += handover.bytes.len();
            marks.push((handover.lane, mark));
            handovers.push(handover);
        }
        if !handovers.is_empty() {
            self.call(handovers, marks, bytes);
        }
    }

    fn call(&mut self, handovers: Vec<Handover>, marks: Vec<(LaneId, Mark)>, bytes: usize) {
        self.open_bytes += bytes;
        let back = self.back.clone();
        self.log.append(
            handovers,
            Box::new(move |deliveries| {
                if let Some(to) = back.upgrade() {
                    to.send(Message::Delivered(marks, deliveries, bytes)).ok();
                }
            }),
        );
    }
}
