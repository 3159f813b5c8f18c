//! The filter language of the lists: `type:content.post.* lane:content.events/5 9df18120`. The
//! same text in URL, page and CLI. Not a search engine: each word narrows one column.

use std::str::FromStr;

use crate::format;

/// One word that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// Its key; `id` for a bare word.
    pub(crate) key: &'static str,
    /// What it asks for.
    pub(crate) value: String,
}

impl Term {
    /// The key as the reading of the filter says it.
    pub(crate) fn says(&self) -> &'static str {
        match self.key {
            "id" => "id or name has",
            "type" if self.value.ends_with('*') => "type begins with",
            "lane" => "in lane",
            "actor" => "by",
            key => key,
        }
    }
}

/// A filter as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    text: String,
    terms: Vec<Term>,
    problems: Vec<String>,
}

impl Filter {
    /// Reads a text; `keys` are the keys that this list knows.
    pub(crate) fn parse(text: &str, keys: &'static [&'static str]) -> Self {
        let mut filter = Self { text: text.trim().to_owned(), ..Self::default() };
        for word in text.split_whitespace() {
            let (key, value) = match word.split_once(':') {
                Some((key, value)) if key.bytes().all(|c| c.is_ascii_lowercase()) => (key, value),
                _ => ("id", word),
            };
            let Some(key) = keys.iter().find(|known| **known == key) else {
                let known = keys.join(", ");
                filter.problems.push(format!("`{key}:` is not a filter here; there are {known}"));
                continue;
            };
            if value.is_empty() {
                filter.problems.push(format!("`{key}:` needs a value, without a space before it"));
            } else if filter.get(key).is_some() {
                filter.problems.push(format!("`{key}` stands twice; the first one counts"));
            } else {
                filter.terms.push(Term { key, value: value.to_owned() });
            }
        }
        filter
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What was understood.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// What was not, as sentences.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The value for a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.key == key).map(|term| term.value.as_str())
    }

    /// The value for a key as an id; one that cannot be an id is noted as a problem.
    pub(crate) fn word<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let read = self.get(key)?.parse::<T>();
        read.map_err(|error| self.problems.push(error.to_string())).ok()
    }

    /// The query of the URL without one term.
    pub(crate) fn without(&self, at: usize) -> String {
        let rest = self.terms.iter().enumerate().filter(|(here, _)| *here != at);
        let words: Vec<String> = rest.map(|(_, term)| term.written()).collect();
        query(&[("q", &words.join(" "))])
    }
}

impl Term {
    fn written(&self) -> String {
        if self.key == "id" { self.value.clone() } else { format!("{}:{}", self.key, self.value) }
    }
}

/// `?a=1&b=2` of the pairs that are not empty; nothing when all are.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(key);
        out.push('=');
        out.push_str(&format::url(value));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["type", "lane", "id"];

    #[test]
    fn words_are_read_and_each_can_be_taken_away() {
        let filter = Filter::parse(" type:content.post.*  9df1 ", KEYS);
        assert_eq!(filter.get("type"), Some("content.post.*"));
        assert_eq!(filter.get("id"), Some("9df1"));
        assert_eq!(filter.without(0), "?q=9df1");
        assert_eq!(filter.without(1), "?q=type:content.post.%2A");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let filter = Filter::parse("state:parked lane: type:a type:b", KEYS);
        assert_eq!(
            filter.problems(),
            [
                "`state:` is not a filter here; there are type, lane, id",
                "`lane:` needs a value, without a space before it",
                "`type` stands twice; the first one counts",
            ]
        );
    }
}
