//! The message path, with real agents: nothing is lost, nobody waits for ever.

mod common;

use bytesize::ByteSize;
use common::bundle;
use common::mishaps::account_for_all;
use common::path::{at_rest, outcomes, runtime, wasm};
use sandlab_runtime::allocator::Allocator;
use sandlab_runtime::config::Calls;
use sandlab_runtime::messaging::{
    AgentOptions, DeliveryError, MailboxLimits, Placement, Restarts, Runtime, Settings, WhenFull,
};
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{AgentId, Backend, Cause, Performative, SandboxConfig, native::Twin};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn native(name: &str) -> Arc<dyn Backend> {
    Arc::new(Twin::load(&bundle(name).twin(), &SandboxConfig::default()).unwrap())
}

fn both(name: &str) -> [Arc<dyn Backend>; 2] {
    [wasm(name, &SandboxConfig::default()), native(name)]
}

fn spawn(runtime: &Runtime, backend: Arc<dyn Backend>) -> AgentId {
    runtime.spawn(None, backend, AgentOptions::default()).unwrap()
}

#[tokio::test]
async fn a_reply_comes_back_in_its_conversation() {
    for backend in both("echo") {
        let runtime = Arc::new(runtime(2));
        let setup = runtime.clone();
        let (client, echo) = tokio::task::spawn_blocking(move || {
            let echo = setup.spawn(Some("echo"), backend, AgentOptions::default());
            (setup.client(), echo.unwrap())
        })
        .await
        .unwrap();
        assert_eq!(client.find("echo"), Some(echo));
        assert_eq!(client.find("nobody"), None);
        let ask = client.ask(echo, Performative::QueryIf, "hello", Duration::from_secs(5));
        let reply = ask.await.unwrap();
        assert_eq!((reply.content.as_slice(), reply.sender), (b"hello".as_slice(), echo));
        assert_eq!(reply.in_reply_to, Some(reply.conversation));
        client.tell(echo, Performative::Inform, "told").await.unwrap();
        let nobody = client.ask(12, Performative::Request, "", Duration::from_secs(5));
        assert_eq!(nobody.await, Err(DeliveryError::NoSuchAgent));
        tokio::task::spawn_blocking(move || drop(runtime)).await.unwrap();
    }
}

#[test]
fn agents_that_are_started_one_by_one_or_as_many_are_spread_over_all_threads() {
    let echo = wasm("echo", &SandboxConfig::default());
    let runtime = runtime(2);
    let many = |count| runtime.spawn_many(&echo, &AgentOptions::default(), count).unwrap();
    let shards = |agents: &[AgentId]| -> Vec<usize> {
        agents.iter().map(|agent| Runtime::shard_of(*agent)).collect()
    };
    let single: Vec<_> = (0..4).flat_map(|_| many(1)).collect();
    assert_eq!(shards(&single), [0, 1, 0, 1]);
    assert_eq!(shards(&many(3)), [0, 1, 0]);
    assert_eq!(shards(&many(3)), [1, 0, 1]);
    let one_by_one: Vec<_> = (0..2).map(|_| spawn(&runtime, echo.clone())).collect();
    assert_eq!(shards(&one_by_one), [0, 1]);
}

#[test]
fn one_senders_messages_keep_their_order() {
    for backend in both("echo") {
        let runtime = runtime(2);
        let agents = [0, 1].map(|shard| {
            let echo = backend.clone();
            runtime.spawn_on(shard, None, echo, AgentOptions::default()).unwrap()
        });
        // Far more than a mailbox holds, so that most are pushed back.
        let mut connection = runtime.connect(2_000);
        for number in 0..2_000_u64 {
            let agent = agents[number as usize % 2];
            let content = number.to_le_bytes();
            connection.send(agent, Performative::Request, content).unwrap();
        }
        assert!(connection.send(agents[0], Performative::Request, "").is_err());
        let mut last = [0; 2];
        for _ in 0..2_000 {
            let (id, reply) =
                std::iter::from_fn(|| Some(connection.wait())).flatten().next().unwrap();
            let shard = Runtime::shard_of(reply.unwrap().sender);
            assert!(id > last[shard], "{id} after {}", last[shard]);
            last[shard] = id;
        }
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.handled, accounts.replies), (2_000, 2_000));
    }
}

