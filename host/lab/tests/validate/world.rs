//! What is told of a component that is not of the contract's world.

use crate::common::{bundle, guests};
use crate::lab::{Lab, findings, set, unbroken};
use sandlab_runtime::wasm::contract::{self, DifferenceKind};
use std::path::Path;

/// The contract as WIT, with changes.
pub fn contract_with(changes: &[(&str, &str)]) -> String {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let interfaces = ["types", "host", "agent"].map(|name| {
        let text = std::fs::read_to_string(wit.join(format!("{name}.wit"))).unwrap();
        text.replace("package sandlab:agent@0.1.0;", "")
    });
    let world = "world guest { import host; export agent; }";
    let mut text = format!("package sandlab:agent@0.1.0;\n{}\n{world}", interfaces.concat());
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn every_difference_from_the_contract_is_told_at_once_and_a_shared_type_once() {
    let lab = Lab::new();
    let wit = contract_with(&[
        ("        id: u64,", "        id: u32,"),
        ("text: string);", "text: string, loud: bool);"),
        ("    self: func()", "    shout: func();\n    self: func()"),
        ("    configure: func(config: list<u8>) -> result<_, failure>;", ""),
        ("export agent;", "export agent; export extra;"),
        ("world guest", "interface extra { run: func(); }\nworld guest"),
    ]);
    let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
    let (guest, exit) = lab.guest(&file, &[]);
    assert_eq!(exit, 1);
    let mut told: Vec<_> = findings(&guest)
        .map(|finding| (finding["code"].as_str().unwrap(), finding["place"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("A202", "sandlab:agent/agent@0.1.0#configure"),
            ("A203", "sandlab:agent/host@0.1.0#log"),
            ("A204", "sandlab:agent/types@0.1.0#message"),
            ("A207", "sandlab:agent/host@0.1.0#shout"),
            ("A208", "sandlab:agent/extra@0.1.0"),
        ]
    );
    let message = findings(&guest).find(|finding| finding["code"] == "A204").unwrap();
    let text = |field: &str| message[field].as_str().unwrap().to_owned();
    assert!(text("wanted").starts_with("record message { id: u64, conversation: u64"));
    assert!(text("found").starts_with("record message { id: u32, conversation: u64"));
    let (codes, _) = lab.codes(&bundle("echo").component(), &["--world", "durable-agent"]);
    assert_eq!(codes, set(&["A201"]));
}

#[test]
fn a_guest_that_imports_what_agents_do_is_told_what_it_lacks_as_one() {
    let lab = Lab::new();
    let wit = contract_with(&[
        (
            "package sandlab:agent@0.1.0;",
            "package my:guest;
            interface agent-later {
                use sandlab:agent/types@0.1.0.{failure, message};
                handle: async func(message: message) -> result<list<message>, failure>;
            }
            world guest { import sandlab:agent/host@0.1.0; export agent-later; }
            package sandlab:agent@0.1.0 {",
        ),
        ("world guest { import host; export agent; }", "}"),
    ]);
    let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
    let (guest, exit) = lab.guest(&file, &[]);
    let told = findings(&guest).find(|told| told["code"] == "A201").expect("no A201");
    let found = told["found"].as_str().unwrap();
    assert_eq!((exit, told["place"].as_str()), (1, Some("sandlab:agent/agent@0.1.0")));
    assert!(found.contains("`async func` of my:guest/agent-later#handle"), "{found}");
    assert!(!findings(&guest).any(|told| told["code"] == "A302"), "{guest:#}");
    // As what it is not, it is told who offers its imports.
    let (guest, exit) = lab.guest(&file, &["--as", "function"]);
    let told = findings(&guest).find(|told| told["code"] == "A302").expect("no A302");
    assert_eq!(exit, 1);
    assert!(told["remedy"].as_str().unwrap().contains("export `sandlab:agent/agent`"), "{told}");
    let said = lab.validate(&file).assert().code(1);
    let said = String::from_utf8(said.get_output().stdout.clone()).unwrap();
    let is_long = |line: &&str| line.chars().count() > 100 && line.trim().contains(' ');
    assert_eq!(said.lines().find(is_long), None);
    assert!(unbroken(&said).contains(&unbroken(found)), "{said}");
}

#[test]
fn another_version_is_told_with_what_semver_says() {
    let lab = Lab::new();
    for version in ["0.2.0", "1.0.0"] {
        let wit = contract_with(&[("@0.1.0", &format!("@{version}"))]);
        let file = lab.file("guest.wasm", guests::of_wit(&wit).0);
        let (guest, exit) = lab.guest(&file, &[]);
        assert_eq!(exit, 1);
        let mut versions = findings(&guest).filter(|finding| finding["code"] == "A205");
        let remedy = versions.next().unwrap()["remedy"].as_str().unwrap();
        assert!(remedy.contains("is not compatible") && remedy.contains(version), "{remedy}");
    }
}

/// wit-component knows only yes and no, and knows it by another way: by validating an
/// instantiation.
#[test]
fn a_second_judge_agrees_on_what_fits_the_contract() {
    let contract = contract::contract().unwrap();
    let (_, package) = contract.package_names.iter().next().unwrap();
    let world = contract.packages[*package].worlds["plain-agent"];
    for changes in [
        &[][..],
        &[("message: message) -> result<list", "message: message) -> result<option")],
        &[("sender: agent-id,", "sender: u64,")],
        &[("sender: agent-id,", "sender: u32,")],
        &[("        refuse,", "        decline,")],
        &[("        refuse,", "")],
        &[("denied(string)", "denied")],
        &[("func(config: list<u8>)", "func(settings: list<u8>)")],
        &[("func(config: list<u8>)", "func(config: string)")],
        &[("-> option<agent-id>", "-> agent-id")],
        &[("in-reply-to: option<u64>", "in-reply-to: u64")],
        &[("export agent;", "export agent; export other: func();")],
        &[("handle: func", "handle: async func")],
        &[("    log: func", "    log-all: func")],
        &[("@0.1.0", "@0.2.0")],
    ] {
        let (guest, ..) = guests::of_wit(&contract_with(changes));
        let differences = contract::differences(&guest, "plain-agent").unwrap();
        let fits = differences.iter().all(|difference| difference.kind == DifferenceKind::Extra);
        let judged = wit_component::targets(&contract, world, &guest);
        assert_eq!(fits, judged.is_ok(), "{changes:?}: {differences:?} {judged:?}");
    }
}
