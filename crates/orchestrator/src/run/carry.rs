//! One piece of work: an attempt or a probe, carried to an aggregate or to a port. Not what its answer
//! means, which the engine says, and not when it is tried again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::saga::{
    AnyCommand, Fault, Outcome, Probe, Refusal, Saga, SagaId, StepKey, StepName, To,
};
use domain::{StreamId, Timestamp};
use futures_util::FutureExt;
use lane::{Answer, Submit};
use log::Verdict;
use tokio::time::timeout_at;

use crate::code::guard;
use crate::run::any::{About, AnyInput, Job, Typed};
use crate::run::clock::{now, until};
use crate::run::means::{Found, Left, Means, command_key, fingerprint, instant};
use crate::run::targets::Said;
use crate::run::wanted::Wanted;
use crate::run::wire::Wire;
use crate::{Attempt, Direction, Effect, Input, Poison};

/// Nothing to tell: it was not wanted any more, or had no answer in time.
struct Nobody;

type Told<S> = Result<Outcome<Option<<S as Saga>::Answer>>, Nobody>;

/// An attempt or a probe of a step, with all that it needs.
pub(crate) struct Carried<S: Saga> {
    pub(crate) of: Arc<Typed<S>>,
    pub(crate) saga: SagaId,
    /// When this way of the step was asked first.
    pub(crate) asked_at: Timestamp,
    /// When its forward way was asked first: a fence looks for that key, however old it is.
    pub(crate) forward_at: Timestamp,
    /// The stream of the forward command, when the step asks an aggregate of ours.
    pub(crate) forward: Option<StreamId>,
    pub(crate) breaker: Option<&'static str>,
    pub(crate) timeout_ms: u64,
    pub(crate) effect: Effect<S>,
}

/// What the work is done with, and for whom.
#[derive(Clone, Copy)]
struct Around<'a> {
    with: &'a Means,
    about: &'a About,
    wanted: &'a Wanted,
}

/// An attempt, taken apart.
struct Call<'a, S: Saga> {
    attempt: &'a Attempt,
    key: StepKey,
    takes_back: Option<StepKey>,
    ask: &'a S::Ask,
    due_at: Timestamp,
}

#[async_trait]
impl<S: Saga> Job for Carried<S> {
    async fn carry(
        self: Box<Self>,
        with: Arc<Means>,
        about: &About,
        wanted: &Wanted,
    ) -> Option<AnyInput> {
        let around = Around { with: &with, about, wanted };
        let input = match &self.effect {
            Effect::Perform { attempt, key, takes_back, ask, due_at } => {
                let (key, takes_back, due_at) = (*key, *takes_back, *due_at);
                let call = Call { attempt, key, takes_back, ask, due_at };
                let outcome = self.perform(around, &call).await.ok()?;
                Input::Answer { attempt: attempt.clone(), outcome }
            }
            Effect::Probe { step, behind_undo, key, ask } => {
                let probe = self.probe(around, (step, *key), ask).await.ok()?;
                Input::Probed { step: step.clone(), behind_undo: *behind_undo, probe }
            }
            Effect::Wake { .. } => return None,
        };
        Some(AnyInput::of::<S>(input))
    }
}

impl<S: Saga> Carried<S> {
    async fn perform(&self, by: Around<'_>, call: &Call<'_, S>) -> Told<S> {
        let target = match guard(|| S::target(call.ask)) {
            Ok(target) => target,
            Err(poison) => return Ok(Outcome::Unknown(panicked(&poison))),
        };
        if let (Some(stream), Some(key)) = (&self.forward, call.takes_back) {
            match self.fence(by, (stream, key), call.due_at).await? {
                Outcome::Done(happened) if happened || target.regardless => {}
                Outcome::Done(_) => return Ok(Outcome::Done(None)),
                Outcome::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
                Outcome::Transient(fault) => return Ok(Outcome::Transient(fault)),
                Outcome::Unknown(fault) => return Ok(Outcome::Unknown(fault)),
            }
        }
        match target.to {
            To::Aggregate(stream) => self.command(by, call, stream).await,
            To::Port(port) => self.port(by, call, port).await,
        }
    }

