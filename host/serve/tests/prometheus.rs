//! The rules that objectives become, in Prometheus's own hands: `promtool` of Debian's package
//! `prometheus`, which `make servers` installs.

use sandlab_serve::slo::{Objective, read_objectives, rules};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const OBJECTIVES: &str = r#"
[[objective]]
name = "echo-fast"
agent = "echo"
objective = "99.9 %"
latency = "10ms"
runbook = "Ask {{ nobody }}."

[[objective]]
name = "all-answered"
objective = "99 %"
window = "7d"
"#;

fn objectives(folder: &Path) -> Vec<Objective> {
    let file = folder.join("slo.toml");
    std::fs::write(&file, OBJECTIVES).unwrap();
    read_objectives(&file).unwrap()
}

fn promtool(folder: &Path, args: &[&str]) -> String {
    let done = Command::new("promtool").args(args).current_dir(folder).output();
    let done = done.expect("promtool is missing: `make servers` installs it");
    let [out, error] = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(done.status.success(), "{args:?}: {out}{error}");
    out
}

#[test]
fn the_rules_are_such_that_prometheus_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), rules(&objectives(folder.path()))).unwrap();
    let said = promtool(folder.path(), &["check", "rules", "rules.yml"]);
    // Six and seven windows, two records each, the budget, two alerts.
    assert!(said.contains("SUCCESS: 30 rules found"), "{said}");
}

/// A minute's increase from the given minute on, as promtool writes series.
fn series(metric: &str, healthy: u64, broken: u64, after: u64) -> String {
    let steady = |from: u64, more: u64, times: u64| format!("{from}+{more}x{times}");
    let recovered = healthy * 10 + broken * 10;
    format!(
        "      - series: '{metric}'\n        values: '{} {} {}'\n",
        steady(0, healthy, 10),
        steady(healthy * 10 + broken, broken, 9),
        steady(recovered + after, after, 419),
    )
}

#[test]
fn a_breach_fires_and_resolves_in_prometheus_as_in_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let objectives = objectives(folder.path());
    std::fs::write(folder.path().join("rules.yml"), rules(&objectives)).unwrap();
    // All messages of minutes 11 to 20 take longer than 10 ms, and a twentieth of them fails.
    let mut test = String::from(
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    \
         input_series:\n",
    );
    let of = |metric: &str, labels: &str| format!("{metric}{{agent=\"echo\",{labels}}}");
    let messages = "sandlab_messages_total";
    let duration = "sandlab_message_duration_seconds";
    test += &series(&of(messages, "outcome=\"answered\""), 6_000, 5_700, 6_000);
    test += &series(&of(messages, "outcome=\"failed\""), 0, 300, 0);
    test += &series(&of(&format!("{duration}_bucket"), "le=\"0.01\""), 6_000, 0, 6_000);
    test += &series(&of(&format!("{duration}_bucket"), "le=\"+Inf\""), 6_000, 5_700, 6_000);
    test += &series(&format!("{duration}_count{{agent=\"echo\"}}"), 6_000, 5_700, 6_000);
    test += "    alert_rule_test:\n";
    let fast = &objectives[0];
    // Healthy, broken, and recovered for longer than the page's 30 minutes, then the ticket's 6 h.
    for (minute, fires) in [
        (9, &[][..]),
        (13, &["page", "ticket"]),
        (25, &["page", "ticket"]),
        (65, &["ticket"]),
        (430, &[]),
    ] {
        write!(test, "      - eval_time: {minute}m\n        alertname: SandlabObjective\n")
            .unwrap();
        let own = fires.iter().map(|severity| {
            let summary = format!("The error budget of {} burns too fast", fast.told());
            format!(
                "          - exp_labels: {{objective: echo-fast, agent: echo, severity: {severity}}}\n            \
                 exp_annotations: {{summary: {summary:?}, runbook: {:?}}}\n",
                fast.advice(),
            )
        });
        let own: String = own.collect();
        // Seven days have shorter windows: 5 % of errors are five times their budget.
        let others = match minute {
            13 | 25 => {
                let all = &objectives[1];
                let summary = format!("The error budget of {} burns too fast", all.told());
                format!(
                    "          - exp_labels: {{objective: all-answered, severity: ticket}}\n            \
                     exp_annotations: {{summary: {summary:?}, runbook: {:?}}}\n",
                    all.advice(),
                )
            }
            _ => String::new(),
        };
        if (own.clone() + &others).is_empty() {
            test += "        exp_alerts: []\n";
        } else {
            write!(test, "        exp_alerts:\n{own}{others}").unwrap();
        }
    }
    std::fs::write(folder.path().join("test.yml"), &test).unwrap();
    let said = promtool(folder.path(), &["test", "rules", "test.yml"]);
    assert!(said.contains("SUCCESS"), "{said}\n{test}");
    assert_eq!(fast.shortest(), Duration::from_secs(300));
}

/// Prometheus writes short times so from version 3 on; the package's writes them as the host does.
#[test]
fn the_bounds_of_short_times_are_found_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slo.toml");
    let text = "[[objective]]\nname = 'fast'\nobjective = '99 %'\nlatency = '50us'\nrunbook = ''";
    std::fs::write(&file, text).unwrap();
    let objectives = read_objectives(&file).unwrap();
    std::fs::write(folder.path().join("rules.yml"), rules(&objectives)).unwrap();
    for form in ["0.00005", "5e-5", "5e-05"] {
        let duration = "sandlab_message_duration_seconds";
        let test = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    \
             input_series:\n      - series: '{duration}_bucket{{le=\"{form}\"}}'\n        values: '0x60'\n      \
             - series: '{duration}_count'\n        values: '0+6000x60'\n    \
             promql_expr_test:\n      - expr: count(ALERTS{{severity=\"page\"}})\n        \
             eval_time: 30m\n        exp_samples: [{{labels: '{{}}', value: 1}}]\n"
        );
        std::fs::write(folder.path().join("test.yml"), &test).unwrap();
        let said = promtool(folder.path(), &["test", "rules", "test.yml"]);
        assert!(said.contains("SUCCESS"), "{said}\n{test}");
    }
}
