//! Guests that a page interrupts: all that never end are stopped, and no other is.

use sandlab_runtime::config::{Calls, Interrupt, Layout, Strategy};
use sandlab_runtime::subject::{Options, Subject, load_bytes};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{Agent, CallError, Cause, Fault, Identity, Message, SandboxConfig};
use std::thread;
use std::time::{Duration, Instant};

/// Modules whose `run` returns its argument if that is 0, and else never ends, or not for hours.
const ENDLESS: [(&str, &str); 15] = [
    ("empty loop", "(func (export \"run\") (param i32) (result i32)
        (if (local.get 0) (then (loop $l (br $l)))) (i32.const 0))"),
    ("loops in a loop", "(memory 1) (func (export \"run\") (param i32) (result i32)
        (if (local.get 0) (then (loop $a
            (loop $b (br_if $b (i32.load (i32.const 8))))
            (br $a)))) (i32.const 0))"),
    ("loop after loop", "(func (export \"run\") (param i32) (result i32) (local i32)
        (loop $a (local.set 1 (i32.add (local.get 1) (i32.const 1)))
            (br_if $a (i32.lt_u (local.get 1) (i32.const 10))))
        (if (local.get 0) (then (loop $b (br $b)))) (i32.const 0))"),
    ("loads only", "(memory 1) (func (export \"run\") (param i32) (result i32)
        (if (local.get 0) (then (loop $l (br_if $l (i32.eqz (i32.load (i32.const 8)))))))
        (i32.const 0))"),
    ("stores", "(memory 1) (func (export \"run\") (param i32) (result i32)
        (if (local.get 0) (then (loop $l (i32.store (i32.const 0) (i32.const 1)) (br $l))))
        (i32.const 0))"),
    ("inner of three", "(func (export \"run\") (param i32) (result i32) (local i32)
        (if (local.get 0) (then (loop $a (loop $b (loop $c
            (local.set 1 (i32.xor (local.get 1) (i32.const 1)))
            (br_if $c (local.get 1)) (br_if $b (i32.eqz (local.get 1))))) (br $a))))
        (i32.const 0))"),
    ("recursion", "(func $f (param i32) (if (i32.lt_u (local.get 0) (i32.const 60)) (then
            (call $f (i32.add (local.get 0) (i32.const 1)))
            (call $f (i32.add (local.get 0) (i32.const 1))))))
        (func (export \"run\") (param i32) (result i32)
            (if (local.get 0) (then (call $f (i32.const 0)))) (i32.const 0))"),
    ("recursion through a table", "(type $t (func (param i32))) (table funcref (elem $f))
        (func $f (type $t) (if (i32.lt_u (local.get 0) (i32.const 60)) (then
            (call_indirect (type $t) (i32.add (local.get 0) (i32.const 1)) (i32.const 0))
            (call_indirect (type $t) (i32.add (local.get 0) (i32.const 1)) (i32.const 0)))))
        (func (export \"run\") (param i32) (result i32)
            (if (local.get 0) (then (call $f (i32.const 0)))) (i32.const 0))"),
    ("tail call of itself", "(func $f (return_call $f))
        (func (export \"run\") (param i32) (result i32)
            (if (local.get 0) (then (call $f))) (i32.const 0))"),
    ("tail calls of each other", "(type $t (func)) (table funcref (elem $f $g))
        (func $f (return_call $g)) (func $g (return_call_indirect (type $t) (i32.const 0)))
        (func (export \"run\") (param i32) (result i32)
            (if (local.get 0) (then (call $f))) (i32.const 0))"),
    ("branch by a table", "(func (export \"run\") (param i32) (result i32)
        (loop $l (block $end (br_table $end $l (local.get 0)))) (i32.const 0))"),
    ("loop with a value", "(func (export \"run\") (param i32) (result i32)
        (local.get 0) (loop $l (param i32) (result i32) (br_if $l (local.tee 0) (local.get 0))))"),
    ("memory of its own behind another", "(memory 1) (memory 1)
        (func (export \"run\") (param i32) (result i32)
            (i32.store 1 (i32.const 0) (i32.const 7))
            (if (i32.ne (i32.load 0 (i32.const 0)) (i32.const 0)) (then (unreachable)))
            (if (i32.ne (i32.load 1 (i32.const 0)) (i32.const 7)) (then (unreachable)))
            (if (local.get 0) (then (loop $l (br $l)))) (i32.const 0))"),
    ("calls of a leaf", "(func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export \"run\") (param i32) (result i32)
            (if (local.get 0) (then (loop $l (br_if $l (call $leaf (local.get 0)))))) (i32.const 0))"),
    ("growth that is refused", "(memory 1 2) (func (export \"run\") (param i32) (result i32)
        (if (local.get 0) (then (loop $l (br_if $l (memory.grow (i32.const 9)))))) (i32.const 0))"),
];

fn component(module: &str) -> Vec<u8> {
    let text = format!(
        r#"(component (core module $m {module}) (core instance $i (instantiate $m))
            (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn config(strategy: Strategy) -> SandboxConfig {
    let mut config = SandboxConfig {
        interrupt: Interrupt::Page,
        deadline: Duration::from_millis(20),
        ..SandboxConfig::default()
    };
    config.allocation.strategy = strategy;
    config.allocation.slots = 8;
    config
}

fn load(config: &SandboxConfig, component: &[u8]) -> Subject {
    let engine = SandboxEngine::with_cache(config, Cache::none()).unwrap();
    load_bytes(&engine, component, "guest", &Options::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn start(subject: &Subject) -> Result<Box<dyn Agent>, Fault> {
    subject.backend.spawn(Identity::alone())
}

fn run(agent: &mut dyn Agent, n: u64) -> Result<(), Cause> {
    match agent.handle(&Message::request(format!("run({n})"))) {
        Ok(_) => Ok(()),
        Err(CallError::Fault(fault)) => Err(fault.cause),
        Err(CallError::Failure(failure)) => panic!("{failure:?}"),
    }
}

/// Does the same, and makes sure that no call is stopped before its time.
fn run_in_time(agent: &mut dyn Agent, n: u64, deadline: Duration) -> Result<(), Cause> {
    let begun = Instant::now();
    let result = run(agent, n);
    if let Err(cause) = &result {
        assert_eq!(*cause, Cause::Deadline(deadline));
        assert!(begun.elapsed() >= deadline, "stopped after {:?}", begun.elapsed());
    }
    result
}

#[test]
fn a_guest_that_never_ends_is_stopped() {
    for strategy in [Strategy::Pooled, Strategy::OnDemand] {
        let mut config = config(strategy);
        for layout in [Layout::Fast, Layout::Dense] {
            config.allocation.layout = layout;
            for (name, module) in ENDLESS {
                let subject = load(&config, &component(module));
                assert_eq!(subject.prepared().interrupt, Interrupt::Page, "{name}");
                // The second is in the first one's slot.
                for _ in 0..2 {
                    let mut agent = start(&subject).unwrap();
                    assert_eq!(run(&mut *agent, 0), Ok(()), "{name}");
                    let stopped = run(&mut *agent, 1);
                    assert_eq!(stopped, Err(Cause::Deadline(config.deadline)), "{name}");
                    assert_eq!(run(&mut *agent, 0), Err(Cause::Ended), "{name}");
                }
            }
        }
    }
}

#[test]
fn bulk_operations_one_after_the_other_are_stopped_between_two() {
    let fills = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864))".repeat(10_000);
    let module = format!(
        r#"(memory 1024) (func (export "run") (param i32) (result i32)
            (if (local.get 0) (then {fills})) (i32.const 0))"#
    );
    let config = config(Strategy::Pooled);
    let subject = load(&config, &component(&module));
    let mut agent = start(&subject).unwrap();
    assert_eq!(run(&mut *agent, 0), Ok(()));
    assert_eq!(run(&mut *agent, 1), Err(Cause::Deadline(config.deadline)));
}

#[test]
fn what_runs_while_an_instance_starts_is_stopped() {
    let module = r#"(func $f (loop $l (br $l))) (start $f)
        (func (export "run") (param i32) (result i32) (i32.const 0))"#;
    for strategy in [Strategy::Pooled, Strategy::OnDemand] {
        let config = config(strategy);
        let subject = load(&config, &component(module));
        for _ in 0..3 {
            let fault = start(&subject).err().unwrap();
            assert_eq!(fault.cause, Cause::Deadline(config.deadline));
        }
    }
}

#[test]
fn a_fault_of_the_guests_own_is_no_deadline() {
    let module = r#"(memory 1) (func (export "run") (param i32) (result i32)
        (i32.load (i32.mul (local.get 0) (i32.const 65536))))"#;
    let subject = load(&config(Strategy::Pooled), &component(module));
    let mut agent = start(&subject).unwrap();
    assert_eq!(run(&mut *agent, 0), Ok(()));
    let cause = run(&mut *agent, 1).unwrap_err();
    assert_eq!(cause, Cause::Trap("out of bounds memory access".to_owned()));
}

#[test]
fn the_page_counts_neither_as_memory_nor_as_an_instance() {
    let module = r#"(memory 2) (func (export "run") (param i32) (result i32)
        (drop (memory.grow (i32.const 2))) (i32.const 0))"#;
    let component = component(module);
    let mut config = config(Strategy::Pooled);
    config.memory_limit = bytesize::ByteSize::kib(256);
    config.instance_limit = 1;
    config.allocation.slots = 1;
    let subject = load(&config, &component);
    assert_eq!(subject.prepared().needs.memories, 1);
    for _ in 0..2 {
        let mut agent = start(&subject).unwrap();
        assert_eq!(run(&mut *agent, 0), Ok(()));
        let usage = agent.usage();
        assert_eq!((usage.memory, usage.denials.unwrap().count), (Some(4 << 16), 0));
        assert!(matches!(start(&subject).err().unwrap().cause, Cause::NoSlot(_)));
    }
}

#[test]
fn where_there_can_be_no_page_epochs_stop_the_guest_and_it_says_why() {
    let endless = component(ENDLESS[0].1);
    let asked = config(Strategy::Pooled);
    let mut packed = asked.clone();
    packed.allocation.layout = Layout::Packed;
    let mut many = asked.clone();
    many.allocation.slots = 5_001;
    many.allocation.layout = Layout::Dense;
    many.calls = Calls::Sync;
    let fibers = SandboxConfig { calls: Calls::Async, ..asked.clone() };
    let fuelled = SandboxConfig { fuel: Some(u64::MAX >> 1), ..asked.clone() };
    let nested = wat::parse_str(format!(
        r#"(component (component $c (core module $m {}) (core instance $i (instantiate $m))
                (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))
            (instance $i (instantiate $c)) (export "run" (func $i "run")))"#,
        ENDLESS[0].1
    ));
    for (config, component, why) in [
        (packed, &endless, "`packed`"),
        (many, &endless, "`slots`"),
        (fibers, &endless, "fibers"),
        (fuelled, &endless, "fuel"),
        (asked, &nested.unwrap(), "composed"),
    ] {
        let subject = load(&config, component);
        let prepared = subject.prepared();
        assert_eq!(prepared.interrupt, Interrupt::Epoch, "{why}");
        let told = prepared.epochs_because.as_deref().unwrap();
        assert!(told.contains(why), "{told}");
        let mut agent = start(&subject).unwrap();
        assert_eq!(run(&mut *agent, 0), Ok(()), "{why}");
        assert_eq!(run(&mut *agent, 1), Err(Cause::Deadline(config.deadline)), "{why}");
    }
}

#[test]
fn a_component_cannot_name_the_page() {
    let module = r#"(import "sandlab-interrupt" "page" (memory 1 1))
        (func (export "run") (param i32) (result i32) (i32.const 0))"#;
    let text = format!(
        r#"(component (core module $p (memory (export "page") 1 1)) (core instance $p (instantiate $p))
            (core module $m {module})
            (core instance $i (instantiate $m (with "sandlab-interrupt" (instance $p))))
            (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))"#
    );
    let subject = load(&config(Strategy::Pooled), &wat::parse_str(text).unwrap());
    assert_eq!(subject.prepared().interrupt, Interrupt::Epoch);
    let imports =
        r#"(component (import "sandlab-interrupt-page" (func (param "page" (list u8)))))"#;
    let engine = SandboxEngine::with_cache(&config(Strategy::Pooled), Cache::none()).unwrap();
    let imports = wat::parse_str(imports).unwrap();
    assert!(load_bytes(&engine, &imports, "guest", &Options::default()).is_err());
}

/// Calls that end about when their deadline comes, in slots that are used again at once. Some are
/// stopped; but none before its own time, because of the call before it or of its slot's last
/// tenant. (A call of no length can still be late, where the machine is busy.)
#[test]
fn nobody_is_stopped_in_anothers_place() {
    const CALLS: u64 = 300;
    let module = r#"(memory 1) (func (export "run") (param i32) (result i32)
        (loop $l (i32.store (i32.const 8) (local.get 0))
            (br_if $l (i32.ge_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
        (i32.const 0))"#;
    let mut config = config(Strategy::Pooled);
    let deadline = Duration::from_millis(2);
    config.deadline = deadline;
    config.allocation.slots = 4;
    let subject = load(&config, &component(module));
    let patient = SandboxConfig { deadline: Duration::from_secs(60), ..config.clone() };
    let mut timed = start(&load(&patient, &component(module))).unwrap();
    let begun = Instant::now();
    run(&mut *timed, 10_000_000).unwrap();
    let a_millisecond = (10_000_000.0 / begun.elapsed().as_secs_f64() / 1e3) as u64;
    let ended: u64 = thread::scope(|scope| {
        let threads = (0..4_u64).map(|seed| {
            let subject = &subject;
            scope.spawn(move || {
                let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                let mut ended = 0;
                let mut agent = start(subject).unwrap();
                for _ in 0..CALLS {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    for n in [a_millisecond + random % (a_millisecond * 3), 0] {
                        if run_in_time(&mut *agent, n, deadline).is_ok() {
                            ended += 1;
                            continue;
                        }
                        drop(agent);
                        agent = start(subject).unwrap();
                    }
                }
                ended
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{ended} of {} calls ended before they were stopped", 8 * CALLS);
}
