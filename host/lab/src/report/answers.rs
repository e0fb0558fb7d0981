//! The last screen: what a run found, in at most ten lines that no terminal breaks.

use super::look::Look;
use super::run_report::RunReport;
use super::summary::{Tone, summary};
use crate::metrics::Unit;
use crate::printable::printable;
use crate::record::{Environment, Run, RunPart};
use crate::verdict::{Grade, Graded};
use crate::view::{Answer, Form};
use console::{Style, measure_text_width, truncate_str};

/// Lines of the last screen, with the one above the answers and those below.
const LINES: usize = 10;

/// Answers of the last screen.
const ANSWERS: usize = 8;

/// The widest that questions and figures are, so that remarks keep their room.
const QUESTION: usize = 24;
const FIGURE: usize = 30;

/// Returns the answers that fit into so many lines, in the order of a report's sections: first
/// those that a run is there for, and then, while there is room, what it found by the way.
pub(super) fn chosen(report: &RunReport, most: usize) -> Vec<&Answer> {
    let mut answers: Vec<&Answer> = report.view.answers.iter().collect();
    answers.sort_by_key(|answer| answer.is_aside);
    answers.truncate(most);
    answers.sort_by_key(|answer| answer.topic);
    answers
}

/// Returns how good an answer is: as its metric's grade, where that has a target.
pub(super) fn tone(answer: &Answer, report: &RunReport) -> Tone {
    match (&answer.withheld, graded(answer, report).map(|graded| graded.grade)) {
        (Some(_), _) => Tone::Warning,
        (None, Some(Grade::Target)) => Tone::Good,
        (None, Some(Grade::Missed)) => Tone::Bad,
        (None, Some(_)) => Tone::Warning,
        (None, None) => Tone::Plain,
    }
}

/// Returns the figure of an answer, or why there is none.
pub(super) fn figure(answer: &Answer) -> String {
    match &answer.withheld {
        None => printable(&answer.value()),
        Some(why) => printable(&format!("not judged, because {why}")),
    }
}

/// Returns the question of an answer.
pub(super) fn question(answer: &Answer) -> String {
    printable(&answer.question)
}

/// Returns what an answer's figure is to be held against, its target among that; nothing of a
/// figure that is not judged.
pub(super) fn remark(answer: &Answer, report: &RunReport) -> String {
    if answer.withheld.is_some() {
        return String::new();
    }
    let target = graded(answer, report).map(|graded| format!("target {}", bound(graded)));
    let clauses = target.into_iter().chain(Some(answer.remark.clone()));
    let clauses: Vec<_> = clauses.filter(|clause| !clause.is_empty()).collect();
    printable(&clauses.join("; "))
}

/// Returns the target of a grade as a person gave it: 10 MB and not 9.5 MiB.
pub(super) fn bound(graded: &Graded) -> String {
    let form = match graded.metric.quantity.unit {
        Unit::Bytes => Form::Limit,
        unit => Form::from(unit),
    };
    form.brief(graded.bounds.target).replace(".0 ", " ")
}

fn graded<'a>(answer: &Answer, report: &'a RunReport) -> Option<&'a Graded> {
    let key = answer.metric.as_ref()?;
    report.graded.iter().find(|graded| graded.metric.key() == *key)
}

/// Returns where it was measured, in the fewest words: `Intel Xeon, 2 cores`.
pub(super) fn machine(environment: &Environment) -> String {
    let cpu = environment.cpu.as_deref().unwrap_or("processor not known");
    let brand = cpu.split(" @").next().unwrap_or_default();
    let brand = ["(R)", "(TM)", " CPU", " Processor"]
        .into_iter()
        .fold(brand.to_owned(), |brand, noise| brand.replace(noise, ""));
    format!("{}, {}", brand.trim(), environment.cores_and_limits())
}

/// Returns the share of windows and rounds that count; `None` if there were none.
pub(super) fn quiet(run: &Run) -> Option<f64> {
    let tallies = |part: &RunPart| {
        let phases = part.phases.iter().filter(|phase| phase.phase.is_measured());
        let phases = phases.map(|phase| part.tally(phase.phase));
        phases.chain([part.closed_tally(), part.rounds_tally().clone()]).collect::<Vec<_>>()
    };
    let (valid, all) = run
        .parts
        .iter()
        .flat_map(tallies)
        .fold((0, 0), |(valid, all), tally| (valid + tally.valid(), all + tally.all()));
    (all > 0).then(|| valid as f64 / all as f64)
}

