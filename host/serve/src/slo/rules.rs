//! Objectives as Prometheus rules: the same windows, factors and allowance for chance, over the
//! metrics that a host exposes.

use super::count::DEVIATIONS;
use super::{Objective, Pair, Severity, pairs};
use serde_json::to_string as quoted;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

/// The counter of messages, by agent and outcome.
const MESSAGES: &str = "sandlab_messages_total";

/// The histogram of the times from arrival to reply, by agent.
const DURATION: &str = "sandlab_message_duration_seconds";

/// The outcome of a message that was answered.
const ANSWERED: &str = "answered";

/// The outcome of a message that wants no answer.
const TOLD: &str = "told";

/// The outcomes of messages whose sender waited no longer, or went away: a pattern.
const LEFT: &str = "timed-out|abandoned";

/// Recorded: all messages that an objective is about, within a window.
const ALL: &str = "objective:sandlab_messages:increase";

/// Recorded: those of them that were not as they should be.
const BAD: &str = "objective:sandlab_bad_messages:increase";

/// Recorded: the share of the budget that is left.
const BUDGET: &str = "objective:sandlab_budget_left:ratio";

/// Returns the recording and alerting rules of objectives, YAML as Prometheus reads it.
pub fn rules(objectives: &[Objective]) -> String {
    let mut yaml = String::from(
        "# Written by `sandlab slo rules`: change the objectives, and write it anew.\ngroups:\n",
    );
    for objective in objectives {
        // Writing to a string cannot fail.
        let _ = group(&mut yaml, objective);
    }
    yaml
}

fn group(yaml: &mut String, objective: &Objective) -> std::fmt::Result {
    let name = &objective.name;
    let pairs = pairs(objective.window);
    let windows = pairs.iter().flat_map(|pair| [pair.long, pair.short]);
    let windows: BTreeSet<_> = windows.chain([objective.window]).collect();
    writeln!(yaml, "- name: sandlab-{name}\n  rules:")?;
    for window in windows {
        let [all, bad] = counted(objective, &time(window));
        record(yaml, name, &format!("{ALL}{}", time(window)), &all)?;
        record(yaml, name, &format!("{BAD}{}", time(window)), &bad)?;
    }
    let budget = number(objective.objective.budget());
    let window = time(objective.window);
    let of = |kind: &str, window: &str| format!("{kind}{window}{{objective=\"{name}\"}}");
    let left = format!("1 - {} / {} / {budget}", of(BAD, &window), of(ALL, &window));
    record(yaml, name, &format!("{BUDGET}{window}"), &left)?;
    for severity in Severity::ALL {
        let own = pairs.iter().filter(|pair| pair.severity == severity);
        let conditions: Vec<_> = own.map(|pair| condition(pair, &budget, of)).collect();
        alert(yaml, objective, severity, &conditions)?;
    }
    Ok(())
}

/// Returns the expressions of all messages of an objective, and of the bad ones, within a window.
fn counted(objective: &Objective, window: &str) -> [String; 2] {
    let agent = objective.agent.as_ref().map(|agent| format!("agent={}", label(agent)));
    let increase = |metric: &str, more: Option<String>| {
        let labels: Vec<_> = agent.iter().cloned().chain(more).collect();
        format!("sum(increase({metric}{{{}}}[{window}]))", labels.join(","))
    };
    // What has never happened has no series, and is nothing all the same.
    let or_none = |count: String, all: &str| format!("({count} or 0 * {all})");
    let Some(threshold) = objective.latency else {
        let all = increase(MESSAGES, Some(format!("outcome!=\"{TOLD}\"")));
        let bad = increase(MESSAGES, Some(format!("outcome!~\"{ANSWERED}|{TOLD}\"")));
        return [all.clone(), or_none(bad, &all)];
    };
    let timed = increase(&format!("{DURATION}_count"), None);
    let late = increase(MESSAGES, Some(format!("outcome=~\"{LEFT}\"")));
    let late = or_none(late, &timed);
    let within = increase(&format!("{DURATION}_bucket"), Some(bound(threshold)));
    [format!("{timed} + {late}"), format!("{timed} - {within} + {late}")]
}

