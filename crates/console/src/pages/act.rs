//! The one dialog of all actions: what it does, a mandatory reason. With a script it floats over the
//! page it was asked on; without, it is a page.

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::Role;
use maud::{Markup, html};

use super::projections;
use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts::icon;
use crate::sampler::lag_events;
use crate::system::{Projection, ProjectionState, Steer};

/// A reason shorter than this says nothing to the auditor who reads it.
const REASON_CHARS_MIN: usize = 8;
/// Longer ones belong into a ticket.
const REASON_CHARS_MAX: usize = 500;

/// What may be done to a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Rebuild,
    Pause,
    Resume,
}

impl Act {
    /// The act of a word in a URL.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Rebuild, Self::Pause, Self::Resume].into_iter().find(|act| act.word() == word)
    }

    /// Its word in URLs and on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// On its button.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rebuild => "Rebuild",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
        }
    }

    /// After it was done.
    pub(crate) const fn done(self) -> &'static str {
        match self {
            Self::Rebuild => "The rebuild was started.",
            Self::Pause => "The projection was paused.",
            Self::Resume => "The projection was resumed.",
        }
    }

    const fn steer(self) -> Steer {
        match self {
            Self::Rebuild => Steer::Rebuild,
            Self::Pause => Steer::Pause,
            Self::Resume => Steer::Resume,
        }
    }
}

/// The form's one field.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Reason {
    reason: String,
}

pub(crate) async fn ask(cx: Cx, Path((name, act)): Path<(String, String)>) -> Response {
    let page = match allowed(&cx, &name, &act).await {
        Ok((one, act)) => Ok(page(&cx, &one, act, "", None)),
        Err(problem) => Err(problem),
    };
    cx.answer(page).await
}

pub(crate) async fn run(
    cx: Cx,
    Path((name, act)): Path<(String, String)>,
    Form(form): Form<Reason>,
) -> Response {
    let (one, act) = match allowed(&cx, &name, &act).await {
        Ok(both) => both,
        Err(problem) => return cx.answer(Err(problem)).await,
    };
    let reason = form.reason.trim();
    let chars = reason.chars().count();
    if !(REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&chars) {
        let why = format!(
            "A reason of {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters is needed; this one has {chars}. Nothing was done."
        );
        return cx.answer(Ok(page(&cx, &one, act, reason, Some(&why)))).await;
    }
    if let Err(error) = cx.backend().steer(&cx.who, &one.name, act.steer(), reason).await {
        let why = format!("{error}. Nothing was done.");
        return cx.answer(Ok(page(&cx, &one, act, reason, Some(&why)))).await;
    }
    let to = format!("/console/projections/{}?did={}", format::url(&one.name), act.word());
    Redirect::to(&to).into_response()
}

async fn allowed(cx: &Cx, name: &str, act: &str) -> Result<(Projection, Act), Problem> {
    let says = "A projection can be rebuilt, paused and resumed.";
    let act = Act::of_word(act).ok_or_else(|| Problem::not_found(says))?;
    if !cx.who.has(&[Role::Operator]) {
        let says = format!("To {} a projection the role operator is needed.", act.word());
        return Err(Problem::forbidden(says));
    }
    Ok((projections::find(cx, name).await?, act))
}

fn page(cx: &Cx, one: &Projection, act: Act, reason: &str, refused: Option<&str>) -> Page {
    let verb = act.title();
    Page {
        title: format!("{verb} {}", one.name),
        section: Section::Projections,
        head: html! {
            div {
                p.crumbs.dim {
                    a href="/console/projections" { "Projections" } " / "
                    a href={ "/console/projections/" (format::url(&one.name)) } { (one.name) }
                }
                h1 { (verb) " " (one.name) }
            }
        },
        lede: html! {
            @match refused {
                Some(why) => b { (why) },
                None => "Look before you act: this is what it does. Nothing is done yet.",
            }
        },
        body: html! { div.panel.act { div id="act" { (form(cx, one, act, reason, refused)) } } },
        live: None,
        refresh_s: None,
        status: if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK },
    }
}

fn form(cx: &Cx, one: &Projection, act: Act, reason: &str, refused: Option<&str>) -> Markup {
    let back = format!("/console/projections/{}", format::url(&one.name));
    html! {
        form method="post" action={ (back) "/" (act.word()) } {
            header {
                h2.dt id="act-t" tabindex="-1" autofocus { (act.title()) " " code { (one.name) } }
                span.dim { "revision " (one.revision) ", table " (one.table) }
                a.btn.bare.push href=(back) data-close aria-label="Close" { (icon("x")) }
            }
            div.in {
                @if let Some(why) = refused {
                    p.why.is-bad.slim role="alert" { (icon("refused")) span { (why) } }
                }
                section aria-labelledby="act-n" {
                    h3 id="act-n" { "What will happen" }
                    ol.next { @for (at, line) in preview(cx, one, act).iter().enumerate() {
                        li { span.num.dim { (at + 1) } span { (line) } }
                    } }
                }
                div.field {
                    label for="reason" { "Reason " span.dim { "required, kept in the history" } }
                    textarea id="reason" name="reason" rows="3" required minlength=(REASON_CHARS_MIN)
                        maxlength=(REASON_CHARS_MAX) aria-describedby="reason-h" { (reason) }
                    small id="reason-h" { "Auditors see it with your name, " (cx.who.actor) "." }
                }
            }
            footer {
                span.dim.opt { "Role operator" }
                span.row.push {
                    a.btn href=(back) data-close { "Cancel" kbd.js { "esc" } }
                    button.btn.go data-key="ctrl-enter" { (act.title()) " " (one.name) kbd.js { "Ctrl ↵" } }
                }
            }
        }
    }
}

/// What an act does, in the order it does it.
fn preview(cx: &Cx, one: &Projection, act: Act) -> Vec<String> {
    let records: u64 = one.lanes.iter().map(|lane| lane.seq + lane.events).sum();
    let lanes = format::count(one.lanes.len() as u64, "lane");
    let held = one.parked.len() as u64;
    match act {
        Act::Rebuild => {
            let rate = cx.shell.sampler.trend(&one.name).rate.filter(|rate| *rate > 0);
            let time = rate.map_or_else(String::new, |rate| {
                format!(", at most {} at its present rate", format::span(records * 1_000 / rate))
            });
            let mut says = vec![
                format!("A new table is built beside {} by folding {lanes} from the first position: {}{time}.", one.table, format::count(records, "record")),
                "Queries are answered from the live table all the while; commands do not notice.".to_owned(),
                "When its positions have reached the live ones, both are swapped in one transaction.".to_owned(),
            ];
            if held > 0 {
                says.push(format!("{} tried again from the beginning.", if held == 1 { "The parked stream is".to_owned() } else { format!("The {held} parked streams are") }));
            }
            says.push("No side effect runs. A crash resumes it.".to_owned());
            says
        }
        Act::Pause => vec![
            format!("Folding stops after the batch under way, in all {lanes}."),
            "Queries go on and say how old their answer is; queries with min_position wait and time out.".to_owned(),
            "It stays paused through a restart, until somebody resumes it.".to_owned(),
        ],
        Act::Resume => vec![
            format!("Folding goes on in {lanes} where it stopped: {} to fold.", format::count(lag_events(one), "event")),
            match one.state {
                ProjectionState::Paused => "Queries catch up as it does.".to_owned(),
                _ => "It is not paused, so nothing changes.".to_owned(),
            },
        ],
    }
}
