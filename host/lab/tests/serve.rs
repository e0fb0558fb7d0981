//! `sandlab serve`, as whoever operates a host meets it.

mod common;

use common::host::{Host, post};
use std::path::Path;
use std::process::Command;

fn sandlab(arguments: &[&str]) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.arg("serve").args(arguments);
    sandlab
}

fn file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("serve.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const OK: &str = "HTTP/1.1 200 OK";

#[test]
fn an_agent_is_served_without_a_configuration_and_drained_at_a_signal() {
    let host = Host::start(&["echo", "json"]);
    assert_eq!(post(&host.address, "/agents/echo", "hello"), (OK.to_owned(), "hello".to_owned()));
    assert!(post(&host.address, "/agents/json", "{}").0.contains("422"));
    host.signal("TERM");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
}

#[test]
fn a_configuration_is_followed_and_one_that_is_wrong_is_not() {
    let folder = tempfile::tempdir().unwrap();
    // Only at a signal.
    let one = "watch = '0s'\n[agents.a]\ncomponent = 'echo'\n";
    let path = file(&folder, one);
    let host = Host::start(&[&path]);
    file(&folder, &format!("{one}[agents.b]\ncomponent = 'echo'"));
    host.signal("HUP");
    host.says("reloaded: added b; changed none; removed none");
    assert_eq!(post(&host.address, "/agents/b", "x").0, OK);
    file(&folder, "watch = '20ms'\nagents = 1");
    host.signal("HUP");
    let wrong = host.says("not reloaded, everything stays as it is");
    assert!(wrong.contains("serve.toml is not valid: line 2, column 10: "), "{wrong}");
    assert_eq!(post(&host.address, "/agents/b", "x").0, OK);
    // As soon as it has changed.
    file(&folder, &one.replace("0s", "20ms"));
    host.signal("HUP");
    host.says("removed b");
    file(&folder, &one.replace("0s", "20ms").replace("agents.a", "agents.c"));
    host.says("added c; changed none; removed a");
    assert!(post(&host.address, "/agents/a", "x").0.contains("404"));
}

#[test]
fn an_address_that_others_reach_stays_guarded_until_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let text = |address: &str, guard: &str| {
        let agent = "[agents.a]\ncomponent = 'echo'";
        format!("watch = '0s'\n[listen]\nhttp = '{address}:0'\n{guard}\n{agent}")
    };
    std::fs::write(folder.path().join("token"), "0123456789abcdef").unwrap();
    let guard = "token-file = 'token'";
    let host = Host::of(&mut sandlab(&[&file(&folder, &text("0.0.0.0", guard))]));
    // It would be enough there, but until a restart the host is not there.
    file(&folder, &text("127.0.0.1", ""));
    host.signal("HUP");
    let refused = host.says("not reloaded, everything stays as it is: listen: ");
    assert!(refused.contains("until it is restarted: keep `listen.token-file`"), "{refused}");
    assert!(post(&host.address, "/agents/a", "x").0.contains("401"));
    file(&folder, &text("127.0.0.1", guard));
    host.signal("HUP");
    host.says("removed none; listen.http needs a restart");
    file(&folder, &text("127.0.0.1", ""));
    host.signal("HUP");
    host.says("not reloaded, everything stays as it is: listen: ");
    assert!(post(&host.address, "/agents/a", "x").0.contains("401"));
}

#[test]
fn the_time_to_drain_is_that_of_the_last_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let text = "watch = '0s'\ndrain = '1ms'\n[agents.slow]\ncomponent = 'faulty'";
    let host = Host::start(&[&file(&folder, text)]);
    file(&folder, &text.replace("1ms", "5m"));
    host.signal("HUP");
    host.says("reloaded");
    assert!(post(&host.address, "/agents/slow/tell", "sleep 1000").0.contains("202"));
    host.signal("TERM");
    host.says("draining for at most 5m");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
}

#[test]
fn a_component_that_is_built_anew_is_served_anew() {
    let folder = tempfile::tempdir().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let agent = |name: &str| target.join("agents").join(name).join("agent.wasm");
    let component = folder.path().join("agent.wasm");
    std::fs::copy(agent("echo"), &component).unwrap();
    let path = file(&folder, "watch = '20ms'\n[agents.a]\ncomponent = 'agent.wasm'");
    let host = Host::start(&[&path]);
    assert_eq!(post(&host.address, "/agents/a", "x").1, "x");
    let new = folder.path().join("new.wasm");
    std::fs::copy(agent("json"), &new).unwrap();
    std::fs::rename(new, component).unwrap();
    host.says("reloaded: added none; changed a; removed none");
    assert!(post(&host.address, "/agents/a", "x").0.contains("422"));
}

#[test]
fn what_is_left_when_the_time_to_drain_is_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "drain = '50ms'\n[agents.slow]\ncomponent = 'faulty'");
    let host = Host::start(&[&path]);
    let told = post(&host.address, "/agents/slow/tell", "sleep 4000");
    assert!(told.0.contains("202"), "{told:?}");
    host.signal("TERM");
    host.says("stopped with messages left: slow 1");
    assert_eq!(host.ends(), Some(1));
}

