//! The publishing saga on the built binary, against a Bluesky PDS, Stripe's stand-in and a mail server:
//! in the end, what stands out there is what the saga's ledger says.

use std::path::Path;
use std::time::{Duration, Instant};

use recount_tests::Product;
use recount_tests::peers::{Lie, MailFault, Mailbox, Pds, PdsAccount, Proxy, Stripe};
use reqwest::Client;
use serde_json::{Value, json};

use crate::secrets::files_with;

/// A saga with a pause in it (a retry, a rate limit) may take so long on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
const WEBHOOK_SECRET: &str = "whsec_for_tests";

/// Everything that is out there, and the product that speaks to it.
struct World {
    pds: Pds,
    /// Between the product and the PDS.
    liar: Proxy,
    author: PdsAccount,
    stripe: Stripe,
    mailbox: Mailbox,
    product: Product,
    client: Client,
    dir: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pds = Pds::start();
        let author = pds.account("alice").await;
        let liar = Proxy::start(pds.url()).await;
        let (stripe, mailbox) = (Stripe::start().await, Mailbox::start());
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let payer = format!("local = \"{}\"\n", stripe.customer().await);
        let flags = [
            ("--listen", "127.0.0.1:0".to_owned()),
            ("--bluesky-url", liar.url.clone()),
            ("--stripe-url", stripe.url()),
            ("--stripe-key-file", file("stripe.key", stripe.key())),
            ("--stripe-customers", file("customers.toml", &payer)),
            ("--stripe-webhook-secret-file", file("webhook.secret", WEBHOOK_SECRET)),
            ("--smtp-url", mailbox.url()),
            ("--mail-from", "Recount <recount@example.org>".to_owned()),
        ];
        let flags: Vec<&str> = flags.iter().flat_map(|(name, value)| [*name, value]).collect();
        let product = Product::start_loud_with(&dir.path().join("data"), &flags);
        let hook = product.url("/api/billing/webhooks/stripe");
        stripe.webhooks(&hook, WEBHOOK_SECRET, 2).await;
        let client = Client::new();
        let world = Self { pds, liar, author, stripe, mailbox, product, client, dir };
        world.introduce().await;
        world
    }

    /// Connects the account and says where mail reaches its owner.
    async fn introduce(&self) {
        let account = json!({
            "platform": "bluesky", "handle": self.author.handle, "access_token": self.author.password,
        });
        self.post("/api/social/connect", &account).await;
        let owner = domain::Principal::local_owner();
        let user = domain::UserId::of(&owner.tenant, &owner.actor);
        let url = self.product.url(&format!("/api/notifications/recipients/{user}"));
        let address = json!({ "mail_address": "owner@example.test" });
        let answer = self.client.put(url).json(&address).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(self.product.url(path)).json(body).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Asks for a post to be published now; gives the number of the publication, which is the saga's.
    async fn publish(&self, body: &str, platforms: &[&str], boost: Option<i64>) -> String {
        let post = json!({ "title": "News", "body": body });
        let post = self.post("/api/content/posts", &post).await;
        let mut wish = json!({ "post_id": post["id"], "platforms": platforms });
        if let Some(minor) = boost {
            wish["boost"] = json!({ "minor": minor, "currency": "EUR" });
        }
        let asked = self.post("/api/social/publish", &wish).await;
        asked["id"].as_str().unwrap().to_owned()
    }

    /// Plans a post for so many seconds from now; gives the number of its publication.
    async fn plan(&self, body: &str, in_s: i64, boost: i64) -> String {
        let post = json!({ "title": "News", "body": body });
        let post = self.post("/api/content/posts", &post).await;
        let id = post["id"].as_str().unwrap();
        let boost = json!({ "minor": boost, "currency": "EUR" });
        let at = provider_http::now().plus_ms(in_s * 1_000).to_string();
        let plan = json!({ "publish_at": at, "platforms": ["bluesky"], "boost": boost });
        self.post(&format!("/api/content/posts/{id}/schedule"), &plan).await;
        domain::derived_id(&["publication", id, "1"]).to_string()
    }

    async fn saga(&self, stream: &str) -> Option<Value> {
        let url = self.product.url(&format!("/api/sagas/{stream}"));
        let answer = self.client.get(url).send().await.unwrap();
        let ok = answer.status().is_success();
        if ok { answer.json().await.ok() } else { None }
    }

    /// Waits until a saga has ended, and gives it.
    async fn ended(&self, stream: &str) -> Value {
        let began = Instant::now();
        loop {
            let saga = self.saga(stream).await;
            let state = saga.as_ref().map(|it| it["state"].clone()).unwrap_or_default();
            if state == "done" || state == "undone" {
                return saga.unwrap();
            }
            assert!(began.elapsed() < ENDS_WITHIN, "{stream} has not ended: {saga:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn published(&self, id: &str, state: &str) -> Value {
        let saga = self.ended(&format!("publish_post-{id}")).await;
        assert_eq!(saga["state"], state, "{saga:#}");
        saga
    }

    async fn delivered(&self, id: &str, state: &str) -> Value {
        let saga = self.ended(&format!("deliver_notification-{id}")).await;
        assert_eq!(saga["state"], state, "{saga:#}");
        saga
    }

    fn payer(&self, customer: &str) {
        let file = self.dir.path().join("customers.toml");
        std::fs::write(file, format!("local = \"{customer}\"\n")).unwrap();
    }

    /// What stands at the PDS, by text.
    async fn standing(&self) -> Vec<String> {
        let posts = self.pds.posts(&self.author).await;
        let mut texts: Vec<String> = posts.into_iter().map(|it| it.text).collect();
        texts.sort_unstable();
        texts
    }

    async fn subjects(&self) -> Vec<String> {
        self.mailbox.mails().await.into_iter().map(|it| it.subject).collect()
    }
}

fn entry<'a>(saga: &'a Value, step: &str) -> &'a Value {
    let ledger = saga["ledger"].as_array().unwrap();
    let found = ledger.iter().find(|it| it["step"] == step);
    found.unwrap_or_else(|| panic!("{step} is not in {ledger:#?}"))
}

