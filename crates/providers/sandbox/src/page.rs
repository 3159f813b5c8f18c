//! Pages for people: what stands in the sandbox. Not the console.

use maud::{DOCTYPE, Markup, html};

use crate::ledger::{Kind, Work};

/// Most works on one page.
const WORKS_MAX: usize = 200;

fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style {
                    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
                    "article{border-top:1px solid #8886;padding:.6rem 0}small{opacity:.75}del{opacity:.6}"
                    "p{white-space:pre-wrap;margin:.2rem 0}"
                }
            }
            body { h1 { (title) } (body) }
        }
    }
}

/// Everything, the newest first.
pub(crate) fn front<'a>(works: impl Iterator<Item = &'a Work>) -> Markup {
    let works: Vec<_> = works.take(WORKS_MAX).collect();
    let body = html! {
        p { "What would stand on platforms, at the bank and in mailboxes. Nothing here left this machine." }
        @if works.is_empty() { p { "Nothing yet." } }
        @for work in works { (article(work)) }
    };
    page("Sandbox", &body)
}

/// One post that stands.
pub(crate) fn post(work: &Work) -> Markup {
    page("A post in the sandbox", &article(work))
}

fn article(work: &Work) -> Markup {
    let text = |path: &str| work.asked.pointer(path).and_then(|it| it.as_str()).unwrap_or_default();
    let what = match work.kind {
        Kind::Posts => html! { b { (text("/platform")) } p { (text("/text")) } },
        Kind::Charges => {
            let minor = work.asked.pointer("/amount/minor").and_then(serde_json::Value::as_i64);
            html! { b { (minor.unwrap_or_default()) " " (text("/amount/currency")) } p { (text("/description")) } }
        }
        Kind::Mails => html! { b { (text("/subject")) } p { (text("/text")) } },
    };
    html! {
        article {
            small { (work.kind.as_str()) ", " (work.done_at) @if let Some(at) = work.taken_back_at { ", taken back " (at) } }
            div { @if work.taken_back_at.is_some() { del { (what) } } @else { (what) } }
        }
    }
}
