//! Every row runs and its line can be read. Not how fast: a test does not measure.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::process::Command;

use serde_json::Value;

/// The rows of a workload, run once and as short as can be.
fn rows(workload: &str) -> Vec<Value> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args([workload, "--json", "--smoke", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of the rows, each of which has figures for ours and for every control.
fn names(rows: &[Value]) -> Vec<&str> {
    for row in rows {
        let ours = std::iter::once(&row["ours"]);
        let all: Vec<&Value> = ours.chain(row["controls"].as_object().unwrap().values()).collect();
        assert!(all.iter().all(|one| one["per_s"].as_f64().unwrap() > 0.0), "{row}");
        assert!(row["peers"].is_object() && !row["ratios"].is_null(), "{row}");
        assert!(row["goal"].is_null() || row["reached"].is_boolean(), "{row}");
    }
    rows.iter().map(|row| row["row"].as_str().unwrap()).collect()
}

#[test]
fn commands_in_process_and_over_http() {
    assert_eq!(names(&rows("w1")), ["W1-P/1", "W1-P/64", "W1-P/1024", "W1-H/64", "W1-H/batch"]);
}

#[test]
fn commands_to_one_aggregate() {
    assert_eq!(names(&rows("w2")), ["W2-P/1", "W2-P/64", "W2-P/1024"]);
}

#[test]
fn an_aggregate_is_loaded() {
    assert_eq!(names(&rows("w3")), ["W3/warm", "W3/cold", "W3/snapshot"]);
}

#[test]
fn a_process_starts_and_is_killed() {
    assert_eq!(names(&rows("w7")), ["W7-P/empty", "W7-P/500 events", "W7-M/500 aggregates"]);
    assert_eq!(names(&rows("w8")), ["W8-P"]);
}

#[test]
fn the_rate_is_taken_over_a_table() {
    assert_eq!(names(&rows("grow")).len(), 12);
}

#[test]
fn what_is_not_understood_is_told() {
    let out = Command::new(env!("CARGO_BIN_EXE_bench")).arg("w9").output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("there is no workload `w9`"));
}
