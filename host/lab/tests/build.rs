//! Which package, which artifact: crates as people have them.

use assert_cmd::Command;
use predicates::str::contains;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const AGENT: &str = "use sandlab_agent::{Agent, Failure, Host, Message, Performative};
#[derive(Default)]
struct Answers;
impl Agent for Answers {
    fn handle(&mut self, _: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        Ok(vec![message.into_reply(Performative::Inform)])
    }
}
sandlab_agent::export!(Answers);
";

/// Folders with crates, built with the repository's lock file and what is installed.
struct Crates(TempDir);

impl Crates {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A library that hosts can load, with these further lines in its manifest.
    fn library(&self, folder: &str, name: &str, lines: &str, code: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [lib]\ncrate-type = [\"cdylib\"]\n\n{lines}\n"
        );
        self.write(&format!("{folder}/Cargo.toml"), &manifest);
        self.write(&format!("{folder}/src/lib.rs"), code);
    }

    fn agent(&self, folder: &str, name: &str, lines: &str) {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-agents/sdk");
        let sdk = sdk.canonicalize().unwrap();
        let sdk = format!("[dependencies]\nsandlab-agent = {{ path = {sdk:?} }}\n{lines}");
        self.library(folder, name, &sdk, AGENT);
    }

    /// The versions that this repository is tested with.
    fn lock(&self, folder: &str) {
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        fs::copy(lock, self.path().join(folder).join("Cargo.lock")).unwrap();
    }

    fn sandlab(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace()).current_dir(self.path());
        sandlab.env("SANDLAB_NO_STORE", "true").env("CARGO_NET_OFFLINE", "true");
        sandlab.env("CARGO_TARGET_DIR", target()).env_remove("CARGO_BUILD_TARGET_DIR");
        sandlab
    }
}

/// Where all of them are built, so that the SDK and what it needs are built once.
fn target() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates");
    fs::create_dir_all(&target).unwrap();
    target
}

#[test]
fn the_library_of_a_crate_with_programs_is_built_and_nothing_else() {
    let crates = Crates::new();
    crates.agent("tool", "tool", "[workspace]");
    crates.lock("tool");
    crates.write("tool/src/main.rs", "fn main() { println!(\"a tool for this agent\"); }");
    let unix = "fn main() { drop(std::os::unix::net::UnixListener::bind(\"x.sock\")); }";
    crates.write("tool/src/bin/server.rs", unix);
    let built = crates.sandlab("build tool").assert().code(0);
    built.stderr(contains("tool/Cargo.lock"));
}

#[test]
fn an_agent_may_have_the_name_of_a_dependency() {
    let crates = Crates::new();
    crates.agent("memchr", "memchr", "memchr = \"2\"\n[workspace]");
    crates.lock("memchr");
    crates.sandlab("build memchr").assert().code(0).stdout(contains("memchr"));
}

#[test]
fn a_crate_that_names_flags_for_it_gets_a_portable_twin() {
    let crates = Crates::new();
    let flags = |flags: &str| {
        format!("[workspace]\n[package.metadata.sandlab]\nportable-rustflags = {flags}")
    };
    crates.agent("plain", "plain", &flags("\"--cfg=plain\""));
    crates.lock("plain");
    let wrong = crates.sandlab("build plain").assert().code(3);
    wrong.stderr(contains("portable-rustflags of package.metadata.sandlab in"));
    crates.agent("plain", "plain", &flags("[\"--cfg=plain\"]"));
    crates.sandlab("build plain").assert().code(0);
    let manifest = fs::read(target().join("agents/plain/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let own = manifest["portable"]["rustflags"].as_array().unwrap().last().unwrap();
    assert_eq!(own, "--cfg=plain");
    let mut compare = crates.sandlab("compare plain --backends native --rounds 1 --format csv");
    let compared = compare.args(["--like", "echo"]).assert();
    compared.stdout(contains(",portable,"));
}

#[test]
fn a_crate_that_names_flags_for_its_component_gets_them_there_only() {
    let crates = Crates::new();
    let flags =
        "[workspace]\n[package.metadata.sandlab]\ncomponent-rustflags = [\"--cfg=sandboxed\"]";
    crates.agent("flagged", "flagged", flags);
    crates.lock("flagged");
    crates.sandlab("build flagged").assert().code(0);
    let manifest = fs::read(target().join("agents/flagged/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let has_flag = |side: &str| manifest[side]["rustflags"].to_string().contains("--cfg=sandboxed");
    assert_eq!(["component", "twin"].map(has_flag), [true, false], "{manifest}");
}

#[test]
fn a_workspace_builds_where_cargo_is_told_to_and_passes_over_what_is_no_agent() {
    let crates = Crates::new();
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n";
    crates.write("ws/Cargo.toml", members);
    crates.lock("ws");
    crates.agent("ws/crates/alpha", "alpha", "");
    let c_abi = "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> u32 { 42 }\n";
    crates.library("ws/crates/other", "other", "", c_abi);
    // A member that is a link belongs to the workspace that has the link.
    crates.agent("elsewhere/linked", "linked", "");
    std::os::unix::fs::symlink("../../elsewhere/linked", crates.path().join("ws/crates/linked"))
        .unwrap();
    std::os::unix::fs::symlink(target(), crates.path().join("ws/out")).unwrap();
    // Of an earlier run of this test.
    for agent in ["alpha", "linked"] {
        let _ = fs::remove_dir_all(target().join("agents").join(agent));
    }
    let mut build = crates.sandlab("build crates");
    build.current_dir(crates.path().join("ws")).env("CARGO_TARGET_DIR", "out");
    let built = build.assert().code(0);
    built.stderr(contains("other is passed over, as no agent"));
    let agents = crates.path().join("ws/out/agents");
    for agent in ["alpha", "linked"] {
        assert!(agents.join(agent).join("agent.wasm").is_file(), "{agent}");
    }
    assert!(!agents.join("other").exists());
    assert!(!crates.path().join("ws/crates/out").exists());
    let found = |agent: &str| {
        let mut compare = crates.sandlab("compare --backends native --rounds 1");
        compare.arg(agent).env("CARGO_TARGET_DIR", "out");
        compare.current_dir(crates.path().join("ws"));
        compare
    };
    found("alpha").assert().code(0);
    // By itself, too, and with the same lock.
    let mut build = crates.sandlab("build ws/crates/linked");
    build.env("CARGO_TARGET_DIR", crates.path().join("ws/out"));
    build.assert().code(0).stderr(contains("ws/Cargo.lock"));
    assert!(!crates.path().join("elsewhere/linked/Cargo.lock").exists());
    let mut alone = crates.sandlab("build ws/crates/other");
    alone.env("CARGO_TARGET_DIR", crates.path().join("ws/out"));
    alone.assert().failure().stderr(contains("other"));
}

#[test]
fn builds_of_one_crate_at_once_all_succeed() {
    let crates = Crates::new();
    crates.agent("twice", "twice", "[workspace]");
    crates.lock("twice");
    crates.sandlab("build twice").assert().code(0);
    for _ in 0..4 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| crates.sandlab("build twice").assert().code(0));
            }
        });
    }
    crates.sandlab("compare twice/../twice --rounds 1").assert().code(0);
}

