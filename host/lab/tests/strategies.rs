//! How agents are handed their messages: whichever way, each message has its own end.

mod common;

use bytesize::ByteSize;
use common::bundle;
use common::mishaps::account_for_all;
use common::path::{all_ways, at_rest, content, ended, outcomes, parcels, runtime, wasm};
use sandlab_runtime::messaging::{
    AgentOptions, Batching, Connection, DeliveryError, MailboxLimits, Runtime, Settings,
    SpawnError, Strategy, WhenFull,
};
use sandlab_runtime::{
    Backend, Cause, Interface, NotOffered, Performative, SandboxConfig, native::Twin,
};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn batches(size: u32, timeout: Duration) -> AgentOptions {
    let size = NonZeroU32::new(size).unwrap();
    AgentOptions {
        strategy: Strategy::Batch(Batching { size, timeout }),
        ..AgentOptions::default()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn each_message_of_a_batch_has_its_own_end() {
    for backend in all_ways("faulty") {
        let runtime = runtime(1);
        let faulty = runtime.spawn(None, backend, batches(4, HOUR)).unwrap();
        let mut connection = runtime.connect(10);
        let contents = ["ok", "fail so", "return 9", "nonsense"];
        let all = outcomes(&mut connection, faulty, &contents);
        assert_eq!((content(&all[0]), content(&all[2])), (&b""[..], &[b'x'; 9][..]));
        for failed in [&all[1], &all[3]] {
            assert!(matches!(failed, Err(DeliveryError::Failed(_))), "{failed:?}");
        }
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.handled, accounts.failed, accounts.replies), (2, 2, 2));
    }
}

#[test]
fn a_fault_fails_its_whole_batch_and_no_other_message() {
    for backend in all_ways("faulty") {
        let runtime = runtime(1);
        let faulty = runtime.spawn(None, backend, batches(3, HOUR)).unwrap();
        let mut connection = runtime.connect(10);
        let contents = ["ok", "panic so", "ok", "ok", "fail so", "ok"];
        let all = outcomes(&mut connection, faulty, &contents);
        let (first, second) = all.split_at(3);
        assert!(first.iter().all(ended), "{all:?}");
        assert!(second[0].is_ok() && second[2].is_ok(), "{all:?}");
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.restarts, accounts.handled, accounts.failed), (1, 2, 4));
    }
}

#[test]
fn an_agent_that_loses_a_result_has_broken_the_contract() {
    for backend in all_ways("faulty") {
        let runtime = runtime(1);
        let faulty = runtime.spawn(None, backend, batches(2, HOUR)).unwrap();
        let mut connection = runtime.connect(10);
        let all = outcomes(&mut connection, faulty, &["ok", "lose", "ok", "ok"]);
        for lost in &all[..2] {
            let Err(DeliveryError::Ended(fault)) = lost else {
                panic!("{lost:?}");
            };
            assert!(matches!(fault.cause, Cause::Contract(_)), "{fault}");
            assert!(fault.to_string().contains("1 results for 2 messages"), "{fault}");
        }
        assert!(all[2].is_ok() && all[3].is_ok(), "{all:?}");
        assert_eq!(at_rest(&runtime).restarts, 1);
    }
}

#[test]
fn batches_keep_the_order_of_one_senders_messages() {
    for backend in all_ways("echo") {
        let runtime = runtime(2);
        let agents = [0, 1].map(|shard| {
            let options = batches(7, Duration::ZERO);
            let echo = runtime.spawn_on(shard, None, backend.clone(), options);
            echo.unwrap()
        });
        // Far more than a mailbox holds, so that most are pushed back.
        let mut connection = runtime.connect(2_000);
        for number in 0..2_000_u64 {
            let agent = agents[number as usize % 2];
            let sent = connection.send(agent, Performative::Request, number.to_le_bytes());
            sent.unwrap();
        }
        let mut last = [0; 2];
        for _ in 0..2_000 {
            let arrived = std::iter::from_fn(|| Some(connection.wait())).flatten().next();
            let (id, reply) = arrived.unwrap();
            let reply = reply.unwrap();
            assert_eq!(reply.content, (id - 1).to_le_bytes());
            let shard = Runtime::shard_of(reply.sender);
            assert!(id > last[shard], "{id} after {}", last[shard]);
            last[shard] = id;
        }
        let accounts = at_rest(&runtime);
        assert_eq!((accounts.handled, accounts.replies), (2_000, 2_000));
    }
}

