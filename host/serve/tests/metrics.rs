//! Metrics, as Prometheus reads them.

mod common;

use common::{Served, connect, eventually};
use serde_json::Value;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

fn served() -> Served {
    let served = Served::of(
        "[agents.echo]\ncomponent = '@echo'\ninstances = 2\n[agents.faulty]\ncomponent = '@faulty'",
    );
    for _ in 0..5 {
        assert_eq!(served.post("/agents/echo", &[], "x").status, 200);
    }
    assert_eq!(served.post("/agents/faulty", &[], "panic").status, 502);
    served
}

#[test]
fn promtool_has_nothing_to_say() {
    let metrics = served().get("/metrics", &[]);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let promtool = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = promtool.expect("`make servers` installs promtool");
    promtool.stdin.take().unwrap().write_all(&metrics.body).unwrap();
    let done = promtool.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&said).as_ref()), (Some(0), ""));
}

#[test]
fn what_was_done_is_what_is_counted() {
    let served = served();
    let open = served.get("/metrics", &["accept: application/openmetrics-text;version=1.0.0"]);
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let expected = [
        "sandlab_messages_total{agent=\"echo\",outcome=\"answered\"} 5",
        "sandlab_messages_total{agent=\"faulty\",outcome=\"failed\"} 1",
        "sandlab_failures_total{agent=\"faulty\",reason=\"panic\"} 1",
        "sandlab_message_duration_seconds_count{agent=\"echo\"} 5",
        "sandlab_restarts_total{agent=\"faulty\"} 1",
        "sandlab_instances{agent=\"echo\"} 2",
        "sandlab_used_pool_slots 3",
        "sandlab_runtime_messages_total{end=\"handled\"} 5",
    ];
    for line in expected {
        assert!(open.text().lines().any(|known| known == line), "{line}\n{}", open.text());
    }
    let memory = open
        .text()
        .lines()
        .find(|line| line.starts_with("sandlab_linear_memory_bytes{agent=\"echo\"}"));
    let memory: f64 = memory.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(memory >= 2.0 * 65_536.0, "{memory}");
}

/// A server of Prometheus that scrapes one target; stopped when it is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: sandlab\n    \
             static_configs:\n      - targets: ['{target}']\n"
        );
        std::fs::write(&config, text).unwrap();
        // Free when it is asked for, and taken a moment later.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut prometheus = Command::new("prometheus");
        prometheus.arg(format!("--config.file={}", config.display()));
        prometheus.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        prometheus.arg(format!("--web.listen-address={address}"));
        let prometheus = prometheus.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = prometheus.expect("`make servers` installs prometheus");
        Self { child, address, _folder: folder }
    }

    /// Asks its API; `None` while it does not answer.
    fn get(&self, path: &str) -> Option<Value> {
        std::net::TcpStream::connect(self.address).ok()?;
        let mut stream = connect(self.address);
        write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n").ok()?;
        serde_json::from_slice(&common::Response::read(stream).body).ok()
    }

    fn value(&self, query: &str) -> Option<String> {
        let answer = self.get(&format!("/api/v1/query?query={query}"))?;
        Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_scrapes_a_host() {
    let served = served();
    let prometheus = Prometheus::scraping(served.address);
    let answered = "sandlab_messages_total%7Bagent=%22echo%22,outcome=%22answered%22%7D";
    eventually("Prometheus has the messages", || {
        prometheus.value(answered).as_deref() == Some("5")
    });
    let quantile =
        "histogram_quantile(0.99,sandlab_message_duration_seconds_bucket%7Bagent=%22echo%22%7D)";
    let p99: f64 = prometheus.value(quantile).unwrap().parse().unwrap();
    assert!(p99 > 0.0, "{p99}");
    let targets = prometheus.get("/api/v1/targets").unwrap();
    let target = &targets["data"]["activeTargets"][0];
    assert_eq!((&target["health"], &target["lastError"]), (&"up".into(), &"".into()));
    // It reads types and help of OpenMetrics under the name without `_total`.
    let about = prometheus.get("/api/v1/metadata?metric=sandlab_messages").unwrap();
    assert_eq!(about["data"]["sandlab_messages"][0]["type"], "counter", "{about}");
}
