//! The spans of messages: begun when a message arrives, and ended with its answer.

use super::context::{Ids, Parent, Sampler, SpanId, TraceId, state};
use super::queue::{OtlpFigures, Queue};
use crate::host::Outcome;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The most bytes of an agent's name: longer ones are no names of agents.
const LONGEST_NAME: usize = 64;

/// The most bytes of a text that says why there is no reply.
const LONGEST_TEXT: usize = 1 << 10;

/// The way on which a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /agents/NAME`
    HttpAsk,
    /// `POST /agents/NAME/tell`
    HttpTell,
    /// A message over NATS.
    Nats,
}

/// The end of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The outcome that the agent's metrics count it with; `None` if they do not count it.
    pub outcome: Option<Outcome>,
    /// The status code of the answer, with HTTP's numbers; `None` if it has none.
    pub status: Option<u16>,
    /// The name of the reason that there is no reply, and the reason for people; `None` if all
    /// went well.
    pub error: Option<(String, String)>,
}

impl End {
    /// Returns the end of a message that was accepted.
    pub fn well(outcome: Outcome, status: Option<u16>) -> Self {
        Self { outcome: Some(outcome), status, error: None }
    }

    /// Returns the end of a message that has no reply.
    pub fn badly(outcome: Option<Outcome>, status: u16, reason: &str, text: &str) -> Self {
        let error = (reason.to_owned(), cut(text, LONGEST_TEXT));
        Self { outcome, status: Some(status), error: Some(error) }
    }
}

/// A span that has ended, with all that is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub trace: TraceId,
    pub span: SpanId,
    /// `None` if the trace begins here.
    pub parent: Option<SpanId>,
    /// The trace's `tracestate`.
    pub state: String,
    pub route: Route,
    pub agent: String,
    pub started: SystemTime,
    pub took: Duration,
    pub end: End,
}

/// Begins the spans of messages. Clones are the same tracer.
#[derive(Clone)]
pub struct Tracer(Arc<Inner>);

struct Inner {
    ids: Ids,
    sampler: Sampler,
    queue: Arc<Queue>,
}

impl Tracer {
    /// Returns a tracer that keeps this share of the traces that begin here.
    pub fn new(share: f64, queue: Arc<Queue>) -> Self {
        let sampler = Sampler::new(share);
        Self(Arc::new(Inner { ids: Ids::default(), sampler, queue }))
    }

    /// Begins the span of a message for an agent, with the values of its `traceparent` and
    /// `tracestate` headers. `None` if the trace is not kept.
    pub fn begin<'a>(
        &self,
        route: Route,
        agent: &str,
        parents: impl Iterator<Item = &'a str>,
        states: impl Iterator<Item = &'a str>,
    ) -> Option<Span> {
        let Inner { ids, sampler, queue } = &*self.0;
        let parent = Parent::read(parents);
        let (trace, state) = match parent {
            Some(parent) if parent.is_sampled => (parent.trace, state(states)),
            Some(_) => return None,
            None => (Some(ids.trace()).filter(|trace| sampler.keeps(*trace))?, String::new()),
        };
        let record = Record {
            trace,
            span: ids.span(),
            parent: parent.map(|parent| parent.span),
            state,
            route,
            agent: cut(agent, LONGEST_NAME),
            started: SystemTime::now(),
            took: Duration::ZERO,
            // Unless it is ended otherwise.
            end: End { outcome: Some(Outcome::Abandoned), status: None, error: None },
        };
        Some(Span { record: Some(record), arrived: Instant::now(), queue: queue.clone() })
    }

    /// Returns the counts of what was pushed.
    pub fn figures(&self) -> OtlpFigures {
        self.0.queue.figures()
    }
}

/// The span of a message that has no answer yet. Dropped before its [`end`](Self::end), its sender
/// has gone.
pub struct Span {
    /// `None` once it is on its way.
    record: Option<Record>,
    arrived: Instant,
    queue: Arc<Queue>,
}

impl Span {
    /// Ends the span.
    pub fn end(mut self, end: End) {
        if let Some(record) = &mut self.record {
            record.end = end;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.queue.push(Record { took: self.arrived.elapsed(), ..record });
        }
    }
}

/// Returns the beginning of a text, of at most so many bytes.
fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn record() -> Record {
        let tracer = Tracer::new(1.0, Arc::default());
        let mut span = tracer.begin(Route::Nats, "a", [].into_iter(), [].into_iter()).unwrap();
        span.record.take().unwrap()
    }

    fn taken(of: impl FnOnce(&Tracer) -> Option<Span>, share: f64) -> Vec<Record> {
        let queue = Arc::<Queue>::default();
        drop(of(&Tracer::new(share, queue.clone())));
        queue.take()
    }

    #[test]
    fn a_parent_decides_and_without_one_the_share() {
        let begin = |parents: &'static [&'static str]| {
            move |tracer: &Tracer| {
                let (parents, states) = (parents.iter().copied(), ["k=v"].into_iter());
                tracer.begin(Route::HttpAsk, "echo", parents, states)
            }
        };
        let sampled = &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"];
        let left_out = &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"];
        let records = taken(begin(sampled), 0.0);
        assert_eq!((records[0].trace[0], records[0].state.as_str()), (0x4b, "k=v"));
        assert_eq!(records[0].end.outcome, Some(Outcome::Abandoned), "it was not ended");
        assert!(taken(begin(left_out), 1.0).is_empty());
        assert!(taken(begin(&[]), 0.0).is_empty());
        let records = taken(begin(&[]), 1.0);
        assert_eq!((records[0].parent, records[0].state.as_str()), (None, ""));
    }

    #[test]
    fn texts_are_cut_between_letters() {
        assert_eq!(
            (cut("añb", 2), cut("añb", 3), cut("añb", 9)),
            ("a".into(), "añ".into(), "añb".into())
        );
    }
}
