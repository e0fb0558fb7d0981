//! The parent's side: one child process a guest, a limit on how long each stage may take,
//! and many guests at once. A stage that is timed runs while no other does.

use super::code::Code;
use super::finding::{About, Check, Finding, Guest, StageReport};
use super::policy::{Policies, Policy};
use super::printable;
use super::stage::Stage;
use super::target::Target;
use super::worker::{Event, Job};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

/// How the guests are checked.
pub struct Plan<'a> {
    /// What they are held against.
    pub policies: &'a Policies,
    /// Whether anything is timed.
    pub timed: bool,
    /// How many at once.
    pub jobs: usize,
}

/// Whoever waits for all to be checked.
pub trait Observer {
    /// A step begins.
    fn begins(&self, what: &str);
    /// A step is done.
    fn done(&self);
    /// Whether to stop.
    fn stopped(&self) -> bool;
}

/// Checks all guests, and returns them in the order that they were given in. If the user
/// stops it, the rest say so.
pub fn check_all(targets: &[Target], plan: &Plan, observer: &(dyn Observer + Sync)) -> Vec<Guest> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let turn = RwLock::new(());
    thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, targets.len().max(1)) {
            scope.spawn(|| {
                while let Some((index, target)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    targets.get(index).map(|target| (index, target))
                } {
                    observer.begins(&printable(&target.name));
                    let guest = if observer.stopped() {
                        not_checked(target, "stopped before its turn came")
                    } else {
                        check(target, plan, &turn)
                    };
                    observer.done();
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((index, guest));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, guest)| guest).collect()
}

fn not_checked(target: &Target, why: &str) -> Guest {
    let file = target.component.clone();
    Guest::of(&target.name, file, None, Some(why.to_owned()), Vec::new())
}

fn check(target: &Target, plan: &Plan, turn: &RwLock<()>) -> Guest {
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
        policy,
        folder: plan.policies.folder().to_owned(),
        timed: plan.timed,
    };
    match Child::start(&job) {
        Ok(child) => child.follow(target, limits, turn),
        Err(error) => not_checked(target, &format!("cannot start a process for it: {error}")),
    }
}

/// How long a stage may take.
#[derive(Clone, Copy)]
struct Limits {
    load: Duration,
    stage: Duration,
}

impl Limits {
    fn of(policy: &Policy) -> Self {
        let timing = &policy.timing;
        Self {
            load: timing.compile_limit.saturating_mul(timing.compiles),
            stage: timing.stage_limit,
        }
    }

    fn for_stage(self, stage: Option<Stage>) -> Duration {
        match stage {
            Some(Stage::Load) => self.load,
            _ => self.stage,
        }
    }
}

/// The process that checks one guest.
struct Child {
    process: process::Child,
    /// Lets the next stage begin; when it closes, the child ends.
    go: ChildStdin,
    events: Receiver<Result<Event, String>>,
    /// What the child writes to its standard error: its last words.
    words: File,
}

/// What a child has told until now.
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
        Self {
            _shared: (!is_alone).then(shared),
            _alone: is_alone.then(alone),
        }
    }
}

impl Child {
    fn start(job: &Job) -> io::Result<Self> {
        let words = tempfile::tempfile()?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["validate", "--worker"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(words.try_clone()?)
            // Ctrl-C is for the parent, which then ends its children itself.
            .process_group(0)
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (mut go, out) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = serde_json::to_vec(job)?;
        line.push(b'\n');
        go.write_all(&line)?;
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let event = line.map_err(|error| error.to_string()).and_then(|line| {
                    serde_json::from_str(&line).map_err(|error| error.to_string())
                });
                let is_last = event.is_err();
                if sender.send(event).is_err() || is_last {
                    break;
                }
            }
        });
        Ok(Self {
            process,
            go,
            events,
            words,
        })
    }

    /// Follows the child until it is done, or has to be ended.
    fn follow(mut self, target: &Target, limits: Limits, turn: &RwLock<()>) -> Guest {
        let mut told = Told::default();
        // Until the first stage, the file is read.
        let mut held = None;
        loop {
            let limit = limits.for_stage(told.running);
            match self.events.recv_timeout(limit) {
                Ok(Ok(Event::Begins(stage))) => {
                    held = Some(Turn::of(stage, turn));
                    told.running = Some(stage);
                    if self.go.write_all(b"\n").is_err() {
                        told.ends_by(self.died());
                        break;
                    }
                }
                Ok(Ok(Event::Ended(report))) => {
                    held = None;
                    told.running = None;
                    told.stages.push(*report);
                }
                Ok(Ok(Event::About(about))) => told.about = Some(about),
                Ok(Ok(Event::Unreadable(why))) => {
                    told.error = Some(why);
                    break;
                }
                Ok(Ok(Event::Done)) => break,
                Ok(Err(error)) => {
                    told.ends_by(End::Broken(format!(
                        "its process said something else: {error}"
                    )));
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    told.ends_by(self.died());
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {
                    told.ends_by(End::Late(limit));
                    break;
                }
            }
        }
        drop(held);
        told.fill();
        let file = target.component.clone();
        Guest::of(&target.name, file, told.about, told.error, told.stages)
    }

    /// Why the child has ended before it was done.
    fn died(&mut self) -> End {
        let status = match self.process.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut words = String::new();
        let read = self.words.rewind().and_then(|()| {
            let mut head = Vec::new();
            (&mut self.words).take(4_096).read_to_end(&mut head)?;
            words = String::from_utf8_lossy(&head).trim().to_owned();
            Ok(())
        });
        if let Err(error) = read {
            words = error.to_string();
        }
        // What Rust's standard library writes before it aborts for want of memory.
        if words.contains("memory allocation of ") {
            return End::Memory(words);
        }
        End::Broken(format!("its process ended ({status}): {words}"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A child that has already ended is an error to kill, and still has to be waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a child ended that was not done.
enum End {
    /// It took longer than this.
    Late(Duration),
    /// It needed more memory than it may have.
    Memory(String),
    /// Something else.
    Broken(String),
}

impl Told {
    /// Says of the stage that was running how it ended: a finding where it is the guest's
    /// fault, else that it could not be checked.
    fn ends_by(&mut self, end: End) {
        let Some(stage) = self.running.take() else {
            self.error = Some(match end {
                End::Late(limit) => format!("its process did not answer within {limit:?}"),
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
                let remedy = format!("Make it do less, or raise {field}");
                let finding = Finding::new(code, stage.name(), remedy);
                let finding = finding
                    .wanted(format!("an end within {limit:?}"))
                    .found("none: it was stopped");
                StageReport::done(stage, vec![Check::of("ends", vec![finding])], None)
            }
            (End::Late(limit), None) => {
                StageReport::failed_to_run(stage, format!("it did not end within {limit:?}"))
            }
            (End::Memory(words), _) if stage == Stage::Load => {
                let remedy = "Make it smaller, or raise `timing.memory-limit`";
                let finding = Finding::new(Code::CompileMemory, stage.name(), remedy);
                StageReport::done(
                    stage,
                    vec![Check::of("ends", vec![finding.found(words)])],
                    None,
                )
            }
            (End::Memory(words) | End::Broken(words), _) => {
                StageReport::failed_to_run(stage, words)
            }
        };
        self.stages.push(report);
    }

    /// The stages that were not reached are told to be skipped.
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
