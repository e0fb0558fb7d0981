//! What is measured again, afresh, before it is reported.

use super::{Judged, Outcome, Verdict};

/// The names of timed metrics that would fail or warn: a failure is confirmed, and of what
/// the data did not tell, more data may.
pub fn again(judged: &[Judged]) -> Vec<String> {
    let unsure = judged.iter().filter(|judged| !judged.counted && judged.outcome() > Outcome::Pass);
    unsure.map(|judged| judged.metric.name.clone()).collect()
}

/// The verdicts after fresh samples of some metrics, which count alone. A regression that only
/// one of the two saw is none.
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
