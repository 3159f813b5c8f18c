//! What the shell does as one node of several: follows lanes, takes those that it is elected for, leaves
//! those that it is not, and holds commands that come between two owners. Not the shell itself.

use std::sync::Arc;
use std::time::Duration;

use domain::LaneId;

use crate::answer::Answer;
use crate::cluster::Election;
use crate::commands::{Caller, Message};
use crate::owner::{Action, Owner};
use crate::shell::Shell;
use crate::submit::Submit;

/// How long a command waits for the next owner of a lane to show itself: longer than an election after a
/// death as a rule, shorter than any client's patience.
const HOLD_MAX: Duration = Duration::from_secs(5);

impl Shell {
    pub(crate) fn owner(&mut self, lane: LaneId) -> &mut Owner {
        let make = || Owner::new(self.log.as_ref(), lane, &self.node);
        self.owners.entry(lane).or_insert_with(make)
    }

    pub(crate) fn elected(&mut self, mut election: Election) {
        if let Election::Awaited(lanes) = &mut election {
            if self.member.as_ref().is_none_or(|member| !member.awaits()) {
                return;
            }
            lanes.retain(|lane| self.was_ours(*lane));
            if !lanes.is_empty() {
                let lanes = lanes.len().to_string();
                tracing::info!(lanes, "lanes of an earlier life are taken back");
            }
        }
        let Some(member) = &mut self.member else { return };
        let (gone, here) = member.take(election);
        for lane in gone {
            self.resign(lane);
        }
        for lane in here {
            self.owner(lane);
            self.retake(lane);
        }
    }

    /// Whether the newest claim of a lane is that of this node's earlier life. A lane that cannot be read is
    /// nobody's until somebody is elected.
    fn was_ours(&mut self, lane: LaneId) -> bool {
        let (log, url) = (Arc::clone(&self.log), self.node.url.clone());
        let owner = self.owner(lane);
        owner.follow(&*log).is_ok() && owner.claim().is_some_and(|claim| claim.url == url)
    }

    /// The lane is another node's now: what is open is answered first, what waits goes there.
    pub(crate) fn resign(&mut self, lane: LaneId) {
        let owner = self.owner(lane);
        if owner.is_serving() && !owner.has_open() {
            owner.resign();
        }
        if matches!(owner.elsewhere(), Answer::Elsewhere { .. }) {
            self.send_away(lane);
        } else if owner.has_waiting() {
            self.hold(lane);
        }
    }

    /// Takes a command for a lane that is not this node's. Between two owners it waits: the claim of the
    /// next one says where to go.
    pub(crate) fn not_ours(&mut self, lane: LaneId, submit: Submit, caller: Caller) {
        let owner = self.owner(lane);
        let elsewhere = owner.elsewhere();
        if matches!(elsewhere, Answer::Elsewhere { .. }) || !owner.has_room() {
            return caller.answer(elsewhere);
        }
        let ticket = self.ticket(caller);
        self.owner(lane).wait(ticket, submit);
        self.hold(lane);
    }

    /// Lets those who wait in a lane wait, but not for ever.
    fn hold(&mut self, lane: LaneId) {
        if self.holding.insert(lane) && !self.later(HOLD_MAX, Message::Held(lane)) {
            self.held(lane);
        }
    }

    /// They have waited long enough.
    pub(crate) fn held(&mut self, lane: LaneId) {
        self.holding.remove(&lane);
        if self.member.as_ref().is_some_and(|member| !member.may_claim(lane)) {
            self.send_away(lane);
        }
    }

    fn send_away(&mut self, lane: LaneId) {
        let owner = self.owner(lane);
        let elsewhere = owner.elsewhere();
        for (ticket, _) in owner.waiting() {
            self.act(Some(Action::Answer(ticket, elsewhere.clone())));
        }
    }

    /// The lane has grown: followed, unless it is served here and only own records came.
    pub(crate) fn grown(&mut self, lane: LaneId) {
        let log = Arc::clone(&self.log);
        let owner = self.owner(lane);
        if owner.is_intruded(&*log) {
            owner.lose();
        }
        if owner.is_serving() {
            return;
        }
        match owner.follow_page(&*log) {
            Ok(more) => {
                if more && let Some(to) = self.back.upgrade() {
                    to.send(Message::Grown(vec![lane])).ok();
                }
                self.go_on(lane);
            }
            Err(error) => self.give_up(lane, &error.to_string()),
        }
    }

    /// What this node does about a lane that it does not serve and does not claim.
    pub(crate) fn contend(&mut self, lane: LaneId) {
        let (Some(member), Some(owner)) = (&mut self.member, self.owners.get_mut(&lane)) else {
            return self.take_again(lane);
        };
        let tries = *self.in_vain.get(&lane).unwrap_or(&0);
        if !member.may_claim(lane) {
            self.resign(lane);
        } else if owner.is_rivalled() && owner.has_claimed() {
            if !self.retaking.contains(&lane) {
                let pause = member.pause(lane);
                tracing::warn!(
                    lane = lane.index,
                    topic = lane.topic.0,
                    to = owner.claim().map(|claim| claim.node.as_str()),
                    "another node took a lane"
                );
                self.in_vain.insert(lane, tries + 1);
                self.retake_later(lane, pause);
            }
            self.resign(lane);
        } else {
            self.take_again(lane);
        }
    }
}
