//! The OpenAPI document and the reference: what they say is what is served.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::product;

const ID: &str = "0190e2a4-0000-7000-8000-000000000001";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let each = item.as_object().unwrap().iter();
        each.map(|(method, it)| (method.to_uppercase(), path.clone(), it.clone()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_operation_of_the_document_is_served() {
    let product = product();
    let document = product.get("/api/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let all = operations(&document);
    assert!(all.len() > 25, "{}", all.len());
    for (method, path, _) in &all {
        let path = path
            .replace("/streams/{id}", &format!("/streams/post-{ID}"))
            .replace("/sagas/{id}", &format!("/sagas/charge-{ID}"))
            .replace("{id}", ID)
            .replace("{code}", "RC0430");
        let heard = product.ask(method, &path, &[], "").await;
        let code =
            if heard.status.is_success() { Value::Null } else { heard.json()["code"].clone() };
        assert_ne!(code, "no_such_route", "{method} {path}");
        assert_ne!(code, "method_not_allowed", "{method} {path}");
        assert_ne!(heard.status, 500, "{method} {path}");
    }
}

#[tokio::test]
async fn every_route_that_is_mounted_stands_in_the_document() {
    let product = product();
    let document = product.get("/api/openapi.json").await.json();
    let listed: BTreeSet<String> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let routes: BTreeSet<String> = product.edge.routes.iter().cloned().collect();
    // Not worth a word: writes that the registry refuses, and the reference's own files.
    let silent = |it: &str| {
        it.starts_with("GET /docs/reference.")
            || (it.contains(" /registry") && !it.starts_with("GET"))
    };
    let loud: BTreeSet<String> = routes.into_iter().filter(|it| !silent(it)).collect();
    assert_eq!(loud, listed);
}

#[tokio::test]
async fn ids_are_unique_and_references_resolve() {
    let product = product();
    let document = product.get("/api/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!id.is_empty() && ids.insert(id.clone()), "{id} stands twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id} has no summary");
        let named: Vec<_> =
            path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
        let params = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path: Vec<_> = params
            .iter()
            .filter(|it| it["in"] == "path")
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, in_path, "{method} {path}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|it| it.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    let draft = &document["components"]["schemas"]["DraftPost"];
    assert_eq!(draft["additionalProperties"], false);
    assert_eq!(draft["required"], serde_json::json!(["body"]));
    assert!(draft["properties"]["body"]["maxLength"].is_u64());
}

#[tokio::test]
async fn the_document_can_be_written_out_for_other_checkers() {
    let product = product();
    let heard = product.get("/api/openapi.json").await;
    if let Some(path) = std::env::var_os("RECOUNT_WRITE_OPENAPI") {
        std::fs::write(path, &heard.text).unwrap();
    }
    let etag = heard.header("etag").to_owned();
    let again = product.ask("GET", "/api/openapi.json", &[("if-none-match", &etag)], "").await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn the_reference_shows_every_operation_and_needs_no_network() {
    let product = product();
    let document = product.get("/api/openapi.json").await.json();
    let page = product.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'; style-src 'self'; script-src 'self'")
    );
    for (_, path, _) in operations(&document)
        .iter()
        .filter(|(_, path, _)| !path.starts_with("/docs") && !path.contains("openapi"))
    {
        assert!(page.text.contains(&format!("<code>{path}</code>")), "{path}");
    }
    let elsewhere: Vec<_> =
        page.text.match_indices("://").map(|(at, _)| &page.text[at - 5..at + 20]).collect();
    assert!(
        elsewhere
            .iter()
            .all(|it| it.contains("://localhost:7070") || it.contains("://example.org")),
        "{elsewhere:?}"
    );
    assert!(!page.text.contains(" style=") && !page.text.contains("onclick"));
    for file in ["/docs/reference.css", "/docs/reference.js"] {
        assert_eq!(product.get(file).await.status, 200);
    }
}

#[tokio::test]
async fn every_error_has_a_page_that_says_what_to_do() {
    let product = product();
    for code in api::CODES {
        for part in ["**Meaning.**", "**Cause.**", "**Check.**", "**Fix.**"] {
            assert!(code.page.contains(part), "{} does not say {part}", code.rc);
        }
        assert!(code.page.starts_with(&format!("# {}: ", code.rc)), "{}", code.rc);
        let page = product.get(&format!("/docs/errors/{}", code.rc)).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("<h2>Fix</h2>"), "{}", page.text);
    }
    let words: BTreeSet<_> = api::CODES.iter().map(|code| code.word).collect();
    assert_eq!(words.len(), api::CODES.len());
    assert_eq!(
        product.get(concat!("/docs/errors/RC", "9999")).await.problem(),
        (404, "not_found".into())
    );
    assert!(product.get("/docs/errors").await.text.contains("RC0454"));
}
