//! The keyboard map and the settings. As a page, and as the dialog behind `?`.

use axum::Form;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use crate::cx::{Cx, Page, Problem};
use crate::frame::{RAIL, Section};
use crate::parts::{self, icon};
use crate::prefs::Prefs;

const KEYS: [(&[&str], &str); 15] = [
    (&["Ctrl K"], "go to any id"),
    (&["/"], "filter"),
    (&["j", "k"], "next, previous row"),
    (&["enter"], "open the row"),
    (&["space"], "peek into the saga of the row"),
    (&["n"], "show new rows"),
    (&["r"], "retry the saga's step"),
    (&["u"], "undo the saga"),
    (&["."], "why an action is not possible"),
    (&["[", "]"], "previous, next event"),
    (&["t"], "scrub through the states"),
    (&["c"], "copy a link to what you see"),
    (&["z"], "time zone: UTC or yours"),
    (&["esc"], "close, leave a field"),
    (&["?"], "this map"),
];

pub(crate) async fn get(cx: Cx) -> Response {
    let page = Page {
        title: "Help".to_owned(),
        section: Section::Elsewhere,
        head: html! { h1 { "Help" } },
        lede: html! {
            b { "Every page works by mouse, by keyboard and without a script." }
            " Single keys are off inside fields and can be switched off below."
        },
        body: html! {
            div.cols.half { (keys(false)) (settings(&cx)) }
        },
        live: None,
        refresh_s: None,
        status: StatusCode::OK,
    };
    cx.answer(Ok(page)).await
}

/// The keyboard map; `dialog` gives it the head of one.
pub(crate) fn keys(dialog: bool) -> Markup {
    let map = html! {
        dl.kv.keys {
            @for (keys, does) in KEYS {
                dt { @for key in keys { kbd { (key) } " " } }
                dd { (does) }
            }
            @for (_, entries) in RAIL { @for one in entries {
                dt { kbd { "g" } " " kbd { (one.key) } }
                dd { (one.title) }
            } }
        }
    };
    html! {
        @if dialog {
            header {
                h2.dt id="help-t" { "Keyboard" }
                a.btn.bare.push href="/console/help" data-close aria-label="Close" { (icon("x")) }
            }
            div.in { (map) }
            footer { a href="/console/help" { "Settings: theme, contrast, density, zone, keys" } }
        } @else {
            (parts::panel("keys", "Keyboard", "", &html! {}, &html! { div.pad { (map) } }))
        }
    }
}

fn settings(cx: &Cx) -> Markup {
    let body = html! {
        div.pad.stack.tight {
            @for (name, words) in Prefs::all() {
                form.row.setting method="post" action="/console/prefs" {
                    input type="hidden" name="name" value=(name);
                    input type="hidden" name="back" value="/console/help";
                    span id={ "s-" (name) } { (title(name)) }
                    span.seg role="group" aria-labelledby={ "s-" (name) } {
                        @for word in words {
                            button name="word" value=(word) aria-pressed=(cx.prefs.get(name) == *word) { (word) }
                        }
                    }
                }
            }
        }
    };
    parts::panel("settings", "Settings", "kept in this browser", &html! {}, &body)
}

fn title(name: &str) -> &'static str {
    match name {
        "theme" => "Theme",
        "contrast" => "Contrast",
        "density" => "Density",
        "zone" => "Time zone",
        _ => "Single keys",
    }
}

/// One preference, set without a script.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Set {
    name: String,
    word: String,
    back: String,
}

pub(crate) async fn set(cx: Cx, Form(set): Form<Set>) -> Response {
    let Some(cookie) = Prefs::cookie(&set.name, &set.word) else {
        return cx.answer(Err(Problem::bad("There is no such setting."))).await;
    };
    ([(header::SET_COOKIE, cookie)], Redirect::to(ours(&set.back))).into_response()
}

/// The page to go back to: only ever one of this console.
fn ours(back: &str) -> &str {
    let plain = back.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    let inside =
        back == "/console" || ["/console/", "/console?"].iter().any(|at| back.starts_with(at));
    if plain && inside { back } else { "/console" }
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn a_switch_never_leads_out_of_the_console() {
        assert_eq!(ours("/console/log?q=a"), "/console/log?q=a");
        for back in [
            "https://evil.test",
            "//evil.test",
            "/consoleevil",
            "/console/\\evil",
            "/console/\r\nx",
        ] {
            assert_eq!(ours(back), "/console", "{back}");
        }
    }
}
