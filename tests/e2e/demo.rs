//! `up --demo`: a tenant that lives by itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use recount_tests::{Product, recount};

/// Somebody who has just started it looks for so long.
const SEEN_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_demo_shows_sagas_done_undone_and_waiting_for_a_human_within_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--listen", "127.0.0.1:0", "--demo"];
    let mut product = Product::start_with(&dir.path().join("data"), &flags);
    let began = Instant::now();
    let wanted: BTreeSet<&str> = ["done", "undone", "parked"].into();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while !wanted.iter().all(|state| seen.contains(*state)) {
        assert!(began.elapsed() < SEEN_WITHIN, "within a minute: {seen:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        // The read side comes up behind the API.
        let url = product.url("/api/sagas?limit=200&filter=type:publish-post");
        let answer = reqwest::get(url).await.unwrap();
        if !answer.status().is_success() {
            continue;
        }
        let page: serde_json::Value = answer.json().await.unwrap();
        let states = page["items"].as_array().unwrap().iter().map(|row| row["state"].as_str());
        seen.extend(states.map(|state| state.unwrap().to_owned()));
    }
    println!("{seen:?} after {:?}", began.elapsed());
    let parked = product.get("/api/sagas?filter=state:in-doubt").await;
    assert_eq!(parked["items"].as_array().unwrap().len(), 1, "{parked}");
    assert_eq!(parked["items"][0]["step"], "publish/linkedin", "{parked}");
    let accounts = product.get("/api/social/accounts").await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 3, "{accounts}");
    assert_eq!(product.stop(), 0);
}

#[test]
fn the_demo_refuses_to_reach_anybody() {
    for flags in [
        ["--bluesky-url", "https://bsky.social"],
        ["--database-url", "postgres://db/recount"],
        ["--sandbox", "off"],
    ] {
        let exit = recount(["up", "--demo"].iter().chain(&flags));
        assert_eq!(exit.code, 1, "{exit:?}");
        assert!(exit.stderr.contains("RC0109") && exit.stderr.contains(flags[0]), "{exit:?}");
    }
}
