//! What can be done about a saga: the buttons with why not, and the handlers of the dialog. Not its
//! drawing, which is `saga_form`'s.

use axum::Form;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::Role;
use maud::{Markup, html};
use orchestrator::{Instance, NotTaken, Order, Verb, may};
use serde_json::json;

use super::saga::{Asked, Shown, desk};
use super::saga_form::{self, REASON_CHARS_MAX, REASON_CHARS_MIN};
use crate::cx::{Cx, Page, Problem};
use crate::desk::OrderError;
use crate::filter;
use crate::frame::Section;
use crate::saga::{at_step, steps, url};

/// Every action, the most pressing first.
const VERBS: [Verb; 6] =
    [Verb::Resolve, Verb::Retry, Verb::Skip, Verb::Undo, Verb::Hold, Verb::Release];

/// An action, and why it is not possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) verb: Verb,
    /// The step; empty for the whole saga.
    pub(crate) step: String,
    pub(crate) no: Option<String>,
}

/// What an action is called.
pub(crate) const fn title(verb: Verb) -> &'static str {
    match verb {
        Verb::Retry => "Retry now",
        Verb::Resolve => "Resolve",
        Verb::Skip => "Skip",
        Verb::Undo => "Undo",
        Verb::Hold => "Hold",
        Verb::Release => "Release",
    }
}

/// Every action in this state: each step that it fits, or why it fits none.
pub(crate) fn choices(is: &Instance, operator: bool) -> Vec<Choice> {
    let mut all = Vec::new();
    for verb in VERBS {
        let of_steps = matches!(verb, Verb::Resolve | Verb::Retry | Verb::Skip);
        let mut candidates: Vec<&str> =
            if of_steps { steps(is).iter().map(|s| s.id).collect() } else { vec![] };
        candidates.insert(0, "");
        let fits: Vec<&str> =
            candidates.into_iter().filter(|step| may(is, verb, step).is_ok()).collect();
        if fits.is_empty() {
            let at = if of_steps { at_step(is) } else { "" };
            let no = may(is, verb, at).err().map(str::to_owned);
            all.push(Choice { verb, step: String::new(), no });
        }
        for step in fits {
            let no = (!operator).then(|| "the role operator is needed".to_owned());
            all.push(Choice { verb, step: step.to_owned(), no });
        }
    }
    all
}

/// Where the dialog of an action is.
pub(crate) fn address(shown: &Shown<'_>, choice: &Choice) -> String {
    format!("{}/{}{}", url(&shown.view.id), choice.verb, filter::query(&[("step", &choice.step)]))
}

/// The buttons; also sent as a patch.
pub(crate) fn buttons(cx: &Cx, shown: &Shown<'_>) -> Markup {
    let all = choices(&shown.latest, cx.who.has(&[Role::Operator]));
    let first = all.iter().position(|choice| choice.no.is_none());
    let pressing = |at: usize| {
        Some(at) == first && matches!(all[at].verb, Verb::Resolve | Verb::Retry | Verb::Release)
    };
    let not: Vec<&Choice> = all.iter().filter(|choice| choice.no.is_some()).collect();
    html! {
        div.row.acts role="group" aria-label="Actions" {
            @for (at, choice) in all.iter().enumerate() { (button(shown, choice, pressing(at))) }
            @if !not.is_empty() && shown.latest.is_running() {
                details.whynot {
                    summary data-key="." title="Why not the others (.)" { "Why not" }
                    dl.kv.pad { @for choice in not {
                        dt { (title(choice.verb)) }
                        dd { (choice.no.as_deref().unwrap_or_default()) }
                    } }
                }
            }
        }
    }
}

fn button(shown: &Shown<'_>, choice: &Choice, go: bool) -> Markup {
    let id = format!("act-{}-{}", choice.verb, choice.step.replace('/', "-"));
    let key = match choice.verb {
        Verb::Retry => Some("r"),
        Verb::Undo => Some("u"),
        _ => None,
    };
    html! {
        @match &choice.no {
            None => a.btn.go[go] id=(id) href=(address(shown, choice)) data-dialog data-key=[key] {
                (title(choice.verb)) @if !choice.step.is_empty() { " " code { (choice.step) } }
                @if let Some(key) = key { kbd.js.opt { (key) } }
            },
            Some(no) => {
                button.btn id=(id) type="button" aria-disabled="true" title=(no) aria-describedby={ (id) "-no" } { (title(choice.verb)) }
                span.vh id={ (id) "-no" } { "Not possible: " (no) }
            },
        }
    }
}

/// What stands in the form.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Filled {
    pub(crate) step: String,
    pub(crate) reason: String,
    pub(crate) ticket: String,
    pub(crate) revision: String,
    /// `yes`, `no`, or nothing said.
    pub(crate) happened: String,
    /// JSON, or nothing.
    pub(crate) output: String,
    /// Anything: only show what would happen.
    pub(crate) preview: String,
}

impl Filled {
    /// The order of this form.
    pub(crate) fn order(&self, cx: &Cx, verb: Verb, revision: u64) -> Result<Order, String> {
        let output = self.output.trim();
        let output = (!output.is_empty()).then(|| serde_json::from_str(output)).transpose();
        let output = output.map_err(|error| format!("The output is not JSON: {error}."))?;
        let ticket = Some(self.ticket.trim().to_owned()).filter(|ticket| !ticket.is_empty());
        Ok(Order {
            verb,
            step: self.step.clone(),
            actor: cx.who.actor.clone(),
            reason: self.reason.trim().to_owned(),
            revision,
            happened: self.happened == "yes",
            output,
            ticket,
            approver: None,
        })
    }
}

