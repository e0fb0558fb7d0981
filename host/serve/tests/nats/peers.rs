//! Agents of several hosts that find each other.

use crate::hosts::{PATIENCE, component, remote, request, settings, start};
use crate::server::NatsServer;
use crate::{wait_until, within};
use async_nats::HeaderMap;
use futures_util::StreamExt;
use sandlab_runtime::messaging::{Accounts, Settings as Threads};
use sandlab_serve::nats::{Drained, Front, Remote, RemoteError};
use sandlab_serve::{Config, Host, Loaded, Request, load};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The limit of hops of these hosts.
const MOST_HOPS: u32 = 50;

/// A host whose agents are relays, each with a name and the configuration of its route.
struct Relays {
    host: Host,
    serving: JoinHandle<Drained>,
}

impl Relays {
    /// Starts relays whose mailboxes take all messages of a test.
    async fn start(server: &NatsServer, relays: &[(&str, &str)]) -> Self {
        let names = relays.iter().map(|(name, _)| ((*name).to_owned(), component("relay")));
        let mut config = Config::of_components(names);
        for (name, route) in relays {
            let agent = config.agents.get_mut(*name).unwrap();
            agent.configuration = Some((*route).to_owned());
            agent.mailbox.messages = NonZeroU32::MAX;
        }
        let loaded = Loaded::load(&config, &load::by_path, &Loaded::default()).unwrap();
        let host = start(loaded, Threads { max_hops: MOST_HOPS, ..Threads::default() });
        let front = Front::start(&host, &settings(server.url())).await.unwrap();
        let serving = tokio::spawn(front.run(|| PATIENCE, |error| panic!("{error}")));
        Self { host, serving }
    }

    async fn accounts(&self) -> Accounts {
        self.host.snapshot().await.accounts
    }
}

/// Tells a relay to count down over so many messages.
async fn count_down(remote: &Remote, relay: &str, messages: u32) {
    remote.tell(relay, request(messages.to_le_bytes())).await.unwrap();
}

/// Waits until the relays of both hosts have found each other: the first message may come before.
async fn until_found(remote: &Remote, second: &Relays) {
    wait_until(async || {
        count_down(remote, "a", 1).await;
        second.accounts().await.handled > 0
    })
    .await;
}

