//! Holds the shape of the repository: layers, files, error pages, features of libraries.
//!
//! Not about behaviour, and nothing that rustc, clippy or rustfmt would say.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod features;
mod files;
mod layers;

use std::path::{Path, PathBuf};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Fails with all findings at once: whoever cleans up wants the whole list.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n  {}\n", findings.join("\n  "));
}
