//! kill -9 in the middle of sagas: each ends or waits for a human in sight, and what stands at the
//! targets is what the sagas say. Rounds: 20, or `RECOUNT_KILLS`; seed: `RECOUNT_SEED`.
//!
//! The sandbox runs here, so it lives through the kills: what was sent before one may arrive after it.

mod checks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use provider_sandbox::{Sandbox, Work};
use recount_tests::history::Event;
use recount_tests::sagas::Saga;
use recount_tests::{Product, seeded};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::crash::{export, number};
use checks::{as_it_stands, as_told, contiguous, disagree, once, report};

/// Authors at a time.
const AUTHORS: u64 = 4;
/// A step that was asked when the product was killed, and then taken back, is probed once more when
/// nothing that was under way can arrive any more: 90 s, an attempt's time and a margin. Until then its
/// saga has not ended. The rest is for a busy machine.
const REST_MAX: Duration = Duration::from_mins(4);
/// Read models follow within milliseconds, once their database is up.
const READ_MAX: Duration = Duration::from_secs(30);
/// What no plan is due within.
const LATER: Duration = Duration::from_hours(1);

/// What an author does: the words in his post, and what its saga must come to.
#[derive(Debug, Clone, Copy)]
struct Story {
    title: &'static str,
    text: &'static str,
    boost: Option<i64>,
    when: When,
    /// The end of its last saga; those of former plans are undone.
    end: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Now,
    Soon,
    /// Planned for later, then for soon.
    Moved,
    /// Planned for later, and the plan is taken back.
    TakenBack,
}

const fn story(text: &'static str, boost: Option<i64>, when: When, end: &'static str) -> Story {
    Story { title: "News", text, boost, when, end }
}

/// A charge that ends in 02 is declined. The platforms are asked in the order of this test's list.
const STORIES: &[Story] = &[
    story("plain", None, When::Now, "done"),
    story("boosted", Some(500), When::Now, "done"),
    story("[refuse on x]", None, When::Now, "undone"),
    story("[refuse on x] boosted", Some(700), When::Now, "undone"),
    story("declined", Some(1_002), When::Now, "undone"),
    story("[busy 1 on mastodon]", None, When::Now, "done"),
    story("[drop on bluesky]", Some(900), When::Now, "done"),
    story("[drop on mastodon] [refuse on x]", Some(1_100), When::Now, "undone"),
    story("[lose on x]", None, When::Now, "done"),
    story("[delay 1 on bluesky]", Some(1_300), When::Now, "done"),
    story("[delay 1]", None, When::Soon, "done"),
    story("[late 2 on mastodon]", None, When::Now, "done"),
    story("planned", Some(1_500), When::Soon, "done"),
    story("[delay 1 on x] [refuse on x] planned", Some(1_700), When::Soon, "undone"),
    story("moved", None, When::Moved, "done"),
    story("taken back", Some(1_900), When::TakenBack, "undone"),
    Story { title: "[bounce]", ..story("unheard", None, When::Now, "done") },
];
/// One for a human, each author once.
const MUTE: Story = story("[mute on mastodon]", Some(2_100), When::Now, "parked");
const PLATFORMS: [&str; 3] = ["bluesky", "mastodon", "x"];

