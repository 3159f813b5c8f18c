//! What `recount doctor` looks at when the log is on Kafka: brokers and their releases, rights, topics,
//! replicas in sync, clocks of brokers and of the other nodes. It changes nothing, and writes nothing but
//! a record without content to the topic that tells the time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use axum::http::{Method, header};
use log_kafka::{Options, topics};
use provider_http::{Client, Request};

use super::{Check, Verdict, check};
use crate::data::DataDir;
use crate::product;
use crate::settings::Settings;

/// Log time is the owner's clock: nodes whose clocks differ by more than this write odd times.
const SKEW_MAX: Duration = Duration::from_secs(5);
/// What the guide says of brokers.
const OLDEST: topics::Release = topics::Release::OLDEST;
const NTP: &str = "let all machines follow one time source (NTP)";
/// How long another node may take to say what time it is, in milliseconds.
const ANSWER_MAX_MS: i64 = 2_000;
/// So many are named; the others are counted.
const NAMED_MAX: usize = 5;

/// The checks; none for the embedded log.
pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    match product::log::is_kafka(settings) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(error) => return vec![check("log", Err((Verdict::Fail, error.to_string())), "")],
    }
    let data = settings.data();
    let options = product::schemas()
        .and_then(|schemas| product::log::kafka(settings, &data.join("replica"), &schemas));
    let options = match options {
        Ok(options) => options,
        Err(error) => {
            let says = format!("{error:#}");
            return vec![check("brokers", Err((Verdict::Fail, says)), "correct the settings")];
        }
    };
    let mut checks = cluster(&options);
    checks.push(clocks(&data));
    checks
}

fn cluster(options: &Options) -> Vec<Check> {
    let survey = match topics::survey(options) {
        Ok(survey) => survey,
        Err(error) => {
            let fix = "start the brokers, or correct --brokers and --kafka-settings";
            return vec![check("brokers", Err((Verdict::Fail, error.to_string())), fix)];
        }
    };
    let brokers = brokers(&survey.brokers);
    let found = match topics::check(options) {
        Ok(findings) if findings.is_empty() => {
            Ok(format!("{} partitions, as the log needs them", survey.partitions))
        }
        Ok(findings) => {
            let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
            Err((Verdict::Fail, few(&all)))
        }
        Err(error) => Err((Verdict::Fail, error.to_string())),
    };
    let topics =
        check("topics", found, "run what each finding says; `recount topics check` has all");
    let found = if !survey.leaderless.is_empty() {
        Err((Verdict::Fail, format!("without a leader: {}", few(&survey.leaderless))))
    } else if !survey.behind.is_empty() {
        Err((Verdict::Warn, format!("in sync: {}", few(&survey.behind))))
    } else {
        Ok("all in sync".to_owned())
    };
    let fix = "start the brokers that are down; with fewer than 2 in sync nothing is taken";
    let replicas = check("replicas", found, fix);
    vec![brokers, rights(options), topics, replicas, broker_clocks(options)]
}

/// Which releases; too old ones are refused.
fn brokers(brokers: &[topics::Broker]) -> Check {
    let all: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    let found = if brokers.iter().any(|it| it.speaks.too_old()) {
        Err((Verdict::Fail, format!("too old for a log, oldest is {OLDEST}: {}", few(&all))))
    } else if brokers.iter().any(|it| it.speaks == topics::Speaks::Unknown) {
        Err((Verdict::Warn, few(&all)))
    } else {
        Ok(few(&all))
    };
    check("brokers", found, "upgrade brokers that are too old; look at those that say nothing")
}

/// What the user may do.
fn rights(options: &Options) -> Check {
    let found = match topics::rights(options) {
        Ok(rights) if !rights.lacking.is_empty() || rights.group.is_some() => {
            let lacks = |(topic, lacks): &(String, Vec<&str>)| {
                format!("topic {topic} lacks {}", lacks.join(", "))
            };
            let group = rights.group.map(|group| format!("group {group} lacks Read"));
            let all: Vec<_> = group.into_iter().chain(rights.lacking.iter().map(lacks)).collect();
            Err((Verdict::Fail, few(&all)))
        }
        Ok(rights) if rights.untold > 0 => {
            Err((Verdict::Warn, format!("of {} topics it is not known", rights.untold)))
        }
        Ok(_) => Ok("all that a node needs".to_owned()),
        Err(error) => Err((Verdict::Fail, error.to_string())),
    };
    check("rights", found, "kafka-acls.sh --add --allow-principal User:NAME --operation Read ...")
}

