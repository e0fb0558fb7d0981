//! The three stages: every setting alone, the best few on fresh samples, and together.

use super::decide::{ALPHA, candidates, log_ratios, ratio, rounds_for, tested};
use super::design::{Together, together};
use super::found::{Effect, Found, Recommended, Stage, Swept};
use super::goal::{Goal, Measure};
use super::measure::{Measured, measure};
use super::rounds::{Limit, Sampled};
use super::settings::{Reach, Setting};
use super::side::{Ground, Side};
use super::{lines, rust};
use crate::bundle::Subject;
use crate::record::{self, Mix, Part};
use crate::sampling::recorder::Recorder;
use crate::stats::{Estimate, median_interval};
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::path::PathBuf;
use std::time::Duration;

/// A subject, and the terms on which its settings are chosen.
pub struct Tuning {
    /// The component.
    pub subject: Subject,
    /// The sandbox config that everything is compared with.
    pub sandbox: SandboxConfig,
    /// The goals, with a recommendation for each.
    pub goals: Vec<Goal>,
    /// The time for all measuring, of which every stage gets a share.
    pub time: Duration,
    /// The least gain for which a setting is recommended, as a share: 0.02 is 2 %.
    pub threshold: f64,
    /// Whether settings that need trusted guests are recommended.
    pub trusted: bool,
    /// The folder for the recommended settings; `None` to write none.
    pub folder: Option<PathBuf>,
    /// Number of settings without an effect that are swept as well.
    pub placebos: u32,
}

/// The shares of the time that the stages have.
const SCREENING: f64 = 0.5;
const CONFIRMING: f64 = 0.35;
const VERIFYING: f64 = 0.15;

/// The most rounds of a stage.
const MOST: usize = 60;

/// Tunes a subject, and records the findings.
///
/// # Errors
/// If the component does not load or gives a wrong reply with the sandbox config as it was given,
/// or the lab was stopped.
pub fn tune(tuning: &Tuning, cases: Vec<Case>, to: &mut dyn Recorder) -> Result<()> {
    let first = cases.first();
    to.part(Part {
        backend: Some(BackendKind::Wasm),
        mix: first.filter(|case| case.size.is_none()).map(Mix::from),
        ..Part::new("tune", &tuning.subject.name())
    })?;
    to.shows("loading it with each setting");
    let (ground, default) = Ground::of(&tuning.subject, cases, &tuning.sandbox)?;
    let mut bench = Bench {
        tuning,
        ground,
        settings: Setting::all(tuning.placebos),
        sides: Vec::new(),
        default,
        to,
    };
    bench.load()?;
    let screened = bench.screen()?;
    let confirmed = bench.confirm(&screened)?;
    for (screened, confirmed) in screened.iter().zip(confirmed) {
        bench.recommend(screened, &confirmed)?;
    }
    Ok(())
}

struct Bench<'t, 'r> {
    tuning: &'t Tuning,
    ground: Ground,
    default: Side,
    settings: Vec<Setting>,
    /// The settings' sides, in their order; `None` of those that are left out.
    sides: Vec<Option<Side>>,
    to: &'r mut dyn Recorder,
}

/// The result of screening for a goal.
struct Screened {
    goal: Goal,
    /// The settings to confirm.
    candidates: Vec<usize>,
    /// Settings that seem to help, for guests that are trusted.
    trusted: Vec<usize>,
    withheld: Option<String>,
}

/// The joint effect of settings and their price in time per message, or the reason why they do not
/// hold.
type Verified = Result<(Estimate, Option<Estimate>), String>;

/// Confirmed settings of a goal, each with the logarithm of its effect.
struct Confirmed {
    effects: Vec<(usize, f64)>,
    withheld: Option<String>,
    /// Whether there were too few rounds to confirm any setting.
    is_short: bool,
}

impl Bench<'_, '_> {
    /// Loads the component with every setting.
    fn load(&mut self) -> Result<()> {
        for index in 0..self.settings.len() {
            if self.to.stopped() {
                return Err(Error::Stopped);
            }
            let setting = &self.settings[index];
            let base = &self.tuning.sandbox;
            let side = match setting.skipped(base, self.default.facts) {
                Some(reason) => Err(reason),
                None => {
                    let side = self.ground.side(&setting.name, &setting.on(base));
                    side.map_err(|error| setting.explained(&error))
                }
            };
            self.to.found(&Found::Swept(Swept {
                setting: setting.name.clone(),
                gives_up: setting.gives_up.to_owned(),
                needs_trust: setting.needs_trust,
                skipped: side.as_ref().err().cloned(),
            }))?;
            self.sides.push(side.ok());
        }
        Ok(())
    }

