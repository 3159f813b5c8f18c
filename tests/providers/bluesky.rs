//! Bluesky against a real PDS.

use std::sync::Arc;

use domain::Platform;
use domain::saga::{Outcome, Probe};
use ports::{PublishRequest, Publishing};
use provider_bluesky::Bluesky;
use recount_tests::peers::{Lie, Pds, PdsAccount, Proxy};

use crate::asks::{self, back, done, refused};
use crate::effect::{Books, again, due_in, effect, undo};

fn ask(text: &str) -> PublishRequest {
    asks::post(Platform::Bluesky, text)
}

async fn with(pds: &Pds, name: &str) -> (PdsAccount, Arc<Books>, Bluesky) {
    let account = pds.account(name).await;
    let books = Books::with_account(&account.handle, &account.password);
    let bluesky = Bluesky::new(&pds.url(), books.clone()).unwrap();
    (account, books, bluesky)
}

/// One PDS for all that need no limits: it takes seconds to start.
#[tokio::test]
async fn a_post_is_published_once_found_and_withdrawn() {
    let pds = Pds::start();
    let (account, books, bluesky) = with(&pds, "alice").await;
    let (first, post) = (effect(), ask("Hello from https://recount.example #rust"));

    assert_eq!(bluesky.probe(&first, &post).await, Probe::NotHappened, "never asked");
    let published = done(bluesky.publish(&first, &post).await);
    let stands = pds.posts(&account).await;
    assert_eq!(stands.len(), 1);
    assert_eq!(
        (&stands[0].uri, stands[0].cid.as_str()),
        (&published.uri, &*published.revision.clone().unwrap())
    );
    assert_eq!(stands[0].text, post.text);
    assert_eq!(stands[0].record["tags"][0], "recount");
    assert_eq!(stands[0].record["facets"].as_array().unwrap().len(), 2);
    let link = published.link.clone().unwrap();
    assert!(link.starts_with(&format!("https://bsky.app/profile/{}/post/", account.did)), "{link}");

    // Every attempt is the same call: one post, one answer.
    assert_eq!(done(bluesky.publish(&again(&first), &post).await), published);
    assert_eq!(bluesky.probe(&again(&first), &post).await, Probe::Happened(published.clone()));
    assert_eq!(pds.posts(&account).await, stands);

    // Another text under the same key is not the same post.
    assert_eq!(refused(bluesky.publish(&again(&first), &ask("Another")).await), "record_taken");
    assert_eq!(pds.posts(&account).await, stands);

    // Taken back, twice; the second finds nothing and is done.
    let taking = undo(&first);
    done(bluesky.withdraw(&taking, &back(&post, Some(&published))).await);
    done(bluesky.withdraw(&again(&taking), &back(&post, Some(&published))).await);
    assert!(pds.posts(&account).await.is_empty());
    assert_eq!(bluesky.probe(&again(&first), &post).await, Probe::NotHappened, "taken back");

    // An answer that never came: the undo finds the post by the key alone.
    let second = effect();
    done(bluesky.publish(&second, &post).await);
    done(bluesky.withdraw(&undo(&second), &back(&post, None)).await);
    assert!(pds.posts(&account).await.is_empty());
    // And of what never arrived it is done.
    done(bluesky.withdraw(&undo(&effect()), &back(&post, None)).await);

    refusals(&pds, &account, &books, &bluesky).await;
}