/// How far the brokers' clocks are from ours. A node whose clock is wrong takes no lanes.
fn broker_clocks(options: &Options) -> Check {
    let limit = options.clock_skew_max;
    let found = match topics::skews(options) {
        Ok(skews) if skews.is_empty() => {
            Err((Verdict::Warn, "no broker says what time it is".to_owned()))
        }
        Ok(skews) => {
            let skew = |it: &topics::Skew| format!("{} {:+} ms", it.broker, it.ahead_ms);
            let says = few(&skews.iter().map(skew).collect::<Vec<_>>());
            if topics::ours_is_off(&skews, limit) {
                Err((Verdict::Fail, format!("{says}: this node takes no lanes")))
            } else if skews.iter().any(|it| it.exceeds(limit)) {
                Err((Verdict::Warn, says))
            } else {
                Ok(says)
            }
        }
        Err(error) => Err((Verdict::Warn, error.to_string())),
    };
    check("broker clocks", found, NTP)
}

fn few(all: &[String]) -> String {
    let rest = all.len().saturating_sub(NAMED_MAX);
    let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    format!("{}{more}", all[..all.len() - rest].join("; "))
}

/// Asks the nodes that own lanes, as far as the local replica knows them, what time it is.
fn clocks(data: &Path) -> Check {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = owners(data).and_then(|owners| {
        let runtime = runtime.map_err(|error| error.to_string())?;
        Ok(owners
            .into_iter()
            .map(|(url, node)| (node, runtime.block_on(skew(&url))))
            .collect::<Vec<_>>())
    });
    let skews = match found {
        Ok(skews) => skews,
        Err(why) => return check("clocks", Err((Verdict::Warn, why)), "start a node here once"),
    };
    let (mut said, mut off) = (Vec::new(), false);
    for (node, skew) in skews {
        match skew {
            Some(skew) => {
                off |= skew > SKEW_MAX;
                said.push(format!("{node} within {} s", skew.as_secs() + 1));
            }
            None => said.push(format!("{node} does not answer")),
        }
    }
    let says = if said.is_empty() { "no node owns a lane yet".to_owned() } else { few(&said) };
    check("clocks", if off { Err((Verdict::Warn, says)) } else { Ok(says) }, NTP)
}

/// Address and name of every node that owns a lane.
fn owners(data: &Path) -> Result<BTreeMap<String, String>, String> {
    let data = DataDir::existing(data).map_err(|error| error.to_string())?;
    let opened = log_embedded::EmbeddedLog::open_read_only(data.replica());
    let (log, _) = opened.map_err(|error| error.to_string())?;
    let mut owners = BTreeMap::new();
    for lane in log::Log::topics(&log).lanes() {
        let mut follower = log::Follower::from_start(&log, lane);
        let mut newest = None;
        loop {
            let frames = follower.poll(&log).map_err(|error| error.to_string())?;
            if frames.is_empty() {
                break;
            }
            for record in frames.into_iter().flat_map(|frame| frame.records) {
                if let log::Body::Claim(claim) = record.body {
                    newest = Some(claim);
                }
            }
        }
        owners.extend(newest.filter(|it| !it.url.is_empty()).map(|it| (it.url, it.node)));
    }
    Ok(owners)
}

/// How far another node's clock is from ours, at a second's precision; `None`: it did not say.
async fn skew(url: &str) -> Option<Duration> {
    let due_at = provider_http::now().plus_ms(ANSWER_MAX_MS);
    let request = Request::new(Method::GET, "/health/live".to_owned(), due_at);
    let answer = Client::new(url).ok()?.call(request).await.ok()?;
    let date = answer.headers.get(header::DATE)?.to_str().ok()?;
    let theirs = httpdate::parse_http_date(date).ok()?;
    let ours = SystemTime::now();
    Some(ours.duration_since(theirs).unwrap_or_else(|ahead| ahead.duration()))
}
