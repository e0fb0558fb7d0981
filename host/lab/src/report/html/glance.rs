//! The first screen of a page: the verdict in words, what misses its target, and the answers.

use crate::Kind;
use crate::printable::printable;
use crate::report::answers;
use crate::report::run_report::RunReport;
use crate::report::summary::{Tone, summary_without_targets};
use crate::report::table::escaped;
use crate::verdict::{Grade, Graded};
use crate::view::{Answer, Form};

/// Writes what somebody reads who reads nothing else.
pub(super) fn glance(report: &RunReport) -> String {
    let (tone, verdict) = verdict(report);
    let missed = missed(report).into_iter().map(|graded| {
        let form = Form::from(graded.metric.quantity.unit);
        format!(
            "<li class={}><b>{}</b> {} <span>target {}, {}</span></li>\n",
            class(if graded.grade == Grade::Missed { Tone::Bad } else { Tone::Warning }),
            escaped(&form.show(graded.metric.value.value)),
            escaped(&graded.metric.name()),
            escaped(&answers::bound(graded)),
            match graded.grade {
                Grade::Missed => "worse than critical",
                grade => grade.name(),
            }
        )
    });
    let missed: String = missed.collect();
    let missed = match missed.is_empty() {
        true => missed,
        false => format!("<ul class=missed>\n{missed}</ul>\n"),
    };
    let lines = summary_without_targets(report).into_iter().map(|line| {
        let sign = match line.tone {
            Tone::Good => "✓",
            Tone::Bad => "✗",
            Tone::Warning => "!",
            Tone::Plain => "·",
        };
        format!("<li class={}><b>{sign}</b> {}</li>\n", class(line.tone), escaped(&line.text))
    });
    let lines: String = lines.collect();
    let lines = match lines.is_empty() {
        true => lines,
        false => format!("<ul class=lines>\n{lines}</ul>\n"),
    };
    let cards = answers::chosen(report, usize::MAX).into_iter().map(|answer| card(answer, report));
    format!(
        "<section id=summary>\n<p class=\"verdict {}\">{}</p>\n{missed}{lines}\
         <div class=cards>\n{}</div>\n</section>\n",
        class(tone),
        escaped(&verdict),
        cards.collect::<String>()
    )
}

/// Returns what does not meet its target, the worst first.
fn missed(report: &RunReport) -> Vec<&Graded> {
    let missed = report.graded.iter().filter(|graded| graded.grade != Grade::Target);
    let mut missed: Vec<_> = missed.collect();
    missed.sort_by_key(|graded| std::cmp::Reverse(graded.grade));
    missed
}

/// Says in a sentence how good the run is: whether it could be measured, then whether its rules hold,
/// then how many targets are met.
fn verdict(report: &RunReport) -> (Tone, String) {
    let end = report.run.end.as_ref();
    if let Some(failure) = end.and_then(|end| end.failures.first()) {
        let failure = printable(failure);
        return match end.and_then(|end| end.failed_as) {
            Some(Kind::Finding) => (Tone::Bad, format!("It failed: {failure}")),
            _ => (Tone::Warning, format!("It is not complete: {failure}")),
        };
    }
    match report.view.objections.as_slice() {
        [] => targets(report),
        [one] => (Tone::Bad, format!("It does not hold: {}", printable(one))),
        several => (Tone::Bad, format!("It does not hold: {} rules are broken.", several.len())),
    }
}

/// Says in a sentence how many targets are met.
fn targets(report: &RunReport) -> (Tone, String) {
    let (all, missed) = (report.graded.len(), missed(report));
    let worst = missed.iter().filter(|graded| graded.grade == Grade::Missed).count();
    let met = all - missed.len();
    let not_judged = match report.not_judged.len() {
        0 => String::new(),
        1 => " 1 is not judged.".to_owned(),
        count => format!(" {count} are not judged."),
    };
    match (all, report.not_judged.len()) {
        (0, 0) => (Tone::Plain, untargeted(report)),
        (0, _) => (Tone::Warning, "Nothing that has a target is judged.".to_owned()),
        (_, 0) if missed.is_empty() => (Tone::Good, format!("All {all} targets are met.")),
        _ if missed.is_empty() => {
            let said = format!("All {all} targets that are judged are met;{not_judged}");
            (Tone::Warning, said)
        }
        _ if worst > 0 => {
            let said = format!("{met} of {all} targets are met; {worst} are worse than critical.");
            (Tone::Bad, said + &not_judged)
        }
        _ => {
            let said = format!("{met} of {all} targets are met; none is worse than critical.");
            (Tone::Warning, said + &not_judged)
        }
    }
}

/// Says the first answer of a run that has no targets, such as whether a gate holds.
fn untargeted(report: &RunReport) -> String {
    let answers = answers::chosen(report, usize::MAX);
    let first = answers.iter().find(|answer| answer.withheld.is_none());
    let first =
        first.map(|answer| format!("{}: {}. ", answers::question(answer), answers::figure(answer)));
    first.unwrap_or_default() + "Nothing that was measured has a target."
}

/// Writes a question with its answer, in the colour of its grade.
fn card(answer: &Answer, report: &RunReport) -> String {
    let figure = match (&answer.withheld, &answer.range) {
        (Some(_), _) => "not judged".to_owned(),
        (None, Some(range)) => {
            format!("{} <small>{}</small>", escaped(&answer.figure), escaped(range))
        }
        (None, None) => escaped(&answer.figure),
    };
    let remark = match &answer.withheld {
        Some(why) => format!("because {why}"),
        None => answers::remark(answer, report),
    };
    let look = answer.look.as_ref().map(|command| format!("<code>{}</code>", escaped(command)));
    format!(
        "<div class=\"card {}\"><h3>{}</h3><b>{figure}</b><span>{}</span>{}</div>\n",
        class(answers::tone(answer, report)),
        escaped(&answer.question),
        escaped(&remark),
        look.unwrap_or_default()
    )
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warning => "warn",
        Tone::Plain => "plain",
    }
}
