//! The first screen of help: commands by the question that they answer.

use clap::Command;
use std::fmt::Write;

/// The questions, in the order in which people come to them, and the commands that answer each.
const QUESTIONS: [(&str, &[&str]); 6] = [
    (
        "Measure: what does the sandbox cost?",
        &[
            "lab",
            "run",
            "compare",
            "spawn",
            "throughput",
            "latency",
            "scale",
            "load",
            "worker",
            "recovery",
        ],
    ),
    (
        "Size: which limit, how many agents, which settings?",
        &["memory", "plan", "tune", "footprint", "idle"],
    ),
    (
        "Check: is a build valid, safe, and no slower?",
        &["inspect", "validate", "gate", "calibrate", "torture"],
    ),
    (
        "Results: what was measured, what has changed?",
        &["report", "runs", "baseline", "metrics", "schema"],
    ),
    ("Run: do agents keep what users may count on?", &["serve", "slo"]),
    (
        "Build: an agent of your own",
        &["new", "wit", "build", "pack", "sample", "completions", "man"],
    ),
];

/// Returns the command with its subcommands listed by question.
pub fn by_question(command: Command) -> Command {
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}",
        listed(&command)
    );
    command.help_template(template)
}

fn listed(command: &Command) -> String {
    let mut text = String::new();
    for (question, names) in QUESTIONS {
        let _ = writeln!(text, "{question}");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name:<11} {}", about.trim_end_matches('.'));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_command_answers_one_question() {
        let command = Cli::command();
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
        let mut visible: Vec<&str> = visible.map(Command::get_name).collect();
        let mut listed: Vec<&str> =
            QUESTIONS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        visible.sort_unstable();
        listed.sort_unstable();
        assert_eq!(visible, listed);
    }

    #[test]
    fn the_first_screen_of_help_fits_a_terminal() {
        let help = by_question(Cli::command()).render_help().to_string();
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{help}");
        let (sizes, checks) = (help.find("  memory  "), help.find("  gate  "));
        assert!(sizes.is_some() && sizes < checks, "{help}");
    }
}