/// Returns the accounts of two hosts once nothing is under way.
async fn at_rest(first: &Relays, second: &Relays) -> [Accounts; 2] {
    let mut before = [first.accounts().await, second.accounts().await];
    within(async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = [first.accounts().await, second.accounts().await];
            if now == before && now.iter().all(|accounts| accounts.queued == 0) {
                return now;
            }
            before = now;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_goes_over_two_hosts_and_ends_at_the_limit_of_hops() {
    let server = NatsServer::start();
    let first = Relays::start(&server, &[("a", "ring b")]).await;
    let second = Relays::start(&server, &[("b", "ring a")]).await;
    let remote = remote(&settings(server.url())).await;
    until_found(&remote, &second).await;
    let before = at_rest(&first, &second).await;

    // a9 b8 a7 b6 a5 b4 a3 b2 a1 b0, and b's reply to a, its sender.
    count_down(&remote, "a", 9).await;
    let after = at_rest(&first, &second).await;
    let handled = [0, 1].map(|host| after[host].handled - before[host].handled);
    let carried = [0, 1].map(|host| after[host].carried - before[host].carried);
    assert_eq!((handled, carried), ([6, 5], [5, 5]), "{before:?} {after:?}");
    assert!(after.iter().all(Accounts::is_balanced), "{after:?}");

    count_down(&remote, "a", 1_000).await;
    let ended = at_rest(&first, &second).await;
    let looped: u64 = ended.iter().map(|accounts| accounts.looped).sum();
    let sum = |of: &[Accounts]| of.iter().map(|accounts| accounts.handled).sum::<u64>();
    let handled = sum(&ended) - sum(&after);
    // The message over the limit, and the one that would have told its sender.
    assert_eq!(looped, 2, "{ended:?}");
    assert_eq!(handled, u64::from(MOST_HOPS) + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_host_takes_comes_back_as_a_failure() {
    let server = NatsServer::start();
    let first = Relays::start(&server, &[("a", "ring b")]).await;
    let second = Relays::start(&server, &[("b", "answer")]).await;
    let remote = remote(&settings(server.url())).await;
    until_found(&remote, &second).await;
    // The messages that looked for the second host are counted before those of this test.
    at_rest(&first, &second).await;
    second.serving.abort();
    let _ = second.serving.await;
    // What comes while the host leaves has no answer.
    let asked = Request { timeout: Duration::from_secs(1), ..request("") };
    wait_until(async || {
        let gone = remote.ask("b", asked.clone()).await;
        matches!(gone, Err(RemoteError::Refused { code: 404, .. }))
    })
    .await;

    let before = first.accounts().await;
    count_down(&remote, "a", 1).await;
    // The message itself, and the failure that comes back.
    wait_until(async || first.accounts().await.handled == before.handled + 2).await;
    assert_eq!(first.accounts().await.carried, before.carried + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_drains_sends_to_other_hosts_until_its_last_message_has_ended() {
    const MESSAGES: u32 = 10_000;
    let server = NatsServer::start();
    let first = Relays::start(&server, &[("a", "forward b")]).await;
    let second = Relays::start(&server, &[("b", "answer")]).await;
    let remote = remote(&settings(server.url())).await;
    until_found(&remote, &second).await;
    let before = at_rest(&first, &second).await;
    for _ in 0..MESSAGES {
        first.host.tell("a", request("x")).await.unwrap();
    }
    assert!(first.host.drain(PATIENCE).await.agents.is_empty());
    within(first.serving).await.unwrap();
    let carried = first.host.snapshot().await.accounts.carried - before[0].carried;
    assert_eq!(carried, u64::from(MESSAGES));
    wait_until(async || second.accounts().await.handled == before[1].handled + carried).await;
}

/// A NATS client that stands for a host with the agent `b`, which takes no messages.
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_failure_has_the_hops_that_led_to_it() {
    let server = NatsServer::start();
    let _first = Relays::start(&server, &[("a", "forward b")]).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut asked = client.subscribe("$SRV.INFO.sandlab").await.unwrap();
    let mut taken = client.subscribe("sandlab.b").await.unwrap();
    let told = client.clone();
    tokio::spawn(async move {
        let info = r#"{"type":"io.nats.micro.v1.info_response","name":"sandlab","id":"x",
            "version":"0.1.0","description":"","metadata":{},"endpoints":[{"name":"b",
            "subject":"sandlab.b","queue_group":"sandlab","metadata":{}}]}"#;
        while let Some(asked) = asked.next().await {
            told.publish(asked.reply.unwrap(), info.into()).await.unwrap();
        }
    });
    // It looks for `b` when it has the first message, and passes on one of the next.
    let mut passed_on = None;
    wait_until(async || {
        let mut headers = HeaderMap::new();
        headers.insert("Sandlab-Sender", "OTHER.1");
        headers.insert("Sandlab-Id", "34");
        headers.insert("Sandlab-Conversation", "7");
        headers.insert("Sandlab-Hops", "5");
        client.publish_with_headers("sandlab.a", headers, "x".into()).await.unwrap();
        let next = tokio::time::timeout(Duration::from_millis(100), taken.next()).await;
        passed_on = next.ok().flatten();
        passed_on.is_some()
    })
    .await;
    let passed_on = passed_on.unwrap();
    assert_eq!(passed_on.headers.unwrap().get("Sandlab-Hops").unwrap().as_str(), "6");
    let notice = passed_on.reply.unwrap();
    assert!(notice.starts_with("sandlab.@") && notice.ends_with(".34.7.6"), "{notice}");
}
