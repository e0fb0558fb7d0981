//! `sandlab serve`, as whoever operates a host meets it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes that a test waits for, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn sandlab(arguments: &[&str]) -> Command {
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    sandlab.arg("serve").args(arguments);
    sandlab
}

/// A host in a process of its own; killed when it is dropped.
struct Process {
    child: Child,
    lines: Receiver<String>,
    address: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = sandlab(arguments);
        command.args(["--http", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut process = Self { child, lines, address: String::new() };
        let serving = process.says("serving ");
        process.address = serving.rsplit("http://").next().unwrap().to_owned();
        process
    }

    /// Waits for a line that contains this.
    fn says(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it does not say {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Returns the status line, and the body.
    fn post(&self, path: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("serve.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const OK: &str = "HTTP/1.1 200 OK";

#[test]
fn an_agent_is_served_without_a_configuration_and_drained_at_a_signal() {
    let host = Process::start(&["echo", "json"]);
    assert_eq!(host.post("/agents/echo", "hello"), (OK.to_owned(), "hello".to_owned()));
    assert!(host.post("/agents/json", "{}").0.contains("422"));
    host.signal("TERM");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
}

#[test]
fn a_configuration_is_followed_and_one_that_is_wrong_is_not() {
    let folder = tempfile::tempdir().unwrap();
    // Only at a signal.
    let one = "watch = '0s'\n[agents.a]\ncomponent = 'echo'\n";
    let path = file(&folder, one);
    let host = Process::start(&[&path]);
    file(&folder, &format!("{one}[agents.b]\ncomponent = 'echo'"));
    host.signal("HUP");
    host.says("reloaded: added b; changed none; removed none");
    assert_eq!(host.post("/agents/b", "x").0, OK);
    file(&folder, "watch = '20ms'\nagents = 1");
    host.signal("HUP");
    host.says("not reloaded, everything stays as it is");
    host.says("agents = 1");
    assert_eq!(host.post("/agents/b", "x").0, OK);
    // As soon as it has changed.
    file(&folder, &one.replace("0s", "20ms"));
    host.signal("HUP");
    host.says("removed b");
    file(&folder, &one.replace("0s", "20ms").replace("agents.a", "agents.c"));
    host.says("added c; changed none; removed a");
    assert!(host.post("/agents/a", "x").0.contains("404"));
}

#[test]
fn a_component_that_is_built_anew_is_served_anew() {
    let folder = tempfile::tempdir().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let agent = |name: &str| target.join("agents").join(name).join("agent.wasm");
    let component = folder.path().join("agent.wasm");
    std::fs::copy(agent("echo"), &component).unwrap();
    let path = file(&folder, "watch = '20ms'\n[agents.a]\ncomponent = 'agent.wasm'");
    let host = Process::start(&[&path]);
    assert_eq!(host.post("/agents/a", "x").1, "x");
    let new = folder.path().join("new.wasm");
    std::fs::copy(agent("json"), &new).unwrap();
    std::fs::rename(new, component).unwrap();
    host.says("reloaded: added none; changed a; removed none");
    assert!(host.post("/agents/a", "x").0.contains("422"));
}

#[test]
fn what_is_left_when_the_time_to_drain_is_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "drain = '50ms'\n[agents.slow]\ncomponent = 'faulty'");
    let host = Process::start(&[&path]);
    let told = host.post("/agents/slow/tell", "sleep 4000");
    assert!(told.0.contains("202"), "{told:?}");
    host.signal("TERM");
    host.says("stopped with messages left: slow 1");
    assert_eq!(host.ends(), Some(1));
}

#[test]
fn a_configuration_is_checked_without_serving() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let path = file(&folder, text);
        let done = sandlab(&[&path, "--check"]).output().unwrap();
        (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
    };
    let (code, said) = check("[agents.a]\ncomponent = 'echo'\n[agents.b]\ncomponent = 'json'");
    assert!(code == Some(0) && said.contains("a, b"), "{said}");
    for (text, named) in [
        ("[agents.a]\ncomponent = 'nobody'", "agents.a.component"),
        ("[agents.a]\ncomponent = 'echo'\nas = 'service'", "agents.a.component"),
        ("[listen]\nhttp = '0.0.0.0:8080'", "token-file"),
        ("[listen]\ntoken-file = 'nowhere'", "nowhere"),
        ("[limits]\nbodies = 1", "bodies"),
    ] {
        let (code, said) = check(text);
        assert!(code == Some(2) && said.contains(named), "{text}: {said}");
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_told() {
    let host = Process::start(&["echo"]);
    let second = sandlab(&["echo", "--http", &host.address]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(3) && said.contains("cannot listen on"), "{said}");
    let open = sandlab(&["echo", "--http", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(open.status.code(), Some(2));
}