/// What a message touches is found out meanwhile, on another thread, and some agents are replaced by
/// others that lie elsewhere.
#[test]
fn thousands_of_agents_whose_memory_is_fetched_ahead_answer_as_one_does() {
    const AGENTS: u32 = 3_000;
    let mut config = SandboxConfig::default();
    config.allocation.slots = AGENTS;
    let sandbox = Arc::new(Sandbox::load(&bundle("echo").component(), &config).unwrap());
    let runtime = runtime(1);
    let start = || spawn(&runtime, sandbox.clone());
    let mut agents: Vec<_> = (0..AGENTS).map(|_| start()).collect();
    let mut connection = runtime.connect(AGENTS);
    let (begin, mut rounds, mut after) = (Instant::now(), 0_u32, 0);
    while after < 3 {
        for (number, agent) in (0..AGENTS).zip(&agents) {
            let content = [rounds.to_le_bytes(), number.to_le_bytes()].concat();
            connection.send(*agent, Performative::Request, content).unwrap();
        }
        for _ in 0..AGENTS {
            let reply = connection.wait().unwrap().1.unwrap();
            let (round, number) = reply.content.split_at(4);
            assert_eq!(round, rounds.to_le_bytes());
            let number = u32::from_le_bytes(number.try_into().unwrap());
            assert_eq!(reply.sender, agents[number as usize]);
        }
        rounds += 1;
        let is_known = sandbox.lines_ahead().is_some() || !cfg!(target_arch = "x86_64");
        after += u32::from(is_known);
        assert!(is_known || begin.elapsed() < Duration::from_secs(60), "{rounds} rounds");
        for agent in agents.iter_mut().step_by(7) {
            assert!(runtime.stop(*agent));
            *agent = start();
        }
    }
    assert_eq!(at_rest(&runtime).handled, u64::from(rounds * AGENTS));
}

#[test]
fn a_full_mailbox_refuses_where_the_policy_says_so() {
    let runtime = runtime(1);
    let options = AgentOptions {
        mailbox: MailboxLimits {
            messages: 4,
            when_full: WhenFull::Refuse,
            ..MailboxLimits::default()
        },
        ..AgentOptions::default()
    };
    let backend = wasm("faulty", &SandboxConfig::default());
    let sleeper = runtime.spawn(None, backend, options).unwrap();
    let mut connection = runtime.connect(100);
    // On a fiber: while it sleeps with the first, four wait, and its shard refuses the rest.
    let mut batch = vec!["ok"; 100];
    batch[0] = "sleep 200";
    let outcomes = outcomes(&mut connection, sleeper, &batch);
    let full = |outcome: &&Result<_, _>| **outcome == Err(DeliveryError::MailboxFull);
    let refused = outcomes.iter().filter(full).count() as u64;
    assert_eq!(refused, 95);
    assert!(outcomes[..5].iter().all(Result::is_ok));
    assert_eq!(at_rest(&runtime).refused, refused);
}

#[test]
fn messages_that_go_in_a_circle_end_at_the_hop_limit() {
    for backend in both("relay") {
        let settings = Settings { shards: 2, max_hops: 50, ..Settings::default() };
        let runtime = Runtime::start(settings).unwrap();
        let relay = |name, next: &str| {
            let options = AgentOptions {
                config: Some(format!("ring {next}").into_bytes()),
                ..AgentOptions::default()
            };
            runtime.spawn(Some(name), backend.clone(), options).unwrap()
        };
        let (first, _) = (relay("first", "second"), relay("second", "first"));
        let mut connection = runtime.connect(10);
        let hops = 1_000_000_u32.to_le_bytes();
        connection.send(first, Performative::Request, hops).unwrap();
        connection.flush();
        let accounts = at_rest(&runtime);
        // The message, and what its sender would be told of it.
        assert_eq!((accounts.looped, accounts.dead_lettered), (2, 2), "{accounts:?}");
        assert_eq!(accounts.handled, 51, "{accounts:?}");
        assert!(runtime.stop(first));
    }
}

