//! The shared kernel: the one word list that several contexts write. Not a place for rules; what is
//! here is a fact of the world, and a new word is a change of every schema that holds it.

use std::collections::BTreeSet;

use crate::{Invalid, Word};

/// Where a post can be published. Its words are the same in the API, in Avro and in tables.
///
/// ```
/// use domain::Platform;
/// assert_eq!("bluesky".parse::<Platform>().unwrap().text_chars_max(), 300);
/// let wrong = "myspace".parse::<Platform>().unwrap_err().to_string();
/// assert!(wrong.starts_with("`myspace` is not one of bluesky, mastodon, "));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Word)]
pub enum Platform {
    /// Bluesky, over the AT protocol.
    Bluesky,
    /// Mastodon, with the limits of an instance as it is installed.
    Mastodon,
    /// X.
    X,
    /// Threads.
    Threads,
    /// `LinkedIn`.
    Linkedin,
    /// Facebook pages.
    Facebook,
    /// Instagram.
    Instagram,
    /// `TikTok`.
    Tiktok,
    /// Pinterest.
    Pinterest,
    /// Telegram channels.
    Telegram,
    /// Recount's own, for trying things out: it publishes to nobody.
    Sandbox,
}

impl Platform {
    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Bluesky => "Bluesky",
            Self::Mastodon => "Mastodon",
            Self::X => "X",
            Self::Threads => "Threads",
            Self::Linkedin => "LinkedIn",
            Self::Facebook => "Facebook",
            Self::Instagram => "Instagram",
            Self::Tiktok => "TikTok",
            Self::Pinterest => "Pinterest",
            Self::Telegram => "Telegram",
            Self::Sandbox => "Sandbox",
        }
    }

    /// The platforms of a request: at least one, each once. `pointer` is where they stand in it.
    pub fn each_once(all: Vec<Self>, pointer: &str) -> Result<BTreeSet<Self>, Invalid> {
        if all.is_empty() {
            return Err(Invalid::field(pointer, "empty", "name at least one platform"));
        }
        let mut platforms = BTreeSet::new();
        for (at, platform) in all.into_iter().enumerate() {
            if !platforms.insert(platform) {
                let detail = format!("`{platform}` is named twice");
                return Err(Invalid::field(&format!("{pointer}/{at}"), "duplicate", detail));
            }
        }
        Ok(platforms)
    }

    /// Most characters of a text, counted in Unicode scalar values. A first fence, before anybody
    /// waits for an answer: the platform counts its own way (Bluesky graphemes, X weighs some
    /// scripts double, every link 23) and has the last word when it is published.
    pub const fn text_chars_max(self) -> usize {
        match self {
            Self::X => 280,
            Self::Bluesky => 300,
            Self::Mastodon | Self::Threads | Self::Pinterest => 500,
            Self::Instagram | Self::Tiktok => 2_200,
            Self::Linkedin => 3_000,
            Self::Telegram => 4_096,
            Self::Sandbox => 10_000,
            Self::Facebook => 63_206,
        }
    }
}
