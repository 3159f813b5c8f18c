//! The pages of sagas: every state at every event, what is text, what may be done and what is refused,
//! what the page's stream brings.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use console::Desk as _;
use domain::{ActorId, Principal, Role, StreamId, TenantId};
use futures_util::StreamExt as _;
use orchestrator::Event;
use tower::ServiceExt as _;

use crate::demo::Demo;
use crate::demo::play::{Play, Says};
use crate::demo::publish::Publish;
use crate::demo::sagas::{self, saga_id, state};
use crate::support::{HOSTILE, app, broken, get, post, posted, strict};

const STATES: [(u128, &str); 15] = [
    (sagas::RUNNING, "running"),
    (sagas::WAITING, "waiting"),
    (sagas::RETRYING, "running"),
    (sagas::UNDOING, "undoing"),
    (sagas::IN_DOUBT, "in doubt"),
    (sagas::UNDO_FAILED, "undo failed"),
    (sagas::EXHAUSTED, "parked"),
    (sagas::REFUSED, "parked"),
    (sagas::HELD, "held"),
    (sagas::POISON, "parked"),
    (sagas::NO_EXECUTOR, "parked"),
    (sagas::UNCONFIRMED, "undoing"),
    (sagas::SKIPPED, "done"),
    (sagas::DONE, "done"),
    (sagas::UNDONE, "undone"),
];

fn stream(n: u128) -> StreamId {
    StreamId::new("publish_post", saga_id(n))
}

fn page(n: u128) -> String {
    format!("/console/sagas/{}", stream(n))
}

fn owner() -> (Demo, Router) {
    let demo = Demo::seeded();
    (demo.clone(), app(demo, Principal::local_owner()))
}

fn viewer() -> Principal {
    Principal {
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("vera"),
        roles: vec![Role::Viewer],
    }
}

#[tokio::test]
async fn a_saga_in_every_state_is_shown_at_each_of_its_events() {
    let (demo, app) = owner();
    for (n, word) in STATES {
        let head = demo.recorded(&stream(n)).len();
        assert!(head > 0, "saga {n} was played");
        let now = get(&app, &page(n)).await;
        assert_eq!(now.status, StatusCode::OK, "{n}");
        strict(&now, &page(n));
        assert!(now.body.contains(&format!("</svg>{word}</span></span></h1>")), "{n} is {word}");
        assert!(now.body.contains("id=\"map\"") && now.body.contains("id=\"timeline\""));
        for at in 1..=head {
            let path = format!("{}?at={at}&vs=now", page(n));
            let past = get(&app, &path).await;
            assert_eq!(past.status, StatusCode::OK, "{path}");
            strict(&past, &path);
            assert_eq!(past.body.contains("As it was after event"), at < head, "{path}");
        }
    }
}

#[tokio::test]
async fn lists_count_exactly_and_every_page_is_strict() {
    let (demo, app) = owner();
    let who = Principal::local_owner();
    for path in ["/console/pulse", "/console/sagas", "/console/sagas?filter=state:parked"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        strict(&answer, path);
    }
    let filter = "state:parked -state:held".parse_filter();
    let total = demo.list(&who, &filter, None, 1).await.map_or(0, |found| found.total);
    let asked = "/console/sagas?filter=state:parked%20-state:held";
    let list = get(&app, asked).await.body;
    assert!(list.contains(&format!("<b>{total} sagas</b> pass the filter")), "{total}");
    assert_eq!(list.matches("id=\"saga-").count() as u64, total);
    let pulse = get(&app, "/console/pulse").await.body;
    assert!(pulse.contains(&format!("<b>{total} sagas need a human</b>")), "{total}");
    let peek = get(&app, &format!("{}/peek", page(sagas::UNDOING))).await;
    strict(&peek, "peek");
    assert!(peek.body.contains("Out there"));
}

trait ParseFilter {
    fn parse_filter(&self) -> orchestrator::filter::Filter;
}

impl ParseFilter for str {
    fn parse_filter(&self) -> orchestrator::filter::Filter {
        orchestrator::filter::Filter::parse(self).unwrap_or_else(|wrong| panic!("{self}: {wrong}"))
    }
}

#[tokio::test]
async fn a_filter_that_is_not_understood_says_where_and_what_is_possible() {
    let (_, app) = owner();
    let wrong = get(&app, "/console/sagas?filter=type:publish-post%20state:stuck").await;
    assert_eq!(wrong.status, StatusCode::OK);
    assert!(wrong.body.contains("type:publish-post state:<mark>stuck</mark>"));
    assert!(wrong.body.contains("possible: waiting, running, undoing, parked, done, undone"));
    assert!(wrong.body.contains("The filter was not understood."));
    assert_eq!(wrong.body.matches("id=\"saga-").count(), 0, "nothing is listed");
    let good = get(&app, "/console/sagas?filter=type:publish-post%20state:undoing").await.body;
    assert!(good.contains("href=\"/console/sagas?filter=type:publish-post\""), "a term goes away");
    for row in good.split("id=\"saga-").skip(1) {
        assert!(row.contains("</svg>undoing</span>"));
    }
}

