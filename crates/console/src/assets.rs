//! The files the pages need, embedded in the binary and named by their content. Not templates.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::format;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    tag: String,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($name:literal, $kind:expr, $path:literal) => {
        Asset::new($name, $kind, include_bytes!(concat!("../assets/", $path)))
    };
}

static ASSETS: LazyLock<[Asset; 8]> = LazyLock::new(|| {
    [
        asset!("tokens.css", CSS, "tokens.css"),
        asset!("console.css", CSS, "console.css"),
        asset!("pages.css", CSS, "pages.css"),
        asset!("icons.svg", "image/svg+xml", "icons.svg"),
        asset!("mark.svg", "image/svg+xml", "mark.svg"),
        asset!("console.js", JS, "console.js"),
        asset!("htmx.js", JS, "vendor/htmx.min.js"),
        asset!("sse.js", JS, "vendor/sse.min.js"),
    ]
});

impl Asset {
    fn new(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        // 64 bits of it: enough to tell the versions of a file apart.
        let tag = format::hex(&hash[..8]);
        Self { name, kind, bytes, tag }
    }
}

/// The URL of a file; it changes with its content.
pub(crate) fn url(name: &str) -> String {
    let tag = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.tag.as_str());
    format!("/console/assets/{name}?v={tag}")
}

/// `GET /console/assets/{name}`: for a year when asked by its version, else checked every time.
pub(crate) async fn serve(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let etag = format!("\"{}\"", asset.tag);
    let pinned = uri.query() == Some(format!("v={}", asset.tag).as_str());
    let keep = if pinned { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fixed = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, keep.to_owned())];
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if asked.is_some_and(|tags| tags.split(',').any(|one| one.trim() == etag || one.trim() == "*"))
    {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    (fixed, [(header::CONTENT_TYPE, asset.kind)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendored_scripts_are_the_released_ones() {
        let full = |name: &str| {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            let hash: [u8; 32] = Sha256::digest(asset.bytes).into();
            format::hex(&hash)
        };
        let htmx = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717";
        let sse = "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136";
        assert_eq!((full("htmx.js").as_str(), full("sse.js").as_str()), (htmx, sse));
    }
}
