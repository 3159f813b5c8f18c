//! The registry in Confluent's shape.

use serde_json::{Value, json};

use crate::support::product;

const SUBJECT: &str = "content.events-content.post.DraftedV1";

#[tokio::test]
async fn schemas_are_found_by_subject_version_and_id() {
    let product = product();
    let subjects = product.get("/registry/subjects").await;
    assert_eq!(subjects.header("content-type"), "application/vnd.schemaregistry.v1+json");
    assert!(subjects.json().as_array().unwrap().contains(&json!(SUBJECT)), "{}", subjects.text);
    assert_eq!(
        product.get(&format!("/registry/subjects/{SUBJECT}/versions")).await.json(),
        json!([1])
    );
    let latest = product.get(&format!("/registry/subjects/{SUBJECT}/versions/latest")).await.json();
    assert_eq!(
        latest,
        product.get(&format!("/registry/subjects/{SUBJECT}/versions/1")).await.json()
    );
    assert_eq!((&latest["subject"], &latest["version"]), (&json!(SUBJECT), &json!(1)));
    let by_id = product.get(&format!("/registry/schemas/ids/{}", latest["id"])).await.json();
    assert_eq!(by_id["schema"], latest["schema"]);
    let schema: Value = serde_json::from_str(by_id["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema["name"], "DraftedV1");
    let escaped = SUBJECT.replace('-', "%2D");
    assert_eq!(
        product.get(&format!("/registry/subjects/{escaped}/versions")).await.json(),
        json!([1])
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_in_confluents_form() {
    let product = product();
    let cases = [
        ("/registry/subjects/nobody/versions".to_owned(), 404, 40401),
        ("/registry/subjects/nobody/versions/1".to_owned(), 404, 40401),
        (format!("/registry/subjects/{SUBJECT}/versions/7"), 404, 40402),
        (format!("/registry/subjects/{SUBJECT}/versions/0"), 422, 42202),
        ("/registry/schemas/ids/7".to_owned(), 404, 40403),
        ("/registry/schemas/ids/seven".to_owned(), 404, 40403),
    ];
    for (path, status, code) in cases {
        let heard = product.get(&path).await;
        assert_eq!(
            (heard.status.as_u16(), &heard.json()["error_code"]),
            (status, &json!(code)),
            "{path}"
        );
        assert!(heard.json()["message"].is_string());
    }
}

#[tokio::test]
async fn nothing_is_registered_over_the_network() {
    let product = product();
    for (method, path) in [
        ("POST", format!("/registry/subjects/{SUBJECT}/versions")),
        ("POST", format!("/registry/subjects/{SUBJECT}")),
        ("DELETE", format!("/registry/subjects/{SUBJECT}")),
        ("DELETE", format!("/registry/subjects/{SUBJECT}/versions/1")),
        ("PUT", "/registry/config".into()),
        ("PUT", format!("/registry/config/{SUBJECT}")),
        ("POST", format!("/registry/compatibility/subjects/{SUBJECT}/versions/latest")),
    ] {
        let heard = product.ask(method, &path, &[], "{}").await;
        assert_eq!(
            (heard.status.as_u16(), &heard.json()["error_code"]),
            (405, &json!(40501)),
            "{method} {path}"
        );
        assert!(heard.json()["message"].as_str().unwrap().contains("read-only"));
    }
}
