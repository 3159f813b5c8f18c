//! The components that pages are made of: icon, state, panel, copy line, filter. Not pages.

use maud::{Markup, html};

use crate::assets;
use crate::filter::Filter;

/// A symbol of `icons.svg`, without meaning of its own: a word stands beside it.
pub(crate) fn icon(name: &str) -> Markup {
    html! {
        svg.i viewBox="0 0 16 16" aria-hidden="true" {
            use href={ (assets::url("icons.svg")) "#i-" (name) } {}
        }
    }
}

/// A state: colour, icon and word, always the three.
pub(crate) fn chip(class: &str, symbol: &str, word: &str) -> Markup {
    html! { span class={ "st chip " (class) } { (icon(symbol)) (word) } }
}

/// A hairline box with a head: a noun, a dim half-sentence, actions at the right.
pub(crate) fn panel(id: &str, title: &str, dim: &str, actions: &Markup, body: &Markup) -> Markup {
    html! {
        section.panel id=(id) aria-labelledby={ "h-" (id) } {
            header {
                h2 id={ "h-" (id) } { (title) }
                @if !dim.is_empty() { span.dim { (dim) } }
                @if !actions.0.is_empty() { span.row.push { (actions) } }
            }
            (body)
        }
    }
}

/// A box that scrolls by itself when it is narrow, reachable by keyboard.
pub(crate) fn scroll(name: &str, body: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (name) ", scrolls" } { (body) }
    }
}

/// A line to copy, with its button (shown where a script runs).
pub(crate) fn copyline(what: &str, text: &str) -> Markup {
    html! {
        div.row.copyline {
            pre.code.line tabindex="0" aria-label=(what) { (text) }
            button.btn.bare.js type="button" data-copy=(text) aria-label={ "Copy " (what) } {
                (icon("copy")) (what)
            }
        }
    }
}

/// The same question by other means: only by those that exist.
pub(crate) fn same_as(means: &[(&str, &str)]) -> Markup {
    html! {
        details.panel.asx.pad {
            summary { "The same by "
                @for (at, (what, _)) in means.iter().enumerate() {
                    @if at > 0 { " and " } (what)
                }
            }
            @for (what, text) in means { (copyline(what, text)) }
        }
    }
}

/// The filter: one line of text, how it was read as pills that can be taken away, what was not
/// understood.
pub(crate) fn filter(action: &str, filter: &Filter, hint: &str) -> Markup {
    html! {
        form.stack.tight role="search" action=(action) {
            div.filter {
                (icon("search"))
                input id="q" type="search" name="q" value=(filter.text()) placeholder=(hint)
                    aria-label="Filter" autocomplete="off" spellcheck="false" data-focus="/";
                kbd.opt { "/" }
                button.btn.tiny { "Filter" }
            }
            @if !filter.terms().is_empty() {
                p.pills {
                    span.dim { "read as" }
                    @for (at, term) in filter.terms().iter().enumerate() {
                        span.pill {
                            span { span.dim { (term.says()) " " } b { (term.value) } }
                            a.off href={ (action) (filter.without(at)) }
                                aria-label={ "Remove " (term.key) " " (term.value) } { (icon("x")) }
                        }
                    }
                }
            }
            @for problem in filter.problems() {
                p.st.is-bad role="alert" { (icon("warn")) (problem) }
            }
        }
    }
}

/// Where new rows queue: empty until the server says otherwise.
pub(crate) fn newbar(waiting: &str, href: &str, live: bool) -> Markup {
    html! {
        div id="newbar" hx-swap-oob=[live.then_some("true")] {
            @if !waiting.is_empty() {
                a.newbar href=(href) hx-get=(href) hx-target="#main" hx-select="#main"
                    hx-swap="outerHTML" data-key="n" { (icon("up")) (waiting) kbd.opt { "n" } }
            }
        }
    }
}

/// What a list says when it has no rows.
pub(crate) fn empty(sentence: &str) -> Markup {
    html! { p.pad.empty { (sentence) } }
}

/// Keys as a hint at the foot of a list.
pub(crate) fn row_keys() -> Markup {
    html! {
        span.opt.js { kbd { "j" } " " kbd { "k" } " move · " kbd { "enter" } " open" }
    }
}
