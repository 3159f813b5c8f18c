//! Amounts of money as people read them. Not arithmetic between currencies: there is none.

use std::collections::BTreeMap;

use domain::saga::Money;

/// `€4.90`, `¥490`, `4.90 SEK`.
pub(crate) fn words(money: &Money) -> String {
    let digits = match money.currency.as_str() {
        "JPY" | "KRW" | "CLP" | "ISK" | "VND" | "XAF" | "XOF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let one = 10_u64.pow(digits);
    let sign = if money.minor < 0 { "-" } else { "" };
    let minor = money.minor.unsigned_abs();
    let whole = crate::format::num(minor / one);
    let amount = match digits {
        0 => whole,
        _ => format!("{whole}.{:0width$}", minor % one, width = digits as usize),
    };
    match money.currency.as_str() {
        "EUR" => format!("{sign}€{amount}"),
        "USD" => format!("{sign}${amount}"),
        "GBP" => format!("{sign}£{amount}"),
        "JPY" => format!("{sign}¥{amount}"),
        other => format!("{sign}{amount} {other}"),
    }
}

/// Sums by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums(BTreeMap<String, i64>);

impl Sums {
    /// Adds an amount.
    pub(crate) fn add(&mut self, money: &Money) {
        let sum = self.0.entry(money.currency.clone()).or_default();
        *sum = sum.saturating_add(money.minor);
    }

    /// Adds sums.
    pub(crate) fn all(&mut self, others: &Self) {
        for (currency, minor) in &others.0 {
            self.add(&Money { minor: *minor, currency: currency.clone() });
        }
    }

    /// `€4.90 and $1.00`; empty when nothing was added.
    pub(crate) fn words(&self) -> String {
        let sums = self.0.iter().filter(|(_, minor)| **minor != 0);
        let words: Vec<String> = sums
            .map(|(currency, minor)| words(&Money { minor: *minor, currency: currency.clone() }))
            .collect();
        words.join(" and ")
    }

    /// The largest sum in minor units, for an order by risk.
    pub(crate) fn most(&self) -> i64 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money { minor, currency: currency.to_owned() }
    }

    #[test]
    fn amounts_carry_their_currency_and_its_digits() {
        let said = [(490, "EUR"), (-1_234_567, "USD"), (490, "JPY"), (5, "SEK"), (1_500, "KWD")]
            .map(|(minor, currency)| words(&money(minor, currency)));
        assert_eq!(said, ["€4.90", "-$12,345.67", "¥490", "0.05 SEK", "1.500 KWD"]);
    }

    #[test]
    fn currencies_are_never_added_to_each_other() {
        let mut sums = Sums::default();
        for one in [money(490, "EUR"), money(10, "EUR"), money(100, "USD")] {
            sums.add(&one);
        }
        assert_eq!(sums.words(), "€5.00 and $1.00");
        assert_eq!(Sums::default().words(), "");
    }
}
