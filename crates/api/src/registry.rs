//! The schemas in Confluent's REST shape, read-only, so that any Kafka tool can use them. Not a
//! registry: schemas come with the program.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use codec::Schema;
use serde_json::{Value, json};

use crate::auth::Access;
use crate::edge::Mounts;
use crate::operation::{Operation, Place};
use crate::parts::Shared;

const MEDIA: &str = "application/vnd.schemaregistry.v1+json";

const NO_SUBJECT: (u16, u32, &str) = (404, 40401, "Subject not found.");
const NO_VERSION: (u16, u32, &str) = (404, 40402, "Version not found.");
const NO_SCHEMA: (u16, u32, &str) = (404, 40403, "Schema not found.");
const BAD_VERSION: (u16, u32, &str) = (
    422,
    42202,
    "The specified version is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"",
);
const READ_ONLY: &str =
    "This registry is read-only: schemas come with the program, from its schemas/ directory.";

type Found = Result<Value, (u16, u32, &'static str)>;
/// Gives an answer from the schemas and the path's segments behind `/registry`.
type Ask = fn(&codec::Schemas, &[String]) -> Found;

/// Mounts `/registry/...`.
pub(crate) fn mount(mounts: &mut Mounts) {
    let routes: [(&str, &str, &str, Ask); 9] = [
        ("/subjects", "list_subjects", "All subjects", |all, _| Ok(json!(all.subjects()))),
        ("/subjects/{subject}/versions", "list_versions", "The versions of a subject", versions),
        (
            "/subjects/{subject}/versions/{version}",
            "get_version",
            "One version of a subject",
            |all, path| version(all, path).map(|it| registered(at(path, 1), it)),
        ),
        (
            "/subjects/{subject}/versions/{version}/schema",
            "get_version_schema",
            "Its schema alone",
            |all, at| {
                version(all, at)
                    .and_then(|it| serde_json::from_str(it.text()).map_err(|_| NO_SCHEMA))
            },
        ),
        (
            "/schemas/ids/{id}",
            "get_schema",
            "A schema by its id, as in the wire format",
            |all, at| by_id(all, at).map(|it| json!({ "schema": it.text() })),
        ),
        (
            "/schemas/ids/{id}/versions",
            "list_schema_versions",
            "Where a schema is registered",
            |all, at| {
                by_id(all, at).map(|it| {
                    let one = |subject| json!({ "subject": subject, "version": it.version() });
                    it.subjects().map(one).collect()
                })
            },
        ),
        ("/schemas/types", "list_schema_types", "The schema languages", |_, _| Ok(json!(["AVRO"]))),
        ("/config", "get_compatibility", "The compatibility that all subjects keep", |_, _| {
            Ok(json!({ "compatibilityLevel": "FULL_TRANSITIVE" }))
        }),
        ("/mode", "get_mode", "Whether schemas can be registered here", |_, _| {
            Ok(json!({ "mode": "READONLY" }))
        }),
    ];
    for (path, id, summary, ask) in routes {
        let operation = operation(path, id, summary);
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let write = Operation { method, ..operation.clone() };
            mounts.quietly(&write, false, |_, _, _| async { Ok(read_only()) });
        }
        mounts.mount(operation, move |edge, _, request| {
            std::future::ready(Ok(answer(&edge, &request, ask)))
        });
    }
    // Where clients register and check schemas.
    for path in [
        "/registry/subjects/{subject}",
        "/registry/compatibility/{*rest}",
        "/registry/config/{*rest}",
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let mut write = Operation::get(path, "", "").access(Access::Known);
            write.method = method;
            mounts.quietly(&write, false, |_, _, _| async { Ok(read_only()) });
        }
    }
}

fn operation(path: &str, id: &str, summary: &str) -> Operation {
    let mut it = Operation::get(format!("/registry{path}"), format!("registry_{id}"), summary)
        .tag("registry")
        .access(Access::Known)
        .gives(200, "As Confluent's registry answers", MEDIA, json!({}), &[])
        .gives(
            404,
            "Not there, in Confluent's form",
            MEDIA,
            json!({ "$ref": "#/components/schemas/RegistryError" }),
            &[],
        );
    for (name, doc) in [
        ("subject", "As `content.events-content.post.DraftedV1`"),
        ("version", "A number, or `latest`"),
        ("id", "The id in the wire format"),
    ] {
        if path.contains(&format!("{{{name}}}")) {
            it = it.param(Place::Path, name, doc, json!({ "type": "string" }));
        }
    }
    it
}

fn answer(edge: &Shared, request: &Request, ask: Ask) -> Response {
    let path = request.uri().path();
    let segments: Vec<String> = path.split('/').skip(2).map(unescape).collect();
    match ask(&edge.schemas, &segments) {
        Ok(body) => response(StatusCode::OK, &body),
        Err((status, code, message)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
            response(status, &json!({ "error_code": code, "message": message }))
        }
    }
}

fn read_only() -> Response {
    let body = json!({ "error_code": 40501, "message": READ_ONLY });
    let mut response = response(StatusCode::METHOD_NOT_ALLOWED, &body);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    response
}

fn at(path: &[String], place: usize) -> &str {
    path.get(place).map_or("", String::as_str)
}

fn versions(all: &codec::Schemas, path: &[String]) -> Found {
    let versions: Vec<_> = all.versions(at(path, 1)).iter().map(|it| it.version()).collect();
    if versions.is_empty() { Err(NO_SUBJECT) } else { Ok(json!(versions)) }
}

fn version<'a>(
    all: &'a codec::Schemas,
    path: &[String],
) -> Result<&'a Schema, (u16, u32, &'static str)> {
    let versions = all.versions(at(path, 1));
    let wanted = at(path, 3);
    if wanted == "latest" || wanted == "-1" {
        return versions.into_iter().max_by_key(|it| it.version()).ok_or(NO_SUBJECT);
    }
    let number: u32 = wanted.parse().ok().filter(|it| *it > 0).ok_or(BAD_VERSION)?;
    if versions.is_empty() {
        return Err(NO_SUBJECT);
    }
    versions.into_iter().find(|it| it.version() == number).ok_or(NO_VERSION)
}

fn by_id<'a>(
    all: &'a codec::Schemas,
    path: &[String],
) -> Result<&'a Schema, (u16, u32, &'static str)> {
    let id = at(path, 2).parse().ok();
    id.and_then(|id| all.by_id(id)).ok_or(NO_SCHEMA)
}

fn registered(subject: &str, it: &Schema) -> Value {
    json!({
        "subject": subject,
        "version": it.version(),
        "id": it.id(),
        "schemaType": "AVRO",
        "schema": it.text(),
    })
}

/// A path segment without `%` escapes.
fn unescape(segment: &str) -> String {
    // The form decoder reads `+` as a space; in a path it is a plus.
    let pair = format!("{}=", segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}
