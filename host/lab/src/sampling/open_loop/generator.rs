//! The thread that sends due messages, and receives replies.
//!
//! It polls the clock and yields, and never sleeps: a timer's tick of 1 ms would dominate every
//! percentile (at 100,000 messages/s to native actors, 1.3 ms of p99 with tokio's timer, 20 µs
//! without). Beside threads that only run when a core is free it does not yield either
//! ([`Generator::unyielding`]).

use super::failures::Failures;
use crate::record::{Phase, Window};
use crate::sampling::cpu::thread_cpu;
use crate::sampling::departures::Departures;
use crate::sampling::open_loop::schedule::Schedule;
use crate::{Error, Result};
use sandlab_runtime::messaging::{Connection, DeliveryError};
use sandlab_runtime::{AgentId, Message, Performative, span};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// The source of the messages, and the judge of the replies.
pub trait Script: Send {
    /// Returns the next message: its recipient and its content.
    fn next_request(&mut self, id: u64) -> (AgentId, Vec<u8>);

    /// Judges the outcome of a message.
    ///
    /// # Errors
    /// If the reply is wrong: then no measurement counts.
    fn on_reply(&mut self, reply: Reply) -> Result<Verdict>;
}

/// The outcome of a message. Times are nanoseconds from the load's start on.
pub struct Reply {
    /// The message's id.
    pub id: u64,
    /// The time at which the message was due.
    pub due_ns: u64,
    /// The time at which the reply, or the failure, was seen.
    pub done_ns: u64,
    /// Its reply, or the reason why there is none.
    pub outcome: Result<Message, DeliveryError>,
}

/// The judgement of a message's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A good reply.
    Good,
    /// No reply, or a failure.
    Failed,
    /// A failure that was intended: neither the message nor its time is counted.
    Meant,
}

/// The most messages that are sent between two polls for replies.
const AT_ONCE: usize = 256;

/// The default deadline of a good reply: ten times the critical p99 of the standard targets.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// The longest time that the last messages may take to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// The failure of a message that was handled without a reply.
const NO_REPLY: &str =
    "no reply: the agent handled it, and sent nothing back to its sender in reply to it";

/// Sends messages to agents when they are due.
pub struct Generator<S> {
    connection: Connection,
    /// The messages' source.
    pub script: S,
    out: Departures<Departure>,
    born: Instant,
    yields: bool,
    deadline: Duration,
    failures: Failures,
}

/// A message on its way: its number, the time at which it was due, and the time at which it had
/// left.
struct Departure {
    number: u64,
    due_ns: u64,
    sent_ns: u64,
}

impl<S: Script> Generator<S> {
    /// Returns a generator that sends over this connection.
    pub fn new(connection: Connection, script: S) -> Self {
        Self {
            connection,
            script,
            out: Departures::default(),
            born: Instant::now(),
            yields: true,
            deadline: DEADLINE,
            failures: Failures::default(),
        }
    }

    /// Counts a good reply that comes later than this after its message was due as late.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the texts of failures, each with how often its like came, the commonest first.
    pub fn failures(&self) -> Vec<(String, u64)> {
        self.failures.texts()
    }

    /// Keeps its core while no message is due. A thread of the policy SCHED_IDLE that it yielded to
    /// would have the core until the kernel's next tick, for 1 ms, where a client that waits in the
    /// kernel would get it back at once.
    pub fn unyielding(self) -> Self {
        Self { yields: false, ..self }
    }

