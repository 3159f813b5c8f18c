//! The frame around every page: bar, rail, help. Not the pages. A new section is one line in
//! [`RAIL`]; what does not exist yet is not in it.

use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::cx::{Cx, Page};
use crate::format;
use crate::pages::help;
use crate::parts::icon;
use crate::sampler;
use crate::system::{Installation, Projection, ProjectionState};

/// Where a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Pulse,
    Sagas,
    Streams,
    Log,
    Projections,
    Audit,
    /// Help, search results, problems without a place.
    Elsewhere,
}

/// One line of the rail.
pub(crate) struct Entry {
    section: Section,
    pub(crate) href: &'static str,
    pub(crate) title: &'static str,
    icon: &'static str,
    /// Goes here after `g`.
    pub(crate) key: &'static str,
}

const fn entry(
    section: Section,
    href: &'static str,
    title: &'static str,
    icon: &'static str,
    key: &'static str,
) -> Entry {
    Entry { section, href, title, icon, key }
}

/// The sections, grouped as people think of them: what happens, what works on it, what proves it.
pub(crate) const RAIL: [(&str, &[Entry]); 3] = [
    (
        "Watch",
        &[
            entry(Section::Overview, "/console", "Overview", "start", "o"),
            entry(Section::Pulse, "/console/pulse", "Pulse", "pulse", "p"),
            entry(Section::Sagas, "/console/sagas", "Sagas", "sagas", "s"),
            entry(Section::Streams, "/console/streams", "Streams", "defs", "t"),
        ],
    ),
    (
        "System",
        &[
            entry(Section::Projections, "/console/projections", "Projections", "proj", "r"),
            entry(Section::Log, "/console/log", "Log", "log", "l"),
        ],
    ),
    ("Trust", &[entry(Section::Audit, "/console/audit", "Audit", "audit", "a")]),
];

impl Section {
    /// The section that a path lies in.
    pub(crate) fn of_path(path: &str) -> Self {
        let entries = RAIL.iter().flat_map(|(_, entries)| entries.iter());
        entries
            .filter(|entry| entry.section != Self::Overview && path.starts_with(entry.href))
            .map(|entry| entry.section)
            .next()
            .unwrap_or(Self::Elsewhere)
    }
}

/// htmx without eval, without its inline style, without pages kept in the browser's storage.
const HTMX: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"historyCacheSize":0,"refreshOnHistoryMiss":true,"selfRequestsOnly":true,"attributesToSettle":["class","width","height"],"scrollIntoViewOnBoost":false}"#;

/// The whole document.
pub(crate) fn draw(
    cx: &Cx,
    page: &Page,
    installation: &Installation,
    projections: &[Projection],
    needs_human: u64,
) -> Markup {
    let set = |name: &str, quiet: &str| Some(cx.prefs.get(name)).filter(|word| *word != quiet);
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[set("theme", "system")] data-contrast=[set("contrast", "system")]
            data-density=[set("density", "compact")] data-zone=[set("zone", "utc")]
            data-keys=[set("keys", "on")] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="htmx-config" content=(HTMX);
                meta name="now" content=(cx.now.as_millis());
                title { (page.title) " · Recount" }
                @for name in ["tokens.css", "console.css", "pages.css"] {
                    link rel="stylesheet" href=(assets::url(name));
                }
                link rel="icon" type="image/svg+xml" href=(assets::url("mark.svg"));
                @for name in ["htmx.js", "sse.js", "console.js"] {
                    script src=(assets::url(name)) defer {}
                }
                @if let Some(seconds) = page.refresh_s {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                div.shell {
                    (bar(cx, installation, projections))
                    (rail(page.section, projections, needs_human))
                    main.page id="main" tabindex="-1" {
                        (live(page))
                        div.head {
                            (page.head)
                            @if !page.lede.0.is_empty() { p.lede id="lede" { (page.lede) } }
                        }
                        (page.body)
                    }
                }
                p.vh id="status" role="status" {}
                dialog.act id="dialog" aria-labelledby="act-t" {}
                dialog.act id="peek" aria-labelledby="peek-t" {}
                dialog.act id="help" aria-labelledby="help-t" { (help::keys(true)) }
            }
        }
    }
}