/// Writes the last screen.
pub(super) fn text(report: &RunReport, look: &Look) -> String {
    let mut below = summary(report);
    // What has changed is what a comparison is for.
    let room = match report.baseline {
        Some(_) => LINES - 2,
        None => LINES - 1 - report.view.answers.len().min(ANSWERS),
    };
    below.truncate(room);
    let answers = chosen(report, LINES - 1 - below.len());
    let mut lines = vec![head(report, look)];
    let longest = |texts: &mut dyn Iterator<Item = String>| {
        texts.map(|text| measure_text_width(&text)).max().unwrap_or(0)
    };
    let judged = || answers.iter().filter(|answer| answer.withheld.is_none());
    let width = longest(&mut answers.iter().map(|answer| question(answer))).min(QUESTION);
    let value = longest(&mut judged().map(|answer| figure(answer))).min(FIGURE);
    for answer in &answers {
        let tone = tone(answer, report);
        let head = padded(&question(answer), width);
        let figure = figure(answer);
        let rest = remark(answer, report);
        let look_deeper = answer.look.as_ref().map(|command| format!("→ {command}"));
        let room = look.width.saturating_sub(width + 4);
        let line = match rest.is_empty() && look_deeper.is_none() {
            true => look.painted(&cut(&figure, room), tone),
            false => {
                let figure = cut(&figure, room);
                let room = room.saturating_sub(value.max(measure_text_width(&figure)) + 2);
                let rest = within(&rest, look_deeper.as_deref(), room);
                let value = if rest.is_empty() { 0 } else { value };
                format!("{}  {rest}", look.painted(&padded(&figure, value), tone))
            }
        };
        lines.push(format!("  {head}  {line}"));
    }
    if answers.is_empty() {
        let why = report.run.parts.iter().find_map(RunPart::unavailable);
        let why = why.map_or_else(
            || "nothing was measured".to_owned(),
            |why| format!("nothing was measured, because {why}"),
        );
        lines.push(format!("  {}", cut(&why, look.width.saturating_sub(2))));
    }
    for line in below {
        lines.push(look.painted(&cut(&line.text, look.width), line.tone));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Returns the line above the answers: what was run, and where.
fn head(report: &RunReport, look: &Look) -> String {
    let run = &report.run;
    let title = printable(&report.title());
    let quiet = quiet(run).map(|share| format!(" · quiet: {:.0} %", share * 100.0));
    let facts = format!(
        "{} · wasmtime {}{}",
        machine(&run.begin.environment),
        run.begin.environment.wasmtime,
        quiet.unwrap_or_default()
    );
    let room = look.width.saturating_sub(measure_text_width(&title) + 3);
    let facts = cut(&facts, room);
    let gap = look.width.min(super::look::WIDTH)
        - measure_text_width(&title)
        - measure_text_width(&facts);
    let title = match look.has_colours {
        true => Style::new().bold().force_styling(true).apply_to(title).to_string(),
        false => title,
    };
    format!("{title}{}{facts}", " ".repeat(gap.min(6)))
}

/// Returns as many whole clauses as fit, and the command that looks deeper if it fits too.
fn within(clauses: &str, command: Option<&str>, room: usize) -> String {
    let mut text = String::new();
    let wanted =
        clauses.split("; ").filter(|clause| !clause.is_empty()).map(|clause| ("; ", clause));
    for (between, clause) in wanted.chain(command.map(|command| ("  ", command))) {
        let between = if text.is_empty() { "" } else { between };
        if measure_text_width(&text) + between.len() + measure_text_width(clause) <= room {
            text = text + between + clause;
        } else if text.is_empty() && room > 1 {
            text = cut(clause, room);
        }
    }
    text
}

fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    text.to_owned() + &" ".repeat(missing)
}

fn cut(text: &str, width: usize) -> String {
    truncate_str(&printable(text), width, "…").into_owned()
}

impl Look {
    fn painted(&self, text: &str, tone: Tone) -> String {
        if !self.has_colours {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Warning => Style::new().yellow(),
            Tone::Plain => Style::new(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }
}
