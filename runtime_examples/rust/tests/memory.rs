//! Calls leave nothing behind.

#![cfg(target_os = "linux")]

use std::fs;

use flowbundle::{Model, Rows};

const CALLS: usize = 20_000;

/// What a page here and there may add; a leak of one row's output a call would add ten times as much.
const SLACK_KIB: usize = 2048;

/// Resident memory, in KiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn memory_stays_flat_over_many_calls() {
    let model = Model::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundle")).unwrap();
    let call = || {
        let context = Some((&[[1.0, 0.5]]).into());
        let x = model.sample(0..16, 1, 1.0, context).unwrap();
        model.log_prob(Rows::new(&x, &[1, 2, 2]), context).unwrap();
        model.log_prob(Rows::new(&x, &[4]), context).unwrap_err();
    };
    (0..CALLS / 10).for_each(|_| call());
    let before = resident();
    (0..CALLS).for_each(|_| call());
    let grown = resident().saturating_sub(before);
    println!("{CALLS} calls: {grown} KiB");
    assert!(grown < SLACK_KIB, "{CALLS} calls left {grown} KiB behind");
}
