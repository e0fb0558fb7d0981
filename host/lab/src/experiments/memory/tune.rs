//! The smallest limit that a workload does with, and the one to recommend.

use crate::experiments::memory::bisect::boundary;
use crate::experiments::memory::figure::Figure;
use crate::experiments::memory::found::Found;
use crate::experiments::memory::largest::Outcome;
use crate::experiments::memory::limited_agent::{LimitedAgent, MOST, PAGE};
use crate::experiments::memory::soak::{Curve, Sent, Soaked, payload, soak};
use crate::experiments::memory::workload::{RanOut, Series, Went, series};
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::limits::available_memory;
use sandlab_runtime::{Backend, BackendKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Duration;

/// The settings of the search for the smallest limit that is enough.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Tries of each limit: all must go well for it to count as enough.
    pub repeats: u32,
    /// The fewest times that the workload is sent to each instance, one after another.
    pub passes: u64,
    /// The longest time that a working set is given to find its size.
    pub soak: Duration,
    /// The percentage that is added to the smallest limit.
    pub headroom: u32,
}

/// The limits that the search found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Tuned {
    /// Tries of each limit.
    pub repeats: u32,
    /// Passes of the workload over each instance, at least.
    pub passes: u64,
    /// Messages of the working sets.
    pub messages: u64,
    /// The most linear memory that an instance had while there was plenty, bytes.
    pub peak: u64,
    /// The smallest limit with no denial, bytes; whole pages.
    pub smallest: u64,
    /// Headroom added to the smallest limit, percent.
    pub headroom: u32,
    /// The smallest limit with the headroom, bytes; whole pages.
    pub recommended: u64,
    /// The limits that were tried, in order.
    pub steps: Vec<Tried>,
    /// Tries at the recommended limit after the search.
    pub at_recommended: Tried,
    /// Tries at the smallest limit after the search.
    pub at_smallest: Tried,
    /// Tries at one page less than the smallest: these must fail.
    pub one_page_less: Tried,
    /// Linear memory over the workload without a tight limit, one curve per series.
    pub curves: Vec<Curve>,
}

/// Some tries of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// The limit, bytes.
    pub limit: u64,
    /// Number of tries.
    pub tries: u32,
    /// Tries without a denial in which every reply was right.
    pub clean: u32,
    /// The failure of the first try that was not clean; null if all were.
    pub ran_out: Option<RanOut>,
}

impl Tried {
    /// Returns true if the limit is enough: all tries were clean.
    pub fn holds(&self) -> bool {
        self.clean == self.tries
    }
}

impl Tuned {
    /// Returns the part of the result that does not hold on fresh tries after the search; `None` if
    /// all of it holds.
    pub fn objection(&self) -> Option<String> {
        let all = |tried: &Tried| format!("{} of {} tries", tried.clean, tried.tries);
        if !self.at_recommended.holds() {
            let clean = all(&self.at_recommended);
            return Some(format!("at the recommended limit only {clean} went through"));
        }
        if !self.at_smallest.holds() {
            let clean = all(&self.at_smallest);
            return Some(format!(
                "at the smallest limit, which was enough while it was searched, then only \
                 {clean} went through: the agent does not always need the same"
            ));
        }
        (self.one_page_less.clean > 0).then(|| {
            format!(
                "at one page less than the smallest limit, {} went through: the agent does not \
                 always need the same",
                all(&self.one_page_less)
            )
        })
    }
}

/// Searches for the smallest limit in whole pages, and repeats the tries at the result.
///
/// # Errors
/// If the agent fails for another reason than its memory, or gives a wrong reply.
pub fn tune(tested: &LimitedAgent, search: &Search, to: &mut dyn Recorder) -> Result<()> {
    to.part(tested.part("tuning"))?;
    match found(tested, search, to)? {
        Figure::Measured(found) => to.found(&found),
        Figure::Unavailable(why) => to.unavailable(why),
    }
}

