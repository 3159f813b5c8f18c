//! What a node of several knows beside its lanes: its name, which lanes it was elected for, and when it
//! may contend for one again. Not a fence: that is the log itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::LaneId;

/// The first pause before a lane is contended for that another node took, and the longest: an election
/// that is not told here yet comes sooner.
const CONTEND_AFTER: Duration = Duration::from_secs(1);
const CONTEND_AFTER_MAX: Duration = Duration::from_secs(30);

/// Who claims lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Where it serves commands, as `http://10.0.0.1:7070`; empty on a log without other nodes.
    pub url: String,
}

/// The lanes a node was elected for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Election {
    /// The electors have not spoken yet, who wait for the dead. Of these lanes those are still this node's
    /// whose newest claim in the log tells its address: it served them before it was started again, and
    /// nobody has taken them since. Means nothing once an election was told.
    Awaited(BTreeSet<LaneId>),
    /// These and no others, in a newer election than any before.
    Lanes(BTreeSet<LaneId>),
    /// The electors are out of reach: the last election may be over. What is served goes on being served
    /// until the log says otherwise; nothing else is claimed.
    Lost,
}

/// The place of this node among several.
#[derive(Debug, Default)]
pub(crate) struct Member {
    lanes: BTreeSet<LaneId>,
    /// Whether any election was told.
    told: bool,
    /// Whether the last election is over for all we know.
    lost: bool,
    /// Times in a row that another node took a lane that this one was elected for.
    rivalled: BTreeMap<LaneId, u32>,
}

impl Member {
    pub(crate) fn is_elected(&self, lane: LaneId) -> bool {
        self.lanes.contains(&lane)
    }

    /// Whether a lane may be claimed now.
    pub(crate) fn may_claim(&self, lane: LaneId) -> bool {
        !self.lost && self.is_elected(lane)
    }

    /// Whether no election was told yet.
    pub(crate) fn awaits(&self) -> bool {
        !self.told
    }

    /// Takes an election; gives the lanes that are this node's no more, and those that are now.
    pub(crate) fn take(&mut self, election: Election) -> (Vec<LaneId>, Vec<LaneId>) {
        self.told |= !matches!(election, Election::Awaited(_));
        match election {
            Election::Lost => {
                self.lost = true;
                (Vec::new(), Vec::new())
            }
            Election::Awaited(lanes) | Election::Lanes(lanes) => {
                self.lost = false;
                self.rivalled.clear();
                let gone = self.lanes.difference(&lanes).copied().collect();
                self.lanes = lanes;
                (gone, self.lanes.iter().copied().collect())
            }
        }
    }

    /// The lane is served: rivals are forgotten.
    pub(crate) fn serves(&mut self, lane: LaneId) {
        self.rivalled.remove(&lane);
    }

    /// Another node took the lane: how long to leave it alone, doubled each time, with a random part.
    pub(crate) fn pause(&mut self, lane: LaneId) -> Duration {
        let times = self.rivalled.entry(lane).or_default();
        let pause = CONTEND_AFTER * 2_u32.pow((*times).min(5));
        *times += 1;
        let jitter = f64::from(ambient::random_id().as_bytes()[0]) / 256.0;
        pause.min(CONTEND_AFTER_MAX).mul_f64(1.0 + jitter)
    }
}

#[cfg(test)]
mod tests {
    use domain::TopicId;

    use super::*;

    fn lane(index: u16) -> LaneId {
        LaneId { topic: TopicId(0), index }
    }

    #[test]
    fn a_lost_election_keeps_what_is_served_and_claims_nothing() {
        let mut member = Member::default();
        let lanes = |all: &[u16]| Election::Lanes(all.iter().copied().map(lane).collect());
        assert_eq!(member.take(lanes(&[1, 2])), (vec![], vec![lane(1), lane(2)]));
        assert_eq!(member.take(Election::Lost), (vec![], vec![]));
        assert!(member.is_elected(lane(1)) && !member.may_claim(lane(1)));
        assert_eq!(member.take(lanes(&[2, 3])), (vec![lane(1)], vec![lane(2), lane(3)]));
        assert!(member.may_claim(lane(3)) && !member.is_elected(lane(1)));
    }

    #[test]
    fn a_lane_that_another_took_is_left_alone_longer_each_time() {
        let mut member = Member::default();
        let pauses: Vec<_> = (0..8).map(|_| member.pause(lane(1))).collect();
        assert!(pauses[0] >= CONTEND_AFTER && pauses[0] < 2 * CONTEND_AFTER);
        assert!(pauses[7] >= CONTEND_AFTER_MAX && pauses[7] < 2 * CONTEND_AFTER_MAX);
        member.serves(lane(1));
        assert!(member.pause(lane(1)) < 2 * CONTEND_AFTER);
    }
}
