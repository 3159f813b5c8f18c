//! A request under construction: what all providers need of one, and no more.

use bytes::Bytes;
use domain::Timestamp;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};

/// One request.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) due_at: Timestamp,
}

impl std::fmt::Debug for Request {
    /// Without headers and body, which hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Request {
    /// `path` begins with `/` and is appended to the client's base; an answer is waited for until
    /// `due_at`.
    pub fn new(method: Method, path: impl Into<String>, due_at: Timestamp) -> Self {
        let (path, headers, body) = (path.into(), Vec::new(), Bytes::new());
        Self { method, path, headers, body, due_at }
    }

    /// With a query; names and values are encoded.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.path.push('?');
        self.path.push_str(&encoded(pairs));
        self
    }

    /// With a header; one that cannot be sent is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(name == AUTHORIZATION);
            self.headers.push((name, value));
        }
        self
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        let body = Bytes::from(body.to_string());
        Self { body, ..self.header(CONTENT_TYPE, "application/json") }
    }

    /// With these bytes as body.
    #[must_use]
    pub fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    /// With a form as body.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let body = Bytes::from(encoded(pairs));
        Self { body, ..self.header(CONTENT_TYPE, "application/x-www-form-urlencoded") }
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
