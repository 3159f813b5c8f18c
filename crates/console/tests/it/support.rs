//! Asking the console, and what every answer must hold.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::{Extension, Router};
use domain::Principal;
use tower::ServiceExt;

use crate::demo::Demo;

pub(crate) fn app(demo: Demo, who: Principal) -> Router {
    Router::new().nest("/console", console::router(Arc::new(demo))).layer(Extension(who))
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("a router never fails");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 10_000_000).await.expect("the body ends");
    let body = String::from_utf8(bytes.to_vec()).expect("pages are UTF-8");
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(app: &Router, path: &str) -> Answer {
    send(app, Request::get(path).body(Body::empty()).expect("a path")).await
}

pub(crate) async fn post(app: &Router, path: &str, form: &str, site: &str) -> Answer {
    posted(app, path, form, site, false).await
}

/// As the script of the pages sends a form.
pub(crate) async fn posted(
    app: &Router,
    path: &str,
    form: &str,
    site: &str,
    script: bool,
) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", site);
    if script {
        request = request.header("hx-request", "true");
    }
    send(app, request.body(Body::from(form.to_owned())).expect("a path")).await
}

/// What breaks out of text, attributes, URLs, JSON and scripts when it is not written as text.
pub(crate) const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "<div hx-get=\"/x\" hx-trigger=\"load\">",
    "]]><!--<script>",
    "a\r\ndata: <script>alert(1)</script>\u{2028}\u{0}",
];

/// What broke out of its text, if something did.
pub(crate) fn broken(body: &str) -> Option<&'static str> {
    let all = ["<script>", "<img", "<svg onload", "<div hx-get=\"/x\"", "href=\"javascript:"];
    all.into_iter().find(|wrong| body.contains(wrong))
}

/// A page with one heading, strict headers, nothing inline, every id once.
pub(crate) fn strict(answer: &Answer, path: &str) {
    let Answer { headers, body, .. } = answer;
    assert_eq!(body.matches("<h1").count(), 1, "{path}");
    let csp = headers["content-security-policy"].to_str().expect("it is text");
    assert!(csp.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!csp.contains("unsafe"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(!body.contains(" style=") && !body.contains("<style"), "{path}");
    for inline in ["<script>", " onclick=", " onload=", " onerror=", "javascript:", "='"] {
        assert!(!body.contains(inline), "{inline} in {path}");
    }
    let mut ids: Vec<&str> =
        body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?} stand twice in {path}");
}
