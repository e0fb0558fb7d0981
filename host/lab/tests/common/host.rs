//! A host in a process of its own: `sandlab serve`.

use sandlab_runtime::child::Child;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that a test waits for, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A host that serves; killed when it is dropped.
pub struct Host {
    /// Several threads may send to it.
    _process: Mutex<Child>,
    pub address: String,
}

impl Host {
    /// Serves agents, or what a configuration says.
    pub fn serve(what: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        command.arg("serve").args(what).args(["--http", &free.to_string()]);
        let mut process = Child::start(command.stdout(Stdio::null())).unwrap();
        let due = Instant::now() + PATIENCE;
        while TcpStream::connect(free).is_err() {
            let ended = process.has_ended().then(|| process.finish(PATIENCE, &|| false));
            assert!(ended.is_none(), "it does not serve: {}", ended.unwrap());
            assert!(Instant::now() < due, "it does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Self { _process: Mutex::new(process), address: free.to_string() }
    }

    /// Sends a message, and returns the status line of the response.
    pub fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close");
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    }
}
