//! What of a saga is still out there, in a half-sentence. Not the ledger itself, which the engine
//! keeps.

use orchestrator::{Direction, Entry, Instance, Standing, ledger};

use super::money::{self, Sums};

/// What stands, and what may stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Risk {
    /// Money that stands.
    pub(crate) stands: Sums,
    /// Money that may stand.
    pub(crate) may_stand: Sums,
    /// Effects that stand.
    pub(crate) effects: u64,
    /// Effects of which nobody knows.
    pub(crate) unknown: u64,
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
        let (sums, count) = match stands(standing) {
            Some(false) => continue,
            Some(true) => (&mut risk.stands, &mut risk.effects),
            None => (&mut risk.may_stand, &mut risk.unknown),
        };
        *count += 1;
        if let Some(money) = money {
            sums.add(&money);
        }
    }
    risk
}

impl Risk {
    /// Takes another one in.
    pub(crate) fn all(&mut self, other: &Self) {
        self.stands.all(&other.stands);
        self.may_stand.all(&other.may_stand);
        self.effects += other.effects;
        self.unknown += other.unknown;
    }

    /// `€4.90 may be charged`, `€4.90 and 2 effects stand`, `nothing`.
    pub(crate) fn words(&self) -> String {
        let things = |n: u64, money: &str| match (n, money) {
            (0, _) => String::new(),
            (1, "") => "1 effect".to_owned(),
            (n, "") => format!("{n} effects"),
            (1, money) => money.to_owned(),
            (n, money) => format!("{money} of {n} effects"),
        };
        let verb =
            |n: u64, one: &str, many: &str| if n == 1 { one.to_owned() } else { many.to_owned() };
        let stands = things(self.effects, &self.stands.words());
        let may = things(self.unknown, &self.may_stand.words());
        match (stands.is_empty(), may.is_empty()) {
            (true, true) => "nothing".to_owned(),
            (false, true) => format!("{stands} {}", verb(self.effects, "stands", "stand")),
            (true, false) => format!("{may} may stand"),
            (false, false) => {
                format!("{stands} {}, {may} may", verb(self.effects, "stands", "stand"))
            }
        }
    }

    /// For an order by risk: most money first, then most effects.
    pub(crate) fn weight(&self) -> (i64, u64) {
        let money = self.stands.most().saturating_add(self.may_stand.most());
        (money, self.effects + self.unknown)
    }
}

/// What an entry comes to: `€4.90`, else what it asked.
pub(crate) fn amount(entry: &Entry) -> Option<String> {
    entry.money.as_ref().map(money::words)
}