#[tokio::test]
async fn whatever_a_saga_holds_is_text() {
    for hostile in HOSTILE {
        let demo = Demo::empty();
        let id = saga_id(500);
        let now = chrono::Utc::now().into();
        let mut play: Play<Publish> = Play::of(<Publish as domain::saga::Saga>::plan(), now)
            .says("charge-boost", Says::Nothing(1, hostile));
        let mut begins = state(500, 490, &[hostile]);
        hostile.clone_into(&mut begins.title);
        play.start(id, begins, None);
        play.until(now.plus_ms(90_000));
        for (at, event) in &play.events {
            demo.record(id, "social", "publish_post", *at, event);
        }
        let path = format!("/console/sagas/publish_post-{id}");
        let app = app(demo, Principal::local_owner());
        let asked: String =
            hostile.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        let mut pages = vec![
            "/console/pulse".to_owned(),
            "/console/sagas".to_owned(),
            format!("/console/sagas?filter={asked}"),
            format!("/console/sagas/{asked}"),
            path.clone(),
            format!("{path}?at={asked}"),
            format!("{path}/peek"),
            format!("{path}/{asked}"),
            format!("{path}/resolve?step={asked}"),
            format!("{path}/resolve?step=charge-boost"),
        ];
        pages.extend((1..=play.events.len()).map(|at| format!("{path}?at={at}")));
        for page in pages {
            assert_eq!(broken(&get(&app, &page).await.body), None, "{hostile:?} in {page}");
        }
        let form = format!(
            "step=charge-boost&revision=1&happened=yes&reason={asked}&ticket={asked}&output={asked}"
        );
        let refused = post(&app, &format!("{path}/resolve"), &form, "same-origin").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(broken(&refused.body), None, "{hostile:?} in the dialog");
    }
}

#[tokio::test]
async fn an_action_needs_a_page_of_this_origin_a_role_a_reason_and_the_revision_seen() {
    let (demo, app) = owner();
    let id = stream(sagas::IN_DOUBT);
    let path = format!("{}/resolve", page(sagas::IN_DOUBT));
    let head = demo.recorded(&id).len();
    let form = |revision: usize, reason: &str| {
        format!("step=charge-boost&revision={revision}&happened=no&reason={reason}&ticket=INC-7")
    };
    let good = form(head, "the+gateway+says+it+never+saw+it");
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(post(&app, &path, &good, site).await.status, StatusCode::FORBIDDEN);
    }
    let refused = [
        (form(head, "why"), "A reason of 8 to 500 characters is needed; this one has 3."),
        (good.replace("happened=no", ""), "Say whether it happened."),
        (good.clone() + "&output=%7B", "The output is not JSON"),
        (good.clone() + "&output=%7B%22No%22%3A1%7D", "The output is not one of this saga"),
        (form(head - 1, "a+reason+long+enough"), "The saga moved from revision"),
    ];
    for (form, says) in refused {
        let answer = post(&app, &path, &form, "same-origin").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{says}");
        assert!(answer.body.contains(says), "{says}");
    }
    let answer = post(&app, &path, &form(head - 1, "a+reason+long+enough"), "same-origin").await;
    assert!(answer.body.contains(&format!("Changed since revision {}", head - 1)));
    assert!(answer.body.contains("a reason long enough</textarea>"), "what was written stays");
    let looks = posted(&app, &path, &(good.clone() + "&preview=yes"), "same-origin", true).await;
    assert_eq!(looks.status, StatusCode::OK);
    assert_eq!(demo.recorded(&id).len(), head, "nothing of all that was appended");

    let viewer = crate::support::app(demo.clone(), viewer());
    assert_eq!(post(&viewer, &path, &good, "same-origin").await.status, StatusCode::FORBIDDEN);
    let seen = get(&viewer, &page(sagas::IN_DOUBT)).await.body;
    assert!(seen.contains("the role operator is needed") && !seen.contains("data-dialog"));

    let done = posted(&app, &path, &good, "same-origin", true).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let told: serde_json::Value =
        serde_json::from_slice(done.headers["hx-trigger"].as_bytes()).expect("it is JSON");
    assert_eq!(told["acted"]["to"], page(sagas::IN_DOUBT));
    let events = demo.recorded(&id);
    let Event::Operated { actor, reason, ticket, revision, .. } = &events[head].event else {
        panic!("{:?}", events[head].event)
    };
    assert_eq!(actor.as_str(), "owner");
    assert_eq!(
        (reason.as_str(), ticket.as_deref()),
        ("the gateway says it never saw it", Some("INC-7"))
    );
    assert_eq!(usize::try_from(*revision), Ok(head));
}

