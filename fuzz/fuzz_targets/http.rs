//! Any bytes as what an HTTP client sends: each connection is answered or closed, in time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sandlab_serve::config::{Agent, Limits, Listen};
use sandlab_serve::http::{Access, App, router, serve_connection};
use sandlab_serve::load::by_path;
use sandlab_serve::{Config, Host, Loaded};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

const COMPONENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/interrupt/run.wasm");

/// The time within which a connection has to end; its client sends no more.
const PATIENCE: Duration = Duration::from_secs(5);

/// A host with one agent, `run`.
struct Served {
    threads: tokio::runtime::Runtime,
    app: Arc<App>,
    closing: watch::Sender<bool>,
}

impl Served {
    fn start() -> Self {
        let mut config = Config::default();
        config.agents.insert("run".to_owned(), Agent::of(COMPONENT));
        let loaded =
            Loaded::load(&config, &by_path, &Loaded::default()).expect("it is a component");
        let host = Host::start(loaded, config.settings()).expect("the machine has room for a host");
        let access = Access::read(&Listen::default()).expect("the default has no files");
        let limits = Limits { timeout: Duration::from_secs(1), ..config.limits };
        let mut threads = tokio::runtime::Builder::new_current_thread();
        Self {
            threads: threads.enable_all().build().expect("the machine has room for a thread"),
            app: App::new(host, limits, access),
            closing: watch::Sender::new(false),
        }
    }

    /// Sends bytes, and no more after them, and reads until the connection is closed.
    async fn send(&self, bytes: &[u8]) {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let router = router(self.app.clone());
        let serving = serve_connection(server, router, &self.app.limits, self.closing.subscribe());
        let talking = async {
            // It may be closed before all is sent.
            if client.write_all(bytes).await.is_ok() {
                let _ = client.shutdown().await;
            }
            let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
        };
        let ended = tokio::time::timeout(PATIENCE, async { tokio::join!(serving, talking) }).await;
        assert!(ended.is_ok(), "a connection neither answered nor closed");
    }
}

fuzz_target!(|bytes: &[u8]| {
    static SERVED: LazyLock<Served> = LazyLock::new(Served::start);
    SERVED.threads.block_on(SERVED.send(bytes));
});
