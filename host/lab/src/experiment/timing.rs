//! Timing a series of calls, and what the timing itself costs.

use crate::workload::Case;
use sandlab_runtime::{Agent, Batch, CallError, Handled, LogLine, Message, Usage};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Times whole cycles of a case: nanoseconds a message, and the bytes replied and sent.
///
/// # Errors
/// The first call's that fails.
pub fn slice(agent: &mut dyn Agent, case: &Case, cycles: u32) -> Result<Slice, CallError> {
    let mut bytes = 0;
    let start = Instant::now();
    for _ in 0..cycles {
        for exchange in &case.exchanges {
            match black_box(agent.handle(&exchange.request)) {
                Ok(ref handled) => bytes += volume(handled),
                Err(error) => return Err(error),
            }
        }
    }
    let took = start.elapsed();
    let messages = f64::from(cycles) * case.exchanges.len() as f64;
    Ok(Slice {
        ns: took.as_nanos() as f64 / messages,
        bytes,
        took,
    })
}

/// What one slice measured.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Nanoseconds a message.
    pub ns: f64,
    /// What all its messages brought, bytes. It shows that each did what the verified ones did.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// The bytes that one message brought.
pub fn volume(handled: &Handled) -> u64 {
    // Two loops, because one over a chain of both adds 2 ns a message.
    let bytes = |messages: &[Message]| -> u64 {
        messages
            .iter()
            .map(|message| message.content.len() as u64)
            .sum()
    };
    bytes(&handled.replies) + bytes(&handled.sent)
}

/// What timing adds to a message, nanoseconds: slices of an agent that does nothing,
/// against the same calls in a loop that neither reads the clock nor counts.
pub fn overhead_ns(case: &Case, cycles: u32) -> f64 {
    let messages = f64::from(cycles) * case.exchanges.len() as f64;
    let mut added: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            // Failing is not among the things that `Nothing` does.
            let _ = black_box(slice(black_box(&mut Nothing), case, cycles));
            let with = start.elapsed();
            let start = Instant::now();
            plain(black_box(&mut Nothing), case, cycles);
            (with.as_nanos() as f64 - start.elapsed().as_nanos() as f64) / messages
        })
        .collect();
    added.sort_by(f64::total_cmp);
    added[added.len() / 2].max(0.0)
}

fn plain(agent: &mut dyn Agent, case: &Case, cycles: u32) {
    for _ in 0..cycles {
        for exchange in &case.exchanges {
            let _ = black_box(agent.handle(&exchange.request));
        }
    }
}

/// An agent that does nothing.
struct Nothing;

impl Agent for Nothing {
    fn configure(&mut self, _config: &[u8]) -> Result<(), CallError> {
        Ok(())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        black_box(message);
        Ok(Handled::default())
    }

    fn handle_batch(&mut self, _messages: &[Message]) -> Result<Batch, CallError> {
        Ok(Batch::default())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _state: &[u8]) -> Result<(), CallError> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        Vec::new()
    }
}