#[tokio::test]
async fn a_dialog_shows_what_will_be_appended_and_appends_the_same() {
    let (demo, app) = owner();
    for (n, verb, step) in [
        (sagas::IN_DOUBT, "skip", "charge-boost"),
        (sagas::RETRYING, "retry", "publish/mastodon"),
        (sagas::RUNNING, "undo", ""),
        (sagas::UNDOING, "hold", ""),
        (sagas::HELD, "release", ""),
    ] {
        let id = stream(n);
        let head = demo.recorded(&id).len();
        let path = format!("{}/{verb}", page(n));
        let dialog = get(&app, &format!("{path}?step={step}")).await;
        strict(&dialog, &path);
        let preview: Vec<String> = dialog
            .body
            .split("<ol class=\"next events\">")
            .nth(1)
            .and_then(|rest| rest.split("</ol>").next())
            .into_iter()
            .flat_map(|list| list.split("<code class=\"ty\">").skip(1))
            .filter_map(|item| item.split('<').next().map(str::to_owned))
            .collect();
        let form = format!("step={step}&revision={head}&reason=as+the+preview+says");
        let done = post(&app, &path, &form, "same-origin").await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{verb}");
        assert_eq!(done.headers[header::LOCATION], page(n), "{verb}");
        let events = demo.recorded(&id);
        let appended: Vec<String> = events[head..]
            .iter()
            .take(preview.len())
            .filter_map(|one| one.head.event_type.split('.').nth(2).map(str::to_owned))
            .collect();
        assert!(preview.len() > 1, "{verb}: {preview:?}");
        assert_eq!(preview, appended, "{verb}");
    }
}

#[tokio::test]
async fn what_is_not_possible_says_why() {
    let (_, app) = owner();
    let undoing = get(&app, &page(sagas::UNDOING)).await.body;
    for why in ["it is being undone", "nobody holds it", "only a step in doubt can be resolved"] {
        assert!(undoing.contains(&format!("title=\"{why}\"")), "{why}");
    }
    let refused = get(&app, &page(sagas::REFUSED)).await.body;
    assert!(
        refused.contains("the pivot has begun: it may have happened, and cannot be taken back")
    );
    let dialog = get(&app, &format!("{}/undo", page(sagas::REFUSED))).await;
    assert_eq!(dialog.status, StatusCode::OK);
    assert!(dialog.body.contains("undo is not possible: the pivot has begun"));
    for path in [format!("{}/explode", page(1)), "/console/sagas/publish_post-0".to_owned()] {
        assert!(get(&app, &path).await.status.is_client_error(), "{path}");
    }
    let missing = get(&app, &page(900)).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_id_of_a_saga_lands_on_its_page() {
    let (_, app) = owner();
    let id = stream(sagas::UNDOING);
    for text in [id.to_string(), id.id().to_string()] {
        let answer = get(&app, &format!("/console/go?id={text}")).await;
        assert_eq!(answer.headers[header::LOCATION], page(sagas::UNDOING), "{text}");
    }
}

#[tokio::test]
async fn the_stream_of_a_page_brings_what_an_action_changed_and_only_that() {
    let (demo, app) = owner();
    let id = stream(sagas::HELD);
    let head = demo.recorded(&id).len();
    let live = format!("/console/live?view=saga&id={id}&seen={head}");
    let request = Request::get(&live).body(Body::empty()).expect("a path");
    let answer = app.clone().oneshot(request).await.expect("a router never fails");
    let mut stream = answer.into_body().into_data_stream();
    let mut next = async || {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let more = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
            let bytes = more.expect("in time").expect("it goes on").expect("it is whole");
            text += &String::from_utf8_lossy(&bytes);
        }
        text
    };
    let first = next().await;
    assert!(first.contains("sg-map") && !first.contains("sg-events"), "nothing new yet");
    let path = format!("{}/release", page(sagas::HELD));
    let form = format!("revision={head}&reason=the+wording+is+fine");
    assert_eq!(post(&app, &path, &form, "same-origin").await.status, StatusCode::SEE_OTHER);
    let second = next().await;
    assert!(
        second.contains(&format!("id=\"ev-{}\"", head + 1))
            && second.contains("release by owner: the wording is fine")
    );
    assert!(second.contains("sg-state") && second.contains("</svg>running</span>"));
    assert!(!second.contains(&format!("id=\"ev-{head}\"")), "what is there is not sent again");
}