/// `GET /console/sagas/{id}/{verb}`
pub(crate) async fn ask(
    cx: Cx,
    Path((id, verb)): Path<(String, String)>,
    Query(filled): Query<Filled>,
) -> Response {
    let page = match opened(&cx, &id, &verb).await {
        Ok((shown, verb)) => Ok(page(&cx, &shown, verb, &filled, &[])),
        Err(problem) => Err(problem),
    };
    cx.answer(page).await
}

/// `POST /console/sagas/{id}/{verb}`
pub(crate) async fn run(
    cx: Cx,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Response {
    let (shown, verb) = match opened(&cx, &id, &verb).await {
        Ok(both) => both,
        Err(problem) => return cx.answer(Err(problem)).await,
    };
    let done = if filled.preview.is_empty() {
        carry_out(&cx, &shown, verb, &filled).await
    } else {
        Err(vec![])
    };
    let scripted = headers.contains_key("hx-request");
    let to = url(&shown.view.id);
    match done {
        Ok(()) if scripted => {
            let told = json!({"acted": {"to": to, "says": format!("{}: done", title(verb))}});
            (StatusCode::NO_CONTENT, [("hx-trigger", told.to_string())]).into_response()
        }
        Ok(()) => Redirect::to(&to).into_response(),
        Err(problems) => {
            // Read again: what was refused may be so because the saga moved on.
            let shown = match Shown::read(&cx, &id, &Asked::default()).await {
                Ok(shown) => shown,
                Err(problem) => return cx.answer(Err(problem)).await,
            };
            let mut page = page(&cx, &shown, verb, &filled, &problems);
            // A script exchanges the form only for an answer that is no error.
            page.status = if scripted || problems.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let mut response = cx.answer(Ok(page)).await;
            response
                .headers_mut()
                .append(header::VARY, header::HeaderValue::from_static("HX-Request"));
            response
        }
    }
}

async fn opened<'a>(cx: &'a Cx, id: &str, verb: &str) -> Result<(Shown<'a>, Verb), Problem> {
    let says = "A saga can be retried, resolved, skipped a step of, undone, held and released.";
    let verb = VERBS.into_iter().find(|known| known.to_string() == verb);
    let verb = verb.ok_or_else(|| Problem::not_found(says))?;
    if !cx.who.has(&[Role::Operator]) {
        return Err(Problem::forbidden(format!("To {verb} a saga the role operator is needed.")));
    }
    Ok((Shown::read(cx, id, &Asked::default()).await?, verb))
}

/// Does it, or says why not, a sentence each. The sentence of a stale form is `saga_form`'s.
async fn carry_out(
    cx: &Cx,
    shown: &Shown<'_>,
    verb: Verb,
    filled: &Filled,
) -> Result<(), Vec<String>> {
    let chars = filled.reason.trim().chars().count();
    let mut problems = Vec::new();
    if !(REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&chars) {
        problems.push(format!(
            "A reason of {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters is needed; this one has {chars}."
        ));
    }
    if verb == Verb::Resolve && !["yes", "no"].contains(&filled.happened.as_str()) {
        problems.push("Say whether it happened.".to_owned());
    }
    let revision = filled.revision.parse().unwrap_or(0);
    let order = filled.order(cx, verb, revision).map_err(|problem| vec![problem])?;
    if !problems.is_empty() {
        return Err(problems);
    }
    let desk = desk(cx).map_err(|_| vec!["This installation runs no sagas.".to_owned()])?;
    match desk.act(&cx.who, &shown.view.id, &order).await {
        Ok(_) => Ok(()),
        Err(OrderError::NotTaken(NotTaken::Stale { seen, is })) => {
            Err(vec![saga_form::stale(seen, is)])
        }
        Err(error) => {
            let says = error.to_string();
            let mut letters = says.chars();
            let first: String = letters.next().iter().flat_map(|c| c.to_uppercase()).collect();
            Err(vec![format!("{first}{}.", letters.as_str())])
        }
    }
}

fn page(cx: &Cx, shown: &Shown<'_>, verb: Verb, filled: &Filled, problems: &[String]) -> Page {
    let name = &shown.latest.plan.0;
    Page {
        title: format!("{} · {name}", title(verb)),
        section: Section::Sagas,
        head: html! {
            div {
                p.crumbs.dim {
                    a href="/console/sagas" { "Sagas" } " / "
                    a href=(url(&shown.view.id)) { (name) " " (crate::format::stream_id(&shown.view.id)) }
                }
                h1 { (title(verb)) @if !filled.step.is_empty() { " " (filled.step) } }
            }
        },
        lede: html! {
            @if problems.is_empty() { "Look before you act: this is what will be appended. Nothing is done yet." }
            @else { b { (problems.join(" ")) } " Nothing was done." }
        },
        body: html! { div.panel.act { div id="act" { (saga_form::draw(cx, shown, verb, filled, problems)) } } },
        live: None,
        refresh_s: None,
        status: StatusCode::OK,
    }
}
