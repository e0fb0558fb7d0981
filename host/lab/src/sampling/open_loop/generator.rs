//! The thread that sends what is due, and takes what comes back.
//!
//! It looks at the clock and yields, and never sleeps: a timer's tick of 1 ms would be all
//! that a percentile shows (at 100,000 messages a second to native actors, 1.3 ms of p99
//! with tokio's timer, 20 µs so). Beside threads that only run when a core is free it does
//! not yield either ([`Generator::unyielding`]).

use crate::record::{Phase, Window};
use crate::sampling::cpu::thread_cpu;
use crate::sampling::departures::Departures;
use crate::sampling::open_loop::schedule::Schedule;
use crate::{Error, Result};
use sandlab_runtime::messaging::{Connection, Undelivered};
use sandlab_runtime::{AgentId, Message, Performative};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// What is said, and what is made of the answers.
pub trait Script: Send {
    /// The next message: to whom, and what.
    fn say(&mut self, id: u64) -> (AgentId, Vec<u8>);

    /// What came of a message.
    ///
    /// # Errors
    /// If it is a wrong reply: then nothing that is measured counts.
    fn hear(&mut self, heard: Heard) -> Result<Verdict>;
}

/// What came of a message, and when. Times are nanoseconds from the load's start on.
pub struct Heard {
    /// Which message.
    pub id: u64,
    /// When it was due.
    pub due_ns: u64,
    /// When its end was seen.
    pub done_ns: u64,
    /// What became of it.
    pub outcome: Result<Message, Undelivered>,
}

/// Whether a message did what it was to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It came to a good reply.
    Good,
    /// It came to nothing, or to a failure.
    Failed,
    /// It was not to succeed, and did not: it counts as neither, nor does its time.
    Meant,
}

/// Messages that leave before the next look at what came back.
const AT_ONCE: usize = 256;

/// How long the last messages may take to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends messages to agents when they are due.
pub struct Generator<S> {
    connection: Connection,
    /// What is said.
    pub script: S,
    out: Departures<Departure>,
    born: Instant,
    yields: bool,
}

/// When a message was due, and when it had left.
struct Departure {
    due_ns: u64,
    sent_ns: u64,
}

impl<S: Script> Generator<S> {
    /// Over this connection.
    pub fn new(connection: Connection, script: S) -> Self {
        Self {
            connection,
            script,
            out: Departures::default(),
            born: Instant::now(),
            yields: true,
        }
    }

    /// Keeps its core while nothing is due. A thread of the policy SCHED_IDLE that it yielded
    /// to would have the core until the kernel's next tick, for 1 ms, where a client that
    /// waits in the kernel would have it back at once.
    pub fn unyielding(self) -> Self {
        Self {
            yields: false,
            ..self
        }
    }

