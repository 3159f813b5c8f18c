//! What a reader prefers: theme, contrast, density, time zone, single keys. Cookies that hold one
//! word of a fixed list each; not anything about who they are.

use axum::http::{HeaderMap, header};

/// One preference: cookie, and the words it may hold; the first one is the default.
struct Choice {
    name: &'static str,
    words: &'static [&'static str],
}

const CHOICES: [Choice; 5] = [
    Choice { name: "theme", words: &["system", "light", "dark"] },
    Choice { name: "contrast", words: &["system", "more"] },
    Choice { name: "density", words: &["compact", "comfortable"] },
    Choice { name: "zone", words: &["utc", "local"] },
    Choice { name: "keys", words: &["on", "off"] },
];

/// The words chosen.
#[derive(Debug, Clone)]
pub(crate) struct Prefs([&'static str; CHOICES.len()]);

impl Prefs {
    /// From the cookies of a request; what is not a known word is the default.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut chosen = CHOICES.each_ref().map(|choice| choice.words[0]);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        for pair in cookies.flat_map(|line| line.split(';')) {
            let Some((name, word)) = pair.trim().split_once('=') else { continue };
            if let Some((at, word)) = known(name.strip_prefix("recount_").unwrap_or(""), word) {
                chosen[at] = word;
            }
        }
        Self(chosen)
    }

    /// The word for this preference; empty for a name that is none.
    pub(crate) fn get(&self, name: &str) -> &'static str {
        CHOICES.iter().position(|c| c.name == name).map_or("", |at| self.0[at])
    }

    /// The word after the present one: what a switch without script sets.
    pub(crate) fn next(&self, name: &str) -> &'static str {
        let Some(at) = CHOICES.iter().position(|c| c.name == name) else { return "" };
        let words = CHOICES[at].words;
        let here = words.iter().position(|word| *word == self.0[at]).unwrap_or(0);
        words[(here + 1) % words.len()]
    }

    /// Every preference with its words, for the page that sets them.
    pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        CHOICES.iter().map(|choice| (choice.name, choice.words))
    }

    /// The header that keeps a word; `None` when name or word is not known.
    pub(crate) fn cookie(name: &str, word: &str) -> Option<String> {
        let (at, word) = known(name, word)?;
        let name = CHOICES[at].name;
        Some(format!("recount_{name}={word}; Path=/console; Max-Age=31536000; SameSite=Lax"))
    }
}

fn known(name: &str, word: &str) -> Option<(usize, &'static str)> {
    let at = CHOICES.iter().position(|choice| choice.name == name)?;
    let word = CHOICES[at].words.iter().find(|known| **known == word)?;
    Some((at, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_holds_only_words_of_the_list() {
        let mut headers = HeaderMap::new();
        let line = "recount_theme=dark; recount_zone=<script>; other=1";
        headers.insert(header::COOKIE, line.parse().unwrap());
        let prefs = Prefs::read(&headers);
        assert_eq!((prefs.get("theme"), prefs.get("zone")), ("dark", "utc"));
        assert_eq!(prefs.next("theme"), "system");
        assert_eq!(Prefs::cookie("theme", "pink"), None);
    }
}
