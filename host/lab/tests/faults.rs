//! Every way in which an agent can end is told apart, and described in its user's words.

mod common;

use bytesize::ByteSize;
use common::{fault, sandbox, say, twin};
use sandlab_runtime::config::{FileIo, LogBudget};
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{Backend, CallError, Cause, Identity, SandboxConfig};
use std::time::Duration;

#[test]
fn a_panic_is_reported_with_its_message() {
    for mut agent in
        [sandbox("faulty", &SandboxConfig::default()), twin("faulty", &SandboxConfig::default())]
    {
        let fault = fault(agent.as_mut(), "panic at the disco");
        assert!(
            matches!(&fault.cause, Cause::Panic(text) if text.contains("at the disco")),
            "{fault}"
        );
        assert_eq!(self::fault(agent.as_mut(), "ok"), Cause::Ended);
    }
}

#[test]
fn a_failure_is_no_end() {
    for mut agent in
        [sandbox("faulty", &SandboxConfig::default()), twin("faulty", &SandboxConfig::default())]
    {
        assert!(matches!(say(agent.as_mut(), "fail so"), Err(CallError::Failure(_))));
        assert!(say(agent.as_mut(), "ok").is_ok());
    }
}

#[test]
fn a_loop_and_a_sleep_end_at_the_deadline() {
    let config = SandboxConfig { deadline: Duration::from_millis(50), ..SandboxConfig::default() };
    for command in ["loop", "sleep 60000"] {
        let mut agent = sandbox("faulty", &config);
        assert_eq!(fault(agent.as_mut(), command), Cause::Deadline(config.deadline));
    }
}

#[test]
fn a_recursion_ends_at_the_stack() {
    let config = SandboxConfig::default();
    let fault = fault(sandbox("faulty", &config).as_mut(), "recurse");
    assert!(matches!(fault.cause, Cause::StackOverflow { .. }), "{fault}");
}

#[test]
fn fuel_runs_out() {
    let config = SandboxConfig { fuel: Some(1_000_000), ..SandboxConfig::default() };
    let mut agent = sandbox("faulty", &config);
    say(agent.as_mut(), "ok").unwrap();
    assert!(agent.usage().fuel.unwrap() > 0);
    assert_eq!(fault(agent.as_mut(), "loop"), Cause::OutOfFuel(1_000_000));
}

#[test]
fn memory_ends_at_the_limit_and_says_how_much_was_asked() {
    let config = SandboxConfig { memory_limit: ByteSize::mib(10), ..SandboxConfig::default() };
    let mut agent = sandbox("allocator", &config);
    assert!(say(agent.as_mut(), "retain 4000000").is_ok());
    let refused = say(agent.as_mut(), "try-allocate 20000000");
    assert!(matches!(refused, Err(CallError::Failure(_))), "{refused:?}");
    assert!(say(agent.as_mut(), "status").is_ok());
    match fault(agent.as_mut(), "allocate 20000000").cause {
        Cause::OutOfMemory { asked, limit, peak } => {
            assert_eq!(limit, 10 << 20);
            assert!(asked > 20_000_000 && (4_000_000..=limit).contains(&peak), "{asked} {peak}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_result_over_the_limit_is_not_taken() {
    let config = SandboxConfig { result_limit: ByteSize::mib(1), ..SandboxConfig::default() };
    for mut agent in [sandbox("faulty", &config), twin("faulty", &config)] {
        assert!(say(agent.as_mut(), "return 100000").is_ok());
        let fault = fault(agent.as_mut(), "return 2000000");
        assert_eq!(fault, Cause::ResultTooLarge(1 << 20));
    }
}

#[test]
fn many_empty_replies_are_a_large_result_too() {
    for mut agent in
        [sandbox("faulty", &SandboxConfig::default()), twin("faulty", &SandboxConfig::default())]
    {
        let fault = fault(agent.as_mut(), "replies 300000");
        assert_eq!(fault, Cause::ResultTooLarge(2 << 20));
    }
}

#[test]
fn an_agent_that_exits_instead_of_returning_is_told() {
    let mut agent = sandbox("faulty", &SandboxConfig::default());
    assert_eq!(fault(agent.as_mut(), "exit 3"), Cause::Exited(1));
}

#[test]
fn a_full_pool_says_so_and_has_room_again_later() {
    let mut config = SandboxConfig::default();
    config.allocation.slots = 1;
    let sandbox = Sandbox::load(&common::bundle("echo").component(), &config).unwrap();
    let first = sandbox.spawn(Identity::alone()).unwrap();
    let refused = sandbox.spawn(Identity::alone()).err().unwrap();
    assert!(matches!(refused.cause, Cause::NoSlot(_)), "{refused}");
    drop(first);
    assert!(sandbox.spawn(Identity::alone()).is_ok());
}

#[test]
fn a_panic_after_a_flood_of_standard_error_is_still_a_panic() {
    let config = SandboxConfig {
        log: LogBudget { size: ByteSize::b(200), ..LogBudget::default() },
        ..SandboxConfig::default()
    };
    let mut agent = sandbox("faulty", &config);
    let fault = fault(agent.as_mut(), "panic so");
    assert!(matches!(&fault.cause, Cause::Panic(text) if text.contains("so")), "{fault}");
}

#[test]
fn a_flood_of_the_log_is_dropped_and_counted() {
    for mut agent in
        [sandbox("faulty", &SandboxConfig::default()), twin("faulty", &SandboxConfig::default())]
    {
        say(agent.as_mut(), "flood 1000").unwrap();
        assert_eq!(agent.take_log().len(), 100);
        assert_eq!(agent.usage().log_dropped, 900);
    }
}

#[test]
fn what_an_agent_does_not_export_is_named() {
    for mut agent in
        [sandbox("faulty", &SandboxConfig::default()), twin("faulty", &SandboxConfig::default())]
    {
        let error = agent.checkpoint().unwrap_err().to_string();
        assert!(error.contains("does not export `state`"), "{error}");
        assert!(say(agent.as_mut(), "ok").is_ok());
    }
}

#[test]
fn no_backend_in_this_process_lets_a_path_leave_its_grant() {
    common::refuses_to_leave(&|config| sandbox("files", config));
    common::refuses_to_leave(&|config| twin("files", config));
    common::refuses_to_leave(&|config| {
        let mut direct = config.clone();
        direct.grants.file_io = FileIo::Direct;
        sandbox("files", &direct)
    });
}
