//! What the tests share: a served configuration, and a client that sends what it is told.
#![allow(dead_code, reason = "each test file uses its share")]

use sandlab_runtime::Performative;
use sandlab_serve::config::Config;
use sandlab_serve::http::{Access, App, Server};
use sandlab_serve::load::by_path;
use sandlab_serve::{Host, Loaded, Request};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Longer than anything takes that a test waits for, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The file of a reference agent, which `make guests` builds.
pub fn component(name: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let file = target.join("agents").join(name).join("agent.wasm");
    assert!(file.is_file(), "run `make guests` first: {} is missing", file.display());
    file.to_str().unwrap().to_owned()
}

/// A configuration in TOML, in which `@NAME` is the component of a reference agent.
pub fn config(text: &str) -> Config {
    let names = ["echo", "faulty", "notebook", "relay"];
    let with = |text: String, name: &str| match text.contains(&format!("@{name}")) {
        true => text.replace(&format!("@{name}"), &component(name)),
        false => text,
    };
    let config: Config = toml::from_str(&names.into_iter().fold(text.to_owned(), with)).unwrap();
    config.check().unwrap();
    config
}

pub fn loaded(config: &Config, before: &Loaded) -> Loaded {
    Loaded::load(config, &by_path, before).unwrap()
}

/// A host that listens on a free port.
pub struct Served {
    pub host: Host,
    pub address: SocketAddr,
    pub app: Arc<App>,
    server: Server,
    threads: tokio::runtime::Runtime,
}

impl Served {
    pub fn of(text: &str) -> Self {
        Self::with(&config(text))
    }

    pub fn with(config: &Config) -> Self {
        let host = Host::start(loaded(config, &Loaded::default()), config.settings()).unwrap();
        let access = Access::read(&config.listen).unwrap();
        let app = App::new(host.clone(), config.limits.clone(), access);
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = threads.block_on(Server::start(any_port, app.clone())).unwrap();
        Self { host, address: server.address(), app, server, threads }
    }

    /// Keeps the first thread of agents busy, until the guard is dropped.
    pub fn occupy(&self) -> Busy {
        let ((begin, begun), (end, ended)) = (channel(), channel());
        self.host.runtime().run_on(0, async move {
            begin.send(()).unwrap();
            // An error, once the guard is dropped.
            let _: Result<(), _> = ended.recv();
        });
        begun.recv().unwrap();
        Busy(end)
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.threads.block_on(future)
    }

    /// Returns whether everything was finished in time.
    pub fn close(&self, within: Duration) -> bool {
        self.block_on(self.server.close(within))
    }

    pub fn post(&self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Response {
        self.send("POST", path, headers, body.as_ref())
    }

    pub fn get(&self, path: &str, headers: &[&str]) -> Response {
        self.send("GET", path, headers, b"")
    }

    fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for header in headers {
            head += &format!("{header}\r\n");
        }
        let mut stream = connect(self.address);
        // A server that refuses a body need not read it.
        let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat());
        Response::read(stream)
    }
}

/// A thread of agents that has no time.
pub struct Busy(#[allow(dead_code, reason = "its end is what counts")] Sender<()>);

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A response, read to the end of its connection.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset comes after the response, where the server has not read the whole request.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end =
            end.unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The reason of a problem.
    pub fn reason(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{problem}");
        problem["reason"].as_str().unwrap().to_owned()
    }
}

pub fn request(content: &str) -> Request {
    Request {
        performative: Performative::Request,
        conversation: None,
        timeout: PATIENCE,
        content: content.as_bytes().to_vec(),
    }
}

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "still not: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