/// Repeats a call with its key until it is answered.
async fn insist(client: &Client, url: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    loop {
        let call = client.post(url).header("idempotency-key", key).json(body);
        if let Ok(answer) = call.timeout(Duration::from_secs(5)).send().await {
            let status = answer.status();
            let busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            if let (false, Ok(answer)) = (busy, answer.json::<Value>().await)
                && answer["code"] != "still_running"
            {
                return (status, answer);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Author {
    client: Client,
    base: String,
    name: String,
}

impl Author {
    /// Acts a story out; gives the post.
    async fn act(&self, n: u64, story: &Story) -> String {
        let key = format!("{}-{n}", self.name);
        let draft = json!({ "title": story.title, "body": format!("{key} {}", story.text) });
        let post = self.must("/api/content/posts", &key, &draft).await;
        let post = post["id"].as_str().expect("an answer names the id").to_owned();
        match story.when {
            When::Now => {
                let mut wish = json!({ "post_id": post, "platforms": PLATFORMS });
                wish["boost"] = boost(story);
                self.must("/api/social/publish", &format!("{key}-now"), &wish).await;
            }
            When::Soon => self.plan(&post, &format!("{key}-soon"), story).await,
            When::Moved => {
                self.later(&post, &key, story).await;
                self.plan(&post, &format!("{key}-soon"), story).await;
            }
            When::TakenBack => {
                self.later(&post, &key, story).await;
                let back = format!("/api/content/posts/{post}/unschedule");
                self.must(&back, &format!("{key}-back"), &json!({})).await;
            }
        }
        post
    }

    async fn must(&self, path: &str, key: &str, body: &Value) -> Value {
        let (status, answer) =
            insist(&self.client, &format!("{}{path}", self.base), key, body).await;
        assert!(status.is_success(), "{key}: {status} {answer}");
        answer
    }

    async fn later(&self, post: &str, key: &str, story: &Story) {
        let path = format!("/api/content/posts/{post}/schedule");
        self.must(&path, &format!("{key}-later"), &plan(LATER, story)).await;
    }

    /// Plans for soon; when that is past before it was heard, once more.
    async fn plan(&self, post: &str, key: &str, story: &Story) {
        let url = format!("{}/api/content/posts/{post}/schedule", self.base);
        for again in 0.. {
            let body = plan(Duration::from_millis(1_500), story);
            let (status, answer) =
                insist(&self.client, &url, &format!("{key}-{again}"), &body).await;
            if status.is_success() {
                return;
            }
            assert_eq!(answer["code"], "in_the_past", "{key}: {status} {answer}");
        }
    }
}

fn boost(story: &Story) -> Value {
    story.boost.map_or(Value::Null, |minor| json!({ "minor": minor, "currency": "EUR" }))
}

fn plan(after: Duration, story: &Story) -> Value {
    let at = SystemTime::now() + after;
    let ms = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let at = domain::Timestamp::from_millis(i64::try_from(ms).unwrap());
    json!({ "publish_at": at, "platforms": PLATFORMS, "boost": boost(story) })
}

async fn author(base: String, seed: u64, name: String, stop: Arc<AtomicBool>) -> Told {
    let author = Author { client: Client::new(), base, name };
    let mut told = Told::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let draw = usize::try_from(seeded(seed, n) % STORIES.len() as u64).unwrap();
        let story = if n == 3 { MUTE } else { STORIES[draw] };
        told.insert(author.act(n, &story).await, story);
        tokio::time::sleep(Duration::from_millis(100 + seeded(seed, n + 7_919) % 300)).await;
    }
    told
}

/// Posts, and what was to become of each.
type Told = BTreeMap<String, Story>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saga_ends_or_waits_in_sight_though_the_product_is_killed_at_any_moment() {
    let (kills, seed) = (number("RECOUNT_KILLS", 20), number("RECOUNT_SEED", 1));
    println!("seed {seed}, {kills} kills");
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(&dir.path().join("sandbox")).await.unwrap();
    let url = sandbox.url();
    let mut product = start(&dir.path().join("data"), &url);
    let stop = Arc::new(AtomicBool::new(false));
    let authors: Vec<_> = (0..AUTHORS)
        .map(|n| author(product.base.clone(), seed ^ (n << 32), format!("a{n}"), stop.clone()))
        .map(tokio::spawn)
        .collect();
    for round in 0..kills {
        tokio::time::sleep(Duration::from_millis(100 + seeded(seed, round) % 1_200)).await;
        product.kill();
        product = product.restart();
    }
    stop.store(true, Ordering::Relaxed);
    let mut told = Told::new();
    for author in authors {
        told.extend(author.await.expect("nobody was refused"));
    }
    let (sagas, events) = rest(&product).await;
    let works = sandbox.works();
    let mut wrong = contiguous(&events);
    wrong.extend(sagas.values().flat_map(|saga| {
        saga.wrong.iter().map(|what| format!("{}: {what}", saga.stream)).collect::<Vec<_>>()
    }));
    wrong.extend(as_told(&told, &sagas));
    wrong.extend(as_it_stands(&sagas, &works));
    wrong.extend(once(&works));
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} violations: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)]
    );
    read_models_agree(&product, &sagas, &works).await;

    // Nothing is begun anew when everything is at rest.
    product.kill();
    let product = product.restart();
    read_models_agree(&product, &sagas, &works).await;
    let steps =
        |events: &[Event]| events.iter().filter(|it| it.event_type.contains("step_")).count();
    let after = export(&product);
    assert_eq!((sandbox.works(), steps(&after)), (works.clone(), steps(&events)));
    report(&told, &sagas, &works);
}

fn start(data: &Path, sandbox: &str) -> Product {
    Product::start_with(data, &["--listen", "127.0.0.1:0", "--sandbox", sandbox])
}

async fn read_models_agree(product: &Product, sagas: &BTreeMap<String, Saga>, works: &[Work]) {
    let began = Instant::now();
    loop {
        let wrong = disagree(product, sagas, works).await;
        if wrong.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        assert!(began.elapsed() < READ_MAX, "the read models do not agree: {wrong:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until every saga is at rest; gives them, and all events.
async fn rest(product: &Product) -> (BTreeMap<String, Saga>, Vec<Event>) {
    let began = Instant::now();
    loop {
        let events = export(product);
        let sagas = Saga::all(&events);
        let open: Vec<_> = sagas.values().filter(|it| !it.rests()).collect();
        if open.is_empty() && deliveries_began(&sagas, &events) {
            println!("all at rest after {:?}", began.elapsed());
            return (sagas, events);
        }
        assert!(began.elapsed() < REST_MAX, "{} sagas do not end: {:#?}", open.len(), open.first());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Whether each notice that was sent has its saga: what began nothing yet cannot have ended.
fn deliveries_began(sagas: &BTreeMap<String, Saga>, events: &[Event]) -> bool {
    let of = |ty: &str| events.iter().filter(|it| it.event_type == ty).count();
    let began = |ty: &str| sagas.keys().filter(|it| it.starts_with(ty)).count();
    let wishes = of("social.publication.requested.v1") + of("content.post.scheduled.v1");
    began("deliver_notification-") == of("notifications.notification.sent.v1")
        && began("publish_post-") == wishes
}
