//! Measures what `serve` costs over HTTP: the same load against it and against a bare axum handler
//! that returns the body, in alternating rounds of one run; and what it costs that a host finds an
//! agent by its name, assigns an instance and counts. Exits with 1 if a bound does not hold.
//!
//! ```text
//! cargo run --release --package sandlab-serve --example against_axum
//! ```

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use sandlab_runtime::Performative;
use sandlab_runtime::allocator::Allocator;
use sandlab_runtime::messaging::Draft;
use sandlab_serve::config::{Agent, Config, Listen};
use sandlab_serve::http::{Access, App, Server};
use sandlab_serve::load::by_path;
use sandlab_serve::{Host, Loaded};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, yield_now};

/// That of the command, for both servers.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const CONNECTIONS: usize = 64;
const CONTENT: usize = 1 << 10;
/// Rounds of each server.
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_secs(2);
/// Messages per second of the open loop.
const RATE: u64 = 10_000;
const IDLE_AGENTS: u32 = 1_000;
const IDLE: Duration = Duration::from_secs(5);

/// The least share of the bare handler's requests per second.
const LEAST_RATE: f64 = 0.80;
/// The most times of the bare handler's p99.
const MOST_P99: f64 = 1.5;
/// The most of a core that a host takes with idle agents.
const MOST_IDLE: f64 = 0.01;
/// The most time of a message through a host, ÷ that of one by the runtime's own client.
const MOST_COUNTED: f64 = 1.01;

/// Rounds of messages through a host and by the client.
const COUNTED_ROUNDS: usize = 60;
const COUNTED_ROUND: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let idle = idle();
    println!(
        "{IDLE_AGENTS} idle agents: {:.2} % of a core (at most {:.0} %)",
        idle * 100.0,
        MOST_IDLE * 100.0
    );
    let counted = counted();
    println!(
        "{CONTENT} B through a host ÷ by the runtime's own client: {counted:.3} (at most {MOST_COUNTED})"
    );
    let threads = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (bare_threads, serve_threads) = (threads(), threads());
    let bare = bare_threads.block_on(bare());
    let (_host, server) = serve(&serve_threads, 1);
    let servers = [bare, server.address()];
    let (mut rates, mut p99s) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for round in 0..ROUNDS {
        // A B B A.
        for which in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            rates[which].push(closed_loop(servers[which]));
            p99s[which].push(open_loop(servers[which]));
        }
    }
    let rates = rates.map(median);
    let p99s = p99s.map(median);
    let (rate, p99) = (rates[1] / rates[0], p99s[1] / p99s[0]);
    println!(
        "{CONNECTIONS} connections, echo of {CONTENT} B: axum {:.0}/s, serve {:.0}/s: {rate:.3} (at least {LEAST_RATE})",
        rates[0], rates[1]
    );
    println!(
        "{RATE} messages/s: p99 of axum {:.0} µs, of serve {:.0} µs: {p99:.3} (at most {MOST_P99})",
        p99s[0] * 1e6,
        p99s[1] * 1e6
    );
    let holds =
        rate >= LEAST_RATE && p99 <= MOST_P99 && idle <= MOST_IDLE && counted <= MOST_COUNTED;
    ExitCode::from(u8::from(!holds))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn serve(threads: &Runtime, instances: u32) -> (Host, Server) {
    let component =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agents/echo/agent.wasm");
    let mut agent = Agent::of(component.to_str().unwrap());
    agent.instances = NonZeroU32::new(instances).unwrap();
    let mut config = Config::default();
    config.agents.insert("echo".to_owned(), agent);
    let loaded = Loaded::load(&config, &by_path, &Loaded::default()).unwrap();
    let host = Host::start(loaded, config.settings()).unwrap();
    let access = Access::read(&Listen::default()).unwrap();
    let app = App::new(host.clone(), config.limits, access);
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = threads.block_on(Server::start(any_port, app)).unwrap();
    (host, server)
}

/// Returns the share of a core that a host takes while nothing is sent to its agents.
fn idle() -> f64 {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (host, _server) = serve(&threads, IDLE_AGENTS);
    let cpu = || threads.block_on(host.snapshot()).process.cpu.unwrap();
    let (before, since) = (cpu(), Instant::now());
    std::thread::sleep(IDLE);
    (cpu() - before).as_secs_f64() / since.elapsed().as_secs_f64()
}

