//! Shows the findings of tuning: effects, settings that were left out, and a recommendation per
//! goal.

use super::found::{Effect, Found, Recommended, Stage, Swept};
use super::goal::{Goal, Measure};
use crate::experiments::Shown;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic};
use crate::stats::Estimate;
use crate::view::{Answer, Axis, Cell, Chart, Emphasis, Form, Series, Spot, Table, Value, View};

quantities! {
    /// Cost with the settings that are recommended for a goal ÷ that with the sandbox config as it
    /// was given, on fresh samples: time, or of agents that fit the share that one takes.
    TUNED = "tuned", "tuned vs default", Ratio, Lower, Tuning;
}

/// The findings of one component.
struct Parted<'a> {
    agent: &'a str,
    swept: Vec<&'a Swept>,
    effects: Vec<&'a Effect>,
    recommended: Vec<&'a Recommended>,
}

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    for part in parts {
        let mut of = Parted {
            agent: &part.part.agent,
            swept: Vec::new(),
            effects: Vec::new(),
            recommended: Vec::new(),
        };
        for found in &part.found {
            match found {
                Found::Swept(swept) => of.swept.push(swept),
                Found::Effect(effect) => of.effects.push(effect),
                Found::Recommended(recommended) => of.recommended.push(recommended),
            }
        }
        of.show(to);
    }
}

