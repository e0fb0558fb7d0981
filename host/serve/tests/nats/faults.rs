//! Hosts and servers that are killed, and messages that mean nothing.

use crate::hosts::{PATIENCE, host_process, remote, request, serve, settings};
use crate::server::NatsServer;
use crate::{wait_until, within};
use async_nats::HeaderMap;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rustix::process::{Pid, Signal, kill_process};
use sandlab_serve::Request;
use sandlab_serve::nats::{Remote, RemoteAccounts, RemoteError};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Senders that each keep one message in flight.
const SENDERS: u64 = 64;

/// The variable with the number of messages to be answered in all, for more than the test sends:
/// `make nats-faults`.
const MESSAGES: &str = "MESSAGES";

/// A process that neither reads nor answers while the value is there, as behind a network that
/// carries nothing.
struct CutOff(Pid);

impl CutOff {
    fn new(process: u32) -> Self {
        let process = i32::try_from(process).ok().and_then(Pid::from_raw).unwrap();
        kill_process(process, Signal::STOP).unwrap();
        Self(process)
    }
}

impl Drop for CutOff {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}

/// The results that the senders have seen themselves.
#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    stop: AtomicBool,
}

impl Seen {
    fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::SeqCst)
    }

    /// Waits until so many more are answered, as long as there is progress.
    async fn more(&self, messages: u64) {
        let all = self.answered() + messages;
        loop {
            let now = self.answered();
            if now >= all {
                return;
            }
            wait_until(async || self.answered() > now).await;
        }
    }

    /// Waits until so many more have no answer in time.
    async fn more_unknown(&self, messages: u64) {
        let all = self.unknown() + messages;
        wait_until(async || self.unknown() >= all).await;
    }
}

