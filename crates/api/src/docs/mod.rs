//! The reference for people: `/docs` and the pages of errors, from the same data as the document.
//! No network, no inline styles or scripts.

mod errors;
mod page;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use serde_json::json;

use crate::codes;
use crate::edge::Mounts;
use crate::operation::{Operation, Place};
use crate::problem::Problem;

const CSS: &str = include_str!("../../assets/reference.css");
const SCRIPT: &str = include_str!("../../assets/reference.js");
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Mounts `/docs...`; after the operations it shows.
pub(crate) fn mount(mounts: &mut Mounts) {
    let shown = mounts.operations.len();
    let reference = mounts.later(move |operations, options| {
        Bytes::from(page::reference(&operations[..shown], options))
    });
    let reference = move || Bytes::clone(&reference);
    page(mounts, ["/docs", "get_docs", "This reference"], "text/html; charset=utf-8", reference);
    let css = || Bytes::from_static(CSS.as_bytes());
    page(mounts, ["/docs/reference.css", "", ""], "text/css; charset=utf-8", css);
    let script = || Bytes::from_static(SCRIPT.as_bytes());
    page(mounts, ["/docs/reference.js", "", ""], "text/javascript; charset=utf-8", script);
    let index = mounts.later(|_, _| Bytes::from(errors::index()));
    let index = move || Bytes::clone(&index);
    let listed = ["/docs/errors", "list_errors", "All errors"];
    page(mounts, listed, "text/html; charset=utf-8", index);
    let text = json!({ "type": "string" });
    let operation = Operation::get(
        "/docs/errors/{code}",
        "get_error",
        "What an error means and how to mend it",
    )
    .param(Place::Path, "code", "As `RC0430`", text.clone())
    .gives(200, "A page", "text/html", text, &[])
    .fails(&[codes::NOT_FOUND]);
    mounts.mount(operation, |_, _, request| {
        let rc = request.uri().path().rsplit('/').next().unwrap_or_default();
        let page = codes::by_number(rc).map(errors::page);
        std::future::ready(
            page.map(|text| html("text/html; charset=utf-8", text.into())).ok_or_else(|| {
                Problem::new(codes::NOT_FOUND, "there is no such error; /docs/errors lists them")
            }),
        )
    });
}

/// Mounts a page; one without an id stands in no list.
fn page(
    mounts: &mut Mounts,
    [path, id, summary]: [&str; 3],
    media: &'static str,
    text: impl Fn() -> Bytes + Clone + Send + Sync + 'static,
) {
    let kind = media.split(';').next().unwrap_or(media);
    let operation = Operation::get(path, id, summary).gives(
        200,
        "A page",
        kind,
        json!({ "type": "string" }),
        &[],
    );
    let handler = move |_, _, _| std::future::ready(Ok(html(media, text())));
    if id.is_empty() {
        mounts.quietly(&operation, false, handler);
    } else {
        mounts.mount(operation, handler);
    }
}

fn html(media: &'static str, text: Bytes) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, CSP);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("same-origin"));
    response
}

/// Text for HTML, in elements and in attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Escaped text with `code` set off.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = escape(part);
        let (before, behind) = if at % 2 == 1 { ("<code>", "</code>") } else { ("", "") };
        out += &[before, &part, behind].concat();
    }
    out
}

/// A whole page.
fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} · Recount</title><link rel=\"stylesheet\" href=\"/docs/reference.css\">\
         <script src=\"/docs/reference.js\" defer></script></head>\n<body>\n{body}\n</body></html>\n",
        escape(title)
    )
}
