//! Timing a series of calls, and what the timing itself costs.

use crate::record::Watch;
use crate::stats::median_interval;
use crate::workload::Case;
use sandlab_runtime::{Agent, CallError, Handled, Message};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Times whole cycles of a case.
///
/// # Errors
/// The first call's that fails.
pub fn slice(agent: &mut dyn Agent, case: &Case, cycles: u32) -> Result<Slice, CallError> {
    let mut answers = 0;
    let start = Instant::now();
    for _ in 0..cycles {
        for exchange in &case.exchanges {
            match black_box(agent.handle(&exchange.request)) {
                Ok(ref handled) => answers += count(handled),
                Err(error) => return Err(error),
            }
        }
    }
    let took = start.elapsed();
    let messages = f64::from(cycles) * case.exchanges.len() as f64;
    Ok(Slice { ns: took.as_nanos() as f64 / messages, answers, took })
}

/// The measurement of one slice.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Nanoseconds per message.
    pub ns: f64,
    /// The replies to its messages, and what was sent on. It shows that each did what the
    /// verified ones did.
    pub answers: u64,
    /// The time of the whole slice.
    pub took: Duration,
}

/// Returns the number of replies and sends that one message brought. Their bytes would say more,
/// but to add them up takes up to 2 ns, 2 % of the fastest message.
pub fn count(handled: &Handled) -> u64 {
    (handled.replies.len() + handled.sent.len()) as u64
}

/// Returns the nanoseconds that timing adds to a message, at most: the upper end of the 95 %
/// interval of what slices of an agent that is as good as free take over the same calls in a loop
/// that neither reads the clock nor counts. The two are interleaved A B B A. `None` on a machine that is
/// busy with other things.
pub fn overhead_ns(case: &Case, cycles: u32) -> Option<f64> {
    const ROUNDS: usize = 151;
    const ATTEMPTS: usize = 3;
    // Short pairs, so that few of them meet an interrupt.
    let cycles = cycles.div_ceil(16);
    let messages = 2.0 * f64::from(cycles) * case.exchanges.len() as f64;
    let timed = || {
        let start = Instant::now();
        // Failing is not among the things that `Free` does.
        let _ = black_box(slice(black_box(&mut Free), case, cycles));
        start.elapsed().as_nanos() as f64
    };
    let untimed = || {
        let start = Instant::now();
        let _ = black_box(plain(black_box(&mut Free), case, cycles));
        start.elapsed().as_nanos() as f64
    };
    let round = |_| {
        let (first, second, third, fourth) = (timed(), untimed(), untimed(), timed());
        (first + fourth - second - third) / messages
    };
    let mut watch = Watch::start();
    let attempts = (0..ATTEMPTS).map(|_| {
        let added: Vec<f64> = (0..ROUNDS).map(round).collect();
        (added, watch.round())
    });
    let (added, _) = attempts.into_iter().find(|(_, disturbance)| disturbance.is_none())?;
    Some(median_interval(&added)?.high?.max(0.0))
}

/// Does the same as [`slice`], but for the clock and the count.
fn plain(agent: &mut dyn Agent, case: &Case, cycles: u32) -> Result<(), CallError> {
    for _ in 0..cycles {
        for exchange in &case.exchanges {
            match black_box(agent.handle(&exchange.request)) {
                Ok(ref handled) => {
                    black_box(handled);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// An agent that has one empty reply to everything.
struct Free;

impl Agent for Free {
    fn configure(&mut self, _config: &[u8]) -> Result<Vec<Message>, CallError> {
        Ok(Vec::new())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        black_box(message);
        Ok(Handled { replies: vec![Message::request([])], sent: Vec::new() })
    }
}
