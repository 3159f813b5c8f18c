//! What protects the pages: headers on every answer, and the refusal of unsafe requests that come
//! from another site. Not authentication: who asks is known before the console is reached.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Nothing but our own files; no inline style or script anywhere.
pub(crate) const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: that turns the Origin of our own forms into `null`.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The layer around every route of the console.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if safe || same_origin(request.headers(), request.uri()) {
        next.run(request).await
    } else {
        let why = "refused: this request did not come from a page of this console. \
                   Open the page here and try again.\n";
        (StatusCode::FORBIDDEN, why).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Whether a request says that a page of this origin sent it. Browsers say so by one of two headers
/// that scripts cannot write; when both are there both must hold, when none is there it is refused.
fn same_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site").map(|site| site == "same-origin");
    let host = text("host").or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    let origin = text("origin").map(|origin| {
        let named = origin.split_once("://").map(|(_, authority)| authority);
        named.is_some() && named == host
    });
    site.or(origin).is_some() && site.unwrap_or(true) && origin.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        same_origin(&headers, &Uri::from_static("/projections/posts/rebuild"))
    }

    #[test]
    fn only_a_page_of_this_origin_may_act() {
        let host = ("host", "127.0.0.1:7070");
        assert!(asked(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(asked(&[host, ("origin", "http://127.0.0.1:7070")]));
        assert!(!asked(&[host]));
        assert!(!asked(&[host, ("sec-fetch-site", "same-site")]));
        assert!(!asked(&[host, ("sec-fetch-site", "none")]));
        assert!(!asked(&[host, ("origin", "null")]));
        assert!(!asked(&[host, ("origin", "http://127.0.0.1:7071")]));
        assert!(!asked(&[host, ("origin", "http://evil.test"), ("sec-fetch-site", "same-origin")]));
        assert!(!asked(&[("origin", "http://127.0.0.1:7070")]));
    }
}
