//! A route as data: what the router mounts, the document describes and the reference page shows.
//! Not the handler.

use domain::Shape;
use serde_json::Value;

use crate::auth::Access;
use crate::codes::Code;

/// One operation of the API.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// `GET`, `POST`, ...
    pub(crate) method: axum::http::Method,
    /// As `/api/content/posts/{id}`.
    pub(crate) path: String,
    /// Its id in the document.
    pub(crate) id: String,
    /// The group it belongs to: a context, or `platform`.
    pub(crate) tag: String,
    /// A line.
    pub(crate) summary: String,
    /// More, if there is more to say.
    pub(crate) about: &'static str,
    /// Who may.
    pub(crate) access: Access,
    /// Its parameters.
    pub(crate) params: Vec<Param>,
    /// Its body.
    pub(crate) body: Option<Shape>,
    /// Its answers besides errors.
    pub(crate) answers: Vec<Given>,
    /// Its errors.
    pub(crate) problems: Vec<&'static Code>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// A parameter.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) schema: Value,
    pub(crate) required: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) status: u16,
    pub(crate) doc: String,
    pub(crate) media: &'static str,
    pub(crate) schema: Value,
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

impl Operation {
    /// A `GET` with nothing but its name.
    pub(crate) fn get(path: impl Into<String>, id: impl Into<String>, summary: &str) -> Self {
        Self {
            method: axum::http::Method::GET,
            path: path.into(),
            id: id.into(),
            tag: "platform".into(),
            summary: summary.into(),
            about: "",
            access: Access::Open,
            params: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn tag(self, tag: &str) -> Self {
        Self { tag: tag.into(), ..self }
    }

    #[must_use]
    pub(crate) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    #[must_use]
    pub(crate) fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    #[must_use]
    pub(crate) fn param(mut self, place: Place, name: &str, doc: &str, schema: Value) -> Self {
        let (name, doc, required) = (name.into(), doc.into(), place == Place::Path);
        self.params.push(Param { place, name, doc, schema, required });
        self
    }

    #[must_use]
    pub(crate) fn gives(
        mut self,
        status: u16,
        doc: &str,
        media: &'static str,
        schema: Value,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.answers.push(Given { status, doc: doc.into(), media, schema, headers });
        self
    }

    #[must_use]
    pub(crate) fn fails(mut self, codes: &[&'static Code]) -> Self {
        self.problems.extend_from_slice(codes);
        self
    }
}