/// The page's one event stream: it brings patches for elements that name themselves.
fn live(page: &Page) -> Markup {
    html! {
        @if let Some(query) = &page.live {
            div id="live" hx-ext="sse" sse-connect={ "/console/live" (query) } sse-swap="patch"
                hx-swap="none" hidden {}
        }
    }
}

fn bar(cx: &Cx, installation: &Installation, projections: &[Projection]) -> Markup {
    let band = if installation.production { "bar production" } else { "bar" };
    html! {
        header class=(band) {
            a.brand href="/console" { (icon("brand")) span { "Recount" } }
            p.where {
                span.vh { "Environment, tenant, who: " }
                b { (installation.environment) }
                span.dim.opt { (installation.engine) }
                span.opt { (cx.who.tenant) " / " (cx.who.actor) }
            }
            form.omni role="search" action="/console/go" {
                (icon("search"))
                input id="omni" type="search" name="id" aria-label="Go to any id" autocomplete="off"
                    spellcheck="false" maxlength="300" required
                    placeholder="Paste any id: saga, stream, event, command, position";
                kbd.opt.js { "Ctrl K" }
            }
            (fresh(projections, false))
            (switch(cx, "zone", "Time zone (z)", &html! {
                span.in-utc { "UTC" } span.in-local { "Local" }
            }))
            (switch(cx, "theme", "Theme: system, light or dark", &icon("theme")))
            a.btn.bare.opt href="/console/help" aria-label="Help and keyboard map" data-help {
                kbd { "?" }
            }
        }
    }
}

/// A switch that works by a form, and at once where a script runs.
fn switch(cx: &Cx, name: &str, label: &str, face: &Markup) -> Markup {
    html! {
        form.pref.js[name == "zone"] method="post" action="/console/prefs" data-pref=(name) {
            input type="hidden" name="name" value=(name);
            input type="hidden" name="word" value=(cx.prefs.next(name));
            input type="hidden" name="back" value=(cx.here);
            button.btn.bare title=(label) aria-label=(label) { (face) }
        }
    }
}

/// How far the read models are behind the log, in the bar; also sent as a patch.
pub(crate) fn fresh(projections: &[Projection], patch: bool) -> Markup {
    let behind = projections.iter().filter(|one| one.state != ProjectionState::Paused);
    let ms = behind.map(sampler::lag_ms).max().unwrap_or(0);
    let ready = !projections.is_empty()
        && !projections.iter().any(|one| {
            matches!(one.state, ProjectionState::Starting | ProjectionState::Waiting { .. })
        });
    let (class, symbol) = if ready && ms < 5_000 { ("is-ok", "dot") } else { ("is-park", "stale") };
    html! {
        span.live id="fresh" hx-swap-oob=[patch.then_some("true")]
            title="Read models behind the log, the slowest one" {
            span class={ "st " (class) } { (icon(symbol)) }
            span.opt {
                @if projections.is_empty() { "no read models" }
                @else if !ready { "read models wait" }
                @else if ms == 0 { "up to date" }
                @else { (format::span(ms)) " behind" }
            }
        }
    }
}

fn rail(here: Section, projections: &[Projection], needs_human: u64) -> Markup {
    let parked: usize = projections.iter().map(|one| one.parked.len()).sum();
    html! {
        nav.rail aria-label="Console" {
            @for (group, entries) in RAIL {
                h2 { (group) }
                ul {
                    @for one in entries {
                        li {
                            a href=(one.href) title={ (one.title) " (g " (one.key) ")" }
                                data-go=(one.key)
                                aria-current=[(one.section == here).then_some("page")] {
                                (icon(one.icon))
                                span.l { (one.title) }
                                @if one.section == Section::Pulse && needs_human > 0 {
                                    span.n.is-park { (needs_human) span.vh { " need a human" } }
                                }
                                @if one.section == Section::Projections && parked > 0 {
                                    span.n.is-park { (parked) span.vh { " parked" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
