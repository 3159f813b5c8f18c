//! The reference page: operations with their fields, bounds and a `curl` to copy.

use std::fmt::Write as _;

use domain::Shape;
use serde_json::Value;

use super::{escape, frame, inline};
use crate::auth::Access;
use crate::openapi::example;
use crate::operation::{Operation, Param, Place};
use crate::parts::Options;

/// The page.
pub(crate) fn reference(operations: &[Operation], options: &Options) -> String {
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations {
        if !tags.contains(&operation.tag.as_str()) {
            tags.push(&operation.tag);
        }
    }
    let (mut nav, mut main) = (String::new(), String::new());
    for tag in tags {
        let tag_text = escape(tag);
        // Writing to a string cannot fail, here and below.
        let _ = write!(nav, "<h2>{tag_text}</h2><ul>");
        let _ = writeln!(main, "<section><h2 id=\"{tag_text}\">{tag_text}</h2>");
        let mut all: Vec<_> = operations.iter().filter(|it| it.tag == tag).collect();
        // Commands first.
        all.sort_by_key(|it| it.method == axum::http::Method::GET);
        for it in all {
            let _ = write!(
                nav,
                "<li data-find=\"{} {} {}\"><a href=\"#{}\">{}<span>{}</span></a></li>",
                escape(&it.id),
                escape(&it.path),
                escape(&it.summary.to_lowercase()),
                escape(&it.id),
                verb(it),
                escape(short(&it.path)),
            );
            main.push_str(&article(it));
        }
        nav.push_str("</ul>\n");
        main.push_str("</section>\n");
    }
    let body = format!(
        "<a class=\"skip\" href=\"#content\">To the content</a>\
         <header><b>Recount</b> <span>API reference · {}</span><a href=\"/api/openapi.json\">openapi.json</a><a href=\"/docs/errors\">Errors</a><a href=\"/console\">Console</a></header>\n\
         <div class=\"columns\"><nav aria-label=\"Operations\"><label>Find <input id=\"find\" type=\"search\" autocomplete=\"off\"></label>\n{nav}</nav>\n\
         <main id=\"content\"><h1>API reference</h1>\n{}{main}</main></div>",
        escape(&options.product_version),
        habits(options),
    );
    frame("API reference", &body)
}

/// What holds for all operations.
fn habits(options: &Options) -> String {
    let lines = [
        format!("Send an `Idempotency-Key` with every command: a retry gets the first answer, for {} days, and `Idempotent-Replayed: true` says so.", options.keys_kept_days),
        "An answer to a command leaves when it is durable. Its `position` goes into `min_position` of a query, which then waits for the read model.".to_owned(),
        "`ETag` of an answer is the version; send it as `If-Match` and a change that somebody else made meanwhile is found: 412.".to_owned(),
        "Errors are `application/problem+json`: match on `code`, read `detail`, follow `type`.".to_owned(),
        format!("A body has at most {} bytes and no unknown fields. Paths under `/api/` also stand under `/api/v1/`.", options.body_bytes_max),
    ];
    let lines: Vec<_> = lines.iter().map(|line| format!("<li>{}</li>", inline(line))).collect();
    format!("<ul class=\"habits\">{}</ul>\n", lines.join(""))
}

fn verb(it: &Operation) -> String {
    let verb = it.method.as_str();
    format!("<b class=\"verb {}\">{verb}</b>", verb.to_lowercase())
}

fn short(path: &str) -> &str {
    path.strip_prefix("/api").unwrap_or(path)
}

fn article(it: &Operation) -> String {
    let mut out = format!(
        "<article id=\"{id}\"><h3>{}<code>{}</code><a class=\"anchor\" href=\"#{id}\">{}</a></h3>\n",
        verb(it),
        escape(&it.path),
        inline(&it.summary),
        id = escape(&it.id),
    );
    if !it.about.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", inline(it.about));
    }
    let roles: Vec<_> =
        it.access.roles().iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    let who = match it.access {
        Access::Open => "Open to everybody.".to_owned(),
        Access::Known => "For every known caller.".to_owned(),
        _ => format!("For the roles owner, {}.", roles.join(", ")),
    };
    let _ = writeln!(out, "<p class=\"who\">{who}</p>");
    for (place, title) in
        [(Place::Path, "Path"), (Place::Query, "Query"), (Place::Header, "Headers")]
    {
        out.push_str(&params(title, &it.params, place));
    }
    if let Some(shape) = &it.body {
        out.push_str(&fields(shape));
    }
    let _ = writeln!(
        out,
        "<div class=\"try\"><button type=\"button\" hidden>Copy</button><pre><code>{}</code></pre></div>",
        escape(&curl(it))
    );
    out.push_str("<dl class=\"answers\">");
    for given in &it.answers {
        let _ = write!(
            out,
            "<dt>{}</dt><dd>{} <code>{}</code></dd>",
            given.status,
            inline(&given.doc),
            given.media
        );
    }
    for code in &it.problems {
        let _ = write!(
            out,
            "<dt>{}</dt><dd><a href=\"/docs/errors/{}\">{}</a> {}</dd>",
            code.status,
            code.rc,
            code.word,
            inline(code.title)
        );
    }
    out.push_str("</dl></article>\n");
    out
}

