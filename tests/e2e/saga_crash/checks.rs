//! What must hold when all sagas are at rest: events, targets and read models say the same. Each check
//! gives the violations it finds.

use std::collections::{BTreeMap, BTreeSet};

use provider_sandbox::{Kind, Work};
use recount_tests::Product;
use recount_tests::history::Event;
use recount_tests::sagas::Saga;
use serde_json::Value;

use super::{Story, Told, When};

/// Every event is there once, and every stream is without gaps.
pub(super) fn contiguous(events: &[Event]) -> Vec<String> {
    let ids: BTreeSet<_> = events.iter().map(|it| &it.id).collect();
    let mut wrong = Vec::new();
    if ids.len() != events.len() {
        wrong.push(format!("{} events, {} ids", events.len(), ids.len()));
    }
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let version = last.entry(&event.stream).or_default();
        *version += 1;
        if event.version != *version {
            wrong.push(format!("{} has version {} twice or not", event.stream, *version));
        }
    }
    wrong
}

/// The sagas of one post, those without any step first.
fn sagas_of<'a>(sagas: &'a BTreeMap<String, Saga>, post: &str) -> Vec<&'a Saga> {
    let mine = |it: &&Saga| {
        it.stream.starts_with("publish_post-") && it.began_with["post"].as_str() == Some(post)
    };
    let mut mine: Vec<_> = sagas.values().filter(mine).collect();
    mine.sort_by_key(|it| it.steps.len());
    mine
}

/// Each post came to what its story says, no more and no less.
pub(super) fn as_told(told: &Told, sagas: &BTreeMap<String, Saga>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (post, story) in told {
        let ends: Vec<_> = sagas_of(sagas, post).iter().map(|it| it.state()).collect();
        let expected = match story.when {
            When::Moved => vec!["undone", story.end],
            When::Now | When::Soon | When::TakenBack => vec![story.end],
        };
        if ends != expected {
            wrong.push(format!("post {post}, {story:?}: {ends:?}"));
        }
        for saga in sagas_of(sagas, post) {
            wrong.extend(begun_once(saga, story));
        }
    }
    let all: usize = told.keys().map(|post| sagas_of(sagas, post).len()).sum();
    let there = sagas.keys().filter(|it| it.starts_with("publish_post-")).count();
    if all != there {
        wrong.push(format!("{there} sagas, {all} of them asked for"));
    }
    wrong
}

/// A plan's saga begins by its timer, once; one that waits for a human says which step and why.
fn begun_once(saga: &Saga, story: &Story) -> Vec<String> {
    let mut wrong = Vec::new();
    let begins: Vec<_> = saga.timers.values().filter(|(purpose, ..)| purpose == "begin").collect();
    let fired: u32 = begins.iter().map(|(_, _, fired)| fired).sum();
    let planned = usize::from(story.when != When::Now);
    let begun = u32::from(planned == 1 && !saga.steps.is_empty());
    if (begins.len(), fired) != (planned, begun) {
        wrong.push(format!("{}: {} begin timers, {fired} fired", saga.stream, begins.len()));
    }
    let parked = saga.parks.get("publish/mastodon");
    if saga.state() == "parked"
        && parked.is_none_or(|(cause, why)| cause != "in_doubt" || why.is_empty())
    {
        wrong.push(format!("{} waits for {:?}", saga.stream, saga.parks));
    }
    wrong
}

/// What stands at the sandbox is what the sagas say, key by key.
pub(super) fn as_it_stands(sagas: &BTreeMap<String, Saga>, works: &[Work]) -> Vec<String> {
    let mut there: BTreeMap<String, &Work> =
        works.iter().map(|it| (it.key.to_string(), it)).collect();
    let mut wrong = Vec::new();
    for saga in sagas.values() {
        for (name, step) in saga.outside() {
            let work = there.remove(&step.key);
            let stands = work.is_some_and(|it| it.taken_back_at.is_none());
            let in_doubt = saga.parks.contains_key(name);
            if stands != (step.done && !step.undone) && !in_doubt {
                wrong.push(format!("{} {name}: {step:?}, but {work:?}", saga.stream));
            }
        }
    }
    wrong.extend(there.values().map(|work| format!("nobody asked for {work:?}")));
    wrong
}

/// No post stands or stood twice on a platform, nothing was charged or mailed twice.
pub(super) fn once(works: &[Work]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for work in works {
        let of = |name: &str| work.asked[name].as_str().unwrap_or_default().to_owned();
        let whose = match work.kind {
            Kind::Posts => format!("{} on {}", of("publication"), of("platform")),
            Kind::Charges => of("payment"),
            Kind::Mails => of("notification"),
        };
        if !seen.insert((work.kind, whose)) {
            wrong.push(format!("done twice: {work:?}"));
        }
    }
    wrong
}

