//! The product, the tests of its crates and the tests of its binary are built with the same features of
//! every library, or each library that differs is built again, and all that stands on it.

use std::collections::{BTreeMap, BTreeSet};

use crate::layers::cargo;
use crate::none;

/// What `cargo xtask up` and the stages of `cargo xtask test` build. The rest has features of its own, on
/// purpose (`sim`, `foreign-client`), or stands on little (`model`, `log-kafka`).
const BUILT: [(&str, &[&str]); 3] = [
    ("the product", &["-p", "recount", "-e", "normal,build"]),
    ("the tests of the binary", &["-p", "recount-tests", "-e", "normal,build,dev"]),
    (
        "the tests of every crate",
        &[
            "--workspace",
            "--exclude",
            "recount-tests",
            "--exclude",
            "sim",
            "--exclude",
            "foreign-client",
            "--exclude",
            "model",
            "--exclude",
            "log-kafka",
            "-e",
            "normal,build,dev",
        ],
    ),
];

/// Library -> its sets of features: two where macros are built with others than the program.
fn features(of: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let tree = cargo(&[&["tree", "--prefix", "none", "--format", "{p}|{f}"], of].concat());
    for line in tree.lines().map(|line| line.trim_end_matches(" (*)")) {
        let Some((package, features)) = line.split_once('|') else { continue };
        // Ours carry their directory.
        if !package.contains("(/") {
            all.entry(package.to_owned()).or_default().insert(features.to_owned());
        }
    }
    all
}

#[test]
fn a_library_is_built_once_for_the_product_and_all_tests() {
    let mut known: BTreeMap<String, (&str, BTreeSet<String>)> = BTreeMap::new();
    let mut findings = Vec::new();
    for (what, selection) in BUILT {
        let found = features(selection);
        assert!(!found.is_empty(), "cargo tree names no library of {what}");
        for (library, features) in found {
            let (first, before) =
                known.entry(library.clone()).or_insert_with(|| (what, features.clone()));
            if *before != features {
                findings.push(format!(
                    "{library}: {first} has {before:?}, {what} {features:?}; name those of both in crates/same-features/Cargo.toml"
                ));
            }
        }
    }
    none(&findings);
}