    /// Runs a schedule and waits for the last replies; passes each window on when it is over.
    /// `stop` ends it early, with the messages that are in flight then. A message that has not left a
    /// second after the schedule's end, or a longer deadline, never does, and counts as due: its reply
    /// would be late, and a rate far beyond what goes through would take as many times longer.
    ///
    /// # Errors
    /// If a reply is wrong, or a message gets no outcome at all.
    pub fn run(
        &mut self,
        schedule: Schedule,
        longest: Duration,
        stop: &AtomicBool,
        to: &Sender<Window>,
    ) -> Result<()> {
        let ends = schedule.intervals(longest);
        let bounds = bounds(&schedule, &ends);
        let mut ends = ends.into_iter();
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
            window: Window::new(phase, before_ns),
            ends_ns: first_end.as_nanos() as u64,
            bounds,
            stragglers: Vec::new(),
        };
        load.due = load.schedule.due(0);
        let overdue_ns = (load.schedule.duration() + self.deadline.max(DEADLINE)).as_nanos() as u64;
        let mut last_end = Instant::now();
        loop {
            let sent = self.send_due(&mut load)?;
            let taken = self.take(&mut load)?;
            let now = load.now();
            load.note_backlog(now);
            if now >= load.ends_ns {
                let next = ends.next();
                let phase = next.map_or(load.window.phase, |(phase, _)| phase);
                // Gone only if whoever listens has failed, and says so.
                let _ = to.send(load.cut(phase, now, load.ends_ns));
                load.ends_ns = match next {
                    Some((_, end)) => end.as_nanos() as u64,
                    // What still comes back belongs to the last phase.
                    None => now + longest.as_nanos() as u64,
                };
            }
            if stop.load(Ordering::Relaxed) && load.due.take().is_some() {
                load.stopped_ns = Some(now);
            }
            if now > overdue_ns {
                load.due = None;
            }
            if sent + taken > 0 {
                last_end = Instant::now();
            } else if load.due.is_none() && self.connection.in_flight() == 0 {
                break;
            } else if load.due.is_none() && last_end.elapsed() > PATIENCE {
                let lost = self.connection.in_flight();
                return Err(Error::Path(format!(
                    "{lost} messages were not heard of for {}",
                    span(PATIENCE)
                )));
            } else if self.yields {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        self.give_up(&mut load);
        let (phase, now) = (load.window.phase, load.now());
        if load.window.sent + load.window.done() + load.window.meant > 0 {
            let _ = to.send(load.cut(phase, now, now));
        }
        for straggler in load.stragglers {
            let _ = to.send(straggler);
        }
        Ok(())
    }

    /// Counts the messages that were handled without a reply as failed, once no message is in
    /// flight: a busy machine cannot make an agent reply to another sender.
    fn give_up(&mut self, load: &mut Load) {
        for Departure { number, .. } in self.out.take_all() {
            load.done += 1;
            load.window_of(number).failed += 1;
            self.failures.add(NO_REPLY);
        }
    }

    /// Sends due messages, as far as the window allows; returns their number.
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
            let (agent, content) = self.script.next_request(id);
            let left = self.connection.send(agent, Performative::Request, content);
            left.map_err(|error| Error::Path(error.to_string()))?;
            let number = load.next;
            self.out.push(id, Departure { number, due_ns, sent_ns: 0 });
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
                let window = load.window_of(departure.number);
                window.lag.record(left_ns - departure.due_ns);
                window.sent += 1;
            }
        }
        Ok(sent)
    }

    /// Receives replies; returns their number.
    fn take(&mut self, load: &mut Load) -> Result<usize> {
        let mut taken = 0;
        while let Some((id, outcome)) = self.connection.try_next() {
            let done_ns = load.now();
            taken += 1;
            let Some(departure) = self.out.take(id) else {
                return Err(Error::Path(format!("message {id} was answered twice")));
            };
            let Departure { number, due_ns, sent_ns } = departure;
            let refused = matches!(outcome, Err(DeliveryError::MailboxFull));
            let why = outcome.as_ref().err().map(ToString::to_string);
            let verdict = self.script.on_reply(Reply { id, due_ns, done_ns, outcome })?;
            load.done += 1;
            let took_ns = done_ns.saturating_sub(due_ns);
            let is_late = took_ns > self.deadline.as_nanos() as u64;
            let window = load.window_of(number);
            window.refused += u64::from(refused);
            match verdict {
                Verdict::Good => {
                    match is_late {
                        true => window.late += 1,
                        false => window.good += 1,
                    }
                    window.latency.record(took_ns);
                    window.service.record(done_ns.saturating_sub(sent_ns));
                }
                Verdict::Failed => {
                    window.failed += 1;
                    self.failures.add(why.as_deref().unwrap_or("a reply of another kind"));
                }
                Verdict::Meant => window.meant += 1,
            }
        }
        Ok(taken)
    }
}