impl Parted<'_> {
    fn show(&self, to: &mut View) {
        const SPEED: [Measure; 3] = [Measure::Message, Measure::AllCores, Measure::Start];
        const SIZE: [Measure; 4] =
            [Measure::Memory, Measure::Agents, Measure::Compile, Measure::Code];
        to.table(self.effects_on("tuning-speed", "Time with each setting vs without", &SPEED));
        to.table(self.effects_on("tuning-size", "Size with each setting vs without", &SIZE));
        to.table(self.settings());
        to.table(self.confirmed());
        to.table(self.recommendations());
        to.chart(self.chart());
        for recommended in &self.recommended {
            to.answer(self.answer(recommended));
            to.metric(self.metric(recommended));
            if !recommended.settings.is_empty() {
                to.snippet(Topic::Tuning, snippet(recommended));
            }
        }
        if let Some(why) = self.effects.iter().find_map(|effect| effect.withheld.as_ref()) {
            to.note(format!("{}: some effects are not judged, because {why}", self.agent));
        }
    }

    fn screened(&self, setting: &str, measure: Measure) -> Option<&Effect> {
        let mut effects = self.effects.iter().copied();
        effects
            .find(|it| it.stage == Stage::Screen && it.setting == setting && it.measure == measure)
    }

    fn effects_on(&self, key: &'static str, title: &str, measures: &[Measure]) -> Table {
        let swept = self.swept.iter().filter(|swept| swept.skipped.is_none());
        let rows: Vec<&str> =
            ["default"].into_iter().chain(swept.map(|swept| swept.setting.as_str())).collect();
        let measured = |row: &&str| measures.iter().any(|it| self.screened(row, *it).is_some());
        let rows: Vec<&str> = rows.into_iter().filter(measured).collect();
        let mut table = Table::of(key, title, Topic::Tuning, &rows)
            .text("agent", "agent", |_| self.agent)
            .aside()
            .text("setting", "setting", ToString::to_string);
        for measure in measures {
            if self.screened("default", *measure).is_none() {
                continue;
            }
            table = table.cells(measure.key(), measure.title(), Some(Form::Ratio), |row| {
                self.screened(row, *measure).map_or_else(|| Value::missing().into(), cell)
            });
        }
        table.done()
    }

    fn settings(&self) -> Table {
        let rows: Vec<_> = self.swept.iter().collect();
        Table::of("tuning-settings", "Settings", Topic::Tuning, &rows)
            .text("setting", "setting", |swept| swept.setting.clone())
            .text("gives_up", "gives up", |swept| swept.gives_up.clone())
            .text("trust", "for", |swept| if swept.needs_trust { "trusted guests" } else { "all" })
            .aside()
            .text("skipped", "left out, because", |swept| swept.skipped.clone().unwrap_or_default())
            .done()
    }

    fn confirmed(&self) -> Table {
        let confirmed = self.effects.iter().filter(|effect| effect.p.is_some());
        let rows: Vec<_> = confirmed.collect();
        Table::of("tuning-confirmed", "On fresh samples", Topic::Tuning, &rows)
            .text("measure", "measure", |effect| effect.measure.title())
            .text("setting", "setting", |effect| effect.setting.clone())
            .number("ratio", "vs default", Form::Ratio, |effect| Some(effect.ratio.value))
            .strong()
            .interval("ratio", Form::Ratio, |effect| Some(effect.ratio))
            .number("rounds", "rounds", Form::Integer, |effect| Some(effect.rounds as f64))
            .text("p", "corrected p", |effect| {
                effect.p.map_or_else(String::new, |p| format!("{p:.4}"))
            })
            .done()
    }

    fn recommendations(&self) -> Table {
        Table::of("tuning", "Recommended", Topic::Tuning, &self.recommended)
            .text("goal", "for", |it| it.goal.name())
            .text("settings", "settings", |it| it.summary())
            .number("predicted", "predicted", Form::Ratio, |it| {
                (!it.settings.is_empty()).then_some(it.predicted)
            })
            .cells("measured", "measured", Some(Form::Ratio), |it| estimate(it.measured))
            .strong()
            .cells("price", "time/msg", Some(Form::Ratio), |it| estimate(it.price))
            .text("gives_up", "gives up", |it| it.gives_up.join("; "))
            .aside()
            .text("why", "remark", |it| it.why.clone())
            .aside()
            .done()
    }

    fn chart(&self) -> Chart {
        let of_messages = self.effects.iter().filter(|effect| {
            effect.stage == Stage::Screen
                && effect.measure == Measure::Message
                && effect.setting != "default"
        });
        let mut effects: Vec<_> = of_messages.collect();
        effects.sort_by(|a, b| a.ratio.value.total_cmp(&b.ratio.value));
        let spots = effects.iter().enumerate().map(|(index, effect)| Spot {
            x: effect.ratio.value,
            y: index as f64,
            range: effect.ratio.ends(),
        });
        Chart {
            topic: Topic::Tuning,
            caption: format!("{}: time per message with each setting vs without", self.agent),
            x: Axis::linear("vs default", Form::Ratio),
            y: Axis::names("setting", effects.iter().map(|it| it.setting.clone()).collect()),
            series: vec![Series::dots("time/msg", spots.collect())],
            marks: Vec::new(),
        }
    }

    fn answer(&self, recommended: &Recommended) -> Answer {
        let question = format!("for {}", recommended.goal.name());
        let Some(measured) = recommended.measured else {
            return Answer::new(Topic::Tuning, question, "keep the defaults")
                .remark(&recommended.why)
                .withheld(recommended.withheld.clone());
        };
        let title = recommended.goal.measure().title();
        let figure = format!("{:.2} × {title}", measured.value);
        let span = measured.ends().map(|(low, high)| format!("{low:.2}–{high:.2}"));
        let price = recommended.price.filter(|price| price.value > 1.02);
        Answer { range: span, ..Answer::new(Topic::Tuning, question, figure) }
            .remark(recommended.summary())
            .remark(format!("predicted {:.2}", recommended.predicted))
            .remark(price.map_or_else(String::new, |it| format!("time/msg {:.2} ×", it.value)))
            .remark(match recommended.gives_up.is_empty() {
                true => String::new(),
                false => format!("gives up {}", recommended.gives_up.join(", ")),
            })
    }

    fn metric(&self, recommended: &Recommended) -> Option<Metric> {
        let measured = recommended.measured?;
        let labels = Labels::new().with("agent", self.agent).with("goal", recommended.goal.name());
        let inverse = |it: Estimate| Estimate {
            value: 1.0 / it.value,
            low: it.high.map(f64::recip),
            high: it.low.map(f64::recip),
        };
        let is_agents = recommended.goal == Goal::Density;
        let value = if is_agents { inverse(measured) } else { measured };
        Some(Metric::estimated(&TUNED, labels, value, Vec::new()))
    }
}

/// Returns an effect: for the default its value, for a setting its ratio to the default.
fn cell(effect: &Effect) -> Cell {
    let form = match effect.measure {
        Measure::Memory | Measure::Code => Form::Size,
        Measure::Agents => Form::Count,
        _ => Form::Time,
    };
    if effect.setting == "default" {
        return Cell::from(Value::Number(effect.value, form)).seen(Emphasis::Strong);
    }
    let cell = estimate(Some(effect.ratio));
    let is_sure = effect.ratio.ends().is_some_and(|(low, high)| low > 1.0 || high < 1.0);
    let is_better = (effect.ratio.value > 1.0) == effect.measure.is_more_better();
    match (effect.withheld.is_none() && is_sure, is_better) {
        (true, true) => cell.seen(Emphasis::Good),
        (true, false) => cell.seen(Emphasis::Bad),
        (false, _) => cell,
    }
}