/// Returns the condition that a pair of windows burns too fast.
fn condition(pair: &Pair, budget: &str, of: impl Fn(&str, &str) -> String) -> String {
    let most = format!("{} * {budget}", pair.factor);
    let [long, short] = [time(pair.long), time(pair.short)];
    let (bad, all) = (of(BAD, &long), of(ALL, &long));
    format!(
        "(({bad} - {DEVIATIONS} * sqrt({bad})) / {all} > {most}\n      and {} / {} > {most})",
        of(BAD, &short),
        of(ALL, &short)
    )
}

fn record(yaml: &mut String, objective: &str, name: &str, expression: &str) -> std::fmt::Result {
    writeln!(
        yaml,
        "  - record: {name}\n    expr: {}\n    labels: {{objective: {objective}}}",
        text(expression)
    )
}

fn alert(
    yaml: &mut String,
    objective: &Objective,
    severity: Severity,
    conditions: &[String],
) -> std::fmt::Result {
    let summary = format!("The error budget of {} burns too fast", objective.told());
    writeln!(
        yaml,
        "  - alert: {ALERT}\n    expr: |\n      {}",
        conditions.join("\n      or\n      ")
    )?;
    writeln!(yaml, "    keep_firing_for: {}", time(objective.shortest()))?;
    writeln!(yaml, "    labels:\n      severity: {severity}\n      objective: {}", objective.name)?;
    if let Some(agent) = &objective.agent {
        writeln!(yaml, "      agent: {}", text(agent))?;
    }
    writeln!(
        yaml,
        "    annotations:\n      summary: {}\n      runbook: {}",
        template(&summary),
        template(&objective.advice())
    )
}

/// The name of all alerts, in Prometheus's rules and in what a host itself sends to Alertmanager.
pub const ALERT: &str = "SandlabObjective";

/// Returns a text as YAML, of which JSON is a part.
fn text(text: &str) -> String {
    quoted(text).unwrap_or_default()
}

/// Returns a text for where Prometheus expands templates.
fn template(raw: &str) -> String {
    text(&raw.replace("{{", "{{\"{{\"}}"))
}

/// Returns a label's value in PromQL, whose escapes are those of JSON for what names have.
fn label(value: &str) -> String {
    text(value)
}

/// Returns the label of a histogram's bound, however the exposition writes the number, `1` or `1.0`,
/// and Prometheus from version 3 on: `1.0`, `5e-05`.
fn bound(threshold: Duration) -> String {
    let seconds = threshold.as_secs_f64();
    let short = format!("{seconds:e}");
    let mut forms = vec![format!("{seconds}"), format!("{seconds:?}"), short.clone()];
    if let Some((digits, exponent)) = short.split_once("e-") {
        forms.push(format!("{digits}e-{exponent:0>2}"));
    }
    forms.dedup();
    let forms: Vec<_> = forms.iter().map(|form| form.replace('.', "[.]")).collect();
    format!("le=~\"{}\"", forms.join("|"))
}

/// Returns a number without the digits that binary fractions leave: `0.001`, not `0.00099999`.
fn number(value: f64) -> String {
    let digits = format!("{value:.9}");
    digits.trim_end_matches('0').to_owned()
}

/// Returns a time as PromQL writes it, in the largest unit that it is a multiple of.
fn time(duration: Duration) -> String {
    let ms = duration.as_millis().max(1);
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.iter().find(|(unit, _)| ms.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_prometheus_writes_them() {
        let seconds = Duration::from_secs;
        let times = [seconds(300), seconds(3_600), seconds(259_200), seconds(90), seconds(0)];
        assert_eq!(times.map(time), ["5m", "1h", "3d", "90s", "1ms"]);
        assert_eq!(number("99.9 %".parse::<crate::slo::Share>().unwrap().budget()), "0.001");
        assert_eq!(bound(Duration::from_millis(10)), "le=~\"0[.]01|1e-2|1e-02\"");
        assert_eq!(bound(Duration::from_micros(50)), "le=~\"0[.]00005|5e-5|5e-05\"");
        assert_eq!(bound(seconds(1)), "le=~\"1|1[.]0|1e0\"");
    }
}