/// One schedule on its way.
struct Load {
    schedule: Schedule,
    start: Instant,
    /// Time from the generator's first load to this one's start, nanoseconds: the offset of
    /// windows.
    before_ns: u64,
    /// The number of the next message, and when it is due.
    next: u64,
    due: Option<Duration>,
    done: u64,
    /// Messages that were counted as due in an earlier window.
    counted: u64,
    /// The time at which it was stopped, after which no message is due.
    stopped_ns: Option<u64>,
    cpu: Duration,
    window: Window,
    ends_ns: u64,
    /// The number of the first message after each phase, in order.
    bounds: Vec<(Phase, u64)>,
    /// The replies to messages of other phases than the window's, each phase in a window that takes
    /// no time.
    stragglers: Vec<Window>,
}

/// Returns the number of the first message after each phase.
fn bounds(schedule: &Schedule, ends: &[(Phase, Duration)]) -> Vec<(Phase, u64)> {
    let mut bounds: Vec<(Phase, u64)> = Vec::new();
    for (phase, end) in ends {
        let number = schedule.due_by(*end);
        match bounds.last_mut().filter(|(last, _)| last == phase) {
            Some((_, bound)) => *bound = number,
            None => bounds.push((*phase, number)),
        }
    }
    bounds
}

impl Load {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Returns the number of messages that were due by then.
    fn due_by(&self, now_ns: u64) -> u64 {
        let until = self.stopped_ns.map_or(now_ns, |stopped| stopped.min(now_ns));
        // What has left was due, whatever the rounding says.
        self.schedule.due_by(Duration::from_nanos(until)).max(self.next)
    }

    fn note_backlog(&mut self, now_ns: u64) {
        self.window.backlog = self.due_by(now_ns) - self.done;
        self.window.peak_backlog = self.window.peak_backlog.max(self.window.backlog);
    }

    /// Returns the window that a message counts in: of the phase that it was due in.
    fn window_of(&mut self, number: u64) -> &mut Window {
        let bound = self.bounds.iter().find(|(_, bound)| number < *bound);
        let phase = bound.map_or(self.window.phase, |(phase, _)| *phase);
        if phase == self.window.phase {
            return &mut self.window;
        }
        let known = self.stragglers.iter().position(|window| window.phase == phase);
        let at = known.unwrap_or_else(|| {
            self.stragglers.push(Window::new(phase, self.before_ns));
            self.stragglers.len() - 1
        });
        &mut self.stragglers[at]
    }

    /// Ends the window, in which everything was due until `until_ns`, and begins one of this
    /// phase.
    fn cut(&mut self, phase: Phase, now_ns: u64, until_ns: u64) -> Window {
        let until_ns = self.stopped_ns.map_or(until_ns, |stopped| stopped.min(until_ns));
        let due = self.schedule.due_by(Duration::from_nanos(until_ns)).max(self.counted);
        let cpu = thread_cpu();
        let ended_ns = self.before_ns + now_ns;
        let mut next = Window::new(phase, ended_ns);
        std::mem::swap(&mut next, &mut self.window);
        next.end_ns = ended_ns;
        next.generator_cpu_ns = (cpu - self.cpu).as_nanos() as u64;
        next.due = due - self.counted;
        (self.cpu, self.counted) = (cpu, due);
        next
    }
}
