//! A host in a process of its own: `sandlab serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes that a test waits for, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A sandlab in a process of its own, whose standard error is read line by line; killed when it is
/// dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_sandlab")).args(arguments))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// Waits for a line that contains this.
    pub fn says(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it does not say {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host in a process of its own.
pub struct Host {
    process: Running,
    pub address: String,
}

impl Host {
    /// Serves agents, or what a configuration says.
    pub fn start(arguments: &[&str]) -> Self {
        Self::at("127.0.0.1", arguments)
    }

    /// The same, at an address of this machine.
    pub fn at(address: &str, arguments: &[&str]) -> Self {
        let http = format!("{address}:0");
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        Self::of(sandlab.args(["serve", "--http", &http]).args(arguments))
    }

    /// The same, of a whole command.
    pub fn of(command: &mut Command) -> Self {
        let process = Running::of(command);
        let serving = process.says("serving ");
        let (_, address) = serving.split_once("://").unwrap();
        let address = address.split(' ').next().unwrap().to_owned();
        Self { process, address }
    }

    /// Serves agents over HTTP and, with this prefix of subjects, over NATS.
    pub fn on_nats(url: &str, prefix: &str, agents: &[&str]) -> Self {
        let agents: String =
            agents.iter().map(|name| format!("[agents.{name}]\ncomponent = '{name}'\n")).collect();
        let nats = format!("[nats]\nurls = ['{url}']\nsubject-prefix = '{prefix}'\n");
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        write!(file, "watch = '0s'\n{nats}{agents}").unwrap();
        Self::start(&[file.path().to_str().unwrap()])
    }

    /// Waits for a line that contains this.
    pub fn says(&self, text: &str) -> String {
        self.process.says(text)
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub fn ends(self) -> Option<i32> {
        self.process.ends()
    }
}

/// Sends a message to a host, and returns the status line and the body of the response.
pub fn post(address: &str, path: &str, body: &str) -> (String, String) {
    send(address, "POST", path, &[], body)
}

/// Sends a request of any kind to a host, with these headers.
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}
