//! The programs and test binaries that put the faults in, built once, and which of them holds a test. Not their
//! running.
//!
//! They are built by the lines of the stages of `cargo xtask test`, because what is built by other lines has
//! other features and is compiled anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::program::{Failed, run};
use crate::stages::{END_TO_END, LOG_KAFKA, build, unit_tests};
use crate::workspace::Workspace;

/// Test binaries, by the file that their sources begin with.
#[derive(Debug)]
pub(super) struct Built {
    binaries: BTreeMap<PathBuf, PathBuf>,
}

/// Builds what these tests take: the binaries that hold them, and the programs that they start.
pub(super) fn built(at: &Workspace, tests: &[&str]) -> Result<Built, Failed> {
    let any = |of: &str| tests.iter().any(|it| it.starts_with(of));
    let kafka = "crates/log-kafka/";
    let mut lines: Vec<Vec<&str>> = Vec::new();
    if tests.iter().any(|it| it.starts_with("crates/") && !it.starts_with(kafka)) {
        lines.push(unit_tests(at));
    }
    if any(kafka) {
        lines.push(LOG_KAFKA.to_vec());
    }
    if any("tests/") {
        lines.push(END_TO_END.to_vec());
    }
    if any("tests/cluster/") {
        lines.push([&END_TO_END[..], &["--test", "cluster"]].concat());
    }
    let mut binaries = BTreeMap::new();
    for line in lines {
        let how = ["--no-run", "--message-format=json-render-diagnostics"];
        let said = said(&mut at.cargo(&[&line[..], &how].concat()))?;
        binaries.extend(said.lines().filter_map(binary));
    }
    // Last: a line of tests leaves programs with the features that it takes.
    let programs = [("tests/", "recount"), ("tests/cluster/", "foreign-client")];
    for (of, program) in programs.into_iter().chain([("sim", "sim"), ("model", "model")]) {
        if any(of) {
            run(&mut build(at, program))?;
        }
    }
    Ok(Built { binaries })
}

impl Built {
    /// The command that runs this one test.
    pub(super) fn test(&self, at: &Workspace, file: &str, name: &str) -> Result<Command, Failed> {
        let (package, root) = root_of(file);
        let none = || Failed::Step(format!("no test binary was built from {root}"));
        let binary = self.binaries.get(&at.top.join(&root)).ok_or_else(none)?;
        let command = || {
            let mut command = Command::new(binary);
            command.current_dir(at.top.join(&package)).env("CARGO_TARGET_DIR", &at.target);
            command
        };
        let listed = said(command().args(["--list", "--format", "terse"]))?;
        let path = path_of(&listed, name);
        let none = || Failed::Step(format!("{root} has not one test `{name}`"));
        let mut command = command();
        // Also of a test that passes: it may say that it left something out.
        command.args(["--show-output", "--exact", path.ok_or_else(none)?]);
        Ok(command)
    }
}

/// What a program prints; its errors are shown.
fn said(command: &mut Command) -> Result<String, Failed> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    match output {
        Ok(it) if it.status.success() => Ok(String::from_utf8_lossy(&it.stdout).into_owned()),
        Ok(it) => Err(Failed::Step(format!("{command:?} failed: {}", it.status))),
        Err(error) => Err(Failed::Step(format!("{command:?} did not start: {error}"))),
    }
}

/// Source and executable of a message of cargo's about a test binary. Tools take no libraries, so this is no JSON
/// reader: no path of ours has anything that JSON would write in another way.
fn binary(message: &str) -> Option<(PathBuf, PathBuf)> {
    let text = |name: &str| {
        let (_, rest) = message.split_once(&format!("\"{name}\":\""))?;
        rest.split('"').next().map(PathBuf::from)
    };
    Some((text("src_path")?, text("executable")?))
}

/// The package that a test's file belongs to, and the file that the sources of its binary begin with.
fn root_of(file: &str) -> (String, String) {
    if let Some((package, _)) = file.split_once("/src/") {
        return (package.to_owned(), format!("{package}/src/lib.rs"));
    }
    // The end-to-end tests are a package whose targets are folders.
    let package = file.split_once("/tests/").map_or("tests", |(package, _)| package);
    let top = if package == "tests" { "tests".to_owned() } else { format!("{package}/tests") };
    let inside = file.strip_prefix(&top).unwrap_or(file).trim_start_matches('/');
    let root = match inside.split_once('/') {
        Some((folder, _)) => format!("{top}/{folder}/main.rs"),
        None => file.to_owned(),
    };
    (package.to_owned(), root)
}

/// The path of the one test of this name in a binary's list, whose lines are `path: test`.
fn path_of<'a>(listed: &'a str, name: &str) -> Option<&'a str> {
    let paths = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let mut fit = paths.filter(|path| path.rsplit("::").next() == Some(name));
    let one = fit.next()?;
    fit.next().is_none().then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_found_by_the_files_of_their_tests() {
        let root = |file| {
            let (package, root) = root_of(file);
            format!("{package} {root}")
        };
        assert_eq!(root("crates/log/tests/rule.rs"), "crates/log crates/log/tests/rule.rs");
        assert_eq!(
            root("crates/segment/tests/space/space.rs"),
            "crates/segment crates/segment/tests/space/main.rs"
        );
        assert_eq!(
            root("crates/log-embedded/src/manifest.rs"),
            "crates/log-embedded crates/log-embedded/src/lib.rs"
        );
        assert_eq!(root("tests/e2e/crash.rs"), "tests tests/e2e/main.rs");
    }

    #[test]
    fn messages_of_cargo_about_test_binaries_are_understood() {
        let test = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"rule","src_path":"/a/tests/rule.rs"},"executable":"/t/rule-1"}"#;
        assert_eq!(binary(test), Some(("/a/tests/rule.rs".into(), "/t/rule-1".into())));
        let library = r#"{"target":{"src_path":"/a/src/lib.rs"},"executable":null}"#;
        assert_eq!(binary(library), None);
        assert_eq!(binary(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn a_test_is_found_by_its_name_when_there_is_one_of_it() {
        let listed = "walks: test\ndeep::walks_far: test\na::runs: test\nb::runs: test\n";
        assert_eq!(path_of(listed, "walks"), Some("walks"));
        assert_eq!(path_of(listed, "walks_far"), Some("deep::walks_far"));
        assert_eq!(path_of(listed, "runs"), None);
    }
}
