//! The first screen of help: commands by the question that they answer.

use super::EXIT_CODES;
use crate::report::wrapped;
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

/// Returns the command with its subcommands listed by question, and with all help in lines of at most
/// this width.
pub fn by_question(command: Command, width: usize) -> Command {
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}",
        listed(&command, width)
    );
    let codes = EXIT_CODES.lines().map(|line| wrapped(line, width, "     ") + "\n");
    command.help_template(template).after_help(codes.collect::<String>()).term_width(width)
}

fn listed(command: &Command, width: usize) -> String {
    let mut text = String::new();
    for (question, names) in QUESTIONS {
        let _ = writeln!(text, "{}", wrapped(question, width, "  "));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let line = format!("  {name:<11} {}", about.trim_end_matches('.'));
            let _ = writeln!(text, "{}", wrapped(&line, width, &" ".repeat(14)));
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
    fn the_first_screen_of_help_sizes_before_it_checks() {
        let help = by_question(Cli::command(), 100).render_help().to_string();
        let (sizes, checks) = (help.find("  memory  "), help.find("  gate  "));
        assert!(sizes.is_some() && sizes < checks, "{help}");
    }

    #[test]
    fn the_help_of_every_command_fits_its_terminal() {
        fn of(command: &mut Command, width: usize) {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                // A word by itself, such as a usage, is not broken.
                let fits = |line: &&str| {
                    line.chars().count() <= width
                        || !line.trim().contains(' ')
                        || line.starts_with("Usage: ")
                };
                assert_eq!(help.lines().find(|line| !fits(line)), None, "{width}");
            }
            command.get_subcommands_mut().for_each(|command| of(command, width));
        }
        for width in [60, 80, 100] {
            let mut command = by_question(Cli::command(), width);
            command.build();
            of(&mut command, width);
        }
    }
}
