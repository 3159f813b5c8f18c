//! `recount saga list|show|why|tail|plan`. Nothing here changes anything.

use std::time::Duration;

use anyhow::Result as Anyhow;
use clap::ArgMatches;
use orchestrator::filter::Filter;
use serde_json::Value;

use super::Failed;
use super::client::{Client, Said, encoded};
use crate::{render, text};

/// Rows of one page.
const PAGE: u64 = 200;
/// Pause before a connection that has ended is opened again.
const AGAIN: Duration = Duration::from_millis(500);

/// The filter, checked here: what is wrong with it is told before anybody is asked.
fn filter(matches: &ArgMatches) -> Result<Filter, Failed> {
    let words = matches.get_many::<String>("filter").into_iter().flatten();
    let words: Vec<&str> = words.map(String::as_str).collect();
    let wrong = |wrong: orchestrator::filter::Wrong| {
        Failed::Usage(format!("filter `{}`: {wrong}", words.join(" ")))
    };
    Filter::parse(&words.join(" ")).map_err(wrong)
}

fn form(matches: &ArgMatches) -> &str {
    text(matches, "output").unwrap_or("table")
}

/// The path of a saga.
pub(super) fn path(matches: &ArgMatches) -> String {
    format!("/api/sagas/{}", encoded(text(matches, "id").unwrap_or_default()))
}

/// A text in an answer; a dash when there is none.
pub(super) fn of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().filter(|text| !text.is_empty()).unwrap_or("-")
}

/// One line for one saga.
pub(super) fn row(row: &Value) -> String {
    let ty = format!("{}@{}", of(row, "type"), row["plan_version"]);
    let done = format!("{}/{}", row["done"], row["total"]);
    let (state, stream, step) = (of(row, "state"), of(row, "stream"), of(row, "step"));
    format!("{state:<8} {ty:<22} {stream:<57} {done:>5} {step:<20} {}", of(row, "why"))
}

fn write(matches: &ArgMatches, item: &Value) -> Anyhow<()> {
    render::line(&match form(matches) {
        "json" => item.to_string(),
        "ids" => of(item, "stream").to_owned(),
        _ => row(item),
    })
}