#[test]
fn a_fault_is_answered_and_the_mailbox_survives() {
    for backend in both("faulty") {
        let runtime = runtime(1);
        let faulty = spawn(&runtime, backend);
        let mut connection = runtime.connect(10);
        let all = outcomes(&mut connection, faulty, &["ok", "panic so", "ok", "fail so", "ok"]);
        let [first, panicked, second, failed, third] = &all[..] else {
            panic!("{all:?}");
        };
        assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{all:?}");
        assert!(
            matches!(&panicked, Err(DeliveryError::Ended(fault)) if matches!(fault.cause, Cause::Panic(_))),
            "{all:?}"
        );
        assert!(matches!(failed, Err(DeliveryError::Failed(_))), "{all:?}");
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.restarts, accounts.failed, accounts.handled), (1, 2, 3));
    }
}

#[test]
fn an_agent_past_its_restarts_is_stopped_and_its_senders_are_told() {
    let runtime = runtime(1);
    let options = AgentOptions {
        restarts: Restarts { intensity: 2, ..Restarts::default() },
        ..AgentOptions::default()
    };
    let faulty =
        runtime.spawn(Some("faulty"), wasm("faulty", &SandboxConfig::default()), options).unwrap();
    let mut connection = runtime.connect(10);
    let all = outcomes(&mut connection, faulty, &["panic"; 6]);
    let ended = |outcome: &&Result<_, _>| matches!(outcome, Err(DeliveryError::Ended(_)));
    assert_eq!(all.iter().filter(ended).count(), 6, "{all:?}");
    let accounts = at_rest(&runtime);
    assert_eq!((accounts.failed, accounts.dead_lettered), (3, 3));
    assert_eq!((accounts.restarts, accounts.agents), (2, 0));
    assert_eq!(runtime.find("faulty"), None);
    let after = outcomes(&mut connection, faulty, &["ok"]);
    assert_eq!(after, [Err(DeliveryError::NoSuchAgent)]);
}

#[test]
fn a_durable_agent_resumes_from_its_checkpoint() {
    let sandbox = SandboxConfig { memory_limit: ByteSize::mib(8), ..SandboxConfig::default() };
    let runtime = runtime(1);
    let options = AgentOptions { checkpoint_every: NonZeroU32::new(1), ..AgentOptions::default() };
    let notebook = runtime.spawn(None, wasm("notebook", &sandbox), options).unwrap();
    let mut connection = runtime.connect(10);
    let too_much = format!("put b\n{}", "x".repeat(6_000_000));
    let all = outcomes(&mut connection, notebook, &["put a\nkept", &too_much, "get a"]);
    assert!(
        matches!(&all[1], Err(DeliveryError::Ended(fault)) if matches!(fault.cause, Cause::OutOfMemory { .. })),
        "{:?}",
        all[1]
    );
    assert_eq!(all[2].as_ref().unwrap().content, b"kept");
}

#[test]
fn a_sleeper_and_a_looper_stall_nobody() {
    let runtime = runtime(1);
    let sandbox = SandboxConfig { deadline: Duration::from_secs(2), ..SandboxConfig::default() };
    let mut crowded = SandboxConfig::default();
    crowded.allocation.slots = 1_100;
    let echo = wasm("echo", &crowded);
    let busy: Vec<_> = (0..1_000).map(|_| spawn(&runtime, echo.clone())).collect();
    let sleeper = spawn(&runtime, wasm("faulty", &sandbox));
    let mut waiting = runtime.connect(10);
    let sleep = waiting.send(sleeper, Performative::Request, "sleep 60000").unwrap();
    let looper = spawn(&runtime, wasm("faulty", &sandbox));
    let looping = waiting.send(looper, Performative::Request, "loop").unwrap();
    waiting.flush();
    let mut connection = runtime.connect(1_000);
    for round in 0..10 {
        for agent in &busy {
            connection.send(*agent, Performative::Request, "x").unwrap();
        }
        let replies = (0..1_000).filter_map(|_| connection.wait());
        assert!(replies.count() > 0, "round {round}");
        while connection.in_flight() > 0 {
            connection.wait();
        }
    }
    // Ten thousand messages later both go on, until their deadline.
    assert!(waiting.try_next().is_none());
    let mut ended = Vec::new();
    while ended.len() < 2 {
        ended.extend(waiting.wait());
    }
    ended.sort_by_key(|(id, _)| *id);
    assert_eq!(ended.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [sleep, looping]);
    for (_, outcome) in ended {
        let over = matches!(&outcome, Err(DeliveryError::Ended(fault))
            if *fault == Cause::Deadline(sandbox.deadline));
        assert!(over, "{outcome:?}");
    }
    assert_eq!(at_rest(&runtime).handled, 10_000);
}

