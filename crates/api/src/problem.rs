//! Errors as RFC 9457 problems. Not which errors there are: [`crate::codes`] lists them.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::codes::Code;

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error on its way to the caller.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: &'static Code,
    status: StatusCode,
    word: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<Value>,
    more: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a handler gives.
pub(crate) type Answered = Result<Response, Problem>;

impl Problem {
    /// An error of this kind; `detail` is a sentence for the caller and names no internals.
    pub fn new(code: &'static Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (word, detail) = (Cow::Borrowed(code.word), detail.into());
        Self(Box::new(Inner {
            code,
            status,
            word,
            detail,
            errors: Vec::new(),
            more: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// The same under another word and status: the name of a rule.
    #[must_use]
    pub(crate) fn named(mut self, word: String, status: StatusCode) -> Self {
        self.0.word = Cow::Owned(word);
        self.0.status = status;
        self
    }

    /// Names a field that is wrong.
    #[must_use]
    pub fn at(mut self, pointer: &str, code: &str, detail: &str) -> Self {
        self.0.errors.push(json!({ "pointer": pointer, "code": code, "detail": detail }));
        self
    }

    /// One more member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.more.push((name, value.into()));
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Whether it is an error of this kind.
    pub(crate) fn is(&self, code: &'static Code) -> bool {
        self.0.code == code
    }

    /// The value of a header that was given.
    pub(crate) fn header_of(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }

    /// When to ask again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The machine word.
    pub fn word(&self) -> &str {
        &self.0.word
    }

    /// The answer; `instance` is the path that was asked, `trace_id` the request's trace.
    pub(crate) fn answer(self, instance: &str, trace_id: &str) -> Response {
        let inner = *self.0;
        let mut body = Map::new();
        body.insert("type".into(), format!("/docs/errors/{}", inner.code.rc).into());
        body.insert("title".into(), inner.code.title.into());
        body.insert("status".into(), inner.status.as_u16().into());
        body.insert("detail".into(), inner.detail.into());
        body.insert("code".into(), inner.word.into());
        if !instance.is_empty() {
            body.insert("instance".into(), instance.into());
        }
        if !trace_id.is_empty() {
            body.insert("trace_id".into(), trace_id.into());
        }
        if !inner.errors.is_empty() {
            body.insert("errors".into(), inner.errors.into());
        }
        for (name, value) in inner.more {
            body.insert(name.into(), value);
        }
        let mut response = Response::new(Body::from(Value::Object(body).to_string()));
        *response.status_mut() = inner.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.extend(inner.headers);
        response
    }
}

impl IntoResponse for Problem {
    /// Without instance and trace: for routes outside of the API.
    fn into_response(self) -> Response {
        self.answer("", "")
    }
}
