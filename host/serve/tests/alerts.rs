//! A monitor, from snapshots to the destinations of its alerts: a webhook that fails at first, a
//! real Alertmanager (Debian's package, which `make servers` installs), a file, a command.

use jiff::Timestamp;
use sandlab_runtime::child::Child;
use sandlab_serve::alerts::{Destination, Say};
use sandlab_serve::slo::{Objective, Severity, Standing};
use sandlab_serve::{AgentFigures, MonitorConfig, ProductionMonitor, Sink, Snapshot, Watched};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Waits until something holds, for as long as a busy machine may need.
fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let due = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < due, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// An agent that answers a thousand messages between two snapshots.
#[derive(Default)]
struct Busy {
    is_slow: AtomicBool,
    figures: Mutex<AgentFigures>,
}

impl Busy {
    fn snapshot(&self, uptime: Duration) -> Snapshot {
        let mut figures = self.figures.lock().unwrap();
        figures.answered += 1_000;
        let bucket = usize::from(self.is_slow.load(Ordering::Relaxed));
        figures.latency.bounds = vec![Duration::from_millis(10)];
        figures.latency.counts.resize(2, 0);
        figures.latency.counts[bucket] += 1_000;
        let agents = [("echo".to_owned(), figures.clone())].into();
        Snapshot { uptime, agents, ..Snapshot::default() }
    }
}

/// A server that refuses the first request, and takes all that come after.
fn webhook() -> (String, Arc<Mutex<Vec<Value>>>) {
    let mut refuses = true;
    webhook_that(move |_| if std::mem::take(&mut refuses) { "503 Busy" } else { "200 OK" })
}

/// A server that answers each alert with a status, and keeps those that it takes.
fn webhook_that(
    mut answer: impl FnMut(&Value) -> &'static str + Send + 'static,
) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let to = taken.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            request(&stream.unwrap(), |body| {
                // What has no body, as a redirect that is followed, is taken for what it is.
                let alert = serde_json::from_slice(body).unwrap_or(Value::Null);
                let status = answer(&alert);
                if status.starts_with("200") {
                    to.lock().unwrap().push(alert);
                }
                status
            });
        }
    });
    (url, taken)
}

/// Reads a request, and answers it by its body.
fn request(mut stream: &TcpStream, answer: impl FnOnce(&[u8]) -> &'static str) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let status = answer(&body);
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
}

