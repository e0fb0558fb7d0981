//! Subjects that are no agents, against wasmtime by hand.

use super::call::{Once, paired, paired_rounds};
use anyhow::{Context, Result};
use bytesize::ByteSize;
use sandlab::stats::{Estimate, geometric_mean, median_interval};
use sandlab_benches::function::{self, Called, Function};
use sandlab_benches::service::{self, Echoed, Service};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Requests {
    /// Of a request's body, and its response's.
    size: ByteSize,
    /// Set if one instance lives for all of them, instead of one per request.
    reuse: bool,
}

/// Requests of each side in each half of a round.
const REQUESTS: u32 = 1_000;

/// Measures a request: sandlab-runtime ÷ hand-written wasmtime. No two are alike, so that none is
/// known from an earlier one.
pub fn service(Requests { size, reuse }: Requests) -> Result<Estimate> {
    let service = Service::load(reuse)?;
    // One to check, one to warm, and two times that are measured.
    let requests = Echoed::some(2 * REQUESTS as usize + 2, size.as_u64() as usize)?;
    let requests = &requests;
    paired(
        || {
            let (mut agent, mut turn) = (service.ours()?, requests.iter());
            service::check(agent.as_mut(), turn.next().context("no requests")?)?;
            Ok(Box::new(move || {
                let request = turn.next().context("no more requests")?;
                service::exchange(agent.as_mut(), request).map(drop)
            }))
        },
        || {
            let mut server = service.by_hand();
            let read: Vec<_> = requests.iter().map(|request| request.request.clone()).collect();
            let mut turn = read.into_iter();
            Ok(Box::new(move || {
                let request = turn.next().context("no more requests")?;
                server.exchange(request).map(drop)
            }))
        },
        REQUESTS,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Calls {
    /// The figure is the geometric mean over these.
    functions: Vec<Called>,
    /// Numerator and denominator.
    sides: [Side; 2],
}

/// The way in which a function is called.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Side {
    /// Through sandlab-runtime, with calls that it has seen before, as a workload's are.
    Subject,
    /// Through sandlab-runtime, with calls that nobody has made before.
    SubjectNew,
    /// By hand, with values of the component's own types.
    Dynamic,
    /// By hand, with types that are known when the host is compiled.
    Typed,
}

/// Calls of each side in each half of a round.
const CALLS: u32 = 1_000;

/// Measures a function call: one side ÷ another.
pub fn function(Calls { functions, sides: [ours, theirs] }: Calls) -> Result<Estimate> {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    for called in functions {
        let function = Function::load(called)?;
        let of_function =
            paired_rounds(|| side(&function, ours), || side(&function, theirs), CALLS)?;
        rounds.resize(of_function.len(), Vec::new());
        for (round, ratio) in rounds.iter_mut().zip(&of_function) {
            round.push(*ratio);
        }
    }
    let means: Vec<f64> = rounds.iter().filter_map(|ratios| geometric_mean(ratios)).collect();
    median_interval(&means).context("no rounds")
}

fn side(function: &Function, side: Side) -> Result<Once<'_>> {
    Ok(match side {
        Side::Subject => {
            let (mut agent, calls) = (function.ours()?, function.messages());
            let mut turn = 0;
            Box::new(move || {
                let call = &calls[turn];
                turn = (turn + 1) % calls.len();
                function::exchange(agent.as_mut(), call).map(drop)
            })
        }
        Side::SubjectNew => {
            let mut agent = function.ours()?;
            // One to warm, and two times that are measured.
            let mut calls = function.new_messages(2 * CALLS + 1);
            Box::new(move || {
                let call = calls.pop().context("no more calls")?;
                function::exchange(agent.as_mut(), &call).map(drop)
            })
        }
        Side::Dynamic => {
            let mut dynamic = function.dynamic()?;
            Box::new(move || dynamic.exchange())
        }
        Side::Typed => {
            let mut typed = function.typed()?;
            Box::new(move || typed.exchange())
        }
    })
}
