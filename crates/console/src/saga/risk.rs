//! What of a saga is still out there, in a half-sentence. Not the ledger itself, which the engine
//! keeps.

use orchestrator::{Direction, Entry, Instance, Standing, ledger};

use super::money::{self, Sums};

/// What stands, and what may stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Risk {
    stands: Part,
    may_stand: Part,
}

/// Effects, those that move money apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    money: Sums,
    /// All of them.
    effects: u64,
    /// Those that move no money.
    others: u64,
}

/// Whether an effect stands: `None` when nobody can tell.
pub(crate) fn stands(standing: Standing) -> Option<bool> {
    match standing {
        Standing::Stands
        | Standing::Undoing
        | Standing::UndoFailed
        | Standing::Skipped(Direction::Forward) => Some(true),
        Standing::NotDone | Standing::Undone | Standing::Skipped(Direction::Undo) => Some(false),
        Standing::Asked | Standing::Unknown | Standing::UndoneUnconfirmed => None,
    }
}

/// What of a saga is still out there.
pub(crate) fn risk(is: &Instance) -> Risk {
    let mut risk = Risk::default();
    for Entry { money, standing, .. } in ledger(is) {
        let part = match stands(standing) {
            Some(false) => continue,
            Some(true) => &mut risk.stands,
            None => &mut risk.may_stand,
        };
        part.effects += 1;
        match money {
            Some(money) => part.money.add(&money),
            None => part.others += 1,
        }
    }
    risk
}

impl Part {
    fn all(&mut self, other: &Self) {
        self.money.all(&other.money);
        self.effects += other.effects;
        self.others += other.others;
    }

    /// `€4.90 and 3 effects`.
    fn words(&self) -> String {
        let others = crate::format::count(self.others, "effect");
        match (self.money.words(), self.others) {
            (money, 0) => money,
            (money, _) if money.is_empty() => others,
            (money, _) => format!("{money} and {others}"),
        }
    }
}

impl Risk {
    /// Whether nothing stands, nor may.
    pub(crate) const fn is_none(&self) -> bool {
        self.stands.effects + self.may_stand.effects == 0
    }

    /// Takes another one in.
    pub(crate) fn all(&mut self, other: &Self) {
        self.stands.all(&other.stands);
        self.may_stand.all(&other.may_stand);
    }

    /// `€49.00 may stand`, `€4.90 and 2 effects stand, 1 effect may stand`, `nothing`.
    pub(crate) fn words(&self) -> String {
        let verb = if self.stands.effects == 1 { "stands" } else { "stand" };
        let (stands, may) = (self.stands.words(), self.may_stand.words());
        match (self.stands.effects, self.may_stand.effects) {
            (0, 0) => "nothing".to_owned(),
            (_, 0) => format!("{stands} {verb}"),
            (0, _) => format!("{may} may stand"),
            _ => format!("{stands} {verb}, {may} may stand"),
        }
    }

    /// For an order by risk: most money first, then most effects.
    pub(crate) fn weight(&self) -> (i64, u64) {
        let money = self.stands.money.most().saturating_add(self.may_stand.money.most());
        (money, self.stands.effects + self.may_stand.effects)
    }
}

/// What an entry comes to: `€4.90`, else what it asked.
pub(crate) fn amount(entry: &Entry) -> Option<String> {
    entry.money.as_ref().map(money::words)
}
