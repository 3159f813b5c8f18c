//! `recount saga retry|resolve|skip|undo|hold|release`. Not whether it is possible, which the engine
//! says.

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::Failed;
use super::client::{Client, encoded};
use super::look::{of, path, row};
use crate::{render, text};

/// How long `--wait` waits for the lists, in seconds: the most that the product does.
const WAIT_S: u32 = 30;

/// Does it, or says what it would do.
pub(super) async fn act(client: &Client, verb: &str, matches: &ArgMatches) -> Result<(), Failed> {
    let saga = client.get(&path(matches), &[]).await?;
    let dry = matches.get_flag("dry-run");
    let mut body = body(verb, matches)?;
    let revision = matches.get_one::<u64>("revision").copied();
    body.insert("revision".into(), revision.map_or_else(|| saga["revision"].clone(), Value::from));
    body.insert("dry_run".into(), dry.into());
    let key = text(matches, "key").map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let to = format!("{}/{verb}", path(matches));
    let answer = client.post(&to, &key, &Value::Object(body)).await?;
    let json = text(matches, "output") == Some("json");
    if dry {
        return if json { Ok(render::line(&answer.to_string())?) } else { Ok(previewed(&answer)?) };
    }
    if matches.get_flag("wait") {
        let position = answer["position"].as_str().unwrap_or_default();
        let (stream, position) = (encoded(of(&answer, "stream")), encoded(position));
        let list = format!("/api/sagas?filter=id:{stream}&min_position={position}");
        let shown = client.get(&list, &[("prefer", format!("wait={WAIT_S}"))]).await?;
        if let Some(shown) = shown["items"].get(0).filter(|_| !json) {
            return Ok(render::line(&row(shown))?);
        }
    }
    if json {
        return Ok(render::line(&answer.to_string())?);
    }
    let (stream, version) = (of(&answer, "stream"), &answer["version"]);
    render::line(&format!("{verb} {stream}: revision {} -> {version}", saga["revision"]))?;
    events(&answer["events"])?;
    Ok(())
}

fn body(verb: &str, matches: &ArgMatches) -> Result<Map<String, Value>, Failed> {
    let mut body = Map::new();
    for name in ["reason", "step", "ticket", "approver"] {
        if let Some(value) = text(matches, name) {
            body.insert(name.into(), value.into());
        }
    }
    if let Some(output) = text(matches, "result") {
        let output: Value = serde_json::from_str(output)
            .map_err(|error| Failed::Usage(format!("--output-json is no JSON: {error}")))?;
        body.insert("output".into(), output);
    }
    if verb == "resolve" {
        body.insert("happened".into(), matches.get_flag("happened").into());
    }
    Ok(body)
}

fn events(all: &Value) -> anyhow::Result<()> {
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().try_for_each(|event| {
        let data = &event["data"];
        let data = if data.is_null() { String::new() } else { format!(" {data}") };
        render::line(&format!("  {}{data}", of(event, "type")))
    })
}

fn previewed(answer: &Value) -> anyhow::Result<()> {
    let (stream, revision) = (of(answer, "stream"), &answer["revision"]);
    render::line(&format!(
        "dry run, nothing is done: {stream} at revision {revision} would append"
    ))?;
    events(&answer["events"])?;
    for ask in answer["asks"].as_array().map_or(&[][..], Vec::as_slice) {
        let (step, way, target) = (of(ask, "step"), of(ask, "direction"), of(ask, "target"));
        let money = match ask["minor"].as_i64() {
            Some(minor) => format!(", {minor} {}", of(ask, "currency")),
            None => String::new(),
        };
        let (what, key) = (of(ask, "what"), of(ask, "key"));
        render::line(&format!("asks {target}: {what} ({step}, {way}, key {key}{money})"))?;
    }
    render::line(&format!("then: {}", of(&answer["after"], "why")))
}

/// What happened since the revision that was seen, when that is why the answer is no.
pub(super) fn changed(problem: &Value) {
    for event in problem["changed"].as_array().map_or(&[][..], Vec::as_slice) {
        let (at, actor, ty) = (of(event, "recorded_at"), of(event, "actor"), of(event, "type"));
        eprintln!("  since then: {:>4} {at} {ty} by {actor}", event["version"]);
    }
}
