//! Filters as text, each in one form that reads back as itself. Not the reading.

use std::fmt;

use super::keys::{Key, Kind};
use super::{Filter, Says, Term, Than, Way};

/// Units of times, in milliseconds, the longest first.
pub(super) const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Whether a character needs no quotes around its text.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_-./@*+#%|".contains(c)
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.terms.iter().map(ToString::to_string).collect();
        if let Some(group) = self.group {
            words.push(format!("group:{group}"));
        }
        if let Some((sort, way)) = self.sort {
            words.push(format!("sort:{}{sort}", if way == Way::Down { "-" } else { "" }));
        }
        f.write_str(&words.join(" "))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.not { "-" } else { "" })?;
        match &self.says {
            Says::Is(key, any) => {
                let any: Vec<_> = any.iter().map(|value| written(*key, value)).collect();
                write!(f, "{key}:{}", any.join(","))
            }
            Says::Has(key, text) => write!(f, "{key}~{}", quoted(text)),
            Says::Number(key, than, number) => write!(f, "{key}{than}{number}"),
            Says::Time(key, than, ms) => write!(f, "{key}{than}{}", span(*ms)),
            Says::Word(word) => f.write_str(&quoted(word)),
        }
    }
}

impl fmt::Display for Than {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => ":",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// Words are stored with `_` and written with `-`.
fn written(key: Key, value: &str) -> String {
    match key.kind() {
        Kind::Word(_) => value.replace('_', "-"),
        _ => quoted(value),
    }
}

/// In quotes when it must be.
fn quoted(text: &str) -> String {
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let escaped: String = text
        .chars()
        .flat_map(|c| [matches!(c, '"' | '\\').then_some('\\'), Some(c)])
        .flatten()
        .collect();
    format!("\"{escaped}\"")
}

/// In the longest unit that it is a multiple of.
fn span(ms: u64) -> String {
    let unit = UNITS.iter().find(|(_, long)| ms.is_multiple_of(*long) && ms > 0);
    let (unit, long) = unit.unwrap_or(&("s", 1_000));
    format!("{}{unit}", ms / long)
}