    /// Measures every setting alone, and returns the settings to confirm for each goal.
    fn screen(&mut self) -> Result<Vec<Screened>> {
        let of_goals: Vec<Measure> = self.tuning.goals.iter().map(|goal| goal.measure()).collect();
        let is_wanted = |what: &Measure| {
            matches!(what, Measure::Message | Measure::Code) || of_goals.contains(what)
        };
        let all: Vec<Measure> = Measure::ALL.into_iter().filter(is_wanted).collect();
        let time = self.tuning.time.mul_f64(SCREENING / all.len() as f64);
        let mut found = Vec::new();
        for what in all {
            let settings: Vec<usize> = (0..self.settings.len())
                .filter(|it| self.sides[*it].is_some() && reaches(self.settings[*it].reach, what))
                .collect();
            // Whoever compiles for seconds cannot wait for the rounds of an interval.
            let least = if matches!(what, Measure::Compile | Measure::Agents) { 2 } else { 6 };
            let limit = Limit { time, least, most: MOST, is_timed: true };
            let sampled = self.sampled(Stage::Screen, what, &settings, limit)?;
            let logs = sampled.costs.iter().skip(1).map(|it| log_ratios(it, &sampled.costs[0]));
            let logs: Vec<_> = settings.into_iter().zip(logs).collect();
            found.push((what, logs, sampled.withheld));
        }
        let goals = self.tuning.goals.iter().map(|goal| {
            let of_goal = found.iter().find(|(what, ..)| *what == goal.measure());
            let (logs, withheld) = of_goal
                .map(|(_, logs, withheld)| (logs.as_slice(), withheld.clone()))
                .unwrap_or_default();
            let (trusted, others): (Vec<_>, Vec<_>) = logs
                .iter()
                .cloned()
                .partition(|(it, _)| self.settings[*it].needs_trust && !self.tuning.trusted);
            let candidates = |logs: &[_]| candidates(logs, self.tuning.threshold);
            Screened {
                goal: *goal,
                candidates: candidates(&others),
                trusted: candidates(&trusted),
                withheld,
            }
        });
        Ok(goals.collect())
    }

    /// Measures the best settings of each goal on fresh samples, and tests all of them.
    fn confirm(&mut self, screened: &[Screened]) -> Result<Vec<Confirmed>> {
        let tests: usize = screened.iter().map(|goal| goal.candidates.len()).sum();
        let time = self.tuning.time.mul_f64(CONFIRMING / screened.len().max(1) as f64);
        let limit = Limit { time, least: rounds_for(tests).max(8), most: MOST, is_timed: true };
        let mut samples = Vec::new();
        for Screened { goal, candidates, .. } in screened {
            let sampled = match candidates.is_empty() {
                true => Sampled { costs: vec![Vec::new()], withheld: None },
                false => self.measured(goal.measure(), candidates, limit)?.sampled,
            };
            let sides = sampled.costs.iter().skip(1);
            let logs: Vec<_> = sides.map(|side| log_ratios(side, &sampled.costs[0])).collect();
            samples.push((logs, sampled));
        }
        let logs: Vec<&[f64]> =
            samples.iter().flat_map(|(logs, _)| logs.iter().map(Vec::as_slice)).collect();
        let mut p = tested(&logs, self.tuning.threshold).into_iter();
        let mut confirmed = Vec::new();
        for (goal, (logs, sampled)) in screened.iter().zip(&samples) {
            let p: Vec<f64> = p.by_ref().take(logs.len()).collect();
            let what = goal.goal.measure();
            self.record(Stage::Confirm, what, &goal.candidates, sampled, &p)?;
            let is_judged = sampled.withheld.is_none();
            let effects = goal.candidates.iter().zip(logs).zip(&p).filter_map(|((it, logs), p)| {
                let effect = ratio(logs).filter(|_| is_judged && *p <= ALPHA)?;
                Some((*it, effect.value.ln()))
            });
            confirmed.push(Confirmed {
                effects: effects.collect(),
                withheld: sampled.withheld.clone(),
                is_short: logs.iter().any(|logs| logs.len() < rounds_for(tests)),
            });
        }
        Ok(confirmed)
    }