async fn refusals(pds: &Pds, account: &PdsAccount, books: &Books, bluesky: &Bluesky) {
    // What the platform does not take.
    assert_eq!(refused(bluesky.publish(&effect(), &ask(&"x".repeat(301))).await), "not_accepted");

    // A session that the server no longer takes is renewed: here the password was changed meanwhile.
    books.connect(&account.handle, "wrong");
    let outcome = bluesky.publish(&effect(), &ask("Hello")).await;
    assert!(!format!("{outcome:?}").contains("wrong"), "no secret in an outcome");
    assert_eq!(refused(outcome), "account_not_accepted");
    let post = ask("Hello");
    assert_eq!(
        refused(bluesky.withdraw(&undo(&effect()), &back(&post, None)).await),
        "account_not_accepted"
    );
    assert_eq!(bluesky.probe(&effect(), &post).await, Probe::CannotTell);
    books.connect(&account.handle, &account.password);
    let published = done(bluesky.publish(&effect(), &post).await);
    assert_eq!(pds.posts(account).await[0].uri, published.uri);

    *books.account.lock().unwrap() = None;
    assert_eq!(refused(bluesky.publish(&effect(), &post).await), "no_account");
    assert_eq!(bluesky.probe(&effect(), &post).await, Probe::CannotTell);
    *books.closed.lock().unwrap() = true;
    assert!(matches!(bluesky.publish(&effect(), &post).await, Outcome::Transient(_)));
    *books.closed.lock().unwrap() = false;
    books.connect(&account.handle, &account.password);
    assert!(
        matches!(bluesky.publish(&due_in(50), &post).await, Outcome::Transient(_)),
        "no time left"
    );
    assert_eq!(pds.posts(account).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_lies_is_not_believed() {
    const PUT: &str = "POST /xrpc/com.atproto.repo.putRecord";
    const LOGIN: &str = "POST /xrpc/com.atproto.server.createSession";
    let pds = Pds::start();
    let account = pds.account("bob").await;
    let proxy = Proxy::start(pds.url()).await;
    let books = Books::with_account(&account.handle, &account.password);
    let bluesky = Bluesky::new(&proxy.url, books).unwrap();

    // At login nothing is written: whatever happens, it can be tried again.
    for how in [Lie::CutAfter, Lie::CutBefore, Lie::Answer(502)] {
        proxy.lie(LOGIN, how, 1);
        let outcome = bluesky.publish(&effect(), &ask("Hello")).await;
        assert!(matches!(outcome, Outcome::Transient(_)), "{how:?}: {outcome:?}");
    }
    proxy.lie(LOGIN, Lie::Limit(9), 1);
    let Outcome::Transient(fault) = bluesky.publish(&effect(), &ask("Hello")).await else {
        panic!("a limit is no refusal")
    };
    assert_eq!(fault.retry_after_ms, Some(9_000));

    // The work was done, or was not: the outcome is the same, and the probe tells.
    let late = Lie::Late(std::time::Duration::from_secs(30));
    for (how, stands) in [
        (Lie::CutAfter, true),
        (Lie::BreakAfter(500), true),
        (late, true),
        (Lie::CutBefore, false),
        (Lie::Answer(503), false),
    ] {
        proxy.lie(PUT, how, 1);
        // Time for a login and a write, but for the answer that is too late.
        let due = if how == late { 8_000 } else { 20_000 };
        let (first, post) = (due_in(due), ask(&format!("{how:?}")));
        let outcome = bluesky.publish(&first, &post).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{how:?}: {outcome:?}");
        let there = pds.posts(&account).await.iter().any(|it| it.text == post.text);
        assert_eq!(there, stands, "{how:?}");
        let happened = matches!(bluesky.probe(&again(&first), &post).await, Probe::Happened(_));
        assert_eq!(happened, stands, "{how:?}");
        done(bluesky.publish(&again(&first), &post).await);
        let all = pds.posts(&account).await;
        assert_eq!(all.iter().filter(|it| it.text == post.text).count(), 1, "{how:?}");
    }
    proxy.lie(PUT, Lie::Limit(7), 1);
    let Outcome::Transient(fault) = bluesky.publish(&effect(), &ask("Limited")).await else {
        panic!("a limit is no refusal")
    };
    assert_eq!(fault.retry_after_ms, Some(7_000));

    // A session that is no longer taken is renewed, and the call made once more.
    proxy.lie(PUT, Lie::Answer(401), 1);
    done(bluesky.publish(&effect(), &ask("Renewed")).await);
    let refreshed = proxy.calls().iter().filter(|it| it.what.ends_with("refreshSession")).count();
    assert_eq!(refreshed, 1);
    proxy.lie(PUT, Lie::Answer(401), 2);
    let outcome = bluesky.publish(&effect(), &ask("Never")).await;
    assert!(matches!(outcome, Outcome::Transient(_)), "{outcome:?}");

    // Undo, when its answer is lost: it may be asked again.
    proxy.lie("POST /xrpc/com.atproto.repo.deleteRecord", Lie::CutAfter, 1);
    let (first, post) = (effect(), ask("To be withdrawn"));
    let published = done(bluesky.publish(&first, &post).await);
    let (taking, back) = (undo(&first), back(&post, Some(&published)));
    let outcome = bluesky.withdraw(&taking, &back).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    done(bluesky.withdraw(&again(&taking), &back).await);
    assert!(pds.posts(&account).await.iter().all(|it| it.text != post.text));
}

#[tokio::test]
async fn a_limited_server_says_when_to_come_back() {
    let pds = Pds::start_limited();
    let (account, _, bluesky) = with(&pds, "carol").await;
    let published = done(bluesky.publish(&effect(), &ask("Before the limit")).await);
    // 30 logins in 5 minutes: each of these providers makes one.
    let mut limited = None;
    for _ in 0..40 {
        let books = Books::with_account(&account.handle, &account.password);
        let newcomer = Bluesky::new(&pds.url(), books).unwrap();
        let outcome = newcomer.publish(&effect(), &ask("Too often")).await;
        if let Outcome::Transient(fault) = outcome {
            limited = Some(fault);
            break;
        }
    }
    let limited = limited.unwrap();
    let wait_ms = limited.retry_after_ms.unwrap();
    assert!((1..=300_000).contains(&wait_ms), "{limited:?}");
    // Who has a session goes on, and undoes.
    done(
        bluesky.withdraw(&undo(&effect()), &back(&ask("Before the limit"), Some(&published))).await,
    );
    let left = pds.posts(&account).await;
    assert!(left.iter().all(|post| post.text == "Too often"), "{left:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_was_told_nothing() {
    let books = Books::with_account("alice.test", "secret");
    let bluesky = Bluesky::new("http://127.0.0.1:9", books).unwrap();
    let outcome = bluesky.publish(&effect(), &ask("Hello")).await;
    assert!(matches!(outcome, Outcome::Transient(_)), "{outcome:?}");
    assert_eq!(bluesky.probe(&effect(), &ask("Hello")).await, Probe::CannotTell);
}
