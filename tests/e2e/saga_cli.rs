//! `recount saga ...` on the built binary against a running product: sagas are seen and steered, and
//! exit codes say what came of it.

use std::time::{Duration, Instant};

use recount_tests::{Exit, Product, recount};
use reqwest::Client;
use serde_json::{Value, json};

fn saga(product: &Product, args: &[&str]) -> Exit {
    let (verb, rest) = args.split_first().unwrap();
    let args = ["saga", *verb, "--url", &product.base].into_iter().chain(rest.iter().copied());
    recount(args)
}

fn ok(product: &Product, args: &[&str]) -> String {
    let exit = saga(product, args);
    assert_eq!(exit.code, 0, "{args:?}: {}{}", exit.stdout, exit.stderr);
    exit.stdout
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Posts until it is taken, under one key: on several brokers a lane finds its first owner now.
async fn asked(product: &Product, path: &str, body: &Value) -> Value {
    let (began, key) = (Instant::now(), uuid::Uuid::new_v4().to_string());
    loop {
        let request = Client::new().post(product.url(path)).header("idempotency-key", &key);
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status();
        let told: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return told;
        }
        let later = status.is_server_error() || status.as_u16() == 409;
        assert!(later && began.elapsed() < Duration::from_mins(1), "{path}: {status} {told}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Plans a post far away: its saga waits for its time. Gives the stream of the saga.
async fn planned(product: &Product, title: &str) -> String {
    let draft = json!({"title": title, "body": "Everything must go"});
    let post = asked(product, "/api/content/posts", &draft).await;
    let id = post["id"].as_str().unwrap().to_owned();
    let plan = json!({"publish_at": "2099-01-01T09:00:00Z", "platforms": ["bluesky"]});
    asked(product, &format!("/api/content/posts/{id}/schedule"), &plan).await;
    let known = ids(product, "");
    let mut found = None;
    let began = Instant::now();
    while found.is_none() {
        assert!(began.elapsed().as_secs() < 30, "no saga began: {known:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let all = product.get("/api/sagas?limit=200").await;
        for row in all["items"].as_array().unwrap() {
            let stream = row["stream"].as_str().unwrap();
            let detail = product.get(&format!("/api/sagas/{stream}")).await;
            if detail["began_with"]["post"] == id.as_str() {
                found = Some(stream.to_owned());
            }
        }
    }
    found.unwrap()
}

/// What the list has; waits while the read database comes up behind the log.
fn ids(product: &Product, filter: &str) -> Vec<String> {
    let began = Instant::now();
    // A filter may begin with a hyphen.
    let list = ["list", "-o", "ids", "--", filter];
    while saga(product, &list).code == 4 && began.elapsed().as_secs() < 60 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let text = ok(product, &list);
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sagas_are_listed_explained_and_steered() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let one = planned(&product, "one").await;
    let two = planned(&product, "two").await;

    let mut all = ids(&product, "state:waiting type:publish-*");
    all.sort();
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    assert_eq!(all, both);
    assert_eq!(ids(&product, &format!("id:{one}")), std::slice::from_ref(&one));
    assert_eq!(ids(&product, "-state:waiting"), Vec::<String>::new());
    let rows = lines(&ok(&product, &["list", "sort:started", "-o", "json"]));
    assert_eq!((&rows[0]["stream"], &rows[0]["waits"]), (&json!(one), &json!("begin")));
    assert!(ok(&product, &["why", &one]).starts_with("Begins in "));
    let shown = ok(&product, &["show", &one, "--events"]);
    for part in ["steps", "open-publication", "what can be done", "saga.instance.started.v1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(ok(&product, &["plan", "publish-post"]).starts_with("publish-post "));

    // Nothing is done by a dry run.
    let hold = ["hold", &one, "--reason", "the customer calls"];
    let dry = ok(&product, &[&hold[..], &["--dry-run"]].concat());
    assert!(dry.contains("saga.instance.parked.v1") && dry.contains("nothing is done"), "{dry}");
    assert_eq!(ids(&product, "state:parked"), Vec::<String>::new());

    let tail = {
        let base = product.base.clone();
        let args = ["saga", "tail", "--url", &base, "-o", "json", "--limit", "1", "state:parked"]
            .map(str::to_owned);
        std::thread::spawn(move || recount(args))
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let parked = ok(&product, &[&hold[..], &["--wait"]].concat());
    assert!(parked.starts_with("parked "), "{parked}");
    // It tells what comes after it began, which may have taken it longer.
    let began = Instant::now();
    for turn in 0.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if tail.is_finished() {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was told");
        if turn % 2 == 1 {
            ok(&product, &["release", &one, "--reason", "once more", "--wait"]);
            ok(&product, &[&hold[..], &["--wait"]].concat());
        }
    }
    assert_eq!(ids(&product, "state:held cause:operator-hold"), std::slice::from_ref(&one));
    let told = tail.join().unwrap();
    assert_eq!((told.code, &lines(&told.stdout)[0]["stream"]), (0, &json!(one)), "{told:?}");

    // Somebody who saw less is told what happened since.
    let stale = saga(&product, &[&hold[..], &["--revision", "1"]].concat());
    assert_eq!(stale.code, 5, "{stale:?}");
    assert!(stale.stderr.contains("wrong_version"), "{stale:?}");
    assert!(stale.stderr.contains("saga.instance.operated.v1 by owner"), "{stale:?}");
    let twice = saga(&product, &hold);
    assert_eq!(twice.code, 5, "{twice:?}");
    assert!(twice.stderr.contains("it is parked already"), "{twice:?}");

    ok(&product, &["release", &one, "--reason", "he is content"]);
    let undone = ok(&product, &["undo", &two, "--reason", "no longer wanted", "--wait"]);
    assert!(undone.starts_with("undone "), "{undone}");
    assert_eq!(ids(&product, "state:undone"), std::slice::from_ref(&two));
    let events = product.get(&format!("/api/sagas/{two}/events")).await;
    let operated = events["items"].as_array().unwrap().iter();
    let mut operated = operated.filter(|it| it["type"] == "saga.instance.operated.v1");
    let operated = operated.next().unwrap();
    assert_eq!(operated["data"]["reason"], "no longer wanted");
    assert_eq!(
        (&operated["actor"], &operated["data"]["actor"]),
        (&json!("owner"), &json!("owner"))
    );
}

/// Publishes now, on a platform that does it and never says so. Gives the stream of the saga.
async fn muted(product: &Product) -> String {
    let draft = json!({"title": "News", "body": "Hello [mute]"});
    let draft = asked(product, "/api/content/posts", &draft).await;
    let wish = json!({"post_id": draft["id"], "platforms": ["mastodon"]});
    let asked = asked(product, "/api/social/publish", &wish).await;
    format!("publish_post-{}", asked["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_in_doubt_is_resolved_and_the_saga_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let stream = muted(&product).await;
    let by = format!("id:{stream}");
    let until = async |filter: &str| {
        let wanted = format!("{by} {filter}");
        product.until(&wanted, || async { !ids(&product, &wanted).is_empty() }).await;
    };
    until("state:in-doubt cause:in-doubt waits:human step:publish").await;
    let why = ok(&product, &["why", &stream]);
    assert!(why.contains("Parked at publish/mastodon (in doubt)"), "{why}");
    let groups = lines(&ok(&product, &["list", "-o", "json", "group:error", "state:parked"]));
    assert_eq!(groups[0]["count"], 1, "{groups:?}");
    let failure = groups[0]["value"].as_str().unwrap();
    assert!(failure.starts_with("publish-post, publish/mastodon: "), "{failure}");

    let wrong = ["resolve", &stream, "publish/mastodon", "--happened", "--reason", "I saw it"];
    let nonsense = saga(&product, &[&wrong[..], &["--output-json", "7"]].concat());
    assert_eq!(nonsense.code, 1, "{nonsense:?}");
    assert!(nonsense.stderr.contains("invalid_request: /output"), "{nonsense:?}");
    let resolve =
        ["resolve", &stream, "publish/mastodon", "--did-not-happen", "--reason", "not to be seen"];
    let dry = ok(&product, &[&resolve[..], &["--dry-run"]].concat());
    for part in ["saga.instance.probe_answered.v1", "asks publishing: ", "publish/mastodon"] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(ids(&product, &format!("{by} state:parked")).len(), 1, "a dry run does nothing");
    let done = ok(&product, &[&resolve[..], &["--ticket", "T-17"]].concat());
    assert!(done.contains("saga.instance.operated.v1"), "{done}");
    until("state:done").await;
    let detail = product.get(&format!("/api/sagas/{stream}")).await;
    let publish = detail["ledger"].as_array().unwrap().iter();
    let publish: Vec<_> = publish.filter(|it| it["step"] == "publish/mastodon").collect();
    assert_eq!(publish[0]["standing"], "stands", "{detail:#}");
    let late = saga(&product, &resolve);
    assert_eq!(late.code, 5, "{late:?}");
    assert!(late.stderr.contains("it is over"), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_say_what_was_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let wrong = saga(&product, &["list", "state:stuck"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
    assert!(wrong.stderr.contains("character 7: found `stuck`; possible: waiting"), "{wrong:?}");
    let missing = saga(&product, &["why", "publish_post-0190e2a4-0000-7000-8000-000000000001"]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stderr.contains("not_found"), "{missing:?}");
    let reason = saga(&product, &["undo", "publish_post-0190e2a4-0000-7000-8000-000000000001"]);
    assert_eq!(reason.code, 2, "an action needs a reason: {reason:?}");
    let nobody = recount(["saga", "list", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.code, 4, "{nobody:?}");
    assert!(nobody.stderr.contains("cannot reach http://127.0.0.1:1"), "{nobody:?}");
    let ftp = recount(["saga", "list", "--url", "ftp://x"]);
    assert_eq!(ftp.code, 1, "{ftp:?}");
}