#[test]
fn a_looper_in_quarantine_holds_up_nobody_even_without_a_fiber() {
    let runtime = runtime(1);
    let sandbox = SandboxConfig {
        deadline: Duration::from_secs(2),
        calls: Calls::Sync,
        ..SandboxConfig::default()
    };
    let quarantined = AgentOptions { placement: Placement::Quarantine, ..AgentOptions::default() };
    let echo = spawn(&runtime, wasm("echo", &SandboxConfig::default()));
    let looper = runtime.spawn(None, wasm("faulty", &sandbox), quarantined);
    let looper = looper.unwrap();
    assert_eq!(Runtime::shard_of(echo), 0);
    assert_eq!(Runtime::shard_of(looper), 1);
    let mut connection = runtime.connect(101);
    let looping = connection.send(looper, Performative::Request, "loop");
    for _ in 0..100 {
        connection.send(echo, Performative::Request, "x").unwrap();
    }
    let arrived: Vec<_> = std::iter::from_fn(|| connection.wait()).take(101).collect();
    let (last, before) = arrived.split_last().unwrap();
    assert!(before.iter().all(|(_, outcome)| outcome.is_ok()));
    let (id, outcome) = last;
    let over = matches!(outcome, Err(DeliveryError::Ended(fault))
        if *fault == Cause::Deadline(sandbox.deadline));
    assert!(*id == looping.unwrap() && over, "{last:?}");
    // What it left behind is started again in quarantine, and still answers.
    assert!(outcomes(&mut connection, looper, &["ok"])[0].is_ok());
}

#[test]
fn a_shutdown_finishes_what_is_queued_and_takes_nothing_more() {
    let runtime = runtime(2);
    let echo = spawn(&runtime, native("echo"));
    let mut connection = runtime.connect(1_000);
    for _ in 0..1_000 {
        connection.send(echo, Performative::Request, "x").unwrap();
    }
    connection.flush();
    let mut late = runtime.connect(10);
    let accounts = runtime.shutdown(Duration::from_secs(10));
    assert!(accounts.is_balanced(), "{accounts:?}");
    assert_eq!((accounts.handled, accounts.queued, accounts.agents), (1_000, 0, 0));
    late.send(echo, Performative::Request, "x").unwrap();
    assert!(matches!(late.wait(), Some((_, Err(DeliveryError::ShutDown)))));
}

#[test]
fn a_shutdown_that_cannot_wait_reports_what_was_left() {
    let runtime = runtime(1);
    let sleeper = spawn(&runtime, wasm("faulty", &SandboxConfig::default()));
    let mut connection = runtime.connect(10);
    for _ in 0..3 {
        connection.send(sleeper, Performative::Request, "sleep 3000").unwrap();
    }
    connection.flush();
    let accounts = runtime.shutdown(Duration::from_millis(50));
    assert!(accounts.is_balanced(), "{accounts:?}");
    assert_eq!((accounts.failed, accounts.dead_lettered), (1, 2));
    let left = std::iter::from_fn(|| connection.try_next());
    assert!(left.into_iter().all(|(_, outcome)| outcome == Err(DeliveryError::ShutDown)));
}

/// Random messages, many of which end their agents, to agents that come and go: whatever
/// happens, each message has exactly one end, and its sender hears of it.
#[test]
fn every_message_is_accounted_for_whatever_goes_wrong() {
    let sandbox = SandboxConfig { deadline: Duration::from_millis(30), ..SandboxConfig::default() };
    let faulty = [wasm("faulty", &sandbox), native("faulty")];
    let contents = ["ok", "ok", "fail so", "panic so", "return 3000", "sleep 1", "nonsense"];
    account_for_all(&faulty, &contents, |lot| AgentOptions {
        placement: lot.of(&[Placement::Shards, Placement::Quarantine]),
        ..lot.options(4)
    });
}