#[test]
fn a_path_may_have_spaces_and_any_letters() {
    let crates = Crates::new();
    let folder = "mein ordner/ünïcode 日本/my agent";
    crates.agent(folder, "spaced", "[workspace]");
    crates.lock(folder);
    let in_folder = |arguments: &str| {
        let mut sandlab = crates.sandlab(arguments);
        sandlab.arg(crates.path().join(folder)).env("CARGO_TARGET_DIR", target());
        sandlab
    };
    in_folder("build").assert().code(0).stdout(contains("spaced"));
    in_folder("compare --rounds 1").assert().code(0).stdout(contains("spaced"));
    // So may that of the component, and of what is written.
    let component = crates.path().join(folder).join("größe & mehr.wasm");
    fs::copy(target().join("agents/spaced/agent.wasm"), &component).unwrap();
    let report = crates.path().join(folder).join("bericht ö.json");
    let mut gate = crates.sandlab("gate --no-timing --format json --old");
    gate.arg(&component).arg("--new").arg(&component);
    gate.arg("--report").arg(format!("json={}", report.display())).assert().code(0);
    assert!(fs::read_to_string(&report).unwrap().contains("größe & mehr.wasm"));
}

#[test]
fn an_old_build_that_lies_where_the_new_one_is_built_is_compared_as_it_was() {
    let crates = Crates::new();
    crates.agent("gated", "gated", "[workspace]");
    crates.lock("gated");
    crates.sandlab("build gated").assert().code(0);
    let more = AGENT.replace(
        "Ok(vec![",
        "let sum = |sum: u64, byte: &u8| std::hint::black_box(sum.wrapping_add(u64::from(*byte)));
        std::hint::black_box(message.content.iter().fold(7, sum));
        Ok(vec![",
    );
    assert_ne!(more, AGENT);
    crates.write("gated/src/lib.rs", &more);
    let gate = |old: &Path| {
        let mut gate = crates.sandlab("gate --no-timing --like echo --new gated --old");
        gate.arg(old).assert()
    };
    let built = target().join("agents/gated");
    gate(&built).code(1).stderr(contains("fuel"));
    // By now that is the new build, which holds against itself.
    gate(&built).code(0);
    gate(&crates.path().join("gated")).code(0);
    let mut compare = crates.sandlab("compare --rounds 1 gated");
    let refused = compare.arg(&built).assert().code(2);
    refused.stderr(contains("are the same component"));
}

#[test]
fn crates_beneath_a_folder_are_validated_and_what_lies_in_them_is_not() {
    let crates = Crates::new();
    crates.agent("agents/beneath", "beneath", "[workspace]");
    crates.lock("agents/beneath");
    crates.write("agents/beneath/notes.wasm", "no guest");
    // No agent, but one lies in its folder.
    crates.write(
        "agents/tool/Cargo.toml",
        "[package]\nname = \"tool\"\nversion = \"0.1.0\"\n[workspace]\n",
    );
    crates.write("agents/tool/src/main.rs", "fn main() {}");
    let validate = |folder: &str| {
        let mut validate = crates.sandlab("validate --no-timing --skip soak --format json");
        let done = validate.arg(crates.path().join(folder)).assert();
        let report = &done.get_output().stdout;
        let report: serde_json::Value = serde_json::from_slice(report).unwrap_or_default();
        let guests = report["guests"].as_array().cloned().unwrap_or_default();
        guests.iter().map(|guest| guest["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(validate("agents"), ["beneath"]);
    let built = target().join("agents/beneath/agent.wasm");
    let copy = crates.path().join("agents/tool/made.wasm");
    fs::copy(built, &copy).unwrap();
    assert_eq!(validate("agents"), ["beneath", &copy.display().to_string()]);
}