/// Sends until it is told to stop. Every message has a content of its own, which must come back.
async fn send(remote: Remote, seen: Arc<Seen>, sender: u64) {
    for number in 0_u64.. {
        if seen.stop.load(Ordering::SeqCst) {
            return;
        }
        let content = (sender << 32 | number).to_le_bytes();
        let asked = Request { timeout: Duration::from_secs(1), ..request(content) };
        let count = match remote.ask("echo", asked).await {
            Ok(replies) => {
                assert_eq!(replies[0].content, content[..]);
                &seen.answered
            }
            Err(error) if error.is_unknown() => &seen.unknown,
            Err(_) => {
                // No host is there, which is told at once: do not ask in a circle.
                tokio::time::sleep(Duration::from_millis(1)).await;
                &seen.failed
            }
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_balance_while_hosts_and_the_server_are_killed_and_cut_off() {
    let messages = std::env::var(MESSAGES).map_or(7_000, |messages| messages.parse().unwrap());
    let each = messages / 7;
    let mut server = NatsServer::start();
    let (mut first, second) = (host_process(&server), host_process(&server));
    let remote = remote(&settings(server.url())).await;
    let seen = Arc::new(Seen::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send(remote.clone(), seen.clone(), sender)))
        .collect();
    let begun = Instant::now();
    seen.more(each).await;

    // One host is killed: the other has all the traffic, and then a new one a part of it.
    drop(first);
    seen.more(each).await;
    first = host_process(&server);
    seen.more(each).await;

    // One host is cut off: what it took has no answer in time, and its late answers count for
    // nothing.
    let cut_off = CutOff::new(first.id());
    seen.more_unknown(1).await;
    drop(cut_off);
    seen.more(each).await;

    // The server is cut off from all.
    let cut_off = CutOff::new(server.id());
    seen.more_unknown(SENDERS).await;
    drop(cut_off);
    seen.more(each).await;

    // The server is killed, and comes back.
    server.kill();
    seen.more_unknown(1).await;
    let back = Instant::now();
    server.restart();
    seen.more(1).await;
    let back = back.elapsed();
    // Two seconds, on a machine that has nothing else to do.
    assert!(back < Duration::from_secs(20), "traffic was back after {back:?}");
    println!("traffic was back after {back:?}");
    seen.more(each).await;
    seen.more(each).await;
    println!("{:.0} s", begun.elapsed().as_secs_f64());

    // All hosts are killed: that nobody has the agent is told at once.
    drop((first, second));
    wait_until(async || seen.failed.load(Ordering::SeqCst) > 100).await;

    seen.stop.store(true, Ordering::SeqCst);
    for sender in senders {
        within(sender).await.unwrap();
    }
    let accounts = remote.accounts();
    println!("{accounts}");
    assert!(accounts.is_balanced() && accounts.in_flight == 0, "{accounts}");
    let RemoteAccounts { answered, failed, unknown, .. } = accounts;
    let counts = [&seen.answered, &seen.failed, &seen.unknown];
    let counts = counts.map(|count| count.load(Ordering::SeqCst));
    assert_eq!([answered, failed, unknown], counts, "{accounts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_never_sent_has_failed() {
    let mut server = NatsServer::start();
    let remote = remote(&settings(server.url())).await;
    server.kill();
    // More than the connection keeps until the server is back.
    let asked: Vec<_> = (0..4_000)
        .map(|_| {
            let remote = remote.clone();
            let request = Request { timeout: Duration::from_millis(500), ..request("hello") };
            tokio::spawn(async move { remote.ask("echo", request).await })
        })
        .collect();
    let mut not_sent = 0;
    for asked in asked {
        match within(asked).await.unwrap() {
            Err(RemoteError::NotSent(_)) => not_sent += 1,
            Err(RemoteError::TimedOut(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let accounts = remote.accounts();
    assert!(not_sent > 0 && accounts.failed == not_sent, "{accounts}");
    assert!(accounts.is_balanced() && accounts.accepted == 4_000, "{accounts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_answered_whatever_it_says() {
    let served = serve(&["echo"], |_| {}).await;
    let name = prop::sample::select(vec![
        "Sandlab-Performative",
        "Sandlab-Conversation",
        "Sandlab-Timeout",
        "Sandlab-Reply",
        "Nats-Service-Error-Code",
        "Other",
    ]);
    let value = prop_oneof!["[^\r\n]{0,20}", "[0-9]{1,25}(ms|s)?", "request",];
    let message =
        (prop::collection::vec((name, value), 0..4), prop::collection::vec(any::<u8>(), 0..64));
    let mut runner = TestRunner::deterministic();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let (headers, content) = message.new_tree(&mut runner).unwrap().current();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        let client = served.client.clone();
        asked.spawn(async move {
            let answer = client.request_with_headers("sandlab.echo", map, content.clone().into());
            let answer = within(answer).await.unwrap();
            let headers = answer.headers.unwrap_or_default();
            match headers.get("Nats-Service-Error-Code").map(|code| code.as_str().to_owned()) {
                None => assert_eq!(answer.payload, content),
                // It means nothing, or its timeout was short.
                Some(code) => assert!(["400", "504"].contains(&code.as_str()), "{code}"),
            }
        });
        if asked.len() == 50 {
            within(asked.join_next()).await.unwrap().unwrap();
        }
    }
    while let Some(answered) = within(asked.join_next()).await {
        answered.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_survive_headers_that_are_none() {
    let served = serve(&["echo"], |_| {}).await;
    for header in
        ["NATS/1.0\r\nno colon\r\n\r\n", "HTTP/1.1 200\r\n\r\n", "NATS/1.0\r\n\u{e9}: 1\r\n\r\n"]
    {
        let address = served.server.url();
        let mut raw = TcpStream::connect(address.trim_start_matches("nats://")).unwrap();
        let bytes = header.len();
        write!(raw, "CONNECT {{\"headers\":true,\"verbose\":false}}\r\n").unwrap();
        write!(raw, "HPUB sandlab.echo {bytes} {bytes}\r\n{header}\r\nPING\r\n").unwrap();
        // Until the server has passed it on.
        raw.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = BufReader::new(raw).lines();
        assert!(lines.any(|line| line.unwrap() == "PONG"));
        let asked = Request { timeout: Duration::from_secs(1), ..request("hello") };
        wait_until(async || served.remote.ask("echo", asked.clone()).await.is_ok()).await;
    }
}