#[test]
fn a_batch_that_does_not_fill_goes_when_its_oldest_message_has_waited() {
    for backend in all_ways("echo") {
        let runtime = runtime(1);
        let timeout = Duration::from_millis(30);
        let echo = runtime.spawn(None, backend, batches(100, timeout)).unwrap();
        let mut connection = runtime.connect(10);
        let begin = Instant::now();
        // The shard has nothing to do meanwhile, and must wake by itself.
        let all = outcomes(&mut connection, echo, &["a", "b", "c"]);
        assert!(begin.elapsed() >= timeout);
        assert_eq!(all.iter().map(content).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    }
}

#[test]
fn a_batch_waits_until_it_is_full_or_all_that_fits_or_the_runtime_ends() {
    for backend in all_ways("echo") {
        let runtime = runtime(1);
        let echo = runtime.spawn(None, backend.clone(), batches(5, HOUR)).unwrap();
        let mut connection = runtime.connect(10);
        let send = |connection: &mut Connection, agent, count| {
            for _ in 0..count {
                connection.send(agent, Performative::Request, "x").unwrap();
            }
            connection.flush();
        };
        send(&mut connection, echo, 3);
        let waiting = runtime.accounts();
        assert_eq!((waiting.queued, waiting.handled), (3, 0));
        send(&mut connection, echo, 2);
        assert_eq!(at_rest(&runtime).handled, 5);

        let options = AgentOptions {
            mailbox: MailboxLimits {
                messages: 4,
                when_full: WhenFull::Refuse,
                ..MailboxLimits::default()
            },
            ..batches(100, HOUR)
        };
        let narrow = runtime.spawn(None, backend, options).unwrap();
        let mut other = runtime.connect(10);
        send(&mut other, narrow, 4);
        assert_eq!(at_rest(&runtime).handled, 9);

        send(&mut other, narrow, 2);
        let accounts = runtime.shutdown(Duration::from_secs(10));
        assert_eq!((accounts.handled, accounts.dead_lettered), (11, 0));
    }
}

#[test]
fn what_a_batch_sends_has_come_as_far_as_its_farthest_message() {
    for backend in all_ways("relay") {
        let settings = Settings { shards: 1, max_hops: 1, ..Settings::default() };
        let runtime = Runtime::start(settings).unwrap();
        let relay = |name, next: &str, options| {
            let options =
                AgentOptions { config: Some(format!("ring {next}").into_bytes()), ..options };
            runtime.spawn(Some(name), backend.clone(), options).unwrap()
        };
        let first = relay("first", "second", AgentOptions::default());
        let second = relay("second", "third", batches(2, HOUR));
        relay("third", "first", AgentOptions::default());
        let mut connection = runtime.connect(10);
        let hops = 1_000_u32.to_le_bytes();
        // One reaches the second relay by the first one, the other directly.
        for agent in [first, second] {
            connection.send(agent, Performative::Request, hops).unwrap();
        }
        connection.flush();
        // Both go no further, and neither does what their sender would be told of them: for
        // the one that came directly alone, the third relay would still be near enough.
        let waited = runtime.quiesce(Instant::now() + Duration::from_secs(20));
        assert_eq!((waited.handled, waited.looped), (3, 4), "{waited:?}");
    }
}

#[test]
fn a_checkpoint_is_due_by_messages_and_not_by_batches() {
    let sandbox = SandboxConfig { memory_limit: ByteSize::mib(8), ..SandboxConfig::default() };
    let runtime = runtime(1);
    let options = AgentOptions { checkpoint_every: NonZeroU32::new(2), ..batches(2, HOUR) };
    let notebook = runtime.spawn(None, wasm("notebook", &sandbox), options);
    let notebook = notebook.unwrap();
    let mut connection = runtime.connect(10);
    let too_much = format!("put c\n{}", "x".repeat(6_000_000));
    let all = outcomes(
        &mut connection,
        notebook,
        &["put a\n1", "put b\n2", &too_much, "delete a", "get a", "get b"],
    );
    assert!(ended(&all[2]) && ended(&all[3]), "{all:?}");
    assert_eq!((content(&all[4]), content(&all[5])), (&b"1"[..], &b"2"[..]));
}

#[test]
fn options_that_an_agent_cannot_meet_are_refused_with_what_it_lacks() {
    let runtime = runtime(1);
    let saved = || AgentOptions { checkpoint_every: NonZeroU32::new(1), ..AgentOptions::default() };
    let refused = [
        ("sort", batches(2, HOUR), "strategy", Interface::Batch),
        ("echo", saved(), "checkpoint_every", Interface::State),
        ("echo", parcels(""), "strategy", Interface::Parcels),
    ];
    for (name, options, named, lacking) in refused {
        for backend in all_ways(name) {
            let spawned = runtime.spawn(Some("it"), backend, options.clone());
            let error = spawned.unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("sandlab:agent/{lacking}")), "{text}");
            let SpawnError::NotOffered { option, why } = error else {
                panic!("{text}");
            };
            assert_eq!(option, named);
            assert_eq!(why, NotOffered::NotExported(lacking));
        }
    }
    assert_eq!((runtime.accounts().agents, runtime.find("it")), (0, None));
}

/// As for messages one by one: random batches, many of which end their agents, to agents that
/// come and go.
#[test]
fn every_message_of_every_batch_is_accounted_for() {
    let sandbox = SandboxConfig { deadline: Duration::from_millis(30), ..SandboxConfig::default() };
    let twin = Twin::load(&bundle("faulty").twin(), &SandboxConfig::default()).unwrap();
    let faulty: [Arc<dyn Backend>; 2] = [wasm("faulty", &sandbox), Arc::new(twin)];
    let contents = ["ok", "ok", "ok", "fail so", "panic so", "lose", "return 3000", "sleep 1"];
    account_for_all(&faulty, &contents, |lot| {
        let timeout = Duration::from_millis(lot.of(&[0, 1, 5]));
        let batches = batches(1 + lot.below(6) as u32, timeout);
        AgentOptions { strategy: batches.strategy, ..lot.options(8) }
    });
}
