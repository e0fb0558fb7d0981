//! Numbers of any size: those that a user types are refused with the range that they could be of, and
//! those that were measured fit a person's screen.

mod common;

use assert_cmd::Command;
use common::lab::Lab;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::os::unix::fs::PermissionsExt;

fn sandlab(arguments: &str) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.args(arguments.split_whitespace());
    sandlab.env("SANDLAB_NO_STORE", "true").timeout(std::time::Duration::from_secs(120));
    sandlab
}

const RATE: [&str; 2] = ["between 0.1", "1,000,000,000"];
const TIME: [&str; 2] = ["at least 10ms", "at most 30days"];
const FROM_ZERO: [&str; 2] = ["at least 0s", "at most 30days"];
const WAIT: [&str; 2] = ["at least 1us", "at most 30days"];
const AGENTS: [&str; 2] = ["from 1 ", "to 4000000"];
const SIZE: [&str; 2] = ["from 8 ", "to 67108864"];
const COUNT: [&str; 2] = ["from 1 ", "to 1000000"];
const TIMES: [&str; 2] = ["from 1 ", "to 4294967295"];
const SEED: [&str; 2] = ["from 0 ", "to 18446744073709551615"];
const LIMIT: [&str; 2] = ["between 1B", "4GiB"];

/// What is a number, and too large, too small, or none.
const WHOLE: [&str; 7] = ["99999999999999999999", "-1", "1.5", "1e3", "nan", "inf", "many"];
const REAL: [&str; 6] = ["1e400", "nan", "-5", "-inf", "0", "many"];
const DURATION: [&str; 6] = ["1e30y", "-1s", "nan", "5", "99999999999999999999s", "31days"];

#[test]
fn every_argument_that_is_a_number_names_its_range() {
    let (whole, real, duration) = (&WHOLE[..], &REAL[..], &DURATION[..]);
    for (command, option, wrong, range) in [
        ("compare", "--rounds", whole, TIMES),
        ("compare", "--rounds", &["0"][..], TIMES),
        ("compare", "--seed", whole, SEED),
        ("compare", "--reuse", whole, ["from 1 ", "to 18446744073709551615"]),
        ("lab", "--seed", whole, SEED),
        ("lab", "--rounds", whole, TIMES),
        ("run quick", "--seed", whole, SEED),
        ("sample", "--seed", whole, SEED),
        ("spawn", "--rounds", whole, TIMES),
        ("throughput", "--agents", whole, AGENTS),
        ("throughput", "--agents", &["0", "1,2,0", "5000000"][..], AGENTS),
        ("throughput", "--size", whole, SIZE),
        ("throughput", "--depth", whole, COUNT),
        ("throughput", "--tasks", whole, COUNT),
        ("throughput", "--connections", whole, COUNT),
        ("throughput", "--batch-size", whole, COUNT),
        ("throughput", "--batch-size", &["0"][..], COUNT),
        ("throughput", "--batch-timeout", duration, FROM_ZERO),
        ("throughput", "--duration", duration, TIME),
        ("throughput", "--shards", whole, ["from 1 ", "to 253"]),
        ("throughput", "--shards", &["0", "254", "256"][..], ["from 1 ", "to 253"]),
        ("latency", "--rate", real, RATE),
        ("latency", "--agents", whole, AGENTS),
        ("latency", "--size", whole, SIZE),
        ("latency", "--duration", duration, TIME),
        ("latency", "--ramp-up", duration, FROM_ZERO),
        ("latency", "--p99", duration, WAIT),
        ("latency", "--step", duration, TIME),
        ("latency", "--deadline", duration, WAIT),
        ("latency", "--deadline", &["0s"][..], WAIT),
        ("latency", "--workers", whole, ["from 1 ", "to 1000"]),
        ("scale", "--agents", whole, AGENTS),
        ("scale", "--size", whole, SIZE),
        ("scale", "--duration", duration, TIME),
        ("load peak", "--rate", real, RATE),
        ("load peak", "--agents", whole, AGENTS),
        ("load sustained", "--cycles", whole, ["from 1 ", "to 10000"]),
        ("load sustained", "--duration", duration, TIME),
        ("load burst", "--burst-rate", real, RATE),
        ("load burst", "--baseline", duration, TIME),
        ("load burst", "--watch", duration, TIME),
        ("recovery", "--fault-rate", real, RATE),
        ("recovery", "--rate", real, RATE),
        ("recovery", "--agents", whole, AGENTS),
        ("idle", "--agents", whole, AGENTS),
        ("idle", "--duration", duration, TIME),
        ("footprint", "--agents", whole, AGENTS),
        ("footprint", "--rate", real, RATE),
        ("footprint", "--duration", duration, TIME),
        (
            "memory echo",
            "--limits",
            &["nan", "-5MB", "0B", "1e400", "5GiB", "7", "99999999999999999999"][..],
            LIMIT,
        ),
        ("memory echo", "--headroom", whole, ["from 0 ", "to 1000"]),
        ("memory echo", "--repeats", whole, TIMES),
        ("memory echo", "--passes", whole, COUNT),
        ("memory echo", "--soak", duration, FROM_ZERO),
        ("plan echo", "--limit", &["nan", "-5MB", "0B", "5GiB"][..], LIMIT),
        ("plan echo", "--agents", whole, AGENTS),
        ("tune echo", "--time", duration, ["at least 1s", "at most 30days"]),
        ("tune echo", "--threshold", whole, ["from 0 ", "to 100"]),
        ("torture", "--duration", duration, TIME),
        ("torture", "--agents", whole, ["from 1 ", "to 64"]),
        ("torture", "--rate", real, RATE),
        ("torture", "--shards", whole, ["from 1 ", "to 252"]),
        ("torture", "--seed", whole, SEED),
        ("calibrate", "--runs", whole, TIMES),
        ("calibrate", "--planted-runs", whole, ["from 0 ", "to 4294967295"]),
        ("calibrate", "--planted", &["nan", "-0.1", "11", "1e400", "5%"][..], ["from 0 ", "to 10"]),
        ("calibrate", "--pairs", whole, ["from 1 ", "to 200"]),
        ("gate --old-bin a --new-bin b", "--pairs", whole, ["from 1 ", "to 200"]),
        ("gate --old-bin a --new-bin b", "--timeout", duration, TIME),
        ("validate echo", "--jobs", whole, ["from 1 ", "to 10000"]),
        ("validate echo", "--jobs", &["0"][..], ["from 1 ", "to 10000"]),
    ] {
        for wrong in wrong {
            // A seed may be any number, and a time no number at all.
            let mut given = sandlab(command);
            let refused = given.args([option, wrong]).assert().code(2);
            let [least, most] = range;
            refused.stdout("").stderr(contains(option).and(contains(least)).and(contains(most)));
        }
    }
}