/// Sagas, or groups of them.
pub(super) async fn list(client: &Client, matches: &ArgMatches) -> Result<(), Failed> {
    let filter = filter(matches)?;
    let mut left = matches.get_one::<u64>("limit").copied().unwrap_or(PAGE);
    let mut after = None;
    let base = format!("/api/sagas?filter={}", encoded(&filter.to_string()));
    while left > 0 {
        let page = left.min(PAGE);
        let after_arg =
            after.as_deref().map(|it| format!("&after={}", encoded(it))).unwrap_or_default();
        let answer = client.get(&format!("{base}&limit={page}{after_arg}"), &[]).await?;
        if let Some(groups) = answer["groups"].as_array() {
            groups.iter().try_for_each(|group| counted(matches, group))?;
            return Ok(());
        }
        let items = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().try_for_each(|item| write(matches, item))?;
        left -= page.min(items.len() as u64).max(1);
        after = answer["next_cursor"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

fn counted(matches: &ArgMatches, group: &Value) -> Anyhow<()> {
    render::line(&match form(matches) {
        "json" => group.to_string(),
        "ids" => of(group, "sample").to_owned(),
        _ => {
            let value = match &group["value"] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let (count, last) = (&group["count"], of(group, "last_at"));
            format!("{count:>8} {last:<28} {:<36} {value}", of(group, "sample"))
        }
    })
}

/// One sentence.
pub(super) async fn why(client: &Client, matches: &ArgMatches) -> Result<(), Failed> {
    let saga = client.get(&path(matches), &[]).await?;
    Ok(render::line(of(&saga, "why"))?)
}

/// All that is known of one.
pub(super) async fn show(client: &Client, matches: &ArgMatches) -> Result<(), Failed> {
    let mut saga = client.get(&path(matches), &[]).await?;
    if matches.get_flag("events") {
        saga["events"] = events(client, &path(matches)).await?.into();
    }
    if form(matches) == "json" {
        let json = serde_json::to_string_pretty(&saga).map_err(anyhow::Error::from)?;
        return Ok(render::line(&json)?);
    }
    page(&saga).iter().try_for_each(|line| render::line(line))?;
    Ok(())
}

async fn events(client: &Client, path: &str) -> Result<Vec<Value>, Said> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let mut page = client.get(&format!("{path}/events?limit=200{after}"), &[]).await?;
        if let Value::Array(items) = page["items"].take() {
            all.extend(items);
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(all) };
        after = format!("&after={}", encoded(next));
    }
}

fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// A saga for people.
fn page(saga: &Value) -> Vec<String> {
    let mut out = vec![
        format!("{} at revision {}", of(saga, "stream"), saga["revision"]),
        of(saga, "why").to_owned(),
        String::new(),
    ];
    let ty = format!("{}@{}", of(saga, "type"), saga["plan_version"]);
    let at_risk = match saga["at_risk"].as_i64() {
        None | Some(0) => "-".to_owned(),
        Some(minor) => format!("{minor} {} (minor units)", of(saga, "currency")),
    };
    for (name, value) in [
        ("type", ty.as_str()),
        ("state", of(saga, "state")),
        ("tenant", of(saga, "tenant")),
        ("started", of(saga, "started_at")),
        ("last", of(saga, "last_at")),
        ("due", of(saga, "due_at")),
        ("at risk", &at_risk),
    ] {
        out.push(format!("  {name:<10} {value}"));
    }
    heading(&mut out, "ledger: what is still out there", list_of(saga, "ledger"), |it| {
        let money = it["money"].as_object().map_or_else(String::new, |money| {
            format!(" {} {}", money["minor"], money["currency"].as_str().unwrap_or_default())
        });
        let (step, standing, target) = (of(it, "step"), of(it, "standing"), of(it, "target"));
        format!("{step:<24} {standing:<20} {target}: {}{money}", of(it, "what"))
    });
    heading(&mut out, "steps", list_of(saga, "steps"), |it| {
        let ways = if it["forward"].is_null() {
            "not begun".to_owned()
        } else {
            let (to, back) = (of(&it["forward"], "status"), of(&it["undo"], "status"));
            let tries = &it["forward"]["attempts"];
            let undo = if back == "ready" { String::new() } else { format!(", undo {back}") };
            format!("{to}, {tries} attempts{undo}")
        };
        format!("{:<24} {:<10} {ways}", of(it, "step"), of(it, "kind"))
    });
    heading(&mut out, "timers", list_of(saga, "timers"), |it| {
        format!("{:<28} {:<14} {}", of(it, "at"), of(it, "purpose"), of(it, "step"))
    });
    heading(&mut out, "what can be done", list_of(saga, "actions"), |it| {
        let why_not = it["why_not"].as_str().map(|why| format!("no: {why}"));
        let step = it["step"].as_str().unwrap_or_default();
        format!("{:<8} {step:<24} {}", of(it, "verb"), why_not.unwrap_or_default())
    });
    heading(&mut out, "events", list_of(saga, "events"), |it| {
        let (at, ty, actor) = (of(it, "recorded_at"), of(it, "type"), of(it, "actor"));
        format!("{:>4} {at:<28} {ty:<40} {actor}", it["version"])
    });
    out
}

fn heading(out: &mut Vec<String>, title: &str, all: &[Value], line: impl Fn(&Value) -> String) {
    if all.is_empty() {
        return;
    }
    out.extend([String::new(), title.to_owned()]);
    out.extend(all.iter().map(|it| format!("  {}", line(it)).trim_end().to_owned()));
}

/// Changes as they come; a connection that ends is opened again where it was.
pub(super) async fn tail(client: &Client, matches: &ArgMatches) -> Result<(), Failed> {
    let filter = filter(matches)?;
    let path = format!("/api/sagas?filter={}", encoded(&filter.to_string()));
    let mut left = matches.get_one::<u64>("limit").copied();
    let mut after: Option<String> = None;
    let mut reached = false;
    loop {
        let mut live = match client.live(&path, after.as_deref()).await {
            Ok(live) => live,
            // It may be starting again.
            Err(Said::Nothing { .. }) if reached => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(said) => return Err(said.into()),
        };
        reached = true;
        while let Some((id, row)) = live.next().await {
            write(matches, &row)?;
            after = Some(id);
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return Ok(());
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Plans.
pub(super) async fn plan(client: &Client, matches: &ArgMatches) -> Result<(), Failed> {
    let answer = client.get("/api/sagas/types", &[]).await?;
    let types = list_of(&answer, "items");
    let wanted = text(matches, "type");
    let known: Vec<_> = types.iter().map(|ty| of(ty, "name")).collect();
    if let Some(wanted) = wanted.filter(|wanted| !known.contains(wanted)) {
        let known = known.join(", ");
        return Err(Failed::Usage(format!("no saga is called `{wanted}`; there are: {known}")));
    }
    for ty in types.iter().filter(|ty| wanted.is_none_or(|wanted| of(ty, "name") == wanted)) {
        render::line(&match form(matches) {
            "json" => ty.to_string(),
            _ => format!("{}\nhash {}\n", of(ty, "text"), of(ty, "hash")),
        })?;
    }
    Ok(())
}
