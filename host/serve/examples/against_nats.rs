//! Measures agents over NATS, on a server of its own: `make bench-nats`, or
//!
//! ```text
//! cargo run --release --package sandlab-serve --example against_nats
//! ```
//!
//! - Requests per second through `serve`, against a responder of a few lines that uses async-nats
//!   alone; the same for messages that want no reply.
//! - What a second connection, on either side, adds.
//! - What an agent that is slow, with messages that wait for it, does to the p99 of another.
//!
//! What answers runs in a process of its own, and answers for all sides from the start; what asks
//! takes them in turns, one way and back in every round, so that a drift of the machine cancels
//! out.

#[allow(dead_code, reason = "only the tests kill it")]
#[path = "../tests/nats/server.rs"]
mod server;

use async_nats::Client;
use bytes::Bytes;
use bytesize::ByteSize;
use futures_util::StreamExt;
use sandlab_runtime::Performative;
use sandlab_runtime::allocator::Allocator;
use sandlab_runtime::child::{Child, this_program};
use sandlab_runtime::messaging::Settings as Threads;
use sandlab_serve::nats::{Connections, Remote, Service, Settings, Spread};
use sandlab_serve::{Config, Host, Loaded, Request, load};
use server::NatsServer;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// That of the command, for all sides.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The variable with the server's URL for the process that answers.
const SERVER: &str = "SANDLAB_BENCH_NATS";

const ROUNDS: usize = 7;
/// The time that each side is measured, twice per round.
const DURATION: Duration = Duration::from_millis(500);
/// Requests in flight.
const DEPTH: usize = 64;
/// Messages of one measurement that want no reply.
const TOLD: u64 = 50_000;
/// Requests in flight while p99 is measured: few, so that it is not the time in queues.
const FEW: usize = 4;
/// Messages that keep the slow agent busy for as long as one measurement takes.
const SLOW: [&str; 10] = ["sleep 60"; 10];
/// The time after which the slow agent has nothing left.
const REST: Duration = Duration::from_millis(300);
/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(url) = std::env::var(SERVER) {
        return answer(&url).await;
    }
    let server = NatsServer::start();
    let child = Child::start(this_program().env(SERVER, server.url()).stdout(Stdio::piped()))?;
    while child.line(PATIENCE, &|| false).ok().flatten().ok_or("what answers has ended")? != "ready"
    {
    }
    let client = async_nats::connect(server.url()).await?;

    println!("through serve ÷ bare responder, median and range of {ROUNDS} rounds");
    for size in [16, 1 << 10, 16 << 10] {
        let content = Bytes::from(vec![0x5a; size]);
        let bare = async || ask_all(&client, "bare.echo", &content).await;
        let served = async || ask_all(&client, "one.echo", &content).await;
        compare(&format!("requests of {}", ByteSize(size as u64)), "/s", bare, served).await?;
    }
    let content = Bytes::from(vec![0x5a; 1 << 10]);
    let bare = async || tell_all(&client, "bare.tell", "bare.count", &content).await;
    let served = async || tell_all(&client, "one.echo", "one.count", &content).await;
    compare("messages of 1.0 KiB that want no reply", "/s", bare, served).await?;

    println!("\ntwo connections ÷ one, on both sides");
    let (one, two) = (settings(&server.url(), 1), settings(&server.url(), 2));
    let (one, two) = (remote(&one).await?, remote(&two).await?);
    for size in [16, 1 << 10, 16 << 10, 256 << 10] {
        let content = vec![0x5a; size];
        let by_one = async || ask_remote(&one, &content).await;
        let by_two = async || ask_remote(&two, &content).await;
        compare(&format!("requests of {}", ByteSize(size as u64)), "/s", by_one, by_two).await?;
    }

    println!("\np99 beside a slow agent with messages that wait ÷ alone");
    let alone = async || p99(&client, "one.echo", &content).await;
    let beside = async || {
        for message in SLOW {
            client.publish("one.faulty", message.into()).await?;
        }
        client.flush().await?;
        let p99 = p99(&client, "one.echo", &content).await;
        tokio::time::sleep(REST).await;
        p99
    };
    compare("requests of 1.0 KiB", " µs", alone, beside).await?;
    Ok(())
}

/// Prints what two sides reach, and the ratio.
async fn compare(
    what: &str,
    unit: &str,
    first: impl AsyncFn() -> Result<f64>,
    second: impl AsyncFn() -> Result<f64>,
) -> Result<()> {
    let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..ROUNDS {
        let slices = [first().await?, second().await?, second().await?, first().await?];
        let (one, two) = ((slices[0] + slices[3]) / 2.0, (slices[1] + slices[2]) / 2.0);
        ratios.push(two / one);
        rates[0].push(one);
        rates[1].push(two);
    }
    ratios.sort_by(f64::total_cmp);
    let [one, two] = rates.map(|mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    let (low, ratio, high) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
    println!(
        "{what:>40}: {two:>8.0}{unit} against {one:>8.0}{unit}: {ratio:.2} ({low:.2} – {high:.2})"
    );
    Ok(())
}

/// Keeps requests in flight from one client, and returns how many per second were answered.
async fn ask_all(client: &Client, subject: &'static str, content: &Bytes) -> Result<f64> {
    let (client, content) = (client.clone(), content.clone());
    in_flight(move || {
        let (client, content) = (client.clone(), content.clone());
        async move {
            let reply = client.request(subject, content.clone()).await?;
            if reply.payload.len() != content.len() {
                return Err(format!("{subject} answered {:?}", reply.headers).into());
            }
            Ok(())
        }
    })
    .await
}

async fn ask_remote(remote: &Remote, content: &[u8]) -> Result<f64> {
    let (remote, content) = (remote.clone(), content.to_vec());
    in_flight(move || {
        let (remote, content) = (remote.clone(), content.clone());
        async move {
            remote.ask("echo", request(content)).await?;
            Ok(())
        }
    })
    .await
}

/// Keeps [`DEPTH`] requests in flight, and returns how many per second were answered.
async fn in_flight<F>(ask: impl Fn() -> F + Clone + Send + Sync + 'static) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..DEPTH {
        let ask = ask.clone();
        asking.spawn(async move {
            let mut answered = 0_u64;
            while begun.elapsed() < DURATION {
                ask().await?;
                answered += 1;
            }
            Ok::<_, Failure>(answered)
        });
    }
    let mut answered = 0;
    while let Some(one) = asking.join_next().await {
        answered += one??;
    }
    Ok(answered as f64 / begun.elapsed().as_secs_f64())
}