#[test]
fn an_option_without_its_number_is_told_as_that() {
    for missing in ["latency --rate --agents 3", "latency --agents 3 --rate"] {
        let refused = sandlab(missing).assert().code(2);
        refused.stderr(contains("a value is required for '--rate <RATE>'"));
    }
}

#[test]
fn a_burst_is_above_the_rate_before_it() {
    let refused = sandlab("load burst --rate 800 --burst-rate 800").assert().code(2);
    refused.stdout("").stderr(contains("--burst-rate has to be above --rate"));
}

/// A program of the bench protocol that says this.
fn program(lab: &Lab, name: &str, value: &str, unit: &str) -> String {
    let line = format!("{{\"metric\": \"m\", \"value\": {value}, \"unit\": \"{unit}\"}}");
    let path = lab.file(name, format!("#!/bin/sh\necho '{line}'\n"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn a_number_of_three_hundred_digits_is_shown_in_a_few() {
    let lab = Lab::new();
    for unit in ["", "ns", "bytes", "1/s", "share", "ratio", "parsecs"] {
        for (old, new, code) in [
            ("1e308", "1e308", 0),
            ("1e-300", "1e-300", 0),
            ("1e-300", "1e300", 1),
            ("1e300", "1e-300", 0),
            ("123456789012345678", "123456789012345678", 0),
        ] {
            let (old, new) = (program(&lab, "old", old, unit), program(&lab, "new", new, unit));
            let gate = format!("gate --pairs 12 --old-bin {old} --new-bin {new}");
            for look in ["", "--wide", "--verbose", "--format markdown", "--annotations github"] {
                let done = sandlab(&format!("{gate} {look}")).assert().code(code);
                let output = done.get_output();
                let said = [&output.stdout[..], &output.stderr[..]].concat();
                let said = String::from_utf8(said).unwrap();
                let digits = |word: &str| word.matches(|c: char| c.is_ascii_digit()).count();
                let words = said.split_whitespace().filter(|word| !word.contains('/'));
                let longest = words.map(digits).max().unwrap();
                assert!(longest <= 12, "{gate} {look}: {said}");
                assert!(said.contains("m "), "{said}");
            }
        }
    }
}