#[tokio::test]
async fn what_stands_out_there_is_what_the_ledger_says() {
    let world = World::start().await;
    let mut sagas = Vec::new();
    let mut letters = Vec::new();

    // Published on both platforms, with a boost.
    let id = world.publish("All is well", &["bluesky", "sandbox"], Some(500)).await;
    sagas.push(world.published(&id, "done").await);
    letters.push(world.delivered(&id, "done").await);
    assert_eq!(world.standing().await, ["All is well"]);
    assert_eq!(world.subjects().await, ["Published: News"]);

    // The second platform refuses: everything is taken back.
    let id =
        world.publish("Not here [refuse on sandbox]", &["bluesky", "sandbox"], Some(700)).await;
    let saga = world.published(&id, "undone").await;
    assert_eq!(entry(&saga, "publish/bluesky")["standing"], "undone");
    assert_eq!(entry(&saga, "publish/sandbox")["standing"], "not_done");
    assert_eq!(entry(&saga, "charge-boost")["standing"], "undone");
    sagas.push(saga);
    letters.push(world.delivered(&id, "done").await);
    assert_eq!(world.standing().await, ["All is well"]);

    // The card is declined: nothing is published.
    let good = world.stripe.customer().await;
    world.payer(&world.stripe.declined_customer().await);
    let id = world.publish("Unpaid", &["bluesky"], Some(900)).await;
    let saga = world.published(&id, "undone").await;
    assert_eq!(entry(&saga, "charge-boost")["standing"], "not_done");
    sagas.push(saga);
    letters.push(world.delivered(&id, "done").await);
    world.payer(&good);

    // The mail server refuses: the post is published, the notification is not delivered.
    world.mailbox.fail(MailFault::Recipient(550), 1).await;
    let id = world.publish("Unheard", &["bluesky"], None).await;
    sagas.push(world.published(&id, "done").await);
    letters.push(world.delivered(&id, "undone").await);

    // Answers get lost behind the work: nothing is done twice.
    world.stripe.lie("POST /v1/payment_intents", Lie::CutAfter, 1);
    world.liar.lie("POST /xrpc/com.atproto.repo.putRecord", Lie::CutAfter, 1);
    let id = world.publish("Lost and found", &["bluesky"], Some(1_100)).await;
    sagas.push(world.published(&id, "done").await);
    letters.push(world.delivered(&id, "done").await);

    // The platform asks for patience.
    world.liar.lie("POST /xrpc/com.atproto.repo.putRecord", Lie::Limit(2), 1);
    let began = Instant::now();
    let id = world.publish("Patience", &["bluesky"], None).await;
    sagas.push(world.published(&id, "done").await);
    assert!(began.elapsed() >= Duration::from_secs(2), "Retry-After was not waited for");
    letters.push(world.delivered(&id, "done").await);

    // Planned, and due in a moment: nothing is done before.
    let planned = Instant::now();
    let id = world.plan("On time", 10, 1_700).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let stands = world.standing().await.contains(&"On time".to_owned());
    assert!(!stands || planned.elapsed() >= Duration::from_secs(10), "too early");
    sagas.push(world.published(&id, "done").await);
    letters.push(world.delivered(&id, "done").await);

    // Undo, with lies on the way back.
    world.stripe.lie("POST /v1/refunds", Lie::CutAfter, 1);
    world.liar.lie("POST /xrpc/com.atproto.repo.deleteRecord", Lie::CutAfter, 1);
    let id = world.publish("Back [refuse on sandbox]", &["bluesky", "sandbox"], Some(1_300)).await;
    sagas.push(world.published(&id, "undone").await);
    letters.push(world.delivered(&id, "done").await);

    agree(&world, &sagas, &letters).await;
    webhooks_came_in(&world).await;
    no_secret_was_told(world);
}