/// Keeps a few requests in flight, and returns the 99th percentile of what one took, µs.
async fn p99(client: &Client, subject: &'static str, content: &Bytes) -> Result<f64> {
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..FEW {
        let (client, content) = (client.clone(), content.clone());
        asking.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < DURATION {
                let sent = Instant::now();
                client.request(subject, content.clone()).await?;
                took.push(sent.elapsed());
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = asking.join_next().await {
        all.extend(took??);
    }
    all.sort_unstable();
    Ok(all[all.len() * 99 / 100].as_secs_f64() * 1e6)
}

/// Sends messages that want no reply as fast as the connection takes them, and returns how many per
/// second arrived.
async fn tell_all(
    client: &Client,
    subject: &'static str,
    count: &'static str,
    content: &Bytes,
) -> Result<f64> {
    let arrived = async || {
        let answer = client.request(count, Bytes::new()).await?;
        Ok::<_, Failure>(String::from_utf8_lossy(&answer.payload).parse::<u64>()?)
    };
    let before = arrived().await?;
    let begun = Instant::now();
    for _ in 0..TOLD {
        client.publish(subject, content.clone()).await?;
    }
    while arrived().await? - before < TOLD {
        if begun.elapsed() > PATIENCE {
            return Err(format!(
                "{} of {TOLD} messages arrived at {subject}",
                arrived().await? - before
            )
            .into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(TOLD as f64 / begun.elapsed().as_secs_f64())
}

fn settings(url: &str, connections: usize) -> Settings {
    Settings {
        urls: vec![url.to_owned()],
        subject_prefix: if connections == 1 { "one" } else { "two" }.to_owned(),
        connections,
        spread: Spread::RoundRobin,
        ..Settings::default()
    }
}

async fn remote(settings: &Settings) -> Result<Remote> {
    Ok(Remote::start(&Connections::open(settings).await?, settings).await?)
}

fn request(content: Vec<u8>) -> Request {
    let performative = Performative::Request;
    Request { performative, conversation: None, timeout: PATIENCE, content }
}

/// Answers for all sides, until it is killed.
async fn answer(url: &str) -> Result<()> {
    let client = async_nats::connect(url).await?;
    let host = host()?;
    let mut services = Vec::new();
    for connections in [1, 2] {
        let settings = settings(url, connections);
        let connections = Connections::open(&settings).await?;
        let names = host.names();
        services.push(Service::start(&host, names, &connections, &settings, None).await?);
    }
    let told = Arc::new(AtomicU64::new(0));
    let mut requests = client.queue_subscribe("bare.echo", "bare".to_owned()).await?;
    let mut messages = client.queue_subscribe("bare.tell", "bare".to_owned()).await?;
    let mut counts = client.subscribe("*.count").await?;
    tokio::spawn({
        let client = client.clone();
        async move {
            while let Some(request) = requests.next().await {
                if let Some(reply) = request.reply {
                    let _ = client.publish(reply, request.payload).await;
                }
            }
        }
    });
    tokio::spawn({
        let told = told.clone();
        async move {
            while messages.next().await.is_some() {
                told.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    client.flush().await?;
    println!("ready");
    while let Some(request) = counts.next().await {
        let handled = host.snapshot().await.accounts.handled;
        let is_bare = request.subject.starts_with("bare");
        let count = if is_bare { told.load(Ordering::Relaxed) } else { handled };
        if let Some(reply) = request.reply {
            client.publish(reply, count.to_string().into()).await?;
        }
    }
    Ok(())
}

/// Returns a host with an echo, and an agent that can be slow, whose mailboxes take a flood.
fn host() -> Result<Host> {
    let agents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agents");
    let agents = agents.to_str().ok_or("a path in UTF-8")?;
    let component = |name: &str| (name.to_owned(), format!("{agents}/{name}/agent.wasm"));
    let mut config = Config::of_components(["echo", "faulty"].map(component));
    for agent in config.agents.values_mut() {
        agent.mailbox.messages = NonZeroU32::MAX;
        agent.mailbox.bytes = ByteSize::gib(1);
    }
    let loaded = Loaded::load(&config, &load::by_path, &Loaded::default())?;
    let threads = Threads { shards: 1, ..Threads::default() };
    Ok(tokio::task::block_in_place(|| Host::start(loaded, threads))?)
}
