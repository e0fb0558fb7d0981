//! The parent's side: one child process per guest, a time limit per stage, and many guests at
//! once. A timed stage runs while no other stage does.

use super::code::Code;
use super::finding::{About, Check, Finding, Guest, StageReport};
use super::policy::{Policies, Policy};
use super::stage::Stage;
use super::target::Target;
use super::worker::{Event, Job};
use crate::printable::printable;
use sandlab_runtime::child::{self, Cause, this_program};
use sandlab_runtime::{span, why_not_started};
use std::io::{self, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

/// Settings for checking guests.
pub struct Plan<'a> {
    /// The policies, by the guests' names.
    pub policies: &'a Policies,
    /// Whether loads, starts and calls are timed.
    pub timed: bool,
    /// Guests that are checked at once.
    pub jobs: usize,
}

/// Receives the progress of the checks.
pub trait Observer {
    /// Called when a guest's check begins, with its name.
    fn begins(&self, what: &str);
    /// Called when a guest's check is done.
    fn done(&self);
    /// Returns whether the user asked to stop.
    fn stopped(&self) -> bool;
}

/// Checks all guests and returns the results in the order of `targets`. If the user stops it, the
/// other results have an error.
pub fn check_all(targets: &[Target], plan: &Plan, observer: &(dyn Observer + Sync)) -> Vec<Guest> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let turn = RwLock::new(());
    let work = || {
        while let Some((index, target)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            targets.get(index).map(|target| (index, target))
        } {
            observer.begins(&printable(&target.name));
            let guest = if observer.stopped() {
                not_checked(target, "stopped before it was checked")
            } else {
                check(target, plan, &turn, &|| observer.stopped())
            };
            observer.done();
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((index, guest));
        }
    };
    thread::scope(|scope| {
        for _ in 1..plan.jobs.min(targets.len()) {
            // Where no further thread may be started, fewer guests are checked at once.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, guest)| guest).collect()
}

fn not_checked(target: &Target, why: &str) -> Guest {
    let file = target.component.clone();
    Guest::of(&target.name, file, None, Some(why.to_owned()), Vec::new())
}

fn check(target: &Target, plan: &Plan, turn: &RwLock<()>, stopped: &dyn Fn() -> bool) -> Guest {
    if let Some(error) = &target.error {
        return not_checked(target, error);
    }
    let policy = plan.policies.of(&target.names());
    let limits = match Policy::read(policy.clone(), plan.policies.folder()) {
        Ok(policy) => Limits::of(&policy),
        Err(error) => return not_checked(target, &error),
    };
    let job = Job {
        component: target.component.clone(),
        twin: target.twin.clone(),
        workload: target.workload.clone(),
        agent: target.agent.clone(),
        is_reference: target.is_reference,
        policy,
        folder: plan.policies.folder().to_owned(),
        timed: plan.timed,
    };
    match Child::start(&job) {
        Ok(child) => child.follow(target, limits, turn, stopped),
        Err(error) => {
            let why = why_not_started(&error);
            not_checked(target, &format!("cannot start a process for it: {why}"))
        }
    }
}

/// The longest time that a child which has closed its output may take to end by itself.
const TO_END: Duration = Duration::from_secs(5);

/// Time limits per stage.
#[derive(Clone, Copy)]
struct Limits {
    load: Duration,
    stage: Duration,
    /// Of stages that repeat starts or calls.
    repeating: Duration,
    soak: Duration,
}

impl Limits {
    fn of(policy: &Policy) -> Self {
        let timing = &policy.timing;
        Self {
            load: timing.compile_limit.saturating_mul(timing.compiles),
            stage: timing.stage_limit,
            // What the policy gives to repetitions is not the guest's.
            repeating: timing.stage_limit.saturating_add(timing.repeating),
            soak: timing.stage_limit.saturating_add(policy.soak.time.saturating_mul(2)),
        }
    }

    fn for_stage(self, stage: Option<Stage>) -> Duration {
        match stage {
            Some(Stage::Load) => self.load,
            Some(Stage::Spawn | Stage::Call) => self.repeating,
            Some(Stage::Soak) => self.soak,
            _ => self.stage,
        }
    }
}

/// The process that checks one guest.
struct Child {
    process: child::Child,
    /// Lets the next stage begin; when it closes, the child ends.
    go: ChildStdin,
}

/// The events that a child has reported until now.
#[derive(Default)]
struct Told {
    about: Option<About>,
    stages: Vec<StageReport>,
    running: Option<Stage>,
    error: Option<String>,
}

/// Held while a stage runs: with others, or alone.
struct Turn<'a> {
    _shared: Option<RwLockReadGuard<'a, ()>>,
    _alone: Option<RwLockWriteGuard<'a, ()>>,
}

impl<'a> Turn<'a> {
    fn of(stage: Stage, turn: &'a RwLock<()>) -> Self {
        let is_alone = stage.runs_alone();
        let shared = || turn.read().unwrap_or_else(PoisonError::into_inner);
        let alone = || turn.write().unwrap_or_else(PoisonError::into_inner);
        Self { _shared: (!is_alone).then(shared), _alone: is_alone.then(alone) }
    }
}

impl Child {
    fn start(job: &Job) -> io::Result<Self> {
        let mut process = child::Child::start(
            this_program()
                .args(["validate", "--worker"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let mut go = process.stdin().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = serde_json::to_vec(job)?;
        line.push(b'\n');
        // A child that has ended already is told of by how it ended.
        match go.write_all(&line) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(Self { process, go }),
        }
    }

    /// Follows the child until it is done, or has to be ended.
    fn follow(
        mut self,
        target: &Target,
        limits: Limits,
        turn: &RwLock<()>,
        stopped: &dyn Fn() -> bool,
    ) -> Guest {
        let mut told = Told::default();
        // Until the first stage, the file is read.
        let mut held = None;
        loop {
            let limit = limits.for_stage(told.running);
            let event = match self.process.line(limit, stopped) {
                Ok(Some(line)) => serde_json::from_str(&line),
                Ok(None) => {
                    told.ends_by(self.ended());
                    break;
                }
                Err(cause) => {
                    told.ends_by(self.killed(cause));
                    break;
                }
            };
            match event {
                Ok(Event::Begins(stage)) => {
                    held = Some(Turn::of(stage, turn));
                    told.running = Some(stage);
                    if self.go.write_all(b"\n").is_err() {
                        told.ends_by(self.ended());
                        break;
                    }
                }
                Ok(Event::Ended(report)) => {
                    held = None;
                    told.running = None;
                    told.stages.push(*report);
                }
                Ok(Event::About(about)) => told.about = Some(about),
                Ok(Event::Unreadable(why)) => {
                    told.error = Some(why);
                    break;
                }
                Ok(Event::Done) => break,
                Err(error) => {
                    told.ends_by(End::Broken(format!(
                        "its process wrote something unexpected: {error}"
                    )));
                    break;
                }
            }
        }
        drop(held);
        told.fill();
        let file = target.component.clone();
        Guest::of(&target.name, file, told.about, told.error, told.stages)
    }

    /// Returns why the child ended before it was done.
    fn ended(&mut self) -> End {
        let ended = self.process.finish(TO_END, &|| false);
        // Rust's standard library writes this before it aborts when memory is refused.
        if ended.stderr.contains("memory allocation of ") {
            return End::Memory(printable(&ended.stderr));
        }
        End::Broken(printable(&format!("its process ended: {ended}")))
    }

    /// Ends the child for this cause.
    fn killed(&mut self, cause: Cause) -> End {
        let ended = self.process.end(cause);
        match ended.cause {
            Cause::Deadline(limit) => End::Late(limit),
            Cause::Stopped => End::Broken("stopped before it was done".to_owned()),
            // It was faster.
            _ => End::Broken(printable(&format!("its process ended: {ended}"))),
        }
    }
}

/// The reason why a child ended before it was done.
enum End {
    /// A stage took longer than this.
    Late(Duration),
    /// It was refused memory.
    Memory(String),
    /// It crashed, or its output was not understood.
    Broken(String),
}

impl Told {
    /// Reports the end of the running stage: as a finding where the guest is at fault, or else as a
    /// stage that could not run.
    fn ends_by(&mut self, end: End) {
        let Some(stage) = self.running.take() else {
            self.error = Some(match end {
                End::Late(limit) => format!("its process did not answer within {}", span(limit)),
                End::Memory(words) | End::Broken(words) => words,
            });
            return;
        };
        let late = match stage {
            Stage::Load => Some((Code::CompileTime, "`timing.compile-limit`")),
            Stage::Spawn => Some((Code::SpawnTime, "`timing.stage-limit`")),
            Stage::Call => Some((Code::CallTime, "`timing.stage-limit`")),
            Stage::Conformance => Some((Code::CaseFault, "`timing.stage-limit`")),
            Stage::Soak => Some((Code::SoakFault, "`timing.stage-limit`")),
            _ => None,
        };
        let report = match (end, late) {
            (End::Late(limit), Some((code, field))) => {
                let remedy = format!("Reduce its work, or raise {field}");
                let finding = Finding::new(code, stage.name(), remedy);
                let finding = finding
                    .wanted(format!("an end within {}", span(limit)))
                    .found("none: it was stopped");
                StageReport::done(stage, vec![Check::of("ends", vec![finding])], None)
            }
            (End::Late(limit), None) => {
                StageReport::failed_to_run(stage, format!("it did not end within {}", span(limit)))
            }
            (End::Memory(words), _) if stage == Stage::Load => {
                let remedy = "Reduce its size, or raise `timing.memory-limit`";
                let finding = Finding::new(Code::CompileMemory, stage.name(), remedy);
                StageReport::done(stage, vec![Check::of("ends", vec![finding.found(words)])], None)
            }
            (End::Memory(words) | End::Broken(words), _) => {
                StageReport::failed_to_run(stage, words)
            }
        };
        self.stages.push(report);
    }

    /// Reports the stages that were not reached as skipped.
    fn fill(&mut self) {
        let Some(last) = self.stages.last().map(|report| report.stage) else {
            return;
        };
        for stage in Stage::ALL {
            if !self.stages.iter().any(|report| report.stage == stage) {
                let why = format!("the check ended with the stage {last}");
                self.stages.push(StageReport::skipped(stage, why));
            }
        }
    }
}