/// Neither in the product's own log, which says everything it can, nor in its files.
fn no_secret_was_told(mut world: World) {
    let (password, key) = (world.author.password.clone(), world.stripe.key());
    // A session's tokens are JWTs; their header is the same in all of them.
    let session = "eyJ0eXAiOiJhdCtqd3Qi";
    let secrets = [&*password, key, WEBHOOK_SECRET, "owner@example.test", session];
    world.product.stop();
    let said = world.product.said();
    assert!(said.contains("putRecord") || said.contains("saga"), "it was loud");
    let mut found = Vec::new();
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} stands in the log");
        files_with(&world.product.data, secret.as_bytes(), &mut found);
    }
    assert!(found.is_empty(), "{found:?}");
}

/// The ledgers of all sagas against the PDS, the stand-in and the mailbox.
async fn agree(world: &World, sagas: &[Value], letters: &[Value]) {
    let stands = |it: &&Value| it["standing"] == "stands";
    let entries = || sagas.iter().flat_map(|it| it["ledger"].as_array().unwrap());

    let mut told: Vec<String> = entries()
        .filter(|it| it["step"] == "publish/bluesky")
        .filter(stands)
        .map(|it| it["output"]["published"]["uri"].as_str().unwrap().to_owned())
        .collect();
    let mut there: Vec<String> =
        world.pds.posts(&world.author).await.into_iter().map(|it| it.uri).collect();
    told.sort_unstable();
    there.sort_unstable();
    assert_eq!(told, there, "posts");
    assert_eq!(
        world.standing().await,
        ["All is well", "Lost and found", "On time", "Patience", "Unheard"]
    );

    let charges = world.stripe.charges().await;
    let refunds = world.stripe.refunds().await;
    for it in entries().filter(|it| it["step"] == "charge-boost") {
        let key = it["key"].as_str().unwrap();
        let mine = charges.iter().filter(|charge| charge.metadata["recount_step"] == key);
        let taken: Vec<_> = mine.filter(|charge| charge.status == "succeeded").collect();
        let back: i64 = refunds
            .iter()
            .filter(|refund| taken.iter().any(|charge| charge.id == refund.charge))
            .map(|refund| refund.amount)
            .sum();
        let money = taken.iter().map(|charge| charge.amount).sum::<i64>() - back;
        let expected = if stands(&it) { it["money"]["minor"].as_i64().unwrap() } else { 0 };
        assert_eq!((money, taken.len() <= 1), (expected, true), "{it:#}");
    }
    let total: i64 =
        charges.iter().filter(|it| it.status == "succeeded").map(|it| it.amount).sum::<i64>()
            - refunds.iter().map(|it| it.amount).sum::<i64>();
    assert_eq!(total, 500 + 1_100 + 1_700, "money");

    let mut told: Vec<String> = letters
        .iter()
        .flat_map(|it| it["ledger"].as_array().unwrap())
        .filter(|it| it["step"] == "send-mail")
        .filter(stands)
        .map(|it| it["output"]["mailed"]["message_id"].as_str().unwrap().to_owned())
        .collect();
    let mut got: Vec<String> =
        world.mailbox.mails().await.into_iter().map(|it| it.message_id).collect();
    told.sort_unstable();
    got.sort_unstable();
    assert_eq!(told, got, "mails");
    assert_eq!(got.len(), sagas.len() - 1);
}

/// Stripe told of each charge twice; each payment was charged once.
async fn webhooks_came_in(world: &World) {
    let succeeded = |it: &&(String, u16)| it.0 == "payment_intent.succeeded";
    let told = || world.stripe.told();
    let all = || async { told().iter().filter(succeeded).count() >= 10 };
    world.product.until("Stripe has told of five charges twice", all).await;
    assert!(told().iter().all(|(_, status)| *status == 204), "{:?}", told());
    let events = exported(&world.product.data).await;
    assert_eq!(count(&events, "billing.payment.charged.v1"), 5);
    assert_eq!(count(&events, "billing.payment.refunded.v1"), 2);
    assert_eq!(count(&events, "billing.payment.settled.v1"), 3);
    let forged = world
        .client
        .post(world.product.url("/api/billing/webhooks/stripe"))
        .header("stripe-signature", format!("t=1,v1={}", "0".repeat(64)))
        .body("{}")
        .send()
        .await
        .unwrap();
    let (status, problem) = (forged.status(), forged.json::<Value>().await.unwrap());
    assert_eq!((status.as_u16(), problem["code"].as_str()), (401, Some("webhook_not_signed")));
}

async fn exported(data: &Path) -> Vec<Value> {
    let data = data.display().to_string();
    let args = ["events", "export", "--data", &data, "-o", "jsonl"].map(str::to_owned);
    let exit = tokio::task::spawn_blocking(move || recount_tests::recount(args)).await.unwrap();
    assert_eq!(exit.code, 0, "{}", exit.stderr);
    exit.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn count(events: &[Value], ty: &str) -> usize {
    events.iter().filter(|it| it["type"] == ty).count()
}
