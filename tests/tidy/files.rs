//! The shape of single files: heads, sizes, leftovers, error pages, lints.
//!
//! Looks at text only; what a file means is the compiler's affair.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{none, top};

/// Where code lives.
const CODE: [&str; 5] = ["crates", "aggregates", "projections", "sagas", "tests"];
/// Everything that is read by people or machines.
const ALL: [&str; 9] =
    ["crates", "aggregates", "projections", "sagas", "tests", "schemas", "docs", ".ci", ".cargo"];
const TEXT: [&str; 15] = [
    "rs", "md", "toml", "sql", "avsc", "json", "html", "css", "js", "mjs", "ts", "svg", "yml",
    "sh", "run",
];

const LINES_MAX: usize = 600;
/// Files above the limit with the size they may not exceed; the list only gets shorter.
const LONG: [(&str, usize); 0] = [];

/// Written apart so that this file does not find itself.
const LEFTOVERS: [&str; 5] = [
    concat!("dbg", "!("),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("#[", "ignore"),
];
const MACHINE_PATHS: [&str; 3] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tmp/", "bash")];

/// A file with its path from the top.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|it| it == extension)
    }
}

fn files(dirs: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    for dir in dirs {
        walk(&top().join(dir), &mut found);
    }
    assert!(!found.is_empty());
    found
}

fn walk(dir: &Path, found: &mut Vec<File>) {
    // A top directory may not be there yet.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                walk(&path, found);
            }
            continue;
        }
        let extension = path.extension().map_or(name, |it| it.to_string_lossy().into_owned());
        if TEXT.contains(&extension.as_str())
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(top()).unwrap().to_string_lossy().into_owned();
            found.push(File { path, text });
        }
    }
}

fn code() -> Vec<File> {
    files(&CODE).into_iter().filter(|it| it.is("rs")).collect()
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent = code().into_iter().filter(|it| !it.text.starts_with("//!"));
    none(&silent.map(|it| format!("{} does not begin with `//!`", it.path)).collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long_and_no_exception_is_kept_that_is_not_needed() {
    let mut findings = Vec::new();
    for file in code() {
        let lines = file.text.lines().count();
        let exception = LONG.iter().find(|it| it.0 == file.path);
        if exception.is_some() && lines <= LINES_MAX {
            findings.push(format!("{} needs no exception any more: remove it", file.path));
        }
        let max = exception.map_or(LINES_MAX, |it| it.1);
        if lines > max {
            findings.push(format!("{} has {lines} lines, {max} are allowed", file.path));
        }
    }
    none(&findings);
}

#[test]
fn nothing_unfinished_is_left() {
    let mut findings = Vec::new();
    for file in code() {
        for (number, line) in file.text.lines().enumerate() {
            let found = LEFTOVERS.iter().filter(|it| line.contains(**it));
            findings.extend(found.map(|it| format!("{}:{}: {it}", file.path, number + 1)));
        }
    }
    none(&findings);
}

#[test]
fn no_text_knows_the_machine_it_was_written_on() {
    let mut findings = Vec::new();
    for file in files(&ALL) {
        for (number, line) in file.text.lines().enumerate() {
            let found = MACHINE_PATHS.iter().filter(|it| line.contains(**it));
            findings.extend(found.map(|it| format!("{}:{}: {it}", file.path, number + 1)));
        }
        if file.path.ends_with("package-lock.json") && file.text.contains("\"resolved\"") {
            findings.push(format!("{} names a registry", file.path));
        }
    }
    none(&findings);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = files(&CODE).into_iter().filter(|it| it.path.ends_with("Cargo.toml"));
    let lax = manifests.filter(|it| {
        let manifest: toml::Table = it.text.parse().unwrap();
        manifest.get("lints").and_then(|it| it.get("workspace")?.as_bool()) != Some(true)
    });
    none(
        &lax.map(|it| format!("{} lacks `[lints] workspace = true`", it.path)).collect::<Vec<_>>(),
    );
}

#[test]
fn every_crate_stands_in_one_row_of_the_code_map() {
    let map = fs::read_to_string(top().join("docs/ARCHITECTURE.md")).unwrap();
    let manifests = files(&["crates"]).into_iter().filter(|it| it.path.ends_with("/Cargo.toml"));
    let crates: Vec<_> = manifests.map(|it| it.path.replace("/Cargo.toml", "")).collect();
    assert!(crates.len() > 20, "{crates:?}");
    let rows = |name: &String| {
        let named = format!("`{name}`");
        map.lines().filter(|line| line.starts_with('|') && line.contains(&named)).count()
    };
    let wrong = crates.iter().filter(|it| rows(it) != 1);
    none(&wrong.map(|it| format!("{it} stands in {} rows", rows(it))).collect::<Vec<_>>());
}

#[test]
fn every_error_code_has_its_page_and_every_page_its_code() {
    let used: BTreeSet<String> = code().iter().flat_map(|it| codes(&it.text)).collect();
    let pages = files(&["docs"]).into_iter().filter_map(|it| {
        let name = it.path.strip_prefix("docs/errors/")?.strip_suffix(".md")?;
        codes(name).pop()
    });
    let pages: BTreeSet<String> = pages.collect();
    let mut findings = Vec::new();
    let missing = used.difference(&pages);
    findings.extend(missing.map(|it| format!("{it} is used and has no docs/errors/{it}.md")));
    let dead = pages.difference(&used);
    findings.extend(dead.map(|it| format!("docs/errors/{it}.md describes what no code uses")));
    none(&findings);
}

/// Error codes in a text: `RC` and four digits, neither preceded nor followed by more of a word.
fn codes(text: &str) -> Vec<String> {
    let word = |byte: Option<&u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
    let bytes = text.as_bytes();
    let found = text.match_indices("RC").filter(|(at, _)| {
        let digits = bytes.get(at + 2..at + 6).is_some_and(|it| it.iter().all(u8::is_ascii_digit));
        digits && !word(bytes.get(at + 6)) && (*at == 0 || !word(bytes.get(at - 1)))
    });
    found.map(|(at, _)| text[at..at + 6].to_owned()).collect()
}

#[test]
fn a_code_is_a_whole_word() {
    let code = concat!("RC", "9001");
    assert_eq!(codes(&format!("see {code}, or \"{code}\"")), [code, code]);
    assert!(codes(&format!("X{code} {code}0 {code}a RC12")).is_empty());
}
