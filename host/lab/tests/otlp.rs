//! `sandlab serve --otlp`, as whoever operates a collector of OpenTelemetry meets it.

#[path = "common/collector.rs"]
mod collector;
mod common;
#[allow(dead_code, reason = "of what all tests share, each file uses its share")]
#[path = "../../serve/tests/nats/server.rs"]
mod server;

use collector::{Collector, Mode, attribute, eventually};
use common::host::{Host, post, send};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use server::NatsServer;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The header of a message that a span led to.
fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}")
}

fn ask(host: &Host, agent: &str, headers: &[&str], body: &str) -> String {
    send(&host.address, "POST", &format!("/agents/{agent}"), headers, body).0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of(span: &Span, key: &str) -> Option<String> {
    attribute(&span.attributes, key)
}

/// Returns the attributes that tell how a message ended.
fn end(span: &Span) -> [Option<String>; 3] {
    ["sandlab.agent", "sandlab.outcome", "error.type"].map(|key| of(span, key))
}

fn ended(agent: &str, outcome: &str, error: Option<&str>) -> [Option<String>; 3] {
    [Some(agent.to_owned()), Some(outcome.to_owned()), error.map(str::to_owned)]
}

/// Writes a configuration, which lasts as long as the folder, and returns its path.
fn file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("serve.toml");
    std::fs::write(&path, format!("watch = '0s'\n{text}")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A port at which nobody listens.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Returns the samples of `/metrics`.
fn scraped(host: &Host) -> BTreeMap<String, f64> {
    let (_, text) = send(&host.address, "GET", "/metrics", &[], "");
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let samples = samples.filter_map(|line| line.rsplit_once(' '));
    samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn a_request_continues_the_trace_of_its_sender_and_says_how_it_ended() {
    let collector = Collector::start(Mode::Takes);
    let host = Host::start(&["echo", "--otlp", &collector.url()]);
    let headers = [traceparent("01"), "tracestate: vendor=1".to_owned()];
    let status = ask(&host, "echo", &headers.each_ref().map(String::as_str), "hello");
    assert!(status.contains("200"), "{status}");
    let span = &collector.spans(1)[0];
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!((span.span_id.len(), span.trace_state.as_str()), (8, "vendor=1"));
    assert_ne!(hex(&span.span_id), PARENT);
    assert_eq!((span.name.as_str(), span.kind), ("POST /agents/{name}", 2));
    assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
    assert_eq!(end(span), ended("echo", "answered", None));
    assert_eq!(of(span, "sandlab.transport").as_deref(), Some("http"));
    assert_eq!(of(span, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(span.status, None);
    assert!(collector.resource("service.name").iter().all(|name| name == "sandlab"));
}

#[test]
fn each_end_of_a_message_is_told_and_a_fault_is_an_error() {
    let collector = Collector::start(Mode::Takes);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[otlp]\nendpoint = '{}'\n[agents.json]\ncomponent = 'json'\n\
         [agents.faulty]\ncomponent = 'faulty'",
        collector.url()
    );
    let host = Host::start(&[&file(&folder, &config)]);
    assert!(ask(&host, "faulty", &[], "panic at the disco").contains("502"));
    assert!(ask(&host, "json", &[], "{").contains("422"));
    assert!(ask(&host, "faulty", &["sandlab-timeout: 20ms"], "sleep 500").contains("504"));
    assert!(ask(&host, "nobody", &[], "").contains("404"));
    assert!(ask(&host, "json", &["sandlab-conversation: x"], "{}").contains("400"));
    assert!(post(&host.address, "/agents/json/tell", "{}").0.contains("202"));
    let spans = collector.spans(6);
    let expected = [
        ended("faulty", "failed", Some("panic")),
        ended("json", "failed", Some("not-understood")),
        ended("faulty", "timed-out", Some("timed-out")),
        [Some("nobody".to_owned()), None, Some("unknown-agent".to_owned())],
        [Some("json".to_owned()), None, Some("bad-header".to_owned())],
        ended("json", "told", None),
    ];
    assert_eq!(spans.iter().map(end).collect::<Vec<_>>(), expected);
    let fault = spans[0].status.as_ref().unwrap();
    assert_eq!(fault.code, i32::from(StatusCode::Error));
    assert!(fault.message.contains("at the disco"), "{fault:?}");
    assert_eq!((&spans[1].status, &spans[3].status), (&None, &None), "it is the client's fault");
    assert_eq!(spans[5].name, "POST /agents/{name}/tell");
    let mut traces: Vec<_> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty()));
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 6, "each begins a trace");
}

#[test]
fn what_is_not_sampled_has_no_span() {
    let collector = Collector::start(Mode::Takes);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[otlp]\nendpoint = '{}'\nsample = 0.0\nservice-name = 'orders'\n\
         headers = {{ x-key = 'open' }}\n[agents.echo]\ncomponent = 'echo'",
        collector.url()
    );
    let host = Host::start(&[&file(&folder, &config)]);
    assert!(ask(&host, "echo", &[&traceparent("00")], "left out by its sender").contains("200"));
    assert!(ask(&host, "echo", &[], "left out here").contains("200"));
    assert!(ask(&host, "echo", &[&traceparent("01")], "kept").contains("200"));
    // In the order in which they ended, so that the others would be before it.
    let spans = collector.spans(1);
    assert_eq!((spans.len(), hex(&spans[0].trace_id).as_str()), (1, TRACE));
    assert!(collector.headers().iter().any(|header| header == "x-key: open"));
    assert!(collector.resource("service.name").iter().all(|name| name == "orders"));
    drop(host);
    // Where the collector asks for all, only the sender leaves something out.
    let host = Host::start(&["echo", "--otlp", &collector.url()]);
    assert!(ask(&host, "echo", &[&traceparent("00")], "left out by its sender").contains("200"));
    assert!(ask(&host, "echo", &[], "kept").contains("200"));
    let spans = collector.spans(2);
    assert!(spans.len() == 2 && spans[1].parent_span_id.is_empty(), "{spans:?}");
}

