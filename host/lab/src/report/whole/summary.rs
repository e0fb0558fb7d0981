//! What a run says at a glance.

use super::Whole;
use crate::metrics::format::{size, times};
use crate::report::comparison::Comparison;
use crate::verdict::{Change, Grade, Moved, Topic};

/// How good a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Warning,
    Plain,
}

/// A line of the summary.
pub struct Line {
    pub tone: Tone,
    pub text: String,
}

fn line(tone: Tone, text: impl Into<String>) -> Line {
    Line {
        tone,
        text: text.into(),
    }
}

/// Targets, changes, and what makes the comparison mean less.
pub fn summary(whole: &Whole) -> Vec<Line> {
    let mut lines = vec![targets(whole)];
    if let Some(compared) = &whole.baseline {
        let of = |moved| {
            compared
                .changes
                .iter()
                .filter(move |change| change.verdict == moved)
        };
        let all = compared.changes.len();
        let names = |moved| -> String {
            let size = |change: &Change| change.relative.unwrap_or(0.0).abs();
            let mut sorted: Vec<_> = of(moved).collect();
            sorted.sort_by(|a, b| size(b).total_cmp(&size(a)));
            let named = sorted
                .iter()
                .take(3)
                .map(|change| format!("{} {}", change.current.name, super::moved(change)));
            named.collect::<Vec<_>>().join("; ")
        };
        lines.push(match of(Moved::Regressed).count() {
            0 => line(
                Tone::Good,
                format!("No regression against {}", compared.name),
            ),
            n => line(
                Tone::Bad,
                format!(
                    "{n} regressions against {}: {}",
                    compared.name,
                    names(Moved::Regressed)
                ),
            ),
        });
        lines.push(match of(Moved::Improved).count() {
            0 => line(Tone::Plain, "No improvement"),
            n => line(
                Tone::Good,
                format!("{n} improvements: {}", names(Moved::Improved)),
            ),
        });
        let (same, unjudged) = (of(Moved::NotShown).count(), of(Moved::NotJudged).count());
        lines.push(line(
            Tone::Plain,
            format!(
                "{all} metrics are in both runs: {same} moved no more than their 95 % intervals, \
             {unjudged} were read once and are not judged. One run a side: what the machine did \
             meanwhile is in the difference, which `sandlab gate` takes out"
            ),
        ));
        if all == 0 {
            lines.push(line(
                Tone::Warning,
                "The baseline measured nothing that this run did",
            ));
        }
        if !compared.differences.is_empty() {
            let differ: Vec<_> = compared
                .differences
                .iter()
                .map(ToString::to_string)
                .collect();
            lines.push(line(
                Tone::Warning,
                format!(
                    "Not measured alike, baseline and now: {}",
                    differ.join("; ")
                ),
            ));
        }
    }
    let noise = whole
        .results
        .end
        .as_ref()
        .and_then(|end| end.noise.warning());
    lines.extend(noise.map(|noise| line(Tone::Warning, noise)));
    if !whole.results.is_complete() {
        lines.push(line(
            Tone::Warning,
            "Not complete: this is what had been measured until then",
        ));
    }
    lines
}

fn targets(whole: &Whole) -> Line {
    let all = whole.graded.len();
    let count = |grade| {
        whole
            .graded
            .iter()
            .filter(|graded| graded.grade == grade)
            .count()
    };
    let (met, beyond) = (count(Grade::Target), count(Grade::Beyond));
    match all {
        0 => line(Tone::Plain, "Nothing of this run has a target"),
        _ if met == all => line(
            Tone::Good,
            format!("All performance targets met ({all} of {all})"),
        ),
        _ if beyond > 0 => line(
            Tone::Bad,
            format!("{met} of {all} targets met, and {beyond} beyond critical"),
        ),
        _ => line(
            Tone::Warning,
            format!("{met} of {all} targets met, none beyond critical"),
        ),
    }
}

/// A number that stands for many, and what it means.
pub struct Card {
    pub number: String,
    pub text: String,
}

/// What somebody reads who reads nothing else.
pub fn cards(whole: &Whole) -> Vec<Card> {
    let mut cards = Vec::new();
    let comparison = Comparison::of(&whole.results.comparisons);
    for mean in &comparison.means {
        cards.push(Card {
            number: format!("{} ×", times(mean.ratio)),
            text: format!(
                "what the sandbox takes of native, {} messages, {} computing agents",
                size(mean.size as u64),
                mean.agents
            ),
        });
    }
    if comparison.means.is_empty() {
        let overall = comparison
            .overall
            .iter()
            .filter(|(backend, ..)| backend == "wasm");
        cards.extend(overall.map(|(backend, rows, ratio)| Card {
            number: format!("{} ×", times(*ratio)),
            text: format!("what {backend} takes of native, over {rows} rows"),
        }));
    }
    for topic in [
        Topic::Throughput,
        Topic::Latency,
        Topic::Spawn,
        Topic::MemoryLimits,
        Topic::Scaling,
    ] {
        let of_topic = || {
            whole
                .measures
                .iter()
                .filter(|measure| measure.topic == topic)
        };
        // Of starts the one that a server makes, and not the slowest.
        let pooled = of_topic().find(|measure| measure.name.starts_with("pooled "));
        let first = pooled.or_else(|| of_topic().next());
        cards.extend(first.map(|measure| Card {
            number: super::shown(measure.unit, measure.value.value),
            text: measure.name.clone(),
        }));
    }
    cards
}