    /// Measures the confirmed settings of a goal together, and recommends them if they hold.
    fn recommend(&mut self, screened: &Screened, confirmed: &Confirmed) -> Result<()> {
        let goal = screened.goal;
        let percent = self.tuning.threshold * 100.0;
        let mut why = Vec::new();
        if confirmed.effects.is_empty() && confirmed.is_short {
            why.push("too few rounds counted in the time that there was: raise --time".to_owned());
        } else if confirmed.effects.is_empty() {
            why.push(format!("no setting was confirmed to help by more than {percent:.0} %"));
        }
        let base = &self.tuning.sandbox;
        let all = together(&confirmed.effects, &self.settings, base);
        let best = confirmed.effects.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let alone = best.map(|best| together(&[*best], &self.settings, base));
        let mut tries = vec![all];
        tries.extend(alone.filter(|_| tries[0].settings.len() > 1));
        let mut held = None;
        for tried in tries.into_iter().filter(|tried| !tried.settings.is_empty()) {
            match self.verify(goal, &tried)? {
                Ok((measured, price)) => {
                    held = Some((tried, measured, price));
                    break;
                }
                Err(measured) => why.push(format!(
                    "{} was not verified on fresh samples: {}",
                    self.names(&tried.settings).join(", "),
                    measured
                )),
            }
        }
        if !screened.trusted.is_empty() {
            let names = self.names(&screened.trusted).join(", ");
            why.push(format!("{names} helps too, where guests are trusted (--trusted)"));
        }
        let shown = |log: f64| if goal.measure().is_more_better() { -log } else { log };
        let sandbox = held.as_ref().map_or(base, |(tried, ..)| &tried.sandbox);
        let settings = held.as_ref().map_or(&[][..], |(tried, ..)| &tried.settings);
        let gives_up = settings.iter().map(|it| self.settings[*it].gives_up);
        let recommended = Recommended {
            goal,
            settings: self.names(settings),
            gives_up: gives_up.filter(|it| *it != "nothing").map(str::to_owned).collect(),
            predicted: held.as_ref().map_or(1.0, |(tried, ..)| shown(tried.predicted).exp()),
            measured: held.as_ref().map(|(_, measured, _)| *measured),
            price: held.as_ref().and_then(|(.., price)| *price),
            why: why.join("; "),
            // What was found on fresh samples does not depend on what chose it.
            withheld: match screened.candidates.is_empty() {
                true => screened.withheld.clone(),
                false => confirmed.withheld.clone().filter(|_| held.is_none()),
            },
            toml: lines::of(sandbox),
            rust: rust::of(sandbox).map_err(|source| Error::Load {
                agent: self.tuning.subject.name(),
                backend: BackendKind::Wasm,
                source,
            })?,
        };
        self.write(&recommended)?;
        self.to.found(&Found::Recommended(Box::new(recommended)))
    }

