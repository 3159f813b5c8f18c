//! The filter language of sagas: one text for URL, page, command line and API, as
//! `state:parked type:publish-post step:charge-boost age>2h error~"timeout" -tenant:demo sort:-risk`.
//! Not a search engine: each term narrows one column of the [`SagaRow`].
//!
//! A text is read into a [`Filter`], which prints as the same text in one form, and is asked of rows
//! in two ways that agree: [`Filter::holds`], and [`Filter::condition`], which the read store turns
//! into SQL with bound values.

mod keys;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use domain::Timestamp;
use domain::query::{Compare, Condition, Test};
use domain::{Row, Value};

use crate::row::{SagaRow, State};
use crate::words::Cause;

pub use keys::{Group, Key, Kind, Sort};
pub use parse::{TERMS_MAX, TEXT_CHARS_MAX, Wrong};

/// A filter that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// All of these hold.
    pub terms: Vec<Term>,
    /// The order; `None`: the newest first.
    pub sort: Option<(Sort, Way)>,
    /// What rows are counted by, instead of being listed.
    pub group: Option<Group>,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether what it says must not hold.
    pub not: bool,
    /// What it says.
    pub says: Says,
}

/// What a term says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The column has one of these values: `state:parked,undone`, `type:publish-*`.
    Is(Key, Vec<String>),
    /// The column's text has this in it, without regard to case: `error~"timeout"`.
    Has(Key, String),
    /// The number compares so: `version<7`.
    Number(Key, Than, i64),
    /// The time compares so, in milliseconds: `age>2h`.
    Time(Key, Than, u64),
    /// A bare word: id, type, step or error has it.
    Word(String),
}

/// How numbers and times compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Than {
    /// `:`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the smallest on.
    Up,
    /// From the largest on, `-` in front.
    Down,
}

impl Filter {
    /// Reads a text; an empty one lets everything pass.
    ///
    /// ```
    /// use orchestrator::filter::Filter;
    /// let filter = Filter::parse(r#"age > 90m state:parked,undone error~"timed out""#);
    /// assert!(filter.is_err(), "there are no spaces inside of a term");
    /// let filter = Filter::parse(r#"age>90m state:parked,undone error~"timed out""#).unwrap();
    /// assert_eq!(filter.to_string(), r#"age>90m state:parked,undone error~"timed out""#);
    /// let wrong = Filter::parse("state:stuck").unwrap_err();
    /// assert_eq!(
    ///     wrong.to_string(),
    ///     "character 7: found `stuck`; possible: waiting, running, undoing, parked, done, undone, in-doubt, \
    ///      undo-failed, held"
    /// );
    /// ```
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        parse::parse(text)
    }

    /// What must hold of a row at this time.
    pub fn condition(&self, now: Timestamp) -> Condition {
        Condition::All(self.terms.iter().map(|term| term.condition(now)).collect())
    }

    /// Whether a row passes at this time.
    pub fn holds(&self, row: &SagaRow, now: Timestamp) -> bool {
        self.condition(now).holds(SagaRow::COLUMNS, &row.clone().into_values())
    }

    /// Column and direction of the order; true: from the largest on.
    pub fn order(&self) -> (&'static str, bool) {
        let (sort, way) = self.sort.unwrap_or((Sort::Started, Way::Down));
        (sort.column(), way == Way::Down)
    }

    /// The same without one term.
    #[must_use]
    pub fn without(&self, at: usize) -> Self {
        let mut less = self.clone();
        if at < less.terms.len() {
            less.terms.remove(at);
        }
        less
    }
}

impl Term {
    fn condition(&self, now: Timestamp) -> Condition {
        let says = match &self.says {
            Says::Is(key, any) => Condition::Any(any.iter().map(|value| is(*key, value)).collect()),
            Says::Has(key, text) => contains(key.column(), text),
            Says::Number(key, than, number) => {
                let column = key.column();
                let next = number.checked_add(1);
                bounds(*than, column, Some(Value::Int(*number)), next.map(Value::Int))
            }
            Says::Time(key, than, ms) => time(*key, *than, *ms, now),
            Says::Word(word) => Condition::Any(vec![
                contains("saga_id", word),
                contains("plan", word),
                contains("step", word),
                contains("error", word),
            ]),
        };
        if self.not { Condition::Not(Box::new(says)) } else { says }
    }
}

fn compare(column: &'static str, test: Test, with: Value) -> Condition {
    Condition::Is(Compare { column, test, with })
}

fn contains(column: &'static str, text: &str) -> Condition {
    compare(column, Test::Contains, Value::Text(text.to_owned()))
}

/// The column of a key is this value, or begins with it: a trailing `*`, an id, a step of many items.
fn is(key: Key, value: &str) -> Condition {
    let text = |text: &str| Value::Text(text.to_owned());
    let column = key.column();
    match key {
        Key::Id => Condition::Any(vec![
            compare(column, Test::Begins, text(value)),
            compare("stream", Test::Begins, text(value)),
        ]),
        Key::Step => Condition::Any(vec![
            compare(column, Test::Is, text(value)),
            compare(column, Test::Begins, text(&format!("{value}/"))),
        ]),
        Key::State if value.parse::<State>().is_err() => {
            let hold = value == keys::HELD;
            let cause = if hold { Cause::OperatorHold.as_str() } else { value };
            compare("cause", Test::Is, text(cause))
        }
        _ => match value.strip_suffix('*').filter(|_| key.kind() == Kind::Text) {
            Some(begin) => compare(column, Test::Begins, text(begin)),
            None => compare(column, Test::Is, text(value)),
        },
    }
}

/// A comparison of a whole number or time, from the value itself and the one behind it; a value that
/// does not exist is beyond every other.
fn bounds(than: Than, column: &'static str, at: Option<Value>, next: Option<Value>) -> Condition {
    let there = Condition::Not(Box::new(compare(column, Test::Is, Value::Null)));
    let from = |value: Option<Value>| {
        value.map_or(Condition::Any(vec![]), |value| compare(column, Test::From, value))
    };
    let before = |value: Option<Value>| {
        value.map_or(there.clone(), |value| compare(column, Test::Before, value))
    };
    match than {
        Than::Equal => Condition::All(vec![from(at), before(next)]),
        Than::Less => before(at),
        Than::AtMost => before(next),
        Than::More => from(next),
        Than::AtLeast => from(at),
    }
}

/// How long ago, or how long until: a comparison of a time column with a point in time.
fn time(key: Key, than: Than, ms: u64, now: Timestamp) -> Condition {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let ahead = key == Key::Left;
    let at = now.plus_ms(if ahead { ms } else { -ms });
    let next = Timestamp::from_micros(at.as_micros().saturating_add(1));
    // The longer ago, the earlier.
    let than = match than {
        than if ahead => than,
        Than::Less => Than::More,
        Than::AtMost => Than::AtLeast,
        Than::More => Than::Less,
        Than::AtLeast => Than::AtMost,
        Than::Equal => Than::Equal,
    };
    bounds(than, key.column(), Some(Value::Time(at)), Some(Value::Time(next)))
}