fn params(title: &str, all: &[Param], place: Place) -> String {
    let mut rows = String::new();
    for it in all.iter().filter(|it| it.place == place) {
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
            escape(&it.name),
            escape(&kind(&it.schema)),
            inline(&it.doc)
        );
    }
    if rows.is_empty() { rows } else { table(title, &rows) }
}

fn table(title: &str, rows: &str) -> String {
    format!("<table><caption>{title}</caption><tbody>{rows}</tbody></table>\n")
}

/// A schema of a parameter in words.
fn kind(schema: &Value) -> String {
    let text = |name: &str| schema[name].as_str().unwrap_or_default();
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return words.join(" | ");
    }
    let mut out = if text("format").is_empty() { text("type") } else { text("format") }.to_owned();
    if let (Some(min), Some(max)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        let _ = write!(out, ", {min} to {max}");
    }
    out
}

fn fields(shape: &Shape) -> String {
    let Shape::Object { doc, properties, .. } = shape else { return String::new() };
    let mut rows = String::new();
    for it in properties {
        let must = if it.required { "" } else { " <i>optional</i>" };
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><code>{}</code>{must}</th><td>{}</td><td>{}</td></tr>",
            escape(it.name),
            escape(&in_words(&it.shape)),
            inline(it.doc)
        );
    }
    if rows.is_empty() {
        return format!("<p>Body: <code>{{}}</code>, or none. {}</p>\n", inline(doc));
    }
    format!("<p>{}</p>\n{}", inline(doc), table("Body", &rows))
}

fn in_words(shape: &Shape) -> String {
    match shape {
        Shape::Text { format, max_chars } => {
            let kind = format.unwrap_or("text");
            let uuid = *format == Some("uuid");
            max_chars
                .filter(|_| !uuid)
                .map_or_else(|| kind.to_owned(), |max| format!("{kind}, at most {max} characters"))
        }
        Shape::Word(words) => words.join(" | "),
        Shape::Integer { min } => {
            min.map_or_else(|| "whole number".to_owned(), |min| format!("whole number from {min}"))
        }
        Shape::Boolean => "true | false".to_owned(),
        Shape::Json => "any JSON".to_owned(),
        Shape::List { of, max_items } => {
            let most = max_items.map_or_else(String::new, |max| format!(", at most {max}"));
            format!("list of {}{most}", in_words(of))
        }
        Shape::Object { name, .. } => (*name).to_owned(),
    }
}

/// A line to copy.
fn curl(it: &Operation) -> String {
    let id = "0190e2a4-0000-7000-8000-000000000001";
    let path = it
        .path
        .replace("/streams/{id}", &format!("/streams/post-{id}"))
        .replace("{subject}", "SUBJECT")
        .replace("{version}", "latest")
        .replace("{code}", "RC0430");
    let path = if it.path.starts_with("/registry") {
        path.replace("{id}", "1")
    } else {
        path.replace("{id}", id)
    };
    let mut out = String::from("curl -s");
    if it.method != axum::http::Method::GET {
        let _ = write!(out, " -X {}", it.method);
    }
    // The page's script puts the origin of the page here.
    let _ = write!(out, " http://localhost:7070{path}");
    if it.body.is_some() {
        out.push_str(" \\\n  -H 'Idempotency-Key: '$(uuidgen)");
    }
    if let Some(shape) = &it.body {
        let body = example(shape, "");
        if body.as_object().is_some_and(|fields| !fields.is_empty()) {
            let _ = write!(out, " \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'");
        }
    }
    out
}