/// A real Alertmanager, which ends with the test.
fn alertmanager(folder: &Path) -> (String, Child) {
    let config = folder.join("alertmanager.yml");
    std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.display()))
        .arg(format!("--web.listen-address={free}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null());
    let child = Child::start(&mut command)
        .expect("prometheus-alertmanager is missing: `make servers` installs it");
    let url = format!("http://{free}");
    let ready = format!("{url}/-/ready");
    wait_for("Alertmanager is ready", || ureq::get(&ready).call().is_ok());
    (url, child)
}

/// Returns the pages that Alertmanager holds for on.
fn pages_at(url: &str) -> Vec<Value> {
    let mut answer = ureq::get(format!("{url}/api/v2/alerts")).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let mut alerts: Vec<Value> = serde_json::from_str(&text).unwrap();
    alerts.retain(|alert| alert["labels"]["severity"] == "page");
    alerts
}

/// Returns the states of the page in a file of JSON lines, in order.
fn states(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    states_of(lines)
}

fn states_of(alerts: impl Iterator<Item = Value>) -> Vec<String> {
    let pages = alerts.filter(|alert| alert["severity"] == "page");
    pages.map(|alert| alert["state"].as_str().unwrap().to_owned()).collect()
}

/// An objective whose pages have windows of 100 ms and 625 ms, so that their end does not take long.
fn fast(name: &str) -> Objective {
    Objective {
        name: name.to_owned(),
        agent: Some("echo".to_owned()),
        objective: "99.9 %".parse().unwrap(),
        window: Duration::from_secs(900),
        latency: Some(Duration::from_millis(10)),
        runbook: Some("Ask Ada.".to_owned()),
    }
}

/// Sentences that a monitor has for its operator.
type Said = Arc<Mutex<Vec<String>>>;

/// Watches an agent that is slow already.
fn watch_slow(
    objectives: Vec<Objective>,
    destinations: Vec<Destination>,
) -> (ProductionMonitor, Said) {
    let busy = Busy { is_slow: true.into(), ..Busy::default() };
    let said = Said::default();
    let (log, born) = (said.clone(), Instant::now());
    let watched = Watched {
        objectives,
        destinations,
        take: Box::new(move || busy.snapshot(born.elapsed())),
        sinks: Vec::new(),
        say: Arc::new(move |text| log.lock().unwrap().push(text.to_owned())),
    };
    let config = MonitorConfig { interval: Duration::from_millis(50) };
    (ProductionMonitor::start(&config, watched).unwrap(), said)
}

struct Counted(Arc<AtomicUsize>);

impl Sink for Counted {
    fn keep(&mut self, _: Timestamp, of: &Snapshot, with: &[Standing]) -> Result<(), String> {
        assert_eq!((of.agents.len(), with.len()), (1, 1));
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_breach_is_told_once_everywhere_and_so_is_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (hook, hooked) = webhook();
    let (manager, _manager) = alertmanager(folder.path());
    let [file, commanded] =
        ["alerts.jsonl", "commanded.jsonl"].map(|name| folder.path().join(name));
    let script = "test \"$SANDLAB_ALERT_OBJECTIVE\" = fast && { cat; echo; } >> \"$1\"";
    let command = ["sh", "-c", script, "sh", commanded.to_str().unwrap()].map(str::to_owned);
    let busy = Arc::new(Busy::default());
    let kept = Arc::new(AtomicUsize::new(0));
    let said = Arc::new(Mutex::new(Vec::new()));
    let (watched, log, born) = (busy.clone(), said.clone(), Instant::now());
    let say: Say = Arc::new(move |text| log.lock().unwrap().push(text.to_owned()));
    let watched = Watched {
        objectives: vec![fast("fast")],
        destinations: vec![
            Destination::Webhook(hook),
            Destination::Alertmanager(manager.clone()),
            Destination::File(file.clone()),
            Destination::Command(command.to_vec()),
        ],
        take: Box::new(move || watched.snapshot(born.elapsed())),
        sinks: vec![Box::new(Counted(kept.clone()))],
        say,
    };
    let config = MonitorConfig { interval: Duration::from_millis(50) };
    let monitor = ProductionMonitor::start(&config, watched).unwrap();

    wait_for("some snapshots", || kept.load(Ordering::Relaxed) > 10);
    assert_eq!(states(&file), Vec::<String>::new(), "it is healthy");
    busy.is_slow.store(true, Ordering::Relaxed);
    let fired = ["firing"];
    wait_for("the file has it", || states(&file) == fired);
    wait_for("the command has it", || states(&commanded) == fired);
    wait_for("the webhook has it, at the second try", || {
        states_of(hooked.lock().unwrap().clone().into_iter()) == fired
    });
    wait_for("Alertmanager has it", || pages_at(&manager).len() == 1);
    assert_eq!(monitor.standings()[0].alarm, Some(Severity::Page));
    let page = pages_at(&manager).remove(0);
    assert_eq!(page["labels"]["alertname"], "SandlabObjective");
    assert_eq!(page["labels"]["agent"], "echo");
    let runbook = page["annotations"]["runbook"].as_str().unwrap();
    assert!(runbook.starts_with("Ask Ada. `sandlab latency --target"), "{runbook}");

    busy.is_slow.store(false, Ordering::Relaxed);
    let over = ["firing", "resolved"];
    wait_for("the file has its end", || states(&file) == over);
    wait_for("the command has its end", || states(&commanded) == over);
    wait_for("the webhook has its end", || {
        states_of(hooked.lock().unwrap().clone().into_iter()) == over
    });
    wait_for("Alertmanager has its end", || pages_at(&manager).is_empty());

    let deliveries = monitor.deliveries();
    assert!(deliveries[0].failures == 1 && deliveries[1].failures == 0, "{deliveries:?}");
    drop(monitor);
    // Dropped, it tells no more: nothing came twice.
    assert_eq!(states(&file), over);
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("503"), "{said:?}");
}

#[test]
fn an_alert_that_is_not_taken_holds_back_no_other() {
    let (hook, hooked) = webhook_that(|alert| match alert["objective"] == "a" {
        true => "400 Wrong",
        false => "200 OK",
    });
    let destination = Destination::Webhook(hook);
    let (monitor, said) = watch_slow(vec![fast("a"), fast("b")], vec![destination]);
    wait_for("the other objective's alerts", || {
        let all = hooked.lock().unwrap();
        let both = ["page", "ticket"];
        both.iter().all(|wanted| all.iter().any(|alert| alert["severity"] == *wanted))
    });
    assert!(hooked.lock().unwrap().iter().all(|alert| alert["objective"] == "b"));
    assert_eq!(monitor.deliveries()[0].waiting, 2);
    assert!(said.lock().unwrap().iter().all(|said| said.contains("400")), "{said:?}");
}

#[test]
fn an_alert_has_arrived_only_with_a_success_and_not_behind_a_redirect() {
    // Had the redirect been followed, the GET would be taken.
    let (hook, hooked) = webhook_that(|alert| match alert.is_null() {
        true => "200 OK",
        false => "302 Found\r\nLocation: /elsewhere",
    });
    let (monitor, said) = watch_slow(vec![fast("a")], vec![Destination::Webhook(hook)]);
    wait_for("it is said", || said.lock().unwrap().iter().any(|said| said.contains("302")));
    assert_eq!((monitor.deliveries()[0].sent, hooked.lock().unwrap().len()), (0, 0));
}

#[test]
fn alerts_that_are_on_end_with_the_host_except_where_the_next_one_goes_on_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let (manager, _manager) = alertmanager(folder.path());
    let file = folder.path().join("alerts.jsonl");
    let destinations =
        vec![Destination::File(file.clone()), Destination::Alertmanager(manager.clone())];
    let (monitor, _) = watch_slow(vec![fast("a")], destinations);
    wait_for("both have it", || states(&file) == ["firing"] && pages_at(&manager).len() == 1);
    drop(monitor);
    assert_eq!(states(&file), ["firing", "resolved"]);
    let text = std::fs::read_to_string(&file).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let summary = last["summary"].as_str().unwrap();
    assert!(summary.contains("the host has stopped") && !last["ended"].is_null(), "{last}");
    assert_eq!(pages_at(&manager).len(), 1);
}

#[test]
fn what_cannot_be_watched_is_told_at_the_start() {
    let objective = Objective {
        name: "short".to_owned(),
        agent: None,
        objective: "99 %".parse().unwrap(),
        window: Duration::from_secs(3_600),
        latency: None,
        runbook: None,
    };
    let error = MonitorConfig::default().check(&[objective]).unwrap_err().to_string();
    assert!(error.contains("\"short\" has a window of 1h") && error.contains("10s"), "{error}");
}
