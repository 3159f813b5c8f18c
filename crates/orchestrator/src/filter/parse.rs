//! Reads the filter language. What cannot be read is refused with its place, what was found there,
//! and what is possible. Not what a filter means.

use super::keys::{Group, Key, Kind, Sort};
use super::print::{UNITS, is_plain};
use super::{Filter, Says, Term, Than, Way};

/// Longest text of a filter, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Most terms, and most values of one term: each becomes a comparison in SQL.
pub const TERMS_MAX: usize = 50;

/// A text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {at}: found {found}; possible: {possible}")]
pub struct Wrong {
    /// Where, in characters from 1.
    pub at: usize,
    /// What stands there, as the message says it.
    pub found: String,
    /// What could.
    pub possible: String,
}

/// The text, and how far it was read.
struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

pub(super) fn parse(text: &str) -> Result<Filter, Wrong> {
    let long = text.chars().count();
    if long > TEXT_CHARS_MAX {
        let found = format!("{long} characters");
        return Err(Wrong { at: TEXT_CHARS_MAX, found, possible: format!("{TEXT_CHARS_MAX}") });
    }
    let mut reader = Reader { text, at: 0 };
    let mut filter = Filter::default();
    loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(filter);
        }
        reader.term(&mut filter)?;
        if reader.rest().starts_with(|c: char| !c.is_whitespace()) {
            return Err(reader.wrong(reader.at, "a space between terms"));
        }
    }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    /// What stands at a place, up to the next space.
    fn wrong(&self, at: usize, possible: impl Into<String>) -> Wrong {
        let (before, rest) = self.text.split_at(at);
        let found: String = rest.split_whitespace().next().unwrap_or("").chars().take(40).collect();
        let none = rest.is_empty() || rest.starts_with(char::is_whitespace);
        let found = match (none, rest.is_empty()) {
            (true, true) => "the end".to_owned(),
            (true, false) => "a space".to_owned(),
            (false, _) => format!("`{found}`"),
        };
        Wrong { at: before.chars().count() + 1, found, possible: possible.into() }
    }

    fn term(&mut self, filter: &mut Filter) -> Result<(), Wrong> {
        let begin = self.at;
        let not = self.eat("-");
        let name_at = self.at;
        let name: &str =
            &self.rest()[..self.rest().bytes().take_while(u8::is_ascii_lowercase).count()];
        let behind = &self.rest()[name.len()..];
        if name.is_empty() || !behind.starts_with([':', '=', '~', '<', '>']) {
            let says = Says::Word(self.text_value("a word or a filter, as state:parked")?);
            return self.push(filter, begin, Term { not, says });
        }
        self.at += name.len();
        match name {
            "sort" if !not => self.sort(filter, begin),
            "group" if !not => self.group(filter, begin),
            name => {
                let Ok(key) = name.parse::<Key>() else {
                    let possible = format!("{}, sort, group", Key::WORDS.join(", "));
                    return Err(self.wrong(name_at, possible));
                };
                let says = self.says(key)?;
                self.push(filter, begin, Term { not, says })
            }
        }
    }

    fn push(&self, filter: &mut Filter, at: usize, term: Term) -> Result<(), Wrong> {
        if filter.terms.len() == TERMS_MAX {
            return Err(self.wrong(at, format!("at most {TERMS_MAX} terms")));
        }
        filter.terms.push(term);
        Ok(())
    }

    fn says(&mut self, key: Key) -> Result<Says, Wrong> {
        let at = self.at;
        let than = self.than();
        let fits = match (key.kind(), than) {
            (Kind::Word(_) | Kind::Text, Some(Than::Equal)) => return self.values(key),
            (Kind::Text | Kind::Part, None) if self.eat("~") => {
                return Ok(Says::Has(key, self.text_value("a part of the text")?));
            }
            (Kind::Number, Some(than)) => return Ok(Says::Number(key, than, self.number()?)),
            (Kind::Time, Some(than)) if than != Than::Equal => {
                return Ok(Says::Time(key, than, self.span()?));
            }
            (Kind::Word(_), _) => "`:`",
            (Kind::Text, _) => "`:` or `~`",
            (Kind::Part, _) => "`~`",
            (Kind::Number, _) => "`:`, `<`, `<=`, `>` or `>=`",
            (Kind::Time, _) => "`<`, `<=`, `>` or `>=`",
        };
        Err(self.wrong(at, fits))
    }

    fn than(&mut self) -> Option<Than> {
        let all = [
            ("<=", Than::AtMost),
            (">=", Than::AtLeast),
            ("<", Than::Less),
            (">", Than::More),
            (":", Than::Equal),
            ("=", Than::Equal),
        ];
        all.into_iter().find(|(word, _)| self.eat(word)).map(|(_, than)| than)
    }

    /// Values with commas between them.
    fn values(&mut self, key: Key) -> Result<Says, Wrong> {
        let mut any = Vec::new();
        loop {
            let at = self.at;
            let value = match key.kind() {
                Kind::Word(words) => {
                    let value = self.plain().replace('-', "_");
                    let known = words.iter().find(|word| **word == value);
                    let possible = || words.join(", ").replace('_', "-");
                    known
                        .ok_or_else(|| self.wrong(at, possible()))
                        .map(|word| (*word).to_owned())?
                }
                _ => self.text_value("a name")?,
            };
            if any.len() == TERMS_MAX {
                return Err(self.wrong(at, format!("at most {TERMS_MAX} values")));
            }
            any.push(value);
            if !self.eat(",") {
                return Ok(Says::Is(key, any));
            }
        }
    }

    /// A text without quotes; empty when there is none.
    fn plain(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A text, with quotes or without.
    fn text_value(&mut self, what: &str) -> Result<String, Wrong> {
        let begin = self.at;
        if !self.eat("\"") {
            let plain = self.plain();
            let possible =
                || format!("{what}; in quotes when it has other than letters and digits");
            return if plain.is_empty() {
                Err(self.wrong(begin, possible()))
            } else {
                Ok(plain.to_owned())
            };
        }
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if out.is_empty() => return Err(self.wrong(begin, what)),
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => out.push(c),
                    _ => return Err(self.wrong(self.at + at, "`\\\"` or `\\\\`")),
                },
                '\0' => return Err(self.wrong(self.at + at, "any character but U+0000")),
                c => out.push(c),
            }
        }
        Err(self.wrong(self.text.len(), "`\"` at the end of the text"))
    }

    fn number(&mut self) -> Result<i64, Wrong> {
        let begin = self.at;
        self.plain().parse().map_err(|_| self.wrong(begin, "a whole number"))
    }

    fn span(&mut self) -> Result<u64, Wrong> {
        let begin = self.at;
        let text = self.plain();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let long = UNITS.iter().find(|(word, _)| *word == unit).map(|(_, long)| long);
        let ms = number.parse::<u64>().ok().zip(long).and_then(|(n, long)| n.checked_mul(*long));
        // What is further away than any clock shows.
        let ms = ms.filter(|ms| *ms <= 100 * 365 * 86_400_000);
        ms.ok_or_else(|| {
            self.wrong(begin, "a time up to 100 years, as 500ms, 90s, 15m, 2h, 3d, 1w")
        })
    }

    fn sort(&mut self, filter: &mut Filter, begin: usize) -> Result<(), Wrong> {
        if filter.sort.is_some() {
            return Err(self.wrong(begin, "one `sort`"));
        }
        if self.than() != Some(Than::Equal) {
            return Err(self.wrong(begin, format!("sort:{}", Sort::WORDS.join(", sort:"))));
        }
        let way = if self.eat("-") { Way::Down } else { Way::Up };
        let at = self.at;
        let sort = self.plain().parse();
        let sort = sort.map_err(|_| self.wrong(at, Sort::WORDS.join(", ")))?;
        filter.sort = Some((sort, way));
        Ok(())
    }

    fn group(&mut self, filter: &mut Filter, begin: usize) -> Result<(), Wrong> {
        if filter.group.is_some() {
            return Err(self.wrong(begin, "one `group`"));
        }
        if self.than() != Some(Than::Equal) {
            return Err(self.wrong(begin, format!("group:{}", Group::WORDS.join(", group:"))));
        }
        let at = self.at;
        let group = self.plain().parse();
        filter.group = Some(group.map_err(|_| self.wrong(at, Group::WORDS.join(", ")))?);
        Ok(())
    }
}