    /// Kills the forward key of a step that is taken back, so that a late command finds it dead; says
    /// whether it had happened.
    async fn fence(
        &self,
        by: Around<'_>,
        (stream, key): (&StreamId, StepKey),
        due_at: Timestamp,
    ) -> Result<Outcome<bool>, Nobody> {
        let submit = Means::submit_of(by.about, stream.clone(), Box::new(()));
        let submit = Submit {
            key: Some(command_key(key)),
            fence: true,
            asked_at: Some(self.forward_at),
            ..submit
        };
        Ok(match self.submit(by, submit, Wire::Fence, due_at).await? {
            Answer::Accepted(_) => Outcome::Done(true),
            Answer::Refused(refused) => Outcome::Done(refused.verdict == Verdict::Nothing),
            other => later(other),
        })
    }

    async fn command(&self, by: Around<'_>, call: &Call<'_, S>, stream: StreamId) -> Told<S> {
        let command = match guard(|| S::command(call.ask, self.asked_at)) {
            Ok(Some(AnyCommand(command))) => command,
            Ok(None) => {
                return Ok(Outcome::Refused(Refusal::new(
                    "no_command",
                    format!("the saga has no command for {stream}"),
                )));
            }
            Err(poison) => return Ok(Outcome::Unknown(panicked(&poison))),
        };
        let to = stream.clone();
        let submit = Submit {
            key: Some(command_key(call.key)),
            fingerprint: fingerprint(call.ask),
            asked_at: Some(self.asked_at),
            ..Means::submit_of(by.about, stream, command)
        };
        let wire = Wire::Ask {
            saga: S::CATEGORY.to_owned(),
            ask: serde_json::to_value(call.ask).unwrap_or_default(),
            asked_at: self.asked_at.as_micros(),
        };
        Ok(match self.submit(by, submit, wire, call.due_at).await? {
            Answer::Accepted(accepted) => match by.with.left(&accepted).await {
                Ok(left) => answered::<S>(call.ask, &left),
                // It happened; asked again, the key says so again.
                Err(why) => Outcome::Unknown(Fault::new(why)),
            },
            Answer::Refused(refused) if refused.verdict == Verdict::Nothing => {
                answered::<S>(call.ask, &Left::nothing(by.with.deciders.schemas().clone()))
            }
            Answer::Refused(refused) => {
                Outcome::Refused(Refusal::new(refused.rule, refused.detail))
            }
            // What it asks has moved on since it was asked first; what it was then, counts.
            Answer::KeyReused => match by.with.find(&to, call.key).await {
                Ok(Found::Happened(left)) => answered::<S>(call.ask, &left),
                Ok(Found::NotHappened) => Outcome::Refused(Refusal::new(
                    "key_reused",
                    "asked in another way before, it was refused",
                )),
                Err(why) => Outcome::Unknown(Fault::new(why)),
            },
            other => later(other),
        })
    }

    async fn submit(
        &self,
        by: Around<'_>,
        submit: Submit,
        wire: Wire,
        due_at: Timestamp,
    ) -> Result<Answer, Nobody> {
        if !by.wanted.still() {
            return Err(Nobody);
        }
        timeout_at(instant(due_at), by.with.submitter.submit_to(submit, wire))
            .await
            .map_err(|_| Nobody)
    }

