//! An OpenTelemetry collector as far as a host sees it: it takes what is posted by OTLP over HTTP, and
//! reads it with the official definitions.

use crate::common::host::PATIENCE;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsDouble;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Waits until something is there.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < until, "{what}: not within {PATIENCE:?}");
        thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The treatment of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are taken.
    Takes,
    /// They are read, and refused with this status.
    Refuses(u16),
    /// They are read, and answered once the mode is another.
    Hangs,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    resources: Vec<Vec<KeyValue>>,
    metrics: Vec<Vec<Metric>>,
    headers: Vec<String>,
    /// Requests of any kind, also those that were not taken.
    requests: usize,
}

/// A collector on a port of its own, until the test ends.
#[derive(Clone)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    mode: Mutex<Mode>,
    changed: Condvar,
    taken: Mutex<Taken>,
}

impl Collector {
    pub fn start(mode: Mode) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), mode, None)
    }

    /// One that is reached as https://localhost, with this certificate and key.
    pub fn over_tls(certificate: &Path, key: &Path) -> Self {
        use rustls::pki_types::pem::PemObject;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let certificate = rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::from_pem_file(key).unwrap();
        let config = config.with_single_cert(vec![certificate], key).unwrap();
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), Mode::Takes, Some(Arc::new(config)))
    }

    /// One at this address, as one that was started again.
    pub fn at(address: SocketAddr, mode: Mode, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, taken) = (Mutex::new(mode), Mutex::default());
        let shared = Arc::new(Shared { mode, changed: Condvar::new(), taken });
        let collector = Self { address, shared };
        let serving = collector.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (collector, tls) = (serving.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => collector.serve(&stream.try_clone().unwrap(), &stream),
                    Some(tls) => collector.serve_tls(stream, tls),
                });
            }
        });
        collector
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        self.shared.changed.notify_all();
    }

    fn serve_tls(&self, stream: TcpStream, config: Arc<rustls::ServerConfig>) {
        let connection = rustls::ServerConnection::new(config).unwrap();
        let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
        while let Some(answer) = self.request(&mut stream) {
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    }

    fn serve(&self, from: &TcpStream, mut to: &TcpStream) {
        let mut from = BufReader::new(from);
        while let Some(answer) = self.request(&mut from) {
            let _ = to.write_all(answer.as_bytes());
        }
    }

    /// Reads a request, and returns the answer; `None` at the end.
    fn request(&self, from: &mut impl BufRead) -> Option<String> {
        let lines = from.lines().map_while(Result::ok);
        let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        let path = head.first()?.split(' ').nth(1)?.to_owned();
        let lower: Vec<_> = head.iter().map(|line| line.to_lowercase()).collect();
        let length = lower.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length?.parse().unwrap()];
        from.read_exact(&mut body).ok()?;
        assert!(
            lower.iter().any(|line| line == "content-type: application/x-protobuf"),
            "{head:?}"
        );
        self.shared.taken.lock().unwrap().requests += 1;
        let mut mode = self.shared.mode.lock().unwrap();
        while *mode == Mode::Hangs {
            mode = self.shared.changed.wait(mode).unwrap();
        }
        if let Mode::Refuses(status) = *mode {
            return Some(format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n"));
        }
        drop(mode);
        self.take(&path, &body, lower);
        Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned())
    }

    fn take(&self, path: &str, body: &[u8], headers: Vec<String>) {
        let mut taken = self.shared.taken.lock().unwrap();
        taken.headers.extend(headers);
        if path.ends_with("/v1/traces") {
            for of in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
                taken.resources.push(of.resource.unwrap().attributes);
                taken.spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        } else {
            assert!(path.ends_with("/v1/metrics"), "{path}");
            for of in ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics {
                taken.resources.push(of.resource.unwrap().attributes);
                let metrics = of.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
                taken.metrics.push(metrics.collect());
            }
        }
    }

    /// Waits until so many spans were taken, and returns all.
    pub fn spans(&self, count: usize) -> Vec<Span> {
        eventually(&format!("{count} spans"), || {
            let spans = &self.shared.taken.lock().unwrap().spans;
            (spans.len() >= count).then(|| spans.clone())
        })
    }

    /// Waits until there was another request, of any kind.
    pub fn is_asked(&self) {
        let before = self.shared.taken.lock().unwrap().requests;
        eventually("a request", || {
            (self.shared.taken.lock().unwrap().requests > before).then_some(())
        });
    }

    /// Returns the headers of all requests that were taken, in lower case.
    pub fn headers(&self) -> Vec<String> {
        self.shared.taken.lock().unwrap().headers.clone()
    }

    /// Returns an attribute of each host that sent something.
    pub fn resource(&self, key: &str) -> Vec<String> {
        let resources = self.shared.taken.lock().unwrap().resources.clone();
        resources.iter().map(|attributes| attribute(attributes, key).unwrap()).collect()
    }

    /// Waits until metrics were taken, and returns the last ones.
    pub fn metrics(&self) -> Vec<Metric> {
        eventually("metrics", || self.shared.taken.lock().unwrap().metrics.last().cloned())
    }

    /// Returns the samples of the last metrics as `/metrics` names them.
    pub fn samples(&self) -> BTreeMap<String, f64> {
        self.metrics().iter().flat_map(samples).collect()
    }
}

/// Returns an attribute as a text; `None` if it is not there.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

fn samples(metric: &Metric) -> Vec<(String, f64)> {
    let points = match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{metric:?}");
            assert!(sum.data_points.iter().all(|point| point.start_time_unix_nano > 0));
            &sum.data_points
        }
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Histogram(histogram) => {
            let points = &histogram.data_points;
            return points.iter().flat_map(|point| histogram_samples(metric, point)).collect();
        }
        other => panic!("{other:?}"),
    };
    let number = |value| match value {
        Some(AsDouble(number)) => number,
        other => panic!("{other:?}"),
    };
    let sample = |labels: String| match labels.as_str() {
        "" => metric.name.clone(),
        labels => format!("{}{{{labels}}}", metric.name),
    };
    let points = points.iter();
    points.map(|point| (sample(labels(&point.attributes)), number(point.value))).collect()
}

fn histogram_samples(metric: &Metric, point: &HistogramDataPoint) -> Vec<(String, f64)> {
    let (name, labels) = (&metric.name, labels(&point.attributes));
    let bounds = point.explicit_bounds.iter().map(ToString::to_string);
    let mut below = 0;
    let mut samples = Vec::new();
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&point.bucket_counts) {
        below += count;
        samples.push((format!("{name}_bucket{{{labels},le=\"{bound}\"}}"), below as f64));
    }
    samples.push((format!("{name}_sum{{{labels}}}"), point.sum.unwrap()));
    samples.push((format!("{name}_count{{{labels}}}"), point.count as f64));
    samples
}

fn labels(attributes: &[KeyValue]) -> String {
    let label = |one: &KeyValue| {
        format!("{}=\"{}\"", one.key, attribute(std::slice::from_ref(one), &one.key).unwrap())
    };
    attributes.iter().map(label).collect::<Vec<_>>().join(",")
}