#[test]
fn metrics_are_those_of_the_page() {
    let collector = Collector::start(Mode::Takes);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[otlp]\nendpoint = '{}'\ninterval = '100ms'\n[agents.echo]\ncomponent = 'echo'\n\
         [agents.json]\ncomponent = 'json'\n[[objective]]\nname = 'up'\nobjective = '99 %'",
        collector.url()
    );
    let host = Host::start(&[&file(&folder, &config)]);
    for _ in 0..5 {
        assert!(ask(&host, "echo", &[], "x").contains("200"));
    }
    assert!(ask(&host, "json", &[], "{").contains("422"));
    let is_steady = |name: &str| {
        !["process_", "sandlab_uptime_", "sandlab_otlp_"].iter().any(|part| name.starts_with(part))
    };
    // Of the messages that are over. A push later they are in both.
    eventually("the same samples", || {
        let (pushed, scraped) = (collector.samples(), scraped(&host));
        assert!(scraped.len() > 60, "{scraped:?}");
        let names = |samples: &BTreeMap<String, f64>| samples.keys().cloned().collect::<Vec<_>>();
        let differs = |name: &&String| is_steady(name) && pushed.get(*name) != scraped.get(*name);
        let same = names(&pushed) == names(&scraped) && !scraped.keys().any(|name| differs(&name));
        same.then_some(())
    });
    assert_eq!(
        collector.samples()["sandlab_messages_total{agent=\"echo\",outcome=\"answered\"}"],
        5.0
    );
    assert_eq!(collector.samples()["sandlab_message_duration_seconds_count{agent=\"echo\"}"], 5.0);
}

#[test]
fn the_last_metrics_and_spans_are_pushed_at_the_end_of_the_drain() {
    let collector = Collector::start(Mode::Takes);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[otlp]\nendpoint = '{}'\ninterval = '1h'\n[agents.faulty]\ncomponent = 'faulty'",
        collector.url()
    );
    let host = Host::start(&[&file(&folder, &config)]);
    collector.metrics();
    let address = host.address.clone();
    let waits = thread::spawn(move || post(&address, "/agents/faulty", "sleep 700").0);
    eventually("the message waits", || {
        let waiting = scraped(&host)["sandlab_messages_in_flight{agent=\"faulty\"}"];
        (waiting == 1.0).then_some(())
    });
    host.signal("TERM");
    assert!(waits.join().unwrap().contains("200"));
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
    let answered = "sandlab_messages_total{agent=\"faulty\",outcome=\"answered\"}";
    assert_eq!(collector.samples()[answered], 1.0);
    assert_eq!(collector.spans(1).len(), 1);
}

#[test]
fn a_collector_that_is_gone_costs_no_message_and_is_told_once_and_once_when_it_is_back() {
    let address = nobody();
    let host = Host::start(&["echo", "--otlp", &format!("http://{address}")]);
    for _ in 0..20 {
        assert!(ask(&host, "echo", &[], "x").contains("200"));
    }
    host.says("takes no metrics: ");
    let told = host.says("takes no traces: ");
    assert!(told.contains(&format!("OTLP: http://{address}")), "{told}");
    let collector = Collector::at(address, Mode::Takes, None);
    // Had it been told again meanwhile, it would be before this.
    let next = host.says("traces");
    assert!(next.contains("takes traces again"), "{next}");
    assert_eq!(collector.spans(20).len(), 20, "those that waited");
    let failed = scraped(&host)["sandlab_otlp_failed_requests_total{signal=\"traces\"}"];
    assert!(failed >= 1.0, "{failed}");
    host.signal("TERM");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
}

#[test]
fn a_collector_that_hangs_costs_no_message_and_the_host_ends_without_it() {
    let collector = Collector::start(Mode::Hangs);
    let host = Host::start(&["echo", "--otlp", &collector.url()]);
    for _ in 0..20 {
        assert!(ask(&host, "echo", &[], "x").contains("200"));
    }
    collector.is_asked();
    collector.set(Mode::Takes);
    assert_eq!(collector.spans(20).len(), 20);
    collector.set(Mode::Hangs);
    assert!(ask(&host, "echo", &[], "x").contains("200"));
    host.signal("TERM");
    host.says("did not take the last metrics and spans within 2");
    host.says("drained: nothing was left");
    assert_eq!(host.ends(), Some(0));
    assert_eq!(collector.spans(20).len(), 20);
}