    async fn port(&self, by: Around<'_>, call: &Call<'_, S>, port: &str) -> Told<S> {
        let name = self.target_name(port, &call.attempt.step);
        // Who waits for a place longer than half of the time has too little left for the call.
        let place = tokio::time::Instant::now() + until(call.due_at) / 2;
        let pass = match timeout_at(place, by.with.targets.enter(&name)).await {
            Ok(Ok(pass)) => pass,
            Ok(Err(shut)) => {
                let retry_after_ms = Some(shut.retry_after_ms);
                let detail = shut.sentence(&name);
                return Ok(Outcome::Transient(Fault { detail, retry_after_ms }));
            }
            Err(_) => {
                let detail = format!("waiting for a place: {name} has all the calls it may have");
                return Ok(Outcome::Transient(Fault::new(detail)));
            }
        };
        if !by.wanted.still() || now() >= call.due_at {
            return Err(Nobody);
        }
        let effect = self.effect(by.about, call.key, call.takes_back, call.attempt, call.due_at);
        let asked = AssertUnwindSafe(self.of.carrier.perform(&effect, call.ask)).catch_unwind();
        let outcome = match timeout_at(instant(call.due_at), asked).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Unknown(Fault::new("the provider's adapter panicked")),
            Err(_) => {
                pass.said(Said::Fault("no answer in time", None));
                return Err(Nobody);
            }
        };
        pass.said(match &outcome {
            Outcome::Done(_) | Outcome::Refused(_) => Said::Good,
            Outcome::Transient(fault) | Outcome::Unknown(fault) => {
                Said::Fault(&fault.detail, fault.retry_after_ms)
            }
        });
        Ok(outcome)
    }

    async fn probe(
        &self,
        by: Around<'_>,
        (step, key): (&str, StepKey),
        ask: &S::Ask,
    ) -> Result<Probe<Option<S::Answer>>, Nobody> {
        let port = match guard(|| S::target(ask).to) {
            Ok(To::Port(port)) => port,
            Ok(To::Aggregate(stream)) => {
                return Ok(match by.with.find(&stream, key).await {
                    Ok(Found::NotHappened) => Probe::NotHappened,
                    Ok(Found::Happened(left)) => match guard(|| S::answer(ask, &left)) {
                        Ok(answer) => Probe::Happened(answer),
                        Err(_) => Probe::CannotTell,
                    },
                    Err(why) => {
                        tracing::warn!(stream = %stream, why, "a command cannot be looked up");
                        Probe::CannotTell
                    }
                });
            }
            Err(_) => return Ok(Probe::CannotTell),
        };
        let name = self.target_name(port, step);
        let pass = by.with.targets.enter_at_last(&name, by.wanted).await.ok_or(Nobody)?;
        let due_at = now().plus_ms(i64::try_from(self.timeout_ms).unwrap_or(i64::MAX));
        let attempt = Attempt { step: step.to_owned(), direction: Direction::Forward, number: 0 };
        let effect = self.effect(by.about, key, None, &attempt, due_at);
        let asked = AssertUnwindSafe(self.of.carrier.probe(&effect, ask)).catch_unwind();
        let within = Duration::from_millis(self.timeout_ms);
        match tokio::time::timeout(within, asked).await {
            Ok(Ok(Probe::CannotTell)) => {
                // That it does not know keys is no fault of it; that it is down is told by calls.
                Ok(Probe::CannotTell)
            }
            Ok(Ok(probe)) => {
                pass.said(Said::Good);
                Ok(probe)
            }
            Ok(Err(_)) | Err(_) => {
                pass.said(Said::Fault("no answer to a probe", None));
                Ok(Probe::CannotTell)
            }
        }
    }

    /// The breaker of the retry policy, or the port; and the item, when it is done for each of some.
    fn target_name(&self, port: &str, step: &str) -> String {
        let name = self.breaker.unwrap_or(port);
        match StepName::of(step).item {
            "" => name.to_owned(),
            item => format!("{name}/{item}"),
        }
    }

    fn effect(
        &self,
        about: &About,
        key: StepKey,
        takes_back: Option<StepKey>,
        attempt: &Attempt,
        due_at: Timestamp,
    ) -> ports::Effect {
        ports::Effect {
            key,
            takes_back,
            saga: self.saga,
            step: attempt.step.clone(),
            attempt: attempt.number,
            tenant: about.tenant.clone(),
            correlation: about.correlation,
            trace: about.trace,
            asked_at: self.asked_at,
            due_at,
        }
    }
}

fn answered<S: Saga>(ask: &S::Ask, left: &Left) -> Outcome<Option<S::Answer>> {
    match guard(|| S::answer(ask, left)) {
        Ok(answer) => Outcome::Done(answer),
        Err(poison) => Outcome::Unknown(panicked(&poison)),
    }
}

fn panicked(Poison(why): &Poison) -> Fault {
    Fault::new(format!("the saga's own code failed: {why}"))
}

/// An answer that is neither yes nor no.
fn later<T>(answer: Answer) -> Outcome<T> {
    match answer {
        Answer::StillRunning => Outcome::Transient(Fault::new("the first call is still running")),
        Answer::Overloaded { retry_after_ms } => Outcome::Transient(Fault {
            detail: "too much is waiting".to_owned(),
            retry_after_ms: Some(retry_after_ms),
        }),
        Answer::Unavailable { why } => Outcome::Transient(Fault::new(why)),
        Answer::Unknown { why } => Outcome::Unknown(Fault::new(why)),
        // It was used for something else, which may stand: never taken for a no.
        Answer::KeyReused => Outcome::Unknown(Fault::new("the key was used for another ask")),
        other => Outcome::Unknown(Fault::new(format!("no answer to go by: {other:?}"))),
    }
}
