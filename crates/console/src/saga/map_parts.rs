//! The shapes that the plan map is drawn from: nodes, labels, symbols. Not where they stand.

use domain::Timestamp;
use maud::{Markup, html};

use super::look::Look;
use crate::assets;
use crate::format;

/// A step of the map, one way.
pub(crate) struct Node<'a> {
    pub(crate) x: usize,
    pub(crate) y: usize,
    /// Pixels.
    pub(crate) width: usize,
    pub(crate) name: &'a str,
    /// The whole of it, for whoever points at it.
    pub(crate) title: &'a str,
    pub(crate) look: &'a Look,
    /// Its time at the right; when it ends, if the script counts it down.
    pub(crate) time: &'a (String, Option<i64>),
    /// It is here that the saga is.
    pub(crate) on: bool,
}

impl Node<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let Self { x, y, width, look, on, .. } = *self;
        let ghost = look.icon == "ghost" || look.icon == "fence";
        html! {
            g class=(look.class) {
                title { (self.title) }
                rect.node.on[on].ghost[ghost && !on] x=(x) y=(y) width=(width) height="58" rx="8" {}
                text.m x=(x + 10) y=(y + 23) { (short(self.name, width)) }
                (symbol(look.icon, x + 9, y + 34, 14))
                text.sc x=(x + 27) y=(y + 45) { (look.word) }
                text.q x=(x + width - 9) y=(y + 45) text-anchor="end" data-until=[self.time.1] { (self.time.0) }
            }
        }
    }
}

/// Words on a piece of paper across a wire, an icon before them.
pub(crate) fn label(look: &Look, words: &str, mid: usize) -> Markup {
    // 6.4 pixels a character at this size.
    let width = words.chars().count() * 64 / 10 + 30;
    let left = mid.saturating_sub(width / 2);
    html! {
        g class=(look.class) {
            rect.paper x=(left) y="114" width=(width) height="20" {}
            (symbol(look.icon, left + 6, 117, 14))
            text.sc x=(left + 24) y="128" { (words) }
        }
    }
}

pub(crate) fn symbol(name: &str, x: usize, y: usize, size: usize) -> Markup {
    html! {
        g.ico { use href={ (assets::url("icons.svg")) "#i-" (name) } x=(x) y=(y) width=(size) height=(size) {} }
    }
}

/// Whether a name fits into a node of this width: 7.25 pixels a character.
pub(crate) fn fits(name: &str, width: usize) -> bool {
    name.chars().count() * 725 <= width.saturating_sub(16) * 100
}

/// A name that fits.
fn short(name: &str, width: usize) -> String {
    if fits(name, width) {
        return name.to_owned();
    }
    let room = (width.saturating_sub(16) * 100 / 725).saturating_sub(1);
    name.chars().take(room).chain(std::iter::once('…')).collect()
}

/// `00:41`, or `5 h 03 m` when it is long.
pub(crate) fn clock(now: Timestamp, at: Timestamp) -> String {
    let ms = u64::try_from(at.ms_since(now)).unwrap_or(0);
    let s = ms.div_ceil(1_000);
    if s < 3_600 { format!("{:02}:{:02}", s / 60, s % 60) } else { format::span(s * 1_000) }
}
