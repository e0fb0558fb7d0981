//! A nats-server of a test's own, on a free port.

use sandlab_runtime::child::Child;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest wait for the server, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running nats-server, which ends with the value.
pub struct NatsServer {
    process: Option<Child>,
    address: String,
    port: u16,
    folder: TempDir,
    options: &'static [&'static str],
}

impl NatsServer {
    /// Starts one on a loopback port that is free.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// Starts one on a port that is free at an address of this machine.
    pub fn start_at(address: &str) -> Self {
        Self::begin(address, &[])
    }

    fn begin(address: &str, options: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Port -1: the server chooses, and writes a file that says which.
        let process = Some(run(address, -1, folder.path(), options));
        let mut server = Self { process, address: address.to_owned(), port: 0, folder, options };
        server.port = wait_for(|| server.chosen_port());
        server
    }

    /// Starts one with more of its own options.
    pub fn start_with(options: &'static [&'static str]) -> Self {
        Self::begin("127.0.0.1", options)
    }

    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.address, self.port)
    }

    /// Returns the number of the server's process.
    pub fn id(&self) -> u32 {
        self.process.as_ref().map(Child::id).expect("the server runs")
    }

    /// Ends the server as SIGKILL does: nobody is told.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Starts the server again on its port, and returns when it accepts connections.
    pub fn restart(&mut self) {
        self.kill();
        let port = i32::from(self.port);
        self.process = Some(run(&self.address, port, self.folder.path(), self.options));
        wait_for(|| std::net::TcpStream::connect((self.address.as_str(), self.port)).ok());
    }

    fn chosen_port(&self) -> Option<u16> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut ports = files.filter_map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).ok()?;
            // {"nats": ["nats://127.0.0.1:41234"]}
            let json: serde_json::Value = serde_json::from_str(&text).ok()?;
            json["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
        });
        ports.next()
    }
}

fn run(address: &str, port: i32, folder: &Path, options: &[&str]) -> Child {
    // Debian puts it where only root's PATH leads.
    let program = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server"];
    let program =
        program.into_iter().find(|path| Path::new(path).exists()).unwrap_or("nats-server");
    let mut command = Command::new(program);
    command
        .args(["-a", address, "-p", &port.to_string(), "--ports_file_dir"])
        .arg(folder)
        .args(options);
    Child::start(&mut command).unwrap_or_else(|error| {
        panic!(
            "nats-server does not start ({error}): `make servers` gets it, or 'apt-get install \
             nats-server'"
        )
    })
}

/// Waits until there is something.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "nats-server is not ready after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
