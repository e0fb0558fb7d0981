//! A configuration is replaced while messages come.

mod common;

use common::{component, config, loaded, request};
use sandlab_serve::{Host, Loaded};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Starts a host; also in async code, in which a thread may not wait without saying so.
fn host(text: &str) -> Host {
    let config = config(text);
    let start = || Host::start(loaded(&config, &Loaded::default()), config.settings());
    in_place(start).unwrap()
}

fn apply(host: &Host, text: &str) -> String {
    let loaded = loaded(&config(text), &host.loaded());
    in_place(|| host.apply(loaded, common::PATIENCE)).unwrap().to_string()
}

fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::task::block_in_place(work),
        Err(_) => work(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_differs_is_replaced() {
    let host = host("[agents.notes]\ncomponent = '@notebook'\n[agents.old]\ncomponent = '@echo'");
    let ask = async |content: &str| {
        let replies = host.ask("notes", request(content)).await.unwrap();
        String::from_utf8(replies[0].content.clone()).unwrap()
    };
    ask("put a\nkept").await;
    let names = host.watch_names();
    let said =
        apply(&host, "[agents.notes]\ncomponent = '@notebook'\n[agents.new]\ncomponent = '@echo'");
    assert_eq!(said, "added new; changed none; removed old");
    assert!(names.has_changed().unwrap());
    assert_eq!(host.names(), ["new", "notes"]);
    assert!(ask("get a").await.contains("kept"));
    assert!(host.ask("old", request("x")).await.is_err());
    let said = apply(&host, "[agents.notes]\ncomponent = '@notebook'\ninstances = 2");
    assert_eq!(said, "added none; changed notes; removed new");
    let figures = &host.snapshot().await.agents["notes"];
    assert_eq!((figures.answered, figures.instances), (2, 2), "what was counted stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_while_an_agent_is_replaced() {
    let text = |instances: u32, sleeper: u32| {
        format!(
            "[agents.echo]\ncomponent = '@echo'\ninstances = {instances}\n\
             [agents.slow]\ncomponent = '@faulty'\ninstances = {sleeper}"
        )
    };
    let host = host(&text(1, 1));
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let senders = async {
        while !is_over.load(Relaxed) {
            let reply = host.ask("echo", request("x")).await.unwrap();
            assert_eq!(reply[0].content, b"x");
            answered.fetch_add(1, Relaxed);
        }
    };
    let slow = host.ask("slow", request("sleep 300"));
    let replacing = async {
        let host = host.clone();
        let replaced = tokio::task::spawn_blocking(move || {
            for round in 0..10 {
                let said = apply(&host, &text(1 + round % 2, 2 - round % 2));
                assert!(!said.contains("left"), "{said}");
            }
        });
        replaced.await.unwrap();
        is_over.store(true, Relaxed);
    };
    let (slow, (), ()) = tokio::join!(slow, senders, replacing);
    slow.unwrap();
    let snapshot = host.snapshot().await;
    let figures = &snapshot.agents["echo"];
    assert_eq!(figures.answered, answered.load(Relaxed));
    assert!(figures.failed.is_empty(), "{figures:?}");
    assert_eq!(snapshot.agents["slow"].answered, 1);
    assert!(snapshot.accounts.is_balanced());
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_find_the_new_version_by_its_name() {
    let text = |instances: u32| {
        format!(
            "[agents.all]\ncomponent = '@relay'\nconfiguration = 'fan-out end'\n\
             [agents.end]\ncomponent = '@echo'\ninstances = {instances}"
        )
    };
    let host = host(&text(1));
    apply(&host, &text(2));
    let handled = host.snapshot().await.accounts.handled;
    host.ask("all", request("x")).await.unwrap();
    let rest = host.drain(common::PATIENCE).await;
    assert!(rest.agents.is_empty(), "{rest:?}");
    let accounts = host.snapshot().await.accounts;
    // The message, what it led to, and the reply to that.
    assert_eq!((accounts.handled - handled, accounts.dead_lettered), (3, 0), "{accounts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_drains_waits_for_agents_that_were_removed_or_replaced() {
    let text =
        |instances: u32| format!("[agents.old]\ncomponent = '@faulty'\ninstances = {instances}");
    for next in ["[agents.new]\ncomponent = '@echo'".to_owned(), text(2)] {
        let host = host(&text(1));
        for _ in 0..2 {
            host.tell("old", request("sleep 1000")).await.unwrap();
        }
        let (names, changed) = (host.watch_names(), host.clone());
        let changing = tokio::task::spawn_blocking(move || apply(&changed, &next));
        while !names.has_changed().unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let left = host.drain(Duration::ZERO).await.agents;
        assert_eq!(left.get("old"), Some(&2), "{left:?}");
        assert!(host.drain(common::PATIENCE).await.agents.is_empty());
        assert_eq!(host.snapshot().await.accounts.handled, 2);
        assert!(!changing.await.unwrap().contains("left"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_never_go_back_while_the_old_version_finishes() {
    let text =
        |instances: u32| format!("[agents.faulty]\ncomponent = '@faulty'\ninstances = {instances}");
    let host = host(&text(1));
    for _ in 0..3 {
        host.ask("faulty", request("panic")).await.unwrap_err();
    }
    let restarts = async || host.snapshot().await.agents["faulty"].restarts;
    while restarts().await < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let slow = host.ask("faulty", request("sleep 500"));
    let (is_over, replaced) = (AtomicBool::new(false), host.clone());
    let replacing = async {
        let apply = move || apply(&replaced, &text(2));
        let said = tokio::task::spawn_blocking(apply).await.unwrap();
        is_over.store(true, Relaxed);
        said
    };
    let looking = async {
        while !is_over.load(Relaxed) {
            assert_eq!(restarts().await, 3);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (slow, said, ()) = tokio::join!(slow, replacing, looking);
    slow.unwrap();
    assert_eq!((said.as_str(), restarts().await), ("added none; changed faulty; removed none", 3));
}

#[test]
fn an_agent_that_does_not_start_changes_nothing() {
    let host = host("[agents.a]\ncomponent = '@echo'");
    let wrong = "[agents.a]\ncomponent = '@echo'\ninstances = 2\n[agents.b]\n\
                 component = '@relay'\nconfiguration = 'nonsense'";
    let loaded = loaded(&config(wrong), &host.loaded());
    let error = host.apply(loaded, Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("\"b\"") && error.contains("fan-out"), "{error}");
    assert_eq!(host.names(), ["a"]);
    assert_eq!(host.runtime().accounts().agents, 1);
}

#[test]
fn a_component_that_cannot_be_loaded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no.wasm");
    std::fs::write(&file, "no component").unwrap();
    for (component, why) in [(file.to_str().unwrap(), "component"), ("nowhere.wasm", "no file")] {
        let config = config(&format!("[agents.a]\ncomponent = '{component}'"));
        let loaded = Loaded::load(&config, &sandlab_serve::load::by_path, &Loaded::default());
        let error = loaded.err().unwrap().to_string();
        assert!(error.starts_with("agents.a.component: ") && error.contains(why), "{error}");
    }
}

#[test]
fn a_component_is_loaded_once_for_many_agents() {
    let echo = component("echo");
    let agents = (0..50).map(|n| format!("[agents.a{n}]\ncomponent = '{echo}'\n"));
    let host = host(&agents.collect::<String>());
    let process = host.loaded().process();
    assert_eq!(process.cache_hits + process.cache_misses, 1);
    assert_eq!(process.pool_slots_used, 50);
}