    /// Measures settings together, beside the default.
    fn verify(&mut self, goal: Goal, tried: &Together) -> Result<Verified> {
        let name = self.names(&tried.settings).join(", ");
        let side = match self.ground.side(&name, &tried.sandbox) {
            Ok(side) => side,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let time = self.tuning.time.mul_f64(VERIFYING / self.tuning.goals.len().max(1) as f64);
        let least = rounds_for(1).max(8);
        let limit = Limit { time: time / 2, least, most: MOST, is_timed: true };
        let sides = [&self.default, &side];
        let stopped = || self.to.stopped();
        self.to.shows(&format!("verifying for {}: {name}", goal.name()));
        let sampled = measure(&self.ground, &sides, goal.measure(), limit, &stopped)?.sampled;
        let price = match goal {
            Goal::Latency => None,
            _ => Some(measure(&self.ground, &sides, Measure::Message, limit, &stopped)?.sampled),
        };
        let logs = |sampled: &Sampled| log_ratios(&sampled.costs[1], &sampled.costs[0]);
        let fresh = logs(&sampled);
        let p = tested(&[&fresh], self.tuning.threshold);
        let measured = shown(goal.measure(), &fresh);
        Ok(match (measured, sampled.withheld) {
            (_, Some(why)) => Err(why),
            (Some(measured), None) if p[0] <= ALPHA => {
                Ok((measured, price.and_then(|price| ratio(&logs(&price)))))
            }
            (Some(_), None) if fresh.len() < rounds_for(1) => {
                Err("too few rounds counted; raise --time".to_owned())
            }
            (measured, None) => Err(measured.map_or_else(
                || "nothing was measured".to_owned(),
                |measured| format!("{:.2} ×", measured.value),
            )),
        })
    }

    /// Measures settings alone, and records their effects.
    fn sampled(
        &mut self,
        stage: Stage,
        what: Measure,
        settings: &[usize],
        limit: Limit,
    ) -> Result<Sampled> {
        let measured = self.measured(what, settings, limit)?;
        self.record(stage, what, settings, &measured.sampled, &[])?;
        if let Some(costs) = measured.memory {
            let withheld = measured.sampled.withheld.clone();
            let memory = Sampled { costs, withheld };
            self.record(stage, Measure::Memory, settings, &memory, &[])?;
        }
        Ok(measured.sampled)
    }

    /// Measures settings alone, beside the default.
    fn measured(&mut self, what: Measure, settings: &[usize], limit: Limit) -> Result<Measured> {
        self.to.shows(&format!("{}, {} settings", what.title(), settings.len()));
        let sides = settings.iter().filter_map(|setting| self.sides[*setting].as_ref());
        let sides: Vec<&Side> = [&self.default].into_iter().chain(sides).collect();
        let stopped = || self.to.stopped();
        match measure(&self.ground, &sides, what, limit, &stopped) {
            // What cannot be held many at once can still be tuned for everything else.
            Err(error @ Error::Held { .. }) => {
                let costs = vec![Vec::new(); sides.len()];
                let sampled = Sampled { costs, withheld: Some(error.to_string()) };
                Ok(Measured { sampled, memory: None })
            }
            measured => measured,
        }
    }

    fn record(
        &mut self,
        stage: Stage,
        what: Measure,
        settings: &[usize],
        sampled: &Sampled,
        p: &[f64],
    ) -> Result<()> {
        let names = self.names(settings);
        let names = ["default".to_owned()].into_iter().chain(names);
        let base = &sampled.costs[0];
        for (index, (setting, costs)) in names.zip(&sampled.costs).enumerate() {
            let logs = log_ratios(costs, base);
            let (Some(ratio), Some(median)) = (shown(what, &logs), median_interval(costs)) else {
                continue;
            };
            let value = if what.is_more_better() { 1.0 / median.value } else { median.value };
            self.to.found(&Found::Effect(Effect {
                stage,
                setting,
                measure: what,
                value,
                ratio,
                rounds: costs.len(),
                p: index.checked_sub(1).and_then(|test| p.get(test).copied()),
                withheld: sampled.withheld.clone(),
            }))?;
        }
        Ok(())
    }

    fn names(&self, settings: &[usize]) -> Vec<String> {
        settings.iter().map(|setting| self.settings[*setting].name.clone()).collect()
    }

    /// Writes a recommendation to the folder that the user named.
    fn write(&self, recommended: &Recommended) -> Result<()> {
        let Some(folder) = &self.tuning.folder else {
            return Ok(());
        };
        let (name, agent) = (recommended.goal.name(), self.tuning.subject.name());
        let title = format!("{agent}, for {name}: {}", recommended.summary());
        let body: String = recommended.rust.lines().map(|line| format!("    {line}\n")).collect();
        let rust =
            format!("/// {title}\npub fn config() -> wasmtime::Config {{\n{body}    config\n}}\n");
        let toml = format!("# {title}\n{}\n", recommended.toml);
        for (extension, text) in [("toml", toml), ("rs", rust)] {
            let file = folder.join(format!("{name}.{extension}"));
            record::write_whole(&file, text.as_bytes())?;
        }
        Ok(())
    }
}

impl Recommended {
    /// Returns the settings, or the reason why there are none.
    pub fn summary(&self) -> String {
        match (self.settings.is_empty(), &self.withheld) {
            (false, _) => self.settings.join(", "),
            (true, Some(_)) => "not judged".to_owned(),
            (true, None) => "keep the defaults".to_owned(),
        }
    }
}

/// Returns an effect in the direction that reports use: more agents are a ratio above 1.
fn shown(what: Measure, logs: &[f64]) -> Option<Estimate> {
    let sign = if what.is_more_better() { -1.0 } else { 1.0 };
    ratio(&logs.iter().map(|log| sign * log).collect::<Vec<_>>())
}

/// Returns whether a setting of this reach can change a measure.
fn reaches(reach: Reach, what: Measure) -> bool {
    match what {
        Measure::Message | Measure::AllCores | Measure::Start => true,
        Measure::Memory | Measure::Agents => reach != Reach::Code,
        Measure::Compile | Measure::Code => reach != Reach::Memory,
    }
}
