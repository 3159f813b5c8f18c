//! Misbehaviour on demand: by words in what is asked, or by rules that are told beforehand.

use std::str::FromStr;
use std::time::Duration;

use domain::saga::Refusal;
use serde::{Deserialize, Serialize};

use crate::ledger::Kind;

/// What the sandbox does instead of simply doing what it is asked.
///
/// In the text of a post or a mail these stand in brackets: `[refuse]`, `[busy 3]`, `[limit 5]`,
/// `[delay 2]`, `[drop]`, `[lose]`, `[late 3600]`, `[mute]`, `[sticky 20]`; with ` on <platform>` they hold for one platform
/// alone, as `[refuse on mastodon]`. Numbers are seconds, of `busy` attempts. A charge whose amount
/// ends in 02 is declined.
///
/// ```
/// use provider_sandbox::Behaviour;
/// let found = Behaviour::in_text("Hello [busy 2] [refuse on mastodon]", "mastodon");
/// assert_eq!(found, [Behaviour::Busy { attempts: 2 }, Behaviour::Refuse]);
/// assert!(Behaviour::in_text("an [array], a [link](there)", "bluesky").is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "behaviour", rename_all = "snake_case")]
pub enum Behaviour {
    /// Says no: nothing is done.
    Refuse,
    /// Answers 503 to so many first attempts: nothing is done.
    Busy {
        /// How many.
        attempts: u32,
    },
    /// Answers 429 with `Retry-After` until so long after the first attempt: nothing is done.
    Limit {
        /// How long.
        seconds: u32,
    },
    /// Does it after so long.
    Delay {
        /// How long.
        seconds: u32,
    },
    /// Does it, and cuts the connection of the first attempt.
    Drop,
    /// Cuts the connection of the first attempt: nothing is done.
    Lose,
    /// Does it at once, and answers the first attempt after so long.
    Late {
        /// How long.
        seconds: u32,
    },
    /// Does it, cuts the connection of the first attempt, and does not say afterwards whether it stands:
    /// a human must look.
    Mute,
    /// Does it, and answers 429 with `Retry-After` to whoever would take it back until so long after the
    /// first who would.
    Sticky {
        /// How long.
        seconds: u32,
    },
}

impl Behaviour {
    /// What a text asks for, of one platform.
    pub fn in_text(text: &str, platform: &str) -> Vec<Self> {
        let brackets = text.split('[').skip(1).filter_map(|it| Some(it.split_once(']')?.0));
        let found = brackets.filter_map(|said| {
            let (said, on) = said.split_once(" on ").unwrap_or((said, platform));
            said.parse().ok().filter(|_| on == platform)
        });
        found.collect()
    }
}

/// The word is none of the sandbox's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotABehaviour;

impl FromStr for Behaviour {
    type Err = NotABehaviour;

    fn from_str(said: &str) -> Result<Self, NotABehaviour> {
        let (word, number) = said.split_once(' ').unwrap_or((said, ""));
        let number = || number.parse().map_err(|_| NotABehaviour);
        Ok(match word {
            "refuse" | "bounce" if said == word => Self::Refuse,
            "drop" if said == word => Self::Drop,
            "lose" if said == word => Self::Lose,
            "mute" if said == word => Self::Mute,
            "busy" => Self::Busy { attempts: number()? },
            "limit" => Self::Limit { seconds: number()? },
            "delay" => Self::Delay { seconds: number()? },
            "late" => Self::Late { seconds: number()? },
            "sticky" => Self::Sticky { seconds: number()? },
            _ => return Err(NotABehaviour),
        })
    }
}

/// A behaviour for the next calls, whatever they say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What then.
    #[serde(flatten)]
    pub behaviour: Behaviour,
    /// Of which kind; without: of all.
    pub kind: Option<Kind>,
    /// On which platform; without: on all.
    pub on: Option<String>,
    /// For how many works; each keeps it for all its attempts.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// What is done about one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is done; this is said.
    Refuse(Refusal),
    /// Nothing is done; it may come back after so many seconds.
    Later { status: u16, seconds: u32 },
    /// Nothing is done, and nothing is said.
    Cut,
    /// It is done after so long; then this.
    Do { after: Duration, then: Then },
}

/// What is told of what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Answer,
    Cut,
    AnswerAfter(Duration),
}

const fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds as u64)
}