fn estimate(ratio: Option<Estimate>) -> Cell {
    let value = ratio.map(|ratio| match ratio.ends() {
        Some((low, high)) if low < high => Value::Estimate(ratio.value, (low, high), Form::Ratio),
        _ => Value::Number(ratio.value, Form::Ratio),
    });
    value.unwrap_or_else(Value::missing).into()
}

/// Returns the lines to paste: a sandbox config, and code for an embedder of wasmtime.
fn snippet(recommended: &Recommended) -> String {
    let name = recommended.goal.name();
    format!(
        "# for {name}: a sandbox config\n{}\n# for {name}: the same with wasmtime by hand\n{}\n\n",
        recommended.toml.trim_end(),
        recommended.rust
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Finding, Part, RunPart};

    fn recommended(goal: Goal, settings: &[&str], measured: Option<Estimate>) -> Found {
        Found::Recommended(Box::new(Recommended {
            goal,
            settings: settings.iter().map(ToString::to_string).collect(),
            gives_up: settings.iter().map(|_| "a guard".to_owned()).collect(),
            predicted: 2.0,
            measured,
            price: measured.map(|_| Estimate::single(1.5)),
            why: "no setting was confirmed to help by more than 2 %".to_owned(),
            withheld: None,
            toml: "[allocation]\nlayout = \"packed\"".to_owned(),
            rust: "let mut config = wasmtime::Config::new();".to_owned(),
        }))
    }

    fn effect(setting: &str, value: f64, ratio: f64) -> Found {
        let ratio = Estimate { value: ratio, low: Some(ratio - 0.01), high: Some(ratio + 0.01) };
        let (stage, measure) = (Stage::Screen, Measure::Message);
        let setting = setting.to_owned();
        Found::Effect(Effect {
            stage,
            setting,
            measure,
            value,
            ratio,
            rounds: 9,
            p: None,
            withheld: None,
        })
    }

    #[test]
    fn each_goal_is_answered_in_a_line_and_what_is_recommended_can_be_pasted() {
        let swept = |setting: &str, skipped: Option<&str>| {
            Found::Swept(Swept {
                setting: setting.to_owned(),
                gives_up: "nothing".to_owned(),
                needs_trust: false,
                skipped: skipped.map(str::to_owned),
            })
        };
        let twice = Estimate { value: 2.01, low: Some(1.98), high: Some(2.04) };
        let mut part = RunPart::new(Part::new("tune", "echo"));
        part.findings = [
            swept("layout packed", None),
            swept("no SIMD", Some("the component needs SIMD")),
            effect("default", 270.0, 1.0),
            effect("layout packed", 405.0, 1.5),
            recommended(Goal::Latency, &[], None),
            recommended(Goal::Density, &["layout packed"], Some(twice)),
        ]
        .iter()
        .map(Finding::of)
        .collect();
        let mut view = View::default();
        show(&[Shown::new(&part)], &mut view);
        let answers: Vec<_> = view.answers.iter().map(|it| (it.value(), &*it.remark)).collect();
        assert_eq!(
            answers,
            [
                (
                    "keep the defaults".to_owned(),
                    "no setting was confirmed to help by more than 2 %"
                ),
                (
                    "2.01 × agents (1.98–2.04)".to_owned(),
                    "layout packed; predicted 2.00; time/msg 1.50 ×; gives up a guard"
                ),
            ]
        );
        assert_eq!(view.snippets.len(), 1);
        let tuned = &view.metrics[0];
        assert!((tuned.value.value - 1.0 / 2.01).abs() < 1e-9, "{tuned:?}");
        let effects = view.tables.iter().find(|table| table.key == "tuning-speed").unwrap();
        let cells = |row: &Vec<Cell>| row.iter().map(|it| it.value.show()).collect::<Vec<_>>();
        let rows: Vec<_> = effects.rows.iter().map(cells).collect();
        assert_eq!(rows[0], ["echo", "default", "270 ns"]);
        assert_eq!(rows[1], ["echo", "layout packed", "1.50 (1.49–1.51)"]);
        assert_eq!(rows.len(), 2);
    }
}