/// Where the read models say something else than the sagas and the sandbox; `None` while they are not
/// there.
pub(super) async fn disagree(
    product: &Product,
    sagas: &BTreeMap<String, Saga>,
    works: &[Work],
) -> Option<Vec<String>> {
    let user = {
        let owner = domain::Principal::local_owner();
        domain::UserId::of(&owner.tenant, &owner.actor)
    };
    let told = |what: &str, prefix: &str, word: fn(&Saga) -> &'static str| {
        let mine = sagas.iter().filter(|(_, it)| it.steps.contains_key(what));
        let id = |stream: &str| stream.strip_prefix(prefix).unwrap_or_default().to_owned();
        mine.map(|(stream, it)| (id(stream), word(it).to_owned())).collect::<Words>()
    };
    let states = sagas.iter().map(|(stream, it)| (stream.clone(), it.state().to_owned()));
    let publications = told("open-publication", "publish_post-", |it| match it.state() {
        "done" => "confirmed",
        "undone" => "failed",
        _ => "opened",
    });
    let deliveries = told("open-delivery", "deliver_notification-", |it| match it.state() {
        "done" => "delivered",
        _ => "undelivered",
    });
    let there = rows(product, "/api/sagas").await?;
    let mut wrong = differences(&states.collect(), &there, ("stream", "state"));
    let there = rows(product, "/api/social/publications").await?;
    wrong.extend(differences(&publications, &there, ("publication_id", "state")));
    let there = rows(product, &format!("/api/notifications/user/{user}")).await?;
    wrong.extend(differences(&deliveries, &there, ("notification_id", "delivery")));
    let payments = rows(product, "/api/billing/payments").await?;
    let sum = |name: &str| -> i64 { payments.iter().filter_map(|row| row[name].as_i64()).sum() };
    let read = sum("charged_minor") - sum("refunded_minor");
    let (stands, unsettled) = (standing_money(works), unsettled_money(sagas, works));
    if read + unsettled != stands {
        wrong.push(format!("{stands} minor units stand, payments say {read}, sagas {unsettled}"));
    }
    Some(wrong)
}

type Words = BTreeMap<String, String>;

fn differences(expected: &Words, rows: &[Value], (id, word): (&str, &str)) -> Vec<String> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let there: Words = rows.iter().map(|row| (text(row, id), text(row, word))).collect();
    let all: BTreeSet<_> = expected.keys().chain(there.keys()).collect();
    let differ = all.into_iter().filter(|it| expected.get(*it) != there.get(*it));
    let said = |it| format!("{id} {it}: {:?}, not {:?}", there.get(it), expected.get(it));
    differ.map(said).collect()
}

/// Charged, and not given back.
fn standing_money(works: &[Work]) -> i64 {
    let stands = |it: &&Work| it.kind == Kind::Charges && it.taken_back_at.is_none();
    works.iter().filter(stands).filter_map(minor).sum()
}

fn minor(work: &Work) -> Option<i64> {
    work.asked["amount"]["minor"].as_i64()
}

/// Charged by sagas that have not come to settle it: a payment is told of its charge behind the pivot,
/// and until then it is the saga's to give back.
fn unsettled_money(sagas: &BTreeMap<String, Saga>, works: &[Work]) -> i64 {
    let settled = |saga: &Saga| saga.steps.get("settle-payment").is_some_and(|it| it.done);
    let open = sagas.values().filter(|it| !settled(it));
    let charges =
        open.filter_map(|it| it.steps.get("charge-boost").filter(|it| it.done && !it.undone));
    let keys: BTreeSet<_> = charges.map(|it| it.key.as_str()).collect();
    let theirs = works.iter().filter(|it| keys.contains(it.key.to_string().as_str()));
    theirs.filter_map(minor).sum()
}

/// All rows of a list; `None` while the read side is not there.
async fn rows(product: &Product, path: &str) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    let mut next = format!("{path}?limit=200");
    loop {
        let answer = reqwest::get(product.url(&next)).await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        let page: Value = answer.json().await.ok()?;
        all.extend(page["items"].as_array()?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}?limit=200&after={cursor}"),
            None => return Some(all),
        }
    }
}

/// Figures for whoever looks.
pub(super) fn report(told: &Told, sagas: &BTreeMap<String, Saga>, works: &[Work]) {
    let ended = |state: &str| sagas.values().filter(|it| it.state() == state).count();
    let sum = |of: fn(&Saga) -> usize| sagas.values().map(of).sum::<usize>();
    let fired = sum(|it| it.timers.values().filter(|(_, _, fired)| *fired == 1).count());
    let taken_back = works.iter().filter(|it| it.taken_back_at.is_some()).count();
    println!(
        "{} posts, {} sagas: {} done, {} undone, {} wait for a human; {} answers never came",
        told.len(),
        sagas.len(),
        ended("done"),
        ended("undone"),
        ended("parked"),
        sum(|it| it.unknown),
    );
    println!(
        "{} works at the sandbox, {taken_back} taken back, {} minor units stand; {fired} timers fired, {} came for nothing",
        works.len(),
        standing_money(works),
        sum(|it| it.ignored),
    );
}
