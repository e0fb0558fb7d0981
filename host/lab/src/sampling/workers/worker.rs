//! A worker: it offers itself, takes a share of a load, and reports its results.

use super::protocol::{
    Answer, FIND, Find, Foreign, Job, Offer, Order, Report, SILENCE, Said, decode, encode, of_run,
    of_worker,
};
use super::wire::Line;
use crate::sampling::deployed::{Access, Deployed, Target};
use crate::sampling::fleet::{Fleet, beside_generator};
use crate::sampling::open_loop::{Generator, Go, Schedule, Segment, drive};
use crate::sampling::program::Program;
use crate::sampling::traffic::Conversation;
use crate::{Error, Result};
use async_nats::{Client, Subject, Subscriber};
use futures_util::StreamExt;
use sandlab_serve::nats::Settings;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which it looks whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// A worker as it is configured.
pub struct Worker<'a> {
    /// Its name in reports.
    pub name: String,
    /// The NATS server at which it is found.
    pub nats: Settings,
    /// Its credentials for the hosts under load.
    pub access: Access,
    /// Receives lines for whoever started the worker.
    pub say: &'a dyn Fn(&str),
    /// Set to stop the worker.
    pub stop: Arc<AtomicBool>,
}

impl Worker<'_> {
    /// Takes one job after another until it is stopped.
    ///
    /// # Errors
    /// If there is no connection to the NATS server, or it ends for good.
    pub fn work(&self) -> Result<()> {
        let line = Line::open(&self.nats)?;
        let is_busy = Arc::new(AtomicBool::new(false));
        let (sender, jobs) = channel();
        let subscriptions = [FIND.to_owned(), of_worker(&line.id)];
        let [find, own] = line.subscribe_both(subscriptions)?;
        let offer = Offer { id: line.id.clone(), name: self.name.clone(), is_busy: false };
        let desk = Desk { client: line.client.clone(), offer, is_busy: is_busy.clone() };
        line.runtime.spawn(desk.answers(find, own, sender));
        (self.say)(&format!("worker {} waits for loads at {}", self.name, line.at));
        while !self.stops() {
            match jobs.recv_timeout(GLANCE) {
                Ok((job, answer)) => {
                    self.take(&line, job, answer);
                    is_busy.store(false, Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::Machine("the connection to NATS has ended".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Does a job, and prints how it ended.
    fn take(&self, line: &Line, job: Job, answer: Subject) {
        let (run, place) = (job.run.clone(), format!("{} of {}", job.place + 1, job.of));
        let armed = self.arm(line, job);
        let told = match &armed {
            Ok(_) => Answer::Armed,
            Err(error) => Answer::Refused { why: error.to_string() },
        };
        line.send(answer, &told);
        match armed {
            Err(error) => (self.say)(&format!("run {run} is refused: {error}")),
            Ok(mut armed) => {
                (self.say)(&format!("run {run}: armed as {place}"));
                let ended = armed.obeys(line, self);
                (self.say)(&format!("run {run}: {ended}"));
            }
        }
    }

    /// Gets ready to send.
    fn arm(&self, line: &Line, job: Job) -> Result<Armed> {
        let orders = line.subscribe(of_run(&job.run))?;
        let access = Access { subject_prefix: job.subject_prefix.clone(), ..self.access.clone() };
        let targets = job.targets.iter().map(|url| Target::parse(url, &access));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let deployed = Arc::new(Deployed::new(targets, Vec::new(), job.timeout)?);
        deployed.reach()?;
        let traffic = job.recipe.traffic()?;
        let program = Program::of(deployed.clone(), &traffic).within(job.deadline);
        let fleet = program.fleet(job.agents as usize, beside_generator())?;
        let generator = program.generator(&fleet);
        let heard = Arc::new(Heard::default());
        let (sender, orders_of_load) = channel();
        line.runtime.spawn(heard.clone().listens(orders, sender));
        Ok(Armed { job, deployed, fleet, generator, heard, orders: orders_of_load })
    }
}

/// Answers commands that look for workers.
struct Desk {
    client: Client,
    offer: Offer,
    is_busy: Arc<AtomicBool>,
}

impl Desk {
    async fn answers(self, mut find: Subscriber, mut own: Subscriber, to: Sender<(Job, Subject)>) {
        loop {
            let message = tokio::select! {
                message = find.next() => match message {
                    // Another version is answered too, in this one: its side says what is wrong.
                    Some(message) if !matches!(
                        decode::<Find>(&message.payload), Err(Foreign::Malformed(_))
                    ) => {
                        let is_busy = self.is_busy.load(Ordering::Relaxed);
                        self.answer(message.reply, &Offer { is_busy, ..self.offer.clone() }).await;
                        continue;
                    }
                    Some(_) => continue,
                    None => return,
                },
                message = own.next() => message,
            };
            let Some(message) = message else { return };
            let Some(reply) = message.reply else { continue };
            let refused = match decode::<Job>(&message.payload) {
                Err(foreign) => foreign.to_string(),
                Ok(_) if self.is_busy.swap(true, Ordering::Relaxed) => "it has work".to_owned(),
                Ok(job) => match to.send((job, reply)) {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            self.answer(Some(reply), &Answer::Refused { why: refused }).await;
        }
    }

    async fn answer<T: serde::Serialize>(&self, to: Option<Subject>, body: &T) {
        if let Some((to, bytes)) = to.zip(encode(body).ok()) {
            // Fails only if the connection has ended, which the worker sees by itself.
            let _ = self.client.publish(to, bytes.into()).await;
        }
    }
}

/// The signals of a run's command.
struct Heard {
    last: Mutex<Instant>,
    /// Whether the command has ordered to stop.
    stops: AtomicBool,
}

impl Default for Heard {
    fn default() -> Self {
        Self { last: Mutex::new(Instant::now()), stops: AtomicBool::new(false) }
    }
}

/// An order that is for the thread that sends, with the moment of its receipt.
enum Due {
    Start { load: u32, at: Instant, longest: Duration, segments: Vec<Segment> },
    Disband,
}

impl Heard {
    async fn listens(self: Arc<Self>, mut orders: Subscriber, to: Sender<Due>) {
        while let Some(message) = orders.next().await {
            let received = Instant::now();
            // What is none was sent by somebody else, to whom nobody listens.
            let Ok(order) = decode::<Order>(&message.payload) else { continue };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = received;
            let due = match order {
                Order::Beat => continue,
                Order::Stop => {
                    self.stops.store(true, Ordering::Relaxed);
                    continue;
                }
                Order::Start { load, after, longest, segments } => {
                    self.stops.store(false, Ordering::Relaxed);
                    Due::Start { load, at: received + after, longest, segments }
                }
                Order::Disband => {
                    self.stops.store(true, Ordering::Relaxed);
                    Due::Disband
                }
            };
            if to.send(due).is_err() {
                return;
            }
        }
    }

    /// Returns true if the worker must send no more: by an order, or because the command is gone.
    fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed) || self.is_alone()
    }

    fn is_alone(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > 2 * SILENCE
    }
}

/// A worker that is ready to send.
struct Armed {
    job: Job,
    deployed: Arc<Deployed>,
    fleet: Fleet,
    generator: Generator<Conversation>,
    heard: Arc<Heard>,
    orders: Receiver<Due>,
}

impl Armed {
    /// Follows orders until the run is over; returns how it ended.
    fn obeys(&mut self, line: &Line, worker: &Worker) -> String {
        let to = Reports {
            line,
            id: line.id.clone(),
            subject: Subject::from(self.job.reports.as_str()),
            number: AtomicU64::new(0),
        };
        let beat = Report { id: to.id.clone(), number: 0, said: Said::Beat };
        let beats = line.beats(to.subject.clone(), &beat);
        let ended = loop {
            if worker.stops() {
                to.say(Said::Leaves { why: "it was stopped".to_owned() });
                break "left, since the worker was stopped".to_owned();
            }
            if self.heard.is_alone() {
                break "left, since the command is gone".to_owned();
            }
            match self.orders.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) | Ok(Due::Disband) => break "over".to_owned(),
                Ok(Due::Start { load, at, longest, segments }) => {
                    to.say(Said::Starts { load });
                    thread::sleep((at + self.offset(&segments)).duration_since(Instant::now()));
                    match self.goes(load, segments, longest, &to, worker) {
                        Ok(sent) => (worker.say)(&format!(
                            "run {}: load {load} is over, {sent} messages so far",
                            self.job.run
                        )),
                        Err(error) => {
                            let why = error.to_string();
                            to.say(match error {
                                Error::Path(why) => Said::Wrong { why },
                                _ => Said::Leaves { why: why.clone() },
                            });
                            break why;
                        }
                    }
                }
            }
        };
        beats.abort();
        line.flush();
        ended
    }

    /// Returns how much later than the first worker it begins: so that the messages of all are
    /// spread evenly, and do not come in clumps.
    fn offset(&self, segments: &[Segment]) -> Duration {
        let rate = segments.iter().map(|segment| segment.from.max(segment.to)).fold(0.0, f64::max);
        let share = f64::from(self.job.place) / f64::from(self.job.of);
        Duration::from_secs_f64(if rate > 1.0 { share / rate } else { 0.0 })
    }

    /// Goes through a load; returns how many messages were sent since the job.
    fn goes(
        &mut self,
        load: u32,
        segments: Vec<Segment>,
        longest: Duration,
        to: &Reports,
        worker: &Worker,
    ) -> Result<u64> {
        let heard = &self.heard;
        drive(&mut self.generator, Schedule::new(segments), longest, |window| {
            to.say(Said::Window { load, window: Box::new(window) });
            Ok(if heard.stops() || worker.stops() { Go::Stop } else { Go::On })
        })?;
        self.fleet.drain()?;
        let counts = self.deployed.counts();
        let sent = counts.iter().map(|counts| counts.sent).sum();
        to.say(Said::Ended { load, counts, failures: self.generator.failures() });
        Ok(sent)
    }
}

/// Numbers a worker's reports.
struct Reports<'a> {
    line: &'a Line,
    id: String,
    subject: Subject,
    number: AtomicU64,
}

impl Reports<'_> {
    fn say(&self, said: Said) {
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        self.line.send(self.subject.clone(), &Report { id: self.id.clone(), number, said });
    }
}
