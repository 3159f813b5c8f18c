//! Money as two values: an amount in the smallest unit of a currency, and the currency. Not an
//! account, and not arithmetic: nothing here rounds or converts.

use serde::{Deserialize, Serialize};

use crate::{Describe, Invalid};

/// An amount in the smallest unit of a currency.
///
/// ```
/// use domain::Money;
/// assert!(Money::new(500, "EUR").check("/boost").is_ok());
/// let wrong = Money::new(500, "Euro").check("/boost").unwrap_err();
/// assert_eq!((&*wrong.pointer, wrong.code), ("/boost/currency", "not_a_currency"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Describe)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units, as cents.
    pub minor: i64,
    /// ISO 4217, as `EUR`.
    pub currency: String,
}

impl Money {
    /// Most minor units that can be asked for: what payment providers take in one charge.
    pub const MINOR_MAX: i64 = 99_999_999;

    /// So many minor units of a currency.
    pub fn new(minor: i64, currency: impl Into<String>) -> Self {
        Self { minor, currency: currency.into() }
    }

    /// Whether it can be paid: an amount above nothing, and three letters as ISO 4217 has them.
    /// `pointer` is where it stands in the request.
    pub fn check(&self, pointer: &str) -> Result<(), Invalid> {
        if !(1..=Self::MINOR_MAX).contains(&self.minor) {
            let detail = format!("an amount is 1 to {} minor units", Self::MINOR_MAX);
            return Err(Invalid::field(&format!("{pointer}/minor"), "not_an_amount", detail));
        }
        let letters = self.currency.len() == 3
            && self.currency.bytes().all(|letter| letter.is_ascii_uppercase());
        if letters {
            return Ok(());
        }
        let detail = "a currency is three capital letters (ISO 4217), as EUR";
        Err(Invalid::field(&format!("{pointer}/currency"), "not_a_currency", detail))
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.minor, self.currency)
    }
}
