//! The confirmation of verdicts with fresh samples.

use super::{Judged, Outcome, Verdict};

/// Returns the names of timed metrics that would fail or warn: a regression needs confirmation, and
/// more data may decide an inconclusive one.
pub fn again(judged: &[Judged]) -> Vec<String> {
    let unsure = judged.iter().filter(|judged| !judged.counted && judged.outcome() > Outcome::Pass);
    unsure.map(|judged| judged.metric.name.clone()).collect()
}

/// Returns the verdicts after fresh samples of some metrics, whose fresh samples alone count. A
/// regression that only one of the two series shows is none.
pub fn confirmed(first: Vec<Judged>, fresh: Vec<Judged>) -> Vec<Judged> {
    let second = |first: Judged| {
        let found = fresh.iter().find(|fresh| fresh.metric == first.metric);
        let Some(mut second) = found.cloned() else {
            return first;
        };
        second.confirmed = second.verdict == first.verdict;
        if second.verdict == Verdict::Regressed && !second.confirmed {
            second.verdict = Verdict::Inconclusive;
            second.remark = Some("regressed in one of two series only".to_owned());
        }
        second
    };
    first.into_iter().map(second).collect()
}
