//! Commands: arguments, streams, exit codes, and limits.

use super::{ask, config, fault, start};
use bytesize::ByteSize;
use sandlab_runtime::config::{Access, DirectoryGrant};
use sandlab_runtime::subject::{CommandRequest, CommandResponse, Data};
use sandlab_runtime::{Agent, Budget, CallError, Cause, SandboxConfig};

fn run(agent: &mut dyn Agent, args: &[&str]) -> Result<(i32, String, String), CallError> {
    let request = CommandRequest {
        args: args.iter().map(|arg| (*arg).into()).collect(),
        ..CommandRequest::default()
    };
    send(agent, &request)
}

fn send(
    agent: &mut dyn Agent,
    request: &CommandRequest,
) -> Result<(i32, String, String), CallError> {
    let reply = ask(agent, request.encode())?;
    let response: CommandResponse = serde_json::from_slice(&reply).unwrap();
    let text = |data: Data| String::from_utf8(data.into_owned()).unwrap();
    Ok((response.exit, text(response.stdout), text(response.stderr)))
}

fn only(config: &SandboxConfig, args: &[&str]) -> Result<(i32, String, String), CallError> {
    run(&mut *start("command", config), args)
}

#[test]
fn a_command_answers_with_its_output_and_exit_code() {
    let mut command = start("command", &config());
    assert_eq!(run(&mut *command, &[]).unwrap(), (0, "hello\n".into(), "".into()));
    assert_eq!(run(&mut *command, &["echo", "a b", "c"]).unwrap().1, "a b c\n");
    assert_eq!(run(&mut *command, &["complain", "no"]).unwrap(), (0, "".into(), "no\n".into()));
    assert_eq!(run(&mut *command, &["exit", "0"]).unwrap().0, 0);
    // WASI 0.2 has only one way to fail.
    assert_eq!(run(&mut *command, &["exit", "7"]).unwrap().0, 1);
    assert_eq!(run(&mut *command, &["name"]).unwrap().1, "subject-command.wasm\n");
}

#[test]
fn standard_input_and_variables_are_those_of_the_message() {
    let mut config = config();
    config.grants.env.insert("GRANTED".into(), "by the sandbox".into());
    let mut command = start("command", &config);
    let cat = CommandRequest {
        args: vec!["cat".into()],
        stdin: Data::from("line\n"),
        ..CommandRequest::default()
    };
    assert_eq!(send(&mut *command, &cat).unwrap().1, "line\n");
    // The next message has none.
    assert_eq!(run(&mut *command, &["cat"]).unwrap().1, "");
    for (name, value) in [("GRANTED", "by the sandbox\n"), ("OWN", "mine\n"), ("HOME", "unset\n")] {
        let env = CommandRequest {
            args: vec!["env".into(), name.into()],
            env: [("OWN", "mine"), ("GRANTED", "other")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            ..CommandRequest::default()
        };
        assert_eq!(send(&mut *command, &env).unwrap().1, value);
    }
}

#[test]
fn what_a_command_may_not_is_a_fault_with_its_name() {
    let mut config = config();
    config.memory_limit = ByteSize::mib(8);
    assert_eq!(only(&config, &["allocate", "4"]).unwrap().1, "4194304\n");
    let fault_of = |args: &[&str]| fault(only(&config, args));
    assert!(matches!(fault_of(&["allocate", "16"]).cause, Cause::OutOfMemory { .. }));
    assert_eq!(fault_of(&["panic", "on purpose"]), Cause::Panic("on purpose".into()));
    assert_eq!(fault_of(&["loop"]), Cause::Deadline(config.deadline));
    assert_eq!(fault_of(&["sleep", "60"]), Cause::Deadline(config.deadline));
    let flood = fault_of(&["flood"]);
    let is_output = |budget: &Budget| *budget == Budget::Output;
    assert!(
        matches!(&flood.cause, Cause::OverBudget { budget, .. } if is_output(budget)),
        "{flood}"
    );
    config.fuel = Some(100_000);
    assert!(matches!(fault(only(&config, &["loop"])).cause, Cause::OutOfFuel(_)));
}

#[test]
fn a_file_is_there_only_if_its_folder_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note"), "text").unwrap();
    let mut config = config();
    let read = ["read", "/data/note"];
    assert_ne!(only(&config, &read).unwrap().1, "text");
    config.grants.directories.push(DirectoryGrant {
        guest: "/data".into(),
        host: folder.path().to_owned(),
        access: Access::Read,
    });
    assert_eq!(only(&config, &read).unwrap().1, "text");
}

#[test]
fn usage_is_told_of_an_instance_that_is_gone() {
    let mut config = config();
    config.fuel = Some(100_000_000);
    let mut command = start("command", &config);
    let started = command.usage().memory_peak.unwrap();
    run(&mut *command, &["allocate", "8"]).unwrap();
    let usage = command.usage();
    let grown = usage.memory_peak.unwrap() - started;
    assert!((8 << 20..=(8 << 20) + (1 << 16)).contains(&grown), "{grown}");
    let first = usage.fuel.unwrap();
    run(&mut *command, &["allocate", "8"]).unwrap();
    assert_eq!(command.usage().fuel, Some(first), "fuel is the same each time");
}