/// Returns the time of a message through a host ÷ that of one by the runtime's own client, the median
/// of the rounds. Someone reads the counts once per second.
fn counted() -> f64 {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reader = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (host, _server) = serve(&reader, 1);
    let read = host.clone();
    reader.spawn(async move {
        loop {
            let _ = read.snapshot().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let client = host.runtime().client();
    let agent = client.find("echo").unwrap();
    let by_host = move || {
        let host = host.clone();
        async move {
            let request = sandlab_serve::Request {
                performative: Performative::Request,
                conversation: None,
                timeout: Duration::from_secs(10),
                content: vec![b'x'; CONTENT],
            };
            assert_eq!(host.ask("echo", request).await.unwrap()[0].content.len(), CONTENT);
        }
    };
    let by_client = move || {
        let client = client.clone();
        async move {
            let draft = Draft {
                performative: Performative::Request,
                conversation: None,
                content: vec![b'x'; CONTENT],
            };
            let replies = client.ask_all(agent, draft, Duration::from_secs(10)).await;
            assert_eq!(replies.unwrap()[0].content.len(), CONTENT);
        }
    };
    let ratios = (0..COUNTED_ROUNDS).map(|_| {
        let slices = [
            per_message(&threads, &by_host),
            per_message(&threads, &by_client),
            per_message(&threads, &by_client),
            per_message(&threads, &by_host),
        ];
        (slices[0] + slices[3]) / (slices[1] + slices[2])
    });
    median(ratios.collect())
}

/// Returns the time per message with as many in flight as there are connections, seconds.
fn per_message<F: Future<Output = ()> + 'static>(
    threads: &Runtime,
    send: &(impl Fn() -> F + Clone + 'static),
) -> f64 {
    LocalSet::new().block_on(threads, async {
        let begin = Instant::now();
        let senders = (0..CONNECTIONS).map(|_| {
            let send = send.clone();
            tokio::task::spawn_local(async move {
                let mut sent = 0_u64;
                while begin.elapsed() < COUNTED_ROUND {
                    send().await;
                    sent += 1;
                }
                sent
            })
        });
        let mut sent = 0;
        for sender in senders.collect::<Vec<_>>() {
            sent += sender.await.unwrap();
        }
        begin.elapsed().as_secs_f64() / sent as f64
    })
}

/// Serves as `axum::serve` does.
async fn bare() -> SocketAddr {
    let router = Router::new().route("/agents/{name}", post(|body: Bytes| async { body }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // The client closes it.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// Sends and receives on each of the connections, and returns what each of the requests took.
fn load<F: Future<Output = Vec<Duration>> + 'static>(
    address: SocketAddr,
    drive: impl Fn(usize, Client) -> F,
) -> Vec<Duration> {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&threads, async {
        let all = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..CONNECTIONS {
            let driven = drive(number, Client::connect(address).await);
            let all = all.clone();
            tasks.push(tokio::task::spawn_local(async move {
                let took = driven.await;
                all.borrow_mut().extend(took);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        all.take()
    })
}

struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    content: Arc<[u8]>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::task::spawn_local(connection);
        Self { sender, host: address.to_string(), content: vec![b'x'; CONTENT].into() }
    }

    async fn send(&mut self) {
        let request = http::Request::post("/agents/echo").header("host", &self.host);
        let request = request.body(Full::from(Bytes::copy_from_slice(&self.content))).unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), CONTENT);
    }
}

/// Returns the requests per second with one in flight on each connection.
fn closed_loop(address: SocketAddr) -> f64 {
    let all = load(address, |_, mut client| async move {
        let (until, mut took) = (Instant::now() + ROUND, Vec::new());
        while Instant::now() < until {
            let sent = Instant::now();
            client.send().await;
            took.push(sent.elapsed());
        }
        took
    });
    all.len() as f64 / ROUND.as_secs_f64()
}

/// Returns the 99th percentile of the time from when a request was due, at a fixed rate, seconds.
fn open_loop(address: SocketAddr) -> f64 {
    let begin = Instant::now() + Duration::from_millis(50);
    let messages = RATE * ROUND.as_secs();
    let mut all = load(address, move |number, mut client| async move {
        let mut took = Vec::new();
        for message in (number as u64..messages).step_by(CONNECTIONS) {
            let due = begin + Duration::from_nanos(message * 1_000_000_000 / RATE);
            // A timer is a millisecond late.
            while Instant::now() < due {
                yield_now().await;
            }
            client.send().await;
            took.push(due.elapsed());
        }
        took
    });
    all.sort_unstable();
    all[all.len() * 99 / 100].as_secs_f64()
}