/// Of all that is asked for, in the order in which a real server would come to it. `attempt` counts
/// from 1, `since` is the time from the first.
pub(crate) fn verdict(all: &[Behaviour], attempt: u32, since: Duration) -> Verdict {
    let (mut after, mut then) = (Duration::ZERO, Then::Answer);
    for behaviour in all {
        match *behaviour {
            Behaviour::Limit { seconds: until } if since < seconds(until) => {
                return Verdict::Later { status: 429, seconds: left(until, since) };
            }
            Behaviour::Busy { attempts } if attempt <= attempts => {
                return Verdict::Later { status: 503, seconds: 0 };
            }
            Behaviour::Lose if attempt == 1 => return Verdict::Cut,
            Behaviour::Refuse => {
                let detail = "the sandbox was asked to say no";
                return Verdict::Refuse(Refusal::new("refused_on_demand", detail));
            }
            Behaviour::Delay { seconds: by } => after += seconds(by),
            Behaviour::Drop | Behaviour::Mute if attempt == 1 => then = Then::Cut,
            Behaviour::Late { seconds: by } if attempt == 1 => {
                then = Then::AnswerAfter(seconds(by));
            }
            Behaviour::Limit { .. }
            | Behaviour::Busy { .. }
            | Behaviour::Lose
            | Behaviour::Drop
            | Behaviour::Mute
            | Behaviour::Late { .. }
            | Behaviour::Sticky { .. } => {}
        }
    }
    Verdict::Do { after, then }
}

/// For how long it may not be taken back yet, in seconds; `since` is the time from the first who would.
pub(crate) fn sticks(all: &[Behaviour], since: Duration) -> Option<u32> {
    all.iter().find_map(|behaviour| match *behaviour {
        Behaviour::Sticky { seconds: until } if since < seconds(until) => Some(left(until, since)),
        _ => None,
    })
}

/// At least a second: rounded down it would come too early.
fn left(until: u32, since: Duration) -> u32 {
    let left = seconds(until).saturating_sub(since).as_secs() + 1;
    u32::try_from(left).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_wears_off_as_it_says() {
        let busy = [Behaviour::Busy { attempts: 2 }];
        let of = |all: &[Behaviour], attempt| verdict(all, attempt, Duration::ZERO);
        assert_eq!(of(&busy, 2), Verdict::Later { status: 503, seconds: 0 });
        let done = Verdict::Do { after: Duration::ZERO, then: Then::Answer };
        assert_eq!(of(&busy, 3), done);
        let limit = [Behaviour::Limit { seconds: 5 }];
        let later = |seconds| Verdict::Later { status: 429, seconds };
        assert_eq!(verdict(&limit, 1, Duration::ZERO), later(6));
        assert_eq!(verdict(&limit, 9, Duration::from_millis(4_500)), later(1));
        assert_eq!(verdict(&limit, 10, Duration::from_secs(5)), done);
        let cut = Verdict::Do { after: Duration::from_secs(1), then: Then::Cut };
        assert_eq!(of(&[Behaviour::Delay { seconds: 1 }, Behaviour::Drop], 1), cut);
        assert_eq!(of(&[Behaviour::Drop], 2), done);
        assert_eq!(of(&[Behaviour::Mute], 2), done);
        assert_eq!(of(&[Behaviour::Lose], 1), Verdict::Cut);
        assert_eq!(of(&[Behaviour::Lose], 2), done);
        let late = Then::AnswerAfter(Duration::from_hours(1));
        let late = Verdict::Do { after: Duration::ZERO, then: late };
        assert_eq!(of(&[Behaviour::Late { seconds: 3_600 }], 1), late);
        let sticky = Behaviour::in_text("[sticky 5 on x]", "x");
        assert_eq!(of(&sticky, 1), done);
        assert_eq!(sticks(&sticky, Duration::from_millis(1)), Some(5));
        assert_eq!(sticks(&sticky, Duration::from_secs(5)), None);
    }

    #[test]
    fn a_rule_is_told_as_json() {
        let told = r#"{"behaviour":"busy","attempts":2,"kind":"charges","times":3}"#;
        let rule: Rule = serde_json::from_str(told).unwrap();
        let busy = Behaviour::Busy { attempts: 2 };
        assert_eq!(rule, Rule { behaviour: busy, kind: Some(Kind::Charges), on: None, times: 3 });
        let rule: Rule = serde_json::from_str(r#"{"behaviour":"refuse","on":"mastodon"}"#).unwrap();
        assert_eq!((rule.behaviour, rule.times), (Behaviour::Refuse, 1));
    }
}
