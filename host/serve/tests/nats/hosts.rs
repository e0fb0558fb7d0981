//! Hosts of the tests: in this process, and in processes of their own.

use crate::server::NatsServer;
use sandlab_runtime::Performative;
use sandlab_runtime::child::{Child, this_program};
use sandlab_runtime::messaging::Settings as Threads;
use sandlab_serve::nats::{Connections, Remote, Service, Settings};
use sandlab_serve::{Config, Host, Loaded, Request, load};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The longest wait for what must happen, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The variable with the URL of the server for a host process.
const SERVER: &str = "SANDLAB_TEST_NATS";

/// Returns the settings for a test's server.
pub fn settings(url: String) -> Settings {
    Settings { urls: vec![url], ..Settings::default() }
}

/// Starts a host with reference agents, each under the name of its component.
pub fn host(agents: &[&str]) -> Host {
    start(loaded(agents), Threads::default())
}

/// Starts a host, in async code.
pub fn start(loaded: Loaded, threads: Threads) -> Host {
    tokio::task::block_in_place(|| Host::start(loaded, Threads { shards: 1, ..threads }).unwrap())
}

/// Loads reference agents.
pub fn loaded(agents: &[&str]) -> Loaded {
    let components = agents.iter().map(|name| ((*name).to_owned(), component(name)));
    let config = Config::of_components(components);
    let loaded = Loaded::load(&config, &load::by_path, &Loaded::default());
    loaded.unwrap_or_else(|error| panic!("run `make guests` first: {error}"))
}

/// Returns the file of a reference agent's component.
pub fn component(name: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("agents").join(name).join("agent.wasm").to_str().unwrap().to_owned()
}

/// A host in this process that answers over NATS, and a client of it.
pub struct Served {
    pub server: NatsServer,
    pub host: Host,
    pub service: Service,
    pub remote: Remote,
    /// A NATS client that knows nothing of sandlab.
    pub client: async_nats::Client,
}

/// Serves agents by settings that are changed from the defaults.
pub async fn serve(agents: &[&str], change: impl FnOnce(&mut Settings)) -> Served {
    let server = NatsServer::start();
    let mut settings = settings(server.url());
    change(&mut settings);
    let host = host(agents);
    let connections = Connections::open(&settings).await.unwrap();
    let service = Service::start(&host, host.names(), &connections, &settings, None).await.unwrap();
    let remote = remote(&settings).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    Served { server, host, service, remote, client }
}

pub async fn remote(settings: &Settings) -> Remote {
    Remote::start(&Connections::open(settings).await.unwrap(), settings).await.unwrap()
}

pub fn request(content: impl Into<Vec<u8>>) -> Request {
    Request {
        performative: Performative::Request,
        conversation: None,
        timeout: PATIENCE,
        content: content.into(),
    }
}

/// Starts a process with a host that serves `echo`, and returns when it does.
pub fn host_process(server: &NatsServer) -> Child {
    let mut command = this_program();
    command.args(["--exact", "hosts::a_host_process", "--ignored", "--nocapture"]);
    let child = Child::start(command.env(SERVER, server.url()).stdout(Stdio::piped())).unwrap();
    loop {
        let line = child.line(PATIENCE, &|| false).unwrap();
        if line.expect("the host process lives").contains("serving") {
            return child;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the body of a host process"]
async fn a_host_process() {
    let Ok(url) = std::env::var(SERVER) else { return };
    let settings = settings(url);
    let host = host(&["echo"]);
    let connections = Connections::open(&settings).await.unwrap();
    let _service =
        Service::start(&host, host.names(), &connections, &settings, None).await.unwrap();
    println!("serving");
    std::future::pending::<()>().await;
}
