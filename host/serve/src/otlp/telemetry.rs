//! Pushes metrics and spans for as long as the host runs: one task for each.

use super::client::{Client, NotTaken, OtlpError, Signal};
use super::queue::{BATCH, Queue};
use super::resource::resource;
use super::settings::Settings;
use super::span::{Record, Tracer};
use super::standing::Standing;
use super::starts::Starts;
use super::{metrics, traces};
use crate::Host;
use crate::alerts::Say;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// The longest that a span waits for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);

/// Pushes a host's telemetry until it is finished, or dropped.
pub struct Telemetry {
    metrics: JoinHandle<()>,
    traces: JoinHandle<()>,
    ends: watch::Sender<bool>,
    say: Say,
    collector: String,
}

impl Telemetry {
    /// Starts to push, within the runtime that serves the host, whose messages get spans from now
    /// on. Tells `say` when the collector takes nothing, and when it does again.
    ///
    /// # Errors
    /// [`OtlpError`] if the collector's certificate cannot be checked.
    pub fn start(host: &Host, settings: &Settings, say: &Say) -> Result<Self, OtlpError> {
        let client = Client::new(settings)?;
        let (queue, ends) = (Arc::<Queue>::default(), watch::Sender::new(false));
        let collector = client.address();
        let resource = Arc::new(resource(settings));
        let push = |signal| Push {
            signal,
            client: client.clone(),
            resource: resource.clone(),
            queue: queue.clone(),
            standing: Standing::new(signal, collector.clone(), say.clone()),
            ends: ends.subscribe(),
        };
        host.trace_with(Tracer::new(settings.sample, queue.clone()));
        let metrics = push(Signal::Metrics).metrics(host.clone(), settings.interval);
        let traces = push(Signal::Traces).traces();
        Ok(Self {
            metrics: tokio::spawn(metrics),
            traces: tokio::spawn(traces),
            say: say.clone(),
            collector: collector.clone(),
            ends,
        })
    }

    /// Pushes the last spans, and all metrics once more, for at most so long.
    pub async fn finish(self, within: Duration) {
        self.ends.send_replace(true);
        // One that panicked has nothing left to push.
        let last = async { (self.metrics.await.is_ok(), self.traces.await.is_ok()) };
        if timeout(within, last).await.is_err() {
            let within = sandlab_runtime::span(within);
            let told = "did not take the last metrics and spans";
            (self.say)(&format!("OTLP: {} {told} within {within}", self.collector));
        }
    }
}

/// Pushes one kind of telemetry.
struct Push {
    signal: Signal,
    client: Client,
    resource: Arc<Resource>,
    queue: Arc<Queue>,
    standing: Standing,
    /// Signals that the host has ended.
    ends: watch::Receiver<bool>,
}

impl Push {
    /// Pushes all metrics now, at each interval, and at the end.
    async fn metrics(mut self, host: Host, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut starts = None;
        let mut is_last = false;
        while !is_last {
            is_last = tokio::select! {
                _ = ticks.tick() => false,
                _ = self.ends.wait_for(|ends| *ends) => true,
            };
            let snapshot = host.snapshot().await;
            let now = SystemTime::now();
            let starts = starts.get_or_insert_with(|| Starts::new(now - snapshot.uptime));
            let request = metrics::request(&snapshot, &self.resource, starts, now);
            match self.post(request).await {
                Ok(_) => self.standing.taken(),
                // The next ones have all that these had.
                Err(not_taken) => drop(self.standing.not_taken(&not_taken.why)),
            }
        }
    }

    /// Pushes spans when a batch is full, and after a while, and at the end.
    async fn traces(mut self) {
        let mut is_last = false;
        while !is_last {
            is_last = tokio::select! {
                () = self.queue.full() => false,
                () = sleep(DELAY) => false,
                _ = self.ends.wait_for(|ends| *ends) => true,
            };
            for batch in self.queue.take().chunks(BATCH) {
                self.batch(batch).await;
            }
        }
    }

    /// Pushes spans until the collector takes them, or never will, or the host ends.
    async fn batch(&mut self, records: &[Record]) {
        let count = records.len() as u64;
        loop {
            let ended = *self.ends.borrow();
            let not_taken = match self.post(traces::request(records, &self.resource)).await {
                Ok(response) => return self.sent(count, &response),
                Err(not_taken) => not_taken,
            };
            let pause = self.standing.not_taken(&not_taken.why);
            let Some(asked) = not_taken.retry_after.filter(|_| !ended) else {
                return self.queue.count_dropped(count);
            };
            tokio::select! {
                () = sleep(pause.max(asked)) => {}
                // Tried once more.
                _ = self.ends.wait_for(|ends| *ends) => {}
            }
        }
    }

    fn sent(&mut self, count: u64, response: &[u8]) {
        let (rejected, why) = traces::rejected(response);
        let rejected = rejected.min(count);
        self.queue.count_sent(count - rejected);
        self.queue.count_dropped(rejected);
        match rejected {
            0 => self.standing.taken(),
            _ => drop(self.standing.not_taken(&format!("{rejected} of {count} rejected: {why}"))),
        }
    }

    /// Posts a request on a thread that may block.
    async fn post(&self, request: impl Message + 'static) -> Result<Vec<u8>, NotTaken> {
        let (client, signal) = (self.client.clone(), self.signal);
        let post = move || client.post(signal, &request.encode_to_vec());
        let posted = tokio::task::spawn_blocking(post).await;
        let posted = posted
            .unwrap_or_else(|error| Err(NotTaken { why: error.to_string(), retry_after: None }));
        if posted.is_err() {
            self.queue.count_failed(signal);
        }
        posted
    }
}
