//! Erased is gone: after `recount forget` neither what was sealed nor its key is in any file, answer or export,
//! and everything else is as it was.

use std::path::Path;

use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::{Value, json};

use crate::secrets::files_with;

/// Planted where it is sealed: nothing of it may ever be readable.
const PLANTED: [&str; 3] =
    ["planted.person@gone.example", "Planted Person the Forgotten", "pl4nted-t0ken-to-f0rget"];
/// In the keyring: where the id of a subject stands in its record, and the wrapped key behind it.
const RECORD: usize = 128;
const SUBJECT: std::ops::Range<usize> = 4..20;
const WRAPPED: std::ops::Range<usize> = 48..96;

/// The wrapped key of a subject.
fn wrapped(keyring: &[u8], stream: &str) -> Option<Vec<u8>> {
    let (_, id) = stream.split_once('-').unwrap();
    let id = id.parse::<uuid::Uuid>().unwrap();
    let mut records = keyring.chunks_exact(RECORD);
    let live = |it: &&[u8]| it[0] == 2 && it[SUBJECT] == *id.as_bytes();
    records.find(live).map(|record| record[WRAPPED].to_vec())
}

fn run(args: &[&str]) -> recount_tests::Exit {
    recount(args)
}

async fn told(product: &Product, paths: &[String]) -> String {
    let mut said = String::new();
    for path in paths {
        let answer = product.read(Client::new().get(product.url(path))).await;
        said.push_str(&answer.text().await.unwrap());
    }
    said
}

/// What tools say of these streams, beside the product or without it.
fn exported(data: &str, streams: &[String]) -> String {
    let export = run(&["events", "export", "--data", data, "-o", "jsonl"]);
    assert_eq!(export.code, 0, "{}", export.stderr);
    // The product's own marks are in it too, and go on.
    let ours = |line: &&str| streams.iter().any(|stream| line.contains(stream.as_str()));
    let mut said: String = export.stdout.lines().filter(ours).collect();
    let mut all = vec![vec!["replay", "--projection", "accounts", "--data", data]];
    all.extend(streams.iter().map(|stream| vec!["stream", "show", stream, "--data", data]));
    for args in all {
        let exit = run(&args);
        assert_eq!(exit.code, 0, "{args:?}: {}", exit.stderr);
        said.push_str(&(exit.stdout + &exit.stderr));
    }
    said
}

#[tokio::test]
async fn what_was_sealed_for_a_forgotten_subject_is_nowhere_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut product = Product::start_loud(&data);
    let client = Client::new();
    let person = uuid::Uuid::from_u128(0x77).to_string();
    let recipient = product.url(&format!("/api/notifications/recipients/{person}"));
    let set = json!({ "mail_address": PLANTED[0] });
    let set = client.put(&recipient).json(&set).send().await.unwrap();
    assert!(set.status().is_success(), "{}", set.text().await.unwrap());
    let account = json!({"platform": "mastodon", "handle": "ada", "display_name": PLANTED[1],
                         "access_token": PLANTED[2]});
    let connect = client.post(product.url("/api/social/connect")).json(&account);
    let connected: Value = connect.send().await.unwrap().json().await.unwrap();
    let streams = [format!("recipient-{person}"), connected["stream"].as_str().unwrap().to_owned()];
    let token = connected["position"].as_str().unwrap();
    let histories = streams.each_ref().map(|it| format!("/api/streams/{it}/events"));
    let mut paths = streams.each_ref().map(|it| format!("/console/streams/{it}")).to_vec();
    paths.push(format!("/api/social/accounts?min_position={token}"));
    paths.push("/metrics".to_owned());
    let before = told(&product, &histories).await;
    let mut said = told(&product, &paths).await;
    let rows = exported(&text(&data), &streams);
    let keyring = data.join("keys/keyring");
    let keys = std::fs::read(&keyring).unwrap();
    let keys = streams.each_ref().map(|it| wrapped(&keys, it).expect("a subject has a key"));

    let busy = run(&["forget", &streams[0], "--data", &text(&data)]);
    assert_eq!(busy.code, 1, "the keys belong to the running product: {}", busy.stdout);
    assert!(busy.stderr.contains("in use"), "{}", busy.stderr);
    said.push_str(&product.said());
    product.stop();
    for stream in &streams {
        let done = run(&["forget", stream, "--data", &text(&data)]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let again = run(&["forget", stream, "--data", &text(&data)]);
        assert_eq!(again.code, 1, "{}", again.stdout);
    }

    // The same log, the same rows, the same answers; the chain holds.
    std::fs::remove_dir_all(data.join("postgres")).unwrap();
    let mut product = Product::start_loud(&data);
    let client = Client::new();
    assert_eq!(told(&product, &histories).await, before);
    assert_eq!(exported(&text(&data), &streams), rows);
    said.push_str(&told(&product, &paths).await);
    let saved = run(&["backup", "--data", &text(&data), &text(&backup)]);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    for data in [&data, &backup] {
        let verified = run(&["audit", "verify", "--data", &text(data)]);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    }
    // Who comes back gets a key of its own.
    let again = product.url(&format!("/api/notifications/recipients/{person}"));
    let again = client.put(again).json(&json!({ "mail_address": "back@gone.example" }));
    assert!(again.send().await.unwrap().status().is_success());
    said.push_str(&told(&product, &paths).await);
    said.push_str(&told(&product, &histories).await);
    said.push_str(&product.said());
    product.stop();
    let new = wrapped(&std::fs::read(&keyring).unwrap(), &streams[0]).expect("a new key");
    assert!(!keys.contains(&new));

    for planted in PLANTED.iter().chain(&["back@gone.example"]) {
        assert!(!said.contains(planted), "{planted} in what was said");
    }
    assert!(said.contains("mastodon") && rows.contains("mastodon"), "the search sees the answers");
    for planted in keys.iter().map(Vec::as_slice).chain(PLANTED.map(str::as_bytes)) {
        let mut found = Vec::new();
        files_with(dir.path(), planted, &mut found);
        assert!(found.is_empty(), "{planted:?} in {found:?}");
    }
    let mut found = Vec::new();
    files_with(dir.path(), &new, &mut found);
    assert_eq!(found.len(), 1, "the search sees keys: {found:?}");
}
