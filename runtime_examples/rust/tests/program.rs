//! The program: what it prints, and how it ends.

mod scratch;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use scratch::{BUNDLE, Scratch};
use serde_json::json;

fn flow(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flow"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments does not read: then the pipe is closed, and that is well.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn prints(arguments: &[&str], input: &str) -> String {
    let output = flow(arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line on standard error of a run that ends with 2.
fn refuses(arguments: &[&str], input: &str) -> String {
    let output = flow(arguments, input);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(error.starts_with("flow: ") && error.lines().count() == 1, "{error}");
    error
}

#[test]
fn golden_tells_of_every_case_and_counts_them() {
    let told = prints(&["golden", BUNDLE], "");
    assert_eq!(told.lines().filter(|line| line.ends_with("\tpassed")).count(), 7);
    assert!(told.contains("double\twrong_dtype\twrong_dtype\tpassed\n"));
    assert!(told.ends_with("passed 7, failed 0\n"));
}

#[test]
fn a_golden_case_that_fails_is_told_of_and_ends_with_1() {
    let wrong = Scratch::new()
        .edit("/golden/cases/0/expected/log_prob", Some(json!("golden/log_prob_of_sample.npy")))
        .edit("/golden/cases/3/error", Some(json!("wrong_dtype")));
    let output = flow(&["golden", wrong.0.to_str().unwrap()], "");
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.lines().next().unwrap().ends_with("\tfailed"));
    assert!(told.contains("turned\twrong_shape\twrong_dtype\tfailed\n"));
    assert!(told.ends_with("passed 5, failed 2\n"));
    let short = Scratch::new().edit("/golden/cases/1/rows", Some(json!([2, 4])));
    assert!(refuses(&["golden", short.0.to_str().unwrap()], "").contains("fewer rows"));
}

#[test]
fn score_finds_columns_by_name_and_categories_by_label() {
    let rows =
        "note,cut,x3,x2,x1,x0,angle\n\"a, b\",good,1,1,1,1,0.5\n,ideal,1,1,1, 1e0 ,-1\n,fair,1,1,1,0,0\n";
    let output = flow(&["score", BUNDLE], rows);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "log_prob\n10.5\n19\n-inf\n");
    assert!(String::from_utf8(output.stderr).unwrap().contains("no percentiles"));
    assert_eq!(prints(&["score", BUNDLE], "x0,x1,x2,x3,cut,angle\n"), "log_prob\n");
}

#[test]
fn score_refuses_by_row_and_column() {
    let score = |rows: &str| {
        let output = flow(&["score", BUNDLE], rows);
        assert_eq!(output.status.code(), Some(2), "{rows}");
        String::from_utf8(output.stderr).unwrap()
    };
    let good = "x0,x1,x2,x3,cut,angle\n1,1,1,1,fair,0\n";
    for (row, message) in [
        ("1,1,abc,1,fair,0", "row 2, column \"x2\": \"abc\" is not a finite number"),
        ("1,1,,1,fair,0", "row 2, column \"x2\""),
        ("1,nan,1,1,fair,0", "row 2, column \"x1\""),
        ("1,1e39,1,1,fair,0", "row 2, column \"x1\""),
        ("1,1,1,1,poor,0", "row 2, column \"cut\": \"poor\" is no category"),
        ("1,1,1,1,3,0", "row 2, column \"cut\""),
        ("1,1,1,1,fair", "row 2: expected 6 cells, got 5"),
    ] {
        assert!(score(&format!("{good}{row}\n")).contains(message), "{row}");
    }
    assert!(score("x0,x1,x2,x3,angle\n").contains("no column \"cut\""));
    assert!(score("x0,x1,x2,x3,cut,angle,x0\n").contains("column \"x0\" is there twice"));
    assert!(score("").contains("no column \"x0\""));
}

#[test]
fn sample_prints_the_rows_of_a_seed() {
    let all = prints(&["sample", BUNDLE, "1500", "18446744073709551615", "--context", "good,0.5"], "");
    assert_eq!(all.lines().count(), 1501);
    let few = prints(&["sample", BUNDLE, "3", "18446744073709551615", "1", "--context", "1,0.5"], "");
    assert_eq!(few.lines().collect::<Vec<_>>(), all.lines().take(4).collect::<Vec<_>>());
    assert_eq!(prints(&["sample", BUNDLE, "0", "0", "--context", "1,0.5"], ""), "x0,x1,x2,x3\n");
}

#[test]
fn bad_usage_and_bad_bundles_end_with_2_and_one_line() {
    let leaving = Scratch::new().edit("/files/..~1x", Some(json!("0".repeat(64))));
    let lines = Scratch::new().edit("/files/a\nb", Some(json!("0".repeat(64))));
    for (arguments, message) in [
        (vec![], "usage"),
        (vec!["frobnicate", BUNDLE], "usage"),
        (vec!["golden"], "usage"),
        (vec!["golden", "/nonexistent"], "/nonexistent/flow.json: cannot be read"),
        (vec!["golden", leaving.0.to_str().unwrap()], "files: \"../x\" leaves the folder"),
        (vec!["golden", lines.0.to_str().unwrap()], "files: "),
        (vec!["sample", BUNDLE, "1", "0"], "this model needs"),
        (vec!["sample", BUNDLE, "1", "0", "--context", "1"], "--context: expected 2 values"),
        (vec!["sample", BUNDLE, "1", "0", "--context", "best,1"], "--context: column \"cut\""),
        (vec!["sample", BUNDLE, "1", "0", "-1", "--context", "1,1"], "temperature"),
        (vec!["sample", BUNDLE, "18446744073709551615", "0", "--context", "1,1"], "rows"),
    ] {
        assert!(refuses(&arguments, "").contains(message), "{arguments:?}");
    }
}

#[test]
#[cfg(not(feature = "tract"))]
fn without_onnx_runtime_there_is_an_error_and_no_panic() {
    let run = |library: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_flow"))
            .args(["golden", BUNDLE])
            .env("ORT_DYLIB_PATH", library)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let nowhere = run("/nonexistent.so");
    assert!(nowhere.starts_with("flow: ORT_DYLIB_PATH: /nonexistent.so: "), "{nowhere}");
    assert_eq!(nowhere.lines().count(), 1);
    assert!(run(&format!("{BUNDLE}/log_prob.onnx")).contains("ORT_DYLIB_PATH"));
}
