//! The targets of the lab, with a ledger of their own: what was done, what stands, what money moved.
//! Not the saga's ledger: the laws compare the two.

use std::collections::{BTreeMap, BTreeSet};

use orchestrator::StepKey;

/// How a target behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manners {
    /// The same key is the same effect.
    pub(crate) honours_keys: bool,
    /// What was done is refused when it is asked again: "it is there already".
    pub(crate) refuses_repeats: bool,
    /// An undo leaves a fence, and a fenced key is refused: aggregates of ours.
    pub(crate) fences: bool,
}

/// What stands under a key.
#[derive(Debug, Default)]
struct Effect {
    /// How often it stands; more than once only where keys are not honoured.
    standing: u32,
    /// Moved each time, in minor units.
    minor: i64,
    /// How often it was done at all.
    done: u32,
}

/// All targets of one run.
#[derive(Debug, Default)]
pub(crate) struct World {
    effects: BTreeMap<StepKey, Effect>,
    undone: BTreeSet<StepKey>,
    fenced: BTreeSet<StepKey>,
    charges: i64,
    refunds: i64,
    /// Under which key each step was done.
    by_step: BTreeMap<String, StepKey>,
    /// Steps that were done under two keys.
    pub(crate) doubled: Vec<String>,
}

impl World {
    /// Does the work; `false`: its key is fenced, or it was done before and that is refused.
    pub(crate) fn work(&mut self, step: &str, key: StepKey, minor: i64, manners: Manners) -> bool {
        if self.fenced.contains(&key) {
            return false;
        }
        let effect = self.effects.entry(key).or_default();
        if manners.refuses_repeats && effect.done > 0 {
            return false;
        }
        if manners.honours_keys && effect.done > 0 {
            return true;
        }
        effect.done += 1;
        effect.standing += 1;
        effect.minor = minor;
        self.charges += minor;
        if *self.by_step.entry(step.to_owned()).or_insert(key) != key {
            self.doubled.push(step.to_owned());
        }
        true
    }

    /// Takes back what was done under a key; what was not done is no error.
    pub(crate) fn undo(&mut self, key: StepKey, takes_back: StepKey, manners: Manners) {
        if manners.fences {
            self.fenced.insert(takes_back);
        }
        if manners.honours_keys && !self.undone.insert(key) {
            return;
        }
        if let Some(effect) = self.effects.get_mut(&takes_back) {
            self.refunds += effect.minor * i64::from(effect.standing);
            effect.standing = 0;
        }
    }

    /// Whether something stands under a key.
    pub(crate) fn stands(&self, key: StepKey) -> bool {
        self.effects.get(&key).is_some_and(|effect| effect.standing > 0)
    }

    /// Everything that stands.
    pub(crate) fn standing(&self) -> Vec<StepKey> {
        self.effects.iter().filter(|(_, it)| it.standing > 0).map(|(key, _)| *key).collect()
    }

    /// Charges less refunds is what stands.
    pub(crate) fn balances(&self) -> Result<(), String> {
        let stands: i64 = self.effects.values().map(|it| it.minor * i64::from(it.standing)).sum();
        let moved = self.charges - self.refunds;
        if moved == stands { Ok(()) } else { Err(format!("moved {moved}, stands {stands}")) }
    }
}

/// A small generator of numbers (`SplitMix64`): the same seed, the same run, on every machine.
#[derive(Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    /// So many times of a hundred.
    pub(crate) fn percent(&mut self, of_100: u64) -> bool {
        self.below(100) < of_100
    }

    /// Milliseconds up to a bound.
    pub(crate) fn ms(&mut self, max: u64) -> i64 {
        i64::try_from(self.below(max)).unwrap_or(0)
    }
}
