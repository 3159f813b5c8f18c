//! Sessions that read while the product is killed: one what the log has of a stream, for the checkers; one the rows
//! of a read model, which are never older than what this session saw.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use recount_tests::history::Recorder;
use recount_tests::seeded;
use reqwest::Client;
use serde_json::Value;

use super::Told;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// A row that the read model does not have yet is not waited for longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it got an answer.
#[derive(Debug, Default)]
pub(super) struct Looks {
    log: u64,
    rows: u64,
}

impl std::ops::AddAssign for Looks {
    fn add_assign(&mut self, other: Self) {
        self.log += other.log;
        self.rows += other.rows;
    }
}

async fn get(client: &Client, url: String) -> Option<Value> {
    let answer = client.get(url).timeout(PATIENCE).send().await.ok()?;
    if answer.status().is_success() { answer.json().await.ok() } else { None }
}

/// Reads as long as it is told to; panics when what it reads goes back.
pub(super) async fn session(
    base: String,
    seed: u64,
    read_on: Arc<AtomicBool>,
    (recorder, told): (Arc<Recorder>, Told),
) -> Looks {
    let (client, mut looks, mut newest) = (Client::new(), Looks::default(), HashMap::new());
    let (mut place, reads_rows) = (0, !seed.is_multiple_of(2));
    while read_on.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
        place += 1;
        let answer = {
            let told = told.lock().unwrap();
            // What is in the log at once is asked of those that are still written, rows of any post.
            let among = if reads_rows { told.len().max(1) } else { 16 };
            let back = usize::try_from(seeded(seed, place)).unwrap() % among;
            told.get(told.len().saturating_sub(1 + back)).cloned()
        };
        let Some(answer) = answer else { continue };
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        if reads_rows {
            let id = text("id");
            let row = get(&client, format!("{base}/api/content/posts/{id}")).await;
            let Some(found) = row.and_then(|it| it["version"].as_u64()) else { continue };
            let before = newest.insert(id.clone(), found).unwrap_or_default();
            assert!(found >= before, "I13: {id} was {before} and is {found} in one session");
            looks.rows += 1;
        } else {
            let stream = text("stream");
            let asked = recorder.invoke_read(&stream);
            let events = get(&client, format!("{base}/api/streams/{stream}/events")).await;
            let last = events.as_ref().and_then(|it| it["items"].as_array()?.last());
            let Some(version) = last.and_then(|it| it["version"].as_u64()) else {
                recorder.unknown(asked, "no answer");
                continue;
            };
            recorder.read(asked, version);
            looks.log += 1;
        }
    }
    looks
}
