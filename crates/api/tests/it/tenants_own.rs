//! Routes that know whose they are: the one of a tenant, and the list of one user.

use domain::query::{Condition, Test};
use domain::{Aggregate, Principal, Value};
use serde_json::json;
use uuid::Uuid;

use crate::support::product;

const USER: &str = "0190e2a4-0000-7000-8000-000000000005";

#[tokio::test]
async fn a_put_without_an_id_addresses_the_one_of_the_tenant() {
    let product = product();
    let of_tenant =
        billing::quota::Quota::only_one(&Principal::local_owner().tenant).map(|id| id.to_string());
    for (monthly, version, events) in [(5, 1, 1), (6, 2, 1), (6, 2, 0)] {
        let body = json!({ "monthly": monthly }).to_string();
        let heard = product.ask("PUT", "/api/billing/quota", &[], &body).await;
        assert_eq!((heard.status.as_u16(), heard.header("location")), (200, ""), "{}", heard.text);
        let answer = heard.json();
        assert_eq!(answer["id"].as_str().map(str::to_owned), of_tenant);
        assert_eq!(answer["version"], version);
        assert_eq!(answer["events"].as_array().unwrap().len(), events);
    }
    let key = [("idempotency-key", "\"k-1\"")];
    let keyed = product.ask("PUT", "/api/billing/quota", &key, r#"{"monthly": 7}"#).await;
    let again = product.ask("PUT", "/api/billing/quota", &key, r#"{"monthly": 7}"#).await;
    assert_eq!(keyed.json(), again.json());
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn a_list_may_belong_to_the_id_in_its_path() {
    let product = product();
    let path = format!("/api/notifications/user/{USER}");
    let heard = product.get(&format!("{path}?unread=true")).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let asked = product.reads.asked.lock().unwrap().clone();
    let Condition::All(all) = &asked[0].only else { panic!("{asked:?}") };
    let mut compared: Vec<_> = all
        .iter()
        .map(|one| match one {
            Condition::Is(compare) => (compare.column, compare.test, compare.with.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    compared.sort_by_key(|(column, ..)| *column);
    let user = Value::Uuid(USER.parse::<Uuid>().unwrap());
    let expected = [("unread", Test::Is, Value::Bool(true)), ("user_id", Test::Is, user)];
    assert_eq!(compared, expected);
    assert_eq!((asked[0].sort, asked[0].descending), ("sent_at", true));

    let other = product.get(&format!("{path}?id={USER}")).await;
    assert_eq!(other.problem(), (400, "bad_parameter".into()));
    let nobody = product.get("/api/notifications/user/seven").await;
    assert_eq!(nobody.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_cursor_of_one_inbox_opens_no_other() {
    let product = product();
    for n in 1..=2_u128 {
        let id = Uuid::from_u128(n);
        let row = json!({ "notification_id": id, "sent_at": "2026-11-21T12:00:00Z" });
        let serde_json::Value::Object(row) = row else { unreachable!() };
        product.reads.rows.lock().unwrap().push((row, id, 1));
    }
    let page = product.get(&format!("/api/notifications/user/{USER}?limit=1")).await;
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let next = format!("/api/notifications/user/{USER}?limit=1&after={cursor}");
    assert_eq!(product.get(&next).await.status, 200);
    let other = next.replace("000000000005", "000000000006");
    assert_eq!(product.get(&other).await.problem(), (400, "bad_cursor".into()));
}

#[tokio::test]
async fn the_document_says_what_stands_in_the_path() {
    let product = product();
    let document = product.get("/api/openapi.json").await.json();
    let inbox = &document["paths"]["/api/notifications/user/{id}"]["get"]["parameters"];
    let of = |name: &str| {
        let all = inbox.as_array().unwrap();
        all.iter().find(|it| it["name"] == name).map(|it| it["in"].clone())
    };
    assert_eq!((of("id"), of("unread")), (Some("path".into()), Some("query".into())));
    let quota = &document["paths"]["/api/billing/quota"]["put"];
    let parameters = quota["parameters"].as_array().unwrap();
    assert!(parameters.iter().all(|it| it["in"] != "path"), "{parameters:?}");
    assert!(quota["responses"].get("201").is_none(), "{quota}");
}