fn found(tested: &LimitedAgent, search: &Search, to: &dyn Recorder) -> Result<Figure<Found>> {
    if tested.backend != BackendKind::Wasm {
        return Ok(Figure::unavailable(
            "only the sandbox has a limit in pages that it counts refusals of",
        ));
    }
    let plenty = available_memory().map_or(MOST, |available| (available.bytes / 2).min(MOST));
    let payload = payload(tested);
    let own = tested.cases.iter().map(|case| Sent { case, checked: search.passes });
    let cases: Vec<_> = own.chain(payload.iter().map(|case| Sent { case, checked: 0 })).collect();
    let curves = match soak(tested, &cases, search, plenty / PAGE * PAGE)? {
        Soaked::Settled(curves) => curves,
        Soaked::Unsettled(found) => {
            return Ok(Figure::Measured(Found::Unsettled(Box::new(found))));
        }
        Soaked::RanOut(why) => return Ok(Figure::Measured(Found::NoneIsEnough { why })),
    };
    let ends = curves.iter().filter_map(|curve| curve.changes.last());
    let peak = ends.map(|(_, bytes)| *bytes).max().unwrap_or(0);
    if peak == 0 {
        return Ok(Figure::unavailable("the agent has no linear memory"));
    }
    let pairs = || cases.iter().zip(&curves);
    // A search needs no more messages than show where memory still grows; the recommendation must
    // stand all of them.
    let few: Vec<_> =
        pairs().map(|(sent, curve)| sent.series(curve.passes(sent.checked))).collect();
    let all = |curve: &Curve| curve.sent.div_ceil(curve.messages);
    let many: Vec<_> = pairs().map(|(sent, curve)| sent.series(all(curve))).collect();
    let mut steps = Vec::new();
    let mut holds = |pages: u64| {
        if to.stopped() {
            return Err(Error::Stopped);
        }
        let tried = tried(tested, search, &few, pages * PAGE)?;
        let holds = tried.holds();
        steps.push(tried);
        Ok(holds)
    };
    // What needs more now and then, such as an interpreter that collects garbage, gets some pages more.
    let peak_pages = peak.div_ceil(PAGE);
    let (mut most, mut more) = (peak_pages, 1);
    while !holds(most)? {
        if most >= with_headroom(peak_pages, MOST_MORE) {
            let why = format!(
                "the workload needs more when it is sent again than it did at first: {} was not \
                 enough; there is no recommendation",
                ByteSize::b(most * PAGE)
            );
            return Ok(Figure::Measured(Found::NoneIsEnough { why }));
        }
        most = with_headroom(peak_pages, MOST_MORE).min(peak_pages + more);
        more *= 2;
    }
    let smallest = boundary(most, 0, holds)?;
    let recommended = with_headroom(smallest, search.headroom);
    Ok(Figure::Measured(Found::Tuned(Box::new(Tuned {
        repeats: search.repeats,
        passes: search.passes,
        messages: curves.iter().map(|curve| curve.sent).sum(),
        peak,
        smallest: smallest * PAGE,
        headroom: search.headroom,
        recommended: recommended * PAGE,
        steps,
        at_recommended: tried(tested, search, &many, recommended * PAGE)?,
        at_smallest: tried(tested, search, &few, smallest * PAGE)?,
        one_page_less: tried(tested, search, &few, (smallest - 1) * PAGE)?,
        curves,
    }))))
}

/// The percentage over the peak that is tried where the peak is not enough.
const MOST_MORE: u32 = 25;

/// Returns the pages plus this percentage, in whole pages, at most as many as a memory can have.
fn with_headroom(pages: u64, percent: u32) -> u64 {
    let more = pages * (100 + u64::from(percent));
    more.div_ceil(100).min(MOST / PAGE).max(pages)
}

fn tried(tested: &LimitedAgent, search: &Search, all: &[Series], limit: u64) -> Result<Tried> {
    let mut tried = Tried { limit, tries: 0, clean: 0, ran_out: None };
    let backend = match tested.under(limit) {
        Ok(backend) => backend,
        // The layout `packed` reserves no more than the limit, so that it does not even load.
        Err(Error::Load { .. }) if tested.initial() > limit => {
            tried.tries = search.repeats;
            return Ok(tried);
        }
        Err(error) => return Err(error),
    };
    for _ in 0..search.repeats {
        tried.tries += 1;
        match once(tested, all, backend.as_ref())? {
            None => tried.clean += 1,
            Some(ran_out) => {
                tried.ran_out.get_or_insert(ran_out);
            }
        }
    }
    Ok(tried)
}

/// Runs the whole workload; returns the first message that ran out of memory, if any.
fn once(tested: &LimitedAgent, all: &[Series], backend: &dyn Backend) -> Result<Option<RanOut>> {
    for asked in all {
        let mut refused_at = None;
        let went = series(tested, backend, asked, &mut |number, usage| {
            if usage.denials.is_some_and(|d| d.count > 0) {
                refused_at.get_or_insert(number);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let denials = went.denials();
        match (went, refused_at) {
            (Went::RanOut(found), _) => return Ok(Some(found)),
            (Went::Through(_), Some(message)) => {
                return Ok(Some(RanOut {
                    size: asked.case.size,
                    message,
                    outcome: Outcome::Survived("its replies were good".to_owned()),
                    denials,
                }));
            }
            (Went::Through(_), None) => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_rounded_up_to_whole_pages() {
        assert_eq!(with_headroom(17, 25), 22);
        assert_eq!(with_headroom(100, 25), 125);
        assert_eq!(with_headroom(17, 0), 17);
        assert_eq!(with_headroom(MOST / PAGE, 25), MOST / PAGE);
    }
}
