//! The sandbox over its socket: keys, fences, misbehaviour, and what is left after a kill.

use domain::Platform;
use domain::saga::Probe;
use ports::{Mail, Payments, Publishing};
use provider_sandbox::{Kind, Sandbox, SandboxClient};
use serde_json::json;

use crate::asks::{back, charge, done, mail, post, refund, refused, transient, unknown};
use crate::effect::{again, due_in, effect, undo};

async fn sandbox(dir: &tempfile::TempDir) -> (Sandbox, SandboxClient) {
    let sandbox = Sandbox::start(dir.path()).await.unwrap();
    let client = SandboxClient::new(&sandbox.url(), "http://here/sandbox").unwrap();
    (sandbox, client)
}

fn stands(sandbox: &Sandbox, kind: Kind) -> usize {
    let works = sandbox.works();
    works.iter().filter(|it| it.kind == kind && it.taken_back_at.is_none()).count()
}

#[tokio::test]
async fn posts_charges_and_mails_are_done_once_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, client) = sandbox(&dir).await;
    let (step, hello) = (effect(), post(Platform::Mastodon, "Hello"));
    assert_eq!(Publishing::probe(&client, &step, &hello).await, Probe::NotHappened);
    let published = done(client.publish(&step, &hello).await);
    assert_eq!(done(client.publish(&again(&step), &hello).await), published);
    assert_eq!(Publishing::probe(&client, &step, &hello).await, Probe::Happened(published.clone()));
    let link = published.link.clone().unwrap();
    assert_eq!(link, format!("http://here/sandbox/posts/{}", step.key));
    let other = post(Platform::Mastodon, "Other");
    assert_eq!(refused(client.publish(&again(&step), &other).await), "key_reused");

    let (paying, boost) = (effect(), charge(500));
    let charged = done(client.charge(&paying, &boost).await);
    assert_eq!(charged.amount, boost.amount);
    done(client.charge(&again(&paying), &boost).await);
    let (sending, letter) = (effect(), mail("Published"));
    let mailed = done(client.send(&sending, &letter).await);
    assert_eq!(done(client.send(&again(&sending), &letter).await), mailed);
    assert_eq!([Kind::Posts, Kind::Charges, Kind::Mails].map(|it| stands(&sandbox, it)), [1, 1, 1]);

    let taking = undo(&step);
    done(client.withdraw(&taking, &back(&hello, Some(&published))).await);
    done(client.withdraw(&again(&taking), &back(&hello, None)).await);
    done(client.refund(&undo(&paying), &refund(&boost, None)).await);
    assert_eq!(Publishing::probe(&client, &step, &hello).await, Probe::NotHappened);
    assert_eq!([Kind::Posts, Kind::Charges].map(|it| stands(&sandbox, it)), [0, 0]);
    assert_eq!(refused(client.publish(&again(&step), &hello).await), "fenced");
    // An undo that came first keeps out what comes later.
    let late = effect();
    done(client.refund(&undo(&late), &refund(&boost, None)).await);
    assert_eq!(refused(client.charge(&late, &boost).await), "fenced");
    assert_eq!(sandbox.works().len(), 3, "each was done once, whatever became of it");
    assert_eq!(refused(client.charge(&effect(), &charge(4_902)).await), "card_declined");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill_and_a_torn_line_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (step, hello) = (effect(), post(Platform::X, "Hello"));
    let (first, client) = sandbox(&dir).await;
    done(client.publish(&step, &hello).await);
    let before = first.works();
    drop(first);
    let file = dir.path().join("ledger.jsonl");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&whole[..], &whole[..20]].concat()).unwrap();
    let (second, client) = sandbox(&dir).await;
    assert_eq!(second.works(), before);
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    done(client.publish(&again(&step), &hello).await);
    done(client.withdraw(&undo(&step), &back(&hello, None)).await);
    assert_eq!((second.works().len(), stands(&second, Kind::Posts)), (1, 0));
}

#[tokio::test]
async fn it_misbehaves_as_the_text_says() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, client) = sandbox(&dir).await;
    let x = |text: &str| post(Platform::X, text);
    assert_eq!(refused(client.publish(&effect(), &x("a [refuse]")).await), "refused_on_demand");
    done(client.publish(&effect(), &x("b [refuse on mastodon]")).await);
    assert_eq!(refused(client.send(&effect(), &mail("c [bounce]")).await), "refused_on_demand");

    let (busy, text) = (effect(), x("d [busy 2]"));
    transient(client.publish(&busy, &text).await);
    transient(client.publish(&again(&busy), &text).await);
    assert_eq!(Publishing::probe(&client, &busy, &text).await, Probe::NotHappened);
    done(client.publish(&again(&busy), &text).await);

    let limited = transient(client.publish(&effect(), &x("e [limit 5]")).await);
    assert!(matches!(limited.retry_after_ms, Some(5_000..=6_000)), "{limited:?}");

    let (cut, text) = (effect(), x("f [drop]"));
    unknown(client.publish(&cut, &text).await);
    assert!(matches!(Publishing::probe(&client, &cut, &text).await, Probe::Happened(_)));
    done(client.publish(&again(&cut), &text).await);
    let (lost, text) = (effect(), x("g [lose]"));
    unknown(client.publish(&lost, &text).await);
    assert_eq!(Publishing::probe(&client, &lost, &text).await, Probe::NotHappened);

    let (mute, text) = (effect(), x("j [mute]"));
    unknown(client.publish(&mute, &text).await);
    assert_eq!(Publishing::probe(&client, &mute, &text).await, Probe::CannotTell);
    done(client.publish(&again(&mute), &text).await);

    let (late, text) = (due_in(3_000), x("h [late 3600]"));
    unknown(client.publish(&late, &text).await);
    assert!(matches!(Publishing::probe(&client, &again(&late), &text).await, Probe::Happened(_)));
    done(client.publish(&effect(), &x("i [delay 1]")).await);
    assert_eq!(stands(&sandbox, Kind::Posts), 6, "b, d, f, j, h, i");
}

#[tokio::test]
async fn it_misbehaves_as_it_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, client) = sandbox(&dir).await;
    let tell = |rule: serde_json::Value| {
        reqwest::Client::new().post(format!("{}/rules", sandbox.url())).json(&rule).send()
    };
    tell(json!({ "behaviour": "drop", "kind": "charges" })).await.unwrap();
    tell(json!({ "behaviour": "refuse", "on": "mastodon", "times": 2 })).await.unwrap();
    done(client.publish(&effect(), &post(Platform::X, "Hello")).await);
    let (paying, boost) = (effect(), charge(700));
    unknown(client.charge(&paying, &boost).await);
    assert!(matches!(Payments::probe(&client, &paying, &boost).await, Probe::Happened(_)));
    for _ in 0..2 {
        let outcome = client.publish(&effect(), &post(Platform::Mastodon, "Hello")).await;
        assert_eq!(refused(outcome), "refused_on_demand");
    }
    done(client.publish(&effect(), &post(Platform::Mastodon, "Hello")).await);
    let gone = due_in(50);
    transient(client.charge(&gone, &boost).await);
    drop(sandbox);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(Payments::probe(&client, &paying, &boost).await, Probe::CannotTell);
}
