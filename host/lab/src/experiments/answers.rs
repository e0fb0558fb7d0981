//! Answers that several experiments give alike: the sandbox's figure, and beside it those of the
//! native twin and of the child process.

use crate::metrics::format::{grouped, size};
use crate::metrics::{Metric, Quantity};
use crate::view::{Answer, Form};
use sandlab_runtime::BackendKind;

/// Answers with the sandbox's metric of a quantity, or with the first if there is none, and names
/// what the same thing takes on the other backends; `None` if nothing of it was measured.
pub(crate) fn beside<'m>(
    question: impl Into<String>,
    quantity: &Quantity,
    metrics: impl IntoIterator<Item = &'m Metric>,
) -> Option<Answer> {
    let metrics = metrics.into_iter().filter(|metric| metric.quantity == quantity);
    let metrics: Vec<&Metric> = metrics.collect();
    let is_on = |metric: &Metric, kind: BackendKind| {
        metric.labels.get("backend").is_some_and(|name| name == kind.name())
    };
    let in_sandbox = metrics.iter().find(|metric| is_on(metric, BackendKind::Wasm));
    let first = in_sandbox.or_else(|| metrics.first())?;
    let others = BackendKind::ALL.into_iter().filter(|kind| !is_on(first, *kind));
    let others = others.filter_map(|kind| {
        let alike = metrics.iter().find(|metric| is_on(metric, kind) && is_alike(metric, first));
        let other = alike.filter(|metric| metric.withheld.is_none())?;
        Some(format!("{kind} {}", Form::from(quantity.unit).brief(other.value.value)))
    });
    let others: Vec<String> = others.collect();
    Some(Answer::of(question, first).remark(others.join(", ")).remark(context(first)))
}

/// Returns whether two metrics differ in nothing but their backend.
fn is_alike(a: &Metric, b: &Metric) -> bool {
    let without = |metric: &Metric| -> Vec<(&'static str, String)> {
        let labels = metric.labels.iter().filter(|(name, _)| *name != "backend");
        labels.map(|(name, value)| (name, value.to_owned())).collect()
    };
    without(a) == without(b)
}

/// Returns what a metric was measured of: `echo, 1 KiB, 10 agents`.
pub(crate) fn context(metric: &Metric) -> String {
    let number = |name| metric.labels.get(name).and_then(|value| value.parse::<f64>().ok());
    let agents = number("agents").filter(|agents| *agents > 1.0);
    let clauses = [
        metric.labels.get("agent").map(str::to_owned),
        number("size").map(|bytes| size(bytes as u64)),
        agents.map(|agents| format!("{} agents", grouped(agents))),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns the rate of a metric in a question: `p99 at 10 K/s`.
pub(crate) fn at_rate(what: &str, metric: &Metric) -> String {
    let rate = metric.labels.get("rate").and_then(|rate| rate.parse::<f64>().ok());
    match rate {
        Some(rate) => format!("{what} at {}", Form::Rate.brief(rate).replace(".0 ", " ")),
        None => what.to_owned(),
    }
}