    /// Goes through a schedule and waits for the last replies; sends an interval on as soon
    /// as it is over. `stop` ends it early, with what is out then.
    ///
    /// # Errors
    /// If a reply is wrong, or a message is not heard of any more.
    pub fn run(
        &mut self,
        schedule: Schedule,
        longest: Duration,
        stop: &AtomicBool,
        to: &Sender<Window>,
    ) -> Result<()> {
        let mut ends = schedule.intervals(longest).into_iter();
        let Some((phase, first_end)) = ends.next() else {
            return Ok(());
        };
        let start = Instant::now();
        let before_ns = (start - self.born).as_nanos() as u64;
        let mut load = Load {
            schedule,
            start,
            before_ns,
            next: 0,
            due: None,
            done: 0,
            counted: 0,
            stopped_ns: None,
            cpu: thread_cpu(),
            interval: Window::new(phase, before_ns),
            ends_ns: first_end.as_nanos() as u64,
        };
        load.due = load.schedule.due(0);
        let mut last_end = Instant::now();
        loop {
            let sent = self.send_due(&mut load)?;
            let heard = self.take(&mut load)?;
            let now = load.now();
            load.note_backlog(now);
            if now >= load.ends_ns {
                let next = ends.next();
                let phase = next.map_or(load.interval.phase, |(phase, _)| phase);
                // Gone only if whoever listens has failed, and says so.
                let _ = to.send(load.cut(phase, now));
                load.ends_ns = match next {
                    Some((_, end)) => end.as_nanos() as u64,
                    // What still comes back belongs to the last phase.
                    None => now + longest.as_nanos() as u64,
                };
            }
            if stop.load(Ordering::Relaxed) && load.due.take().is_some() {
                load.stopped_ns = Some(now);
            }
            if sent + heard > 0 {
                last_end = Instant::now();
            } else if load.due.is_none() && self.connection.in_flight() == 0 {
                break;
            } else if load.due.is_none() && last_end.elapsed() > PATIENCE {
                let lost = self.connection.in_flight();
                return Err(Error::Path(format!(
                    "{lost} messages were not heard of for {PATIENCE:?}"
                )));
            } else if self.yields {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        let (phase, now) = (load.interval.phase, load.now());
        if load.interval.sent + load.interval.done() > 0 {
            let _ = to.send(load.cut(phase, now));
        }
        Ok(())
    }

    /// Sends what is due, as far as the window allows; returns how many left.
    fn send_due(&mut self, load: &mut Load) -> Result<usize> {
        let now = load.now();
        let mut sent = 0;
        while let Some(due) = load.due {
            let due_ns = due.as_nanos() as u64;
            let fits = self.connection.in_flight() < self.connection.window();
            if due_ns > now || !fits || sent == AT_ONCE {
                break;
            }
            let id = self.connection.next_id();
            let (agent, content) = self.script.say(id);
            let left = self.connection.send(agent, Performative::Request, content);
            left.map_err(|error| Error::Path(error.to_string()))?;
            self.out.push(id, Departure { due_ns, sent_ns: 0 });
            load.next += 1;
            load.due = load.schedule.due(load.next);
            sent += 1;
        }
        if sent > 0 {
            // Before it is handed over: to wake a shard is part of what a message takes.
            let left_ns = load.now();
            self.connection.flush();
            for departure in self.out.latest(sent) {
                departure.sent_ns = left_ns;
                load.interval.lag.record(left_ns - departure.due_ns);
            }
            load.interval.sent += sent as u64;
        }
        Ok(sent)
    }

    /// Takes what has come back; returns how many did.
    fn take(&mut self, load: &mut Load) -> Result<usize> {
        let mut heard = 0;
        while let Some((id, outcome)) = self.connection.try_next() {
            let done_ns = load.now();
            heard += 1;
            let Some(Departure { due_ns, sent_ns }) = self.out.take(id) else {
                return Err(Error::Path(format!("message {id} was answered twice")));
            };
            let refused = matches!(outcome, Err(Undelivered::MailboxFull));
            let verdict = self.script.hear(Heard {
                id,
                due_ns,
                done_ns,
                outcome,
            })?;
            load.done += 1;
            load.interval.refused += u64::from(refused);
            match verdict {
                Verdict::Good => {
                    load.interval.good += 1;
                    load.interval.latency.record(done_ns.saturating_sub(due_ns));
                    load.interval
                        .service
                        .record(done_ns.saturating_sub(sent_ns));
                }
                Verdict::Failed => load.interval.failed += 1,
                Verdict::Meant => {}
            }
        }
        Ok(heard)
    }
}

/// One schedule on its way.
struct Load {
    schedule: Schedule,
    start: Instant,
    /// From the generator's first load to this one's start: what intervals count from.
    before_ns: u64,
    /// The number of the next message, and when it is due.
    next: u64,
    due: Option<Duration>,
    done: u64,
    /// Messages whose being due is in an interval already.
    counted: u64,
    /// When it was stopped: from then on nothing is due.
    stopped_ns: Option<u64>,
    cpu: Duration,
    interval: Window,
    ends_ns: u64,
}

impl Load {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Messages that were due by then.
    fn due_by(&self, now_ns: u64) -> u64 {
        let until = self
            .stopped_ns
            .map_or(now_ns, |stopped| stopped.min(now_ns));
        // What has left was due, whatever the rounding says.
        self.schedule
            .due_by(Duration::from_nanos(until))
            .max(self.next)
    }

    fn note_backlog(&mut self, now_ns: u64) {
        self.interval.backlog = self.due_by(now_ns) - self.done;
        self.interval.peak_backlog = self.interval.peak_backlog.max(self.interval.backlog);
    }

    /// Ends the interval, and begins one of this phase.
    fn cut(&mut self, phase: Phase, now_ns: u64) -> Window {
        let (cpu, due) = (thread_cpu(), self.due_by(now_ns));
        let ended_ns = self.before_ns + now_ns;
        let mut next = Window::new(phase, ended_ns);
        std::mem::swap(&mut next, &mut self.interval);
        next.end_ns = ended_ns;
        next.generator_cpu_ns = (cpu - self.cpu).as_nanos() as u64;
        next.due = due - self.counted;
        (self.cpu, self.counted) = (cpu, due);
        next
    }
}