#[test]
fn spans_that_find_no_room_are_dropped_and_every_span_is_accounted_for() {
    // More than wait, and are on their way.
    const MESSAGES: usize = 4_500;
    let collector = Collector::start(Mode::Hangs);
    let host = Host::start(&["echo", "--otlp", &collector.url()]);
    for _ in 0..MESSAGES {
        assert!(ask(&host, "echo", &[], "x").contains("200"));
    }
    let spans = |end: &str| scraped(&host)[&format!("sandlab_otlp_spans_total{{end=\"{end}\"}}")];
    assert!(spans("dropped") >= 1.0);
    collector.set(Mode::Takes);
    eventually("each span is sent or dropped", || {
        (spans("sent") + spans("dropped") == MESSAGES as f64).then_some(())
    });
    // A request that was given up, and answered later, was taken all the same.
    assert!(collector.spans(1).len() >= spans("sent") as usize);
}

#[test]
fn spans_that_the_collector_never_takes_are_dropped_and_counted() {
    let collector = Collector::start(Mode::Refuses(400));
    let host = Host::start(&["echo", "--otlp", &collector.url()]);
    assert!(ask(&host, "echo", &[], "x").contains("200"));
    let told = host.says("takes no traces: ");
    assert!(told.contains("400"), "{told}");
    eventually("the span is counted", || {
        (scraped(&host)["sandlab_otlp_spans_total{end=\"dropped\"}"] == 1.0).then_some(())
    });
    collector.set(Mode::Refuses(503));
    assert!(ask(&host, "echo", &[], "x").contains("200"));
    collector.is_asked();
    collector.set(Mode::Takes);
    assert_eq!(collector.spans(1).len(), 1, "the status said that it passes");
    host.says("takes traces again");
}

#[test]
fn a_message_over_nats_continues_the_trace_of_its_sender() {
    let (nats, collector) = (NatsServer::start(), Collector::start(Mode::Takes));
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[otlp]\nendpoint = '{}'\n[nats]\nurls = ['{}']\n[agents.echo]\ncomponent = 'echo'\n\
         [agents.faulty]\ncomponent = 'faulty'",
        collector.url(),
        nats.url()
    );
    let _host = Host::start(&[&file(&folder, &config)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = async_nats::connect(nats.url()).await.unwrap();
        for (agent, header, body) in
            [("echo", "traceparent", "hello"), ("faulty", "Traceparent", "panic over nats")]
        {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert(header, traceparent("01").split_once(' ').unwrap().1);
            let subject = format!("sandlab.{agent}");
            client.request_with_headers(subject, headers, body.into()).await.unwrap();
        }
        client.publish("sandlab.echo", "told".into()).await.unwrap();
        client.flush().await.unwrap();
    });
    let spans = collector.spans(3);
    let expected = [
        ended("echo", "answered", None),
        ended("faulty", "failed", Some("panic")),
        ended("echo", "told", None),
    ];
    assert_eq!(spans.iter().map(end).collect::<Vec<_>>(), expected);
    for span in &spans[..2] {
        assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), PARENT.into()));
        assert_eq!(of(span, "sandlab.transport").as_deref(), Some("nats"));
    }
    let fault = spans[1].status.as_ref().unwrap();
    assert!(fault.code == 2 && fault.message.contains("over nats"), "{fault:?}");
    assert_eq!(of(&spans[1], "sandlab.status_code").as_deref(), Some("502"));
    assert!(spans[2].parent_span_id.is_empty());
}

#[test]
fn a_collector_over_tls_is_checked_by_the_authorities_of_the_system() {
    let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../serve/tests/certificates");
    let (certificate, key) = (certificates.join("server.pem"), certificates.join("server.key"));
    let collector = Collector::over_tls(&certificate, &key);
    let url = format!("https://localhost:{}", collector.address().port());
    let serve = |authorities: &Path| {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(["serve", "echo", "--http", "127.0.0.1:0", "--otlp", &url]);
        Host::of(sandlab.env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR"))
    };
    let stranger = serve(&certificates.join("client.pem"));
    let told = stranger.says("takes no metrics: ");
    assert!(told.contains("certificate"), "{told}");
    drop(stranger);
    let host = serve(&certificates.join("authority.pem"));
    assert!(ask(&host, "echo", &[], "x").contains("200"));
    assert_eq!(collector.spans(1).len(), 1);
}

#[test]
fn a_collector_that_cannot_be_one_is_told_before_anything_is_served() {
    for url in ["", "nowhere", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://a/v1/traces"] {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        let done = sandlab.args(["serve", "echo", "--otlp", url]).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(2) && said.contains("otlp.endpoint: "), "{url}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = file(&folder, "[otlp]\nsample = 2\n[agents.echo]\ncomponent = 'echo'");
    let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
    let done = sandlab.args(["serve", &config, "--check"]).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(2) && said.contains("otlp.sample: "), "{said}");
}
