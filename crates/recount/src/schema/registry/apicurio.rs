//! Apicurio's way to a schema under an id of our choice: its front for Confluent's clients takes the
//! mode `IMPORT` and ignores the id, but what an archive brings keeps its id, and registering the same
//! text afterwards finds it. Not the registering.

use std::io::{Cursor, Write as _};

use axum::http::{Method, header};
use provider_http::Client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Failed, Registry, Wanted};

const IMPORT: &str = "/apis/registry/v3/admin/import?requireEmptyRegistry=false";

impl Registry {
    /// Brings the texts with their ids, in no subject yet; `root` is the address before `/apis`.
    pub(super) async fn import(&self, root: &str, missing: &[&Wanted<'_>]) -> Result<(), Failed> {
        let archive = archive(missing).map_err(|error| Failed::Refused(error.to_string()))?;
        let http = Client::new(root).map_err(|error| Failed::Refused(error.to_string()))?;
        let request = self.request(Method::POST, IMPORT);
        let request = request.header(header::CONTENT_TYPE, "application/zip").body(archive.into());
        let answer = http.call(request).await;
        let answer = answer.map_err(|error| Failed::Unreachable(error.to_string()))?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(self.refused(&Method::POST, IMPORT, &answer))
    }
}

/// An archive as Apicurio 3 exports it, with nothing but texts and their ids in it.
fn archive(missing: &[&Wanted<'_>]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: String, bytes: &[u8]| -> Result<(), zip::result::ZipError> {
        zip.start_file(name, SimpleFileOptions::default())?;
        Ok(zip.write_all(bytes)?)
    };
    let manifest = json!({
        "systemVersion": "3.0.0", "systemName": "recount", "exportVersion": "3.0", "exportedOn": 1,
    });
    add("recount.Manifest.json".to_owned(), manifest.to_string().as_bytes())?;
    let mut seen = std::collections::BTreeSet::new();
    for it in missing {
        // One schema may stand in several subjects.
        if !seen.insert(it.schema.id()) {
            continue;
        }
        let text = it.schema.text();
        let hash = format!("{:x}", Sha256::digest(text));
        let content: Value = json!({
            "contentId": it.schema.id(),
            "contentHash": hash,
            "artifactType": "AVRO",
            "contentType": "application/json",
        });
        add(format!("content/{hash}.Content.json"), content.to_string().as_bytes())?;
        add(format!("content/{hash}.Content.data"), text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}