#[test]
fn a_configuration_is_checked_without_serving() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let path = file(&folder, text);
        let done = sandlab(&[&path, "--check"]).output().unwrap();
        (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
    };
    let (code, said) = check("[agents.a]\ncomponent = 'echo'\n[agents.b]\ncomponent = 'json'");
    assert!(code == Some(0) && said.contains("a, b"), "{said}");
    for (text, named) in [
        ("[agents.a]\ncomponent = 'nobody'", "agents.a.component"),
        ("[agents.a]\ncomponent = 'echo'\nas = 'service'", "agents.a.component"),
        ("[listen]\nhttp = '0.0.0.0:8080'", "token-file"),
        ("[listen]\ntoken-file = 'nowhere'", "nowhere"),
        ("[limits]\nbodies = 1", "bodies"),
        ("[nats]\ncredentials = 'nowhere.creds'", "nowhere.creds"),
        ("[agents.a]\ncomponent = 'echo'\nconfiguration = 'x'", "takes no configuration"),
        ("[agents.a]\ncomponent = 'echo'\ncheckpoint-every = 1", "sandlab:agent/state"),
        ("[[alert]]\ncommand = ['./page.sh']", "no such program"),
    ] {
        let (code, said) = check(text);
        assert!(code == Some(2) && said.contains(named), "{text}: {said}");
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_told() {
    let host = Host::start(&["echo"]);
    let second = sandlab(&["echo", "--http", &host.address]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(3) && said.contains("cannot listen on"), "{said}");
    let open = sandlab(&["echo", "--http", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(open.status.code(), Some(2));
    // The command line's address counts, whatever the configuration has.
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "[listen]\nhttp = '0.0.0.0:0'\n[agents.a]\ncomponent = 'echo'");
    let own = Host::start(&[&path]);
    assert_eq!(post(&own.address, "/agents/a", "x").0, OK);
}

#[test]
fn two_agents_of_one_name_are_not_served_as_one() {
    let twice = sandlab(&["echo", "json", "echo", "--check"]).output().unwrap();
    let said = String::from_utf8(twice.stderr).unwrap();
    assert!(twice.status.code() == Some(2) && said.contains("called echo"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "");
    let mixed = sandlab(&["echo", &path]).output().unwrap();
    let said = String::from_utf8(mixed.stderr).unwrap();
    assert!(mixed.status.code() == Some(2) && said.contains("is served alone"), "{said}");
}

/// A configuration that cannot be used yet, and what puts it right later.
#[test]
fn what_a_configuration_waits_for_is_followed_too() {
    let folder = tempfile::tempdir().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let echo = target.join("agents/echo/agent.wasm");
    let one = "watch = '20ms'\n[agents.a]\ncomponent = 'echo'\n";
    let path = file(&folder, one);
    let host = Host::start(&[&path]);
    file(&folder, &format!("{one}[agents.b]\ncomponent = '{}/b.wasm'", folder.path().display()));
    host.says("not reloaded, everything stays as it is: agents.b.component");
    std::fs::write(folder.path().join("b.wasm"), "not whole").unwrap();
    host.says("not reloaded, everything stays as it is: agents.b.component");
    std::fs::copy(echo, folder.path().join("b.wasm")).unwrap();
    host.says("reloaded: added b; changed none; removed none");
    let guarded = format!("{one}[listen]\ntoken-file = 'token'");
    file(&folder, &guarded);
    host.says("not reloaded, everything stays as it is: ");
    std::fs::write(folder.path().join("token"), "0123456789abcdef").unwrap();
    host.says("reloaded: added none; changed none; removed b");
    assert!(post(&host.address, "/agents/a", "x").0.contains("401"));
    file(&folder, &format!("{guarded}\n[nats]"));
    host.says("removed none; nats needs a restart");
}

#[test]
fn a_second_signal_ends_a_host_whose_alerts_hang() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let text = format!(
        "monitor.interval = '10ms'\n[agents.a]\ncomponent = 'faulty'\n\
         [[objective]]\nname = 'answers'\nobjective = '99.9 %'\n\
         [[alert]]\ncommand = ['sh', '-c', 'touch {}; exec sleep 60']",
        begun.display()
    );
    let host = Host::start(&[&file(&folder, &text)]);
    for _ in 0..60 {
        post(&host.address, "/agents/a", "fail so");
    }
    while !begun.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    host.signal("TERM");
    host.says("draining");
    host.signal("TERM");
    assert_eq!(host.ends(), Some(0));
}

#[test]
fn what_agents_do_is_kept_and_reported_like_any_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = "monitor = { interval = '50ms' }\n[agents.echo]\ncomponent = 'echo'\n\
                  [agents.json]\ncomponent = 'json'";
    let config = file(&folder, config);
    let store = folder.path().join("results.db");
    let host = Host::start(&[&config, "--store", store.to_str().unwrap()]);
    for _ in 0..20 {
        assert_eq!(post(&host.address, "/agents/echo", "x").0, OK);
    }
    assert!(post(&host.address, "/agents/json", "{").0.contains("422"));
    host.signal("TERM");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
    let report = |format: &str| {
        let mut report = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sandlab"));
        report.args(["report", "last", "--format", format, "--store"]).arg(&store);
        String::from_utf8(report.assert().code(0).get_output().stdout.clone()).unwrap()
    };
    let run: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    let served = run["parts"][0]["findings"].as_array().unwrap();
    let sum = |agent: &str, field: &str| -> u64 {
        let of_agent = served.iter().filter(|served| served["agent"] == agent);
        of_agent.map(|served| served[field].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("echo", "answered"), sum("echo", "failed")), (20, 0));
    assert_eq!((sum("json", "answered"), sum("json", "failed")), (0, 1));
    assert!(report("text").contains("answered of 20 messages"));
}
