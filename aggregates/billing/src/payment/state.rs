//! What the rules need to know of a payment. Not what readers are shown: that is the read model's.

use domain::Money;
use serde::{Deserialize, Serialize};

/// What is owed. A refund may be told before its charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// How much.
    pub amount: Money,
    /// How much was given back of a charge that nobody has told yet, in minor units.
    pub refunded_minor: i64,
}

/// What was paid, and how much of it was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// The provider's own name of the charge.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// How much of it was given back, in minor units.
    pub refunded_minor: i64,
}

/// Where a payment stands in its lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// It is owed.
    Opened {
        /// What is owed.
        owed: Owed,
    },
    /// The provider took it.
    Charged {
        /// What was paid.
        paid: Paid,
    },
    /// It is ours.
    Settled {
        /// What was paid.
        paid: Paid,
    },
    /// All of it was given back.
    Refunded {
        /// What was paid.
        paid: Paid,
    },
    /// It was never charged, and is owed no longer.
    Cancelled {
        /// What was owed.
        owed: Owed,
    },
}

impl State {
    /// Its name, for sentences and for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Opened { .. } => "opened",
            Self::Charged { .. } => "charged",
            Self::Settled { .. } => "settled",
            Self::Refunded { .. } => "refunded",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        match self {
            Self::Absent => {}
            Self::Opened { owed } | Self::Cancelled { owed } => {
                lines.push(("amount", owed.amount.to_string()));
            }
            Self::Charged { paid } | Self::Settled { paid } | Self::Refunded { paid } => {
                lines.push(("amount", paid.amount.to_string()));
                lines.push(("reference", paid.reference.clone()));
                lines.push(("refunded", paid.refunded_minor.to_string()));
            }
        }
        lines
    }
}
