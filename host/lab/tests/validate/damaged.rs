//! Components that were damaged at random.

use crate::common::{bundle, guests};
use crate::lab::{Lab, findings};
use crate::world::contract_with;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::time::Duration;

/// So many damaged components: each gets an answer with a diagnosis, and in time.
fn mutated(count: usize) {
    let lab = Lab::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let bases = [
        std::fs::read(bundle("echo").component()).unwrap(),
        guests::handling("(data (i32.const 64) \"content\")", "(drop (memory.grow (i32.const 1)))"),
        guests::of_wit(&contract_with(&[])).0,
    ];
    let folder = lab.0.path().join("mutated");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..count {
        let mut bytes = bases[number % bases.len()].clone();
        for _ in 0..=rng.next_u32() % 4 {
            damage(&mut bytes, &mut rng);
        }
        std::fs::write(folder.join(format!("{number:05}.wasm")), bytes).unwrap();
    }
    let policy = lab.file(
        "policy.toml",
        "limits = { deadline = \"200ms\" }\nsoak = { calls = 64 }\n\
         timing = { compile-limit = \"30s\", stage-limit = \"30s\" }",
    );
    let mut validate = lab.validate(&folder);
    validate.env("SANDLAB_CACHE", "/dev/null/none");
    validate.args(["--format", "json", "--policy"]).arg(policy);
    let output = validate.timeout(Duration::from_secs(3_600)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let guests = report["guests"].as_array().unwrap();
    assert_eq!(guests.len(), count);
    for guest in guests {
        let is_judged = ["pass", "warn", "fail"].contains(&guest["status"].as_str().unwrap());
        assert!(is_judged, "{guest:#}");
        let told = findings(guest).any(|finding| finding["severity"] == "error");
        assert_eq!(told, guest["status"] == "fail", "{guest:#}");
        let late = findings(guest).any(|f| f["found"] == "none: it was stopped");
        assert!(!late, "{guest:#}");
    }
}

fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let mut below = |end: usize| (rng.next_u64() % end.max(1) as u64) as usize;
    let (at, kind) = (below(bytes.len()), below(8));
    let length = below(64).min(bytes.len() - at);
    match kind {
        0 => bytes.truncate(at.max(8)),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let part = bytes[at..at + length].to_vec();
            let to = below(bytes.len());
            bytes.splice(to..to, part);
        }
        3 => bytes[at..at + length].fill(below(256) as u8),
        _ => bytes[at] = below(256) as u8,
    }
}

#[test]
fn a_damaged_component_always_gets_an_answer_with_a_diagnosis() {
    mutated(300);
}

#[test]
#[ignore = "takes minutes: `make mutated`"]
fn ten_thousand_damaged_components_get_an_answer_with_a_diagnosis() {
    mutated(10_000);
}
