//! Dependencies point down only: `docs/layers.toml` against what cargo says.
//!
//! Direct edges come from `cargo metadata`; what is reached at all from `cargo tree -p`, because
//! metadata unifies features over the workspace and so shows edges that a crate alone does not have.

use std::collections::BTreeMap;
use std::process::Command;

use crate::{none, top};

/// One layer of the table.
struct Layer {
    name: String,
    crates: Vec<String>,
    knows: Vec<String>,
    tests_know: Vec<String>,
    external: Option<Vec<String>>,
    never: Vec<String>,
}

/// `docs/layers.toml`.
struct Table {
    layers: Vec<Layer>,
    also: Vec<(String, String)>,
}

impl Table {
    fn read() -> Self {
        let text = std::fs::read_to_string(top().join("docs/layers.toml")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let words = |of: &toml::Value, name: &str| -> Option<Vec<String>> {
            let list = of.get(name)?.as_array().unwrap();
            Some(list.iter().map(|it| it.as_str().unwrap().to_owned()).collect())
        };
        let layers = table["layers"].as_table().unwrap().iter().map(|(name, layer)| Layer {
            name: name.clone(),
            crates: words(layer, "crates").unwrap(),
            knows: words(layer, "knows").unwrap(),
            tests_know: words(layer, "tests_know").unwrap_or_default(),
            external: words(layer, "external"),
            never: words(layer, "never").unwrap_or_default(),
        });
        let also = table.get("also").and_then(toml::Value::as_array).into_iter().flatten();
        let also = also.map(|it| {
            assert!(!it["why"].as_str().unwrap().is_empty());
            (it["from"].as_str().unwrap().to_owned(), it["to"].as_str().unwrap().to_owned())
        });
        Self { layers: layers.collect(), also: also.collect() }
    }

    fn layer_of(&self, package: &str) -> Option<&Layer> {
        self.layers.iter().find(|it| it.crates.iter().any(|name| name == package))
    }

    fn allows(&self, edge: &Edge<'_>) -> bool {
        let Some(from) = self.layer_of(edge.from) else { return false };
        let Some(to) = self.layer_of(edge.to) else {
            // A library from outside.
            let listed = |all: &Vec<String>| all.iter().any(|it| it == edge.to);
            return edge.in_tests || from.external.as_ref().is_none_or(listed);
        };
        let known = |layers: &[String]| layers.iter().any(|it| *it == to.name || it == "*");
        known(&from.knows)
            || (edge.in_tests && known(&from.tests_know))
            || self.also.iter().any(|(from, to)| from == edge.from && to == edge.to)
    }
}

/// A dependency as a manifest has it.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    in_tests: bool,
}

pub(crate) fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(args).current_dir(top()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {errors}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// Package -> its dependencies, (name, whether only for tests).
fn workspace() -> BTreeMap<String, Vec<(String, bool)>> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    packages
        .map(|package| {
            let edges = package["dependencies"].as_array().unwrap().iter();
            let edges = edges.map(|it| (text(it), it["kind"] == "dev")).collect();
            (text(package), edges)
        })
        .collect()
}

#[test]
fn every_crate_stands_in_one_layer_and_depends_only_on_what_its_layer_may_know() {
    let table = Table::read();
    let mut findings = Vec::new();
    for (package, edges) in workspace() {
        let places = table.layers.iter().filter(|it| it.crates.contains(&package)).count();
        if places != 1 {
            findings.push(format!("{package} stands in {places} layers of docs/layers.toml"));
            continue;
        }
        for (to, in_tests) in &edges {
            if !table.allows(&Edge { from: &package, to, in_tests: *in_tests }) {
                let layer = &table.layer_of(&package).unwrap().name;
                findings.push(format!("{package} (layer {layer}) must not depend on {to}"));
            }
        }
    }
    none(&findings);
}

#[test]
fn no_crate_reaches_what_its_layer_must_never_reach() {
    let table = Table::read();
    let mut findings = Vec::new();
    for package in workspace().keys() {
        let Some(layer) = table.layer_of(package).filter(|it| !it.never.is_empty()) else {
            continue;
        };
        let edges = ["-e", "normal,build", "--prefix", "none", "--format", "{p}"];
        let tree = cargo(&[&["tree", "-p", package.as_str()][..], &edges].concat());
        let mut reached: Vec<&str> =
            tree.lines().filter_map(|it| it.split_whitespace().next()).collect();
        reached.sort_unstable();
        reached.dedup();
        for name in reached {
            if layer.never.iter().any(|pattern| matches(pattern, name)) {
                findings.push(format!(
                    "{package} (layer {}) reaches {name}: `cargo tree -p {package} -i {name}`",
                    layer.name
                ));
            }
        }
    }
    none(&findings);
}

/// `*-sys` is every name with that end; anything else is itself.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_prefix('*').map_or(pattern == name, |end| name.ends_with(end))
}

#[test]
fn the_table_itself_refuses_an_arrow_upwards() {
    let table = Table::read();
    let edge = |from, to, in_tests| table.allows(&Edge { from, to, in_tests });
    assert!(edge("content", "domain", false));
    assert!(!edge("domain", "content", false));
    assert!(!edge("content", "social", false), "contexts do not know one another");
    assert!(!edge("content", "tokio", false), "rules do no input or output");
    assert!(!edge("lane", "log-embedded", false), "the runtime knows no concrete adapter");
    assert!(edge("lane", "log-embedded", true), "its tests may");
    assert!(edge("recount", "log-embedded", false));
    assert!(!edge("unheard-of", "domain", false));
}
