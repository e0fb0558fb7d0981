//! The workers of one load, as the command has them: found, armed, started together, merged.

use super::Hiring;
use super::merge::Merge;
use super::protocol::{
    AFTER, Answer, FIND, Find, Job, Offer, Order, Report, SILENCE, Said, decode, encode, of_run,
    of_worker,
};
use super::sound::Sound;
use super::wire::Line;
use crate::record::{Shared, Window, WorkerShare};
use crate::sampling::deployed::{Counts, Deployed};
use crate::sampling::open_loop::{Go, Schedule};
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use async_nats::Subscriber;
use futures_util::StreamExt;
use sandlab_runtime::span;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest time that workers are looked for.
const SEARCH: Duration = Duration::from_secs(2);

/// The time after which they are asked again.
const AGAIN: Duration = Duration::from_millis(300);

/// The longest time that a worker takes to get ready.
const ARMING: Duration = Duration::from_secs(30);

/// The interval at which it looks who is still there.
const GLANCE: Duration = Duration::from_millis(100);

/// Workers that are armed.
pub struct Crew {
    line: Line,
    run: String,
    reports: Subscriber,
    beats: JoinHandle<()>,
    members: Vec<Member>,
    /// The number of the last load.
    load: u32,
    /// The end of the last window.
    clock_ns: u64,
}

/// One worker.
struct Member {
    id: String,
    share: WorkerShare,
    heard: Instant,
    /// Whether it has confirmed the order to start the load.
    starts: bool,
    /// Its next report's number.
    next: u64,
    counts: Vec<Counts>,
    failures: Vec<(String, u64)>,
}

impl Crew {
    /// Finds workers, and gives each a job: `agents` in all, each with the same deadline.
    ///
    /// # Errors
    /// If there are too few, or one refuses.
    pub fn hire(hiring: &Hiring, agents: usize, deadline: Duration) -> Result<Self> {
        let of = hiring.count;
        if agents < of as usize {
            return Err(Error::Usage(format!(
                "{agents} agents are too few for {of} workers: each has at least one, `--agents {of}`"
            )));
        }
        let line = Line::open(&hiring.nats)?;
        let offers = find(&line, of as usize)?;
        let inbox = line.client.new_inbox();
        let reports = line.subscribe(inbox.clone())?;
        let run = line.id.clone();
        let beats = line.beats(of_run(&run).into(), &Order::Beat);
        // From here on, an error disbands it.
        let mut crew =
            Self { line, run, reports, beats, members: Vec::new(), load: 0, clock_ns: 0 };
        for (offer, place) in offers.into_iter().zip(0..of) {
            let agents = agents as u32 / of + u32::from(place < agents as u32 % of);
            let job = Job {
                run: crew.run.clone(),
                reports: inbox.clone(),
                place,
                of,
                targets: hiring.targets.clone(),
                subject_prefix: hiring.subject_prefix.clone(),
                agents,
                recipe: hiring.recipe.clone(),
                deadline,
                timeout: hiring.timeout,
            };
            crew.arm(offer, &job)?;
        }
        Ok(crew)
    }

    fn arm(&mut self, offer: Offer, job: &Job) -> Result<()> {
        let name = &offer.name;
        let wrong = |why: String| Error::Usage(format!("the worker {name}: {why}"));
        let bytes = encode(job).map_err(|error| wrong(error.to_string()))?;
        let most = self.line.client.max_payload();
        if bytes.len() > most {
            return Err(wrong(format!(
                "the workload has {} bytes as it is sent, and the NATS server takes {most}: give \
                 fewer messages, or raise its `max_payload`",
                bytes.len()
            )));
        }
        let subject = of_worker(&offer.id);
        let asked =
            async { timeout(ARMING, self.line.client.request(subject, bytes.into())).await };
        let answer = match self.line.runtime.block_on(asked) {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(wrong(error.to_string())),
            Err(_) => return Err(wrong(format!("no answer within {}", span(ARMING)))),
        };
        match decode::<Answer>(&answer.payload) {
            Ok(Answer::Armed) => {}
            Ok(Answer::Refused { why }) => return Err(wrong(why)),
            Err(foreign) => return Err(wrong(foreign.to_string())),
        }
        self.members.push(Member {
            share: WorkerShare::new(name, job.agents),
            id: offer.id,
            heard: Instant::now(),
            starts: false,
            next: 1,
            counts: Vec::new(),
            failures: Vec::new(),
        });
        Ok(())
    }

    /// Returns whether all workers are still there.
    pub fn is_whole(&self) -> bool {
        self.members.iter().all(|member| member.share.died.is_none())
    }

    /// Has all workers run a schedule, each its share, and passes every merged window on when it is
    /// over. Ends early when the receiver of windows says so, and returns its last answer.
    ///
    /// # Errors
    /// If a reply was wrong, or the receiver of windows fails.
    pub fn drive(
        &mut self,
        schedule: &Schedule,
        longest: Duration,
        mut each: impl FnMut(Window) -> Result<Go>,
    ) -> Result<Go> {
        self.load += 1;
        let load = self.load;
        let segments = schedule.share(self.members.len());
        let planned = Schedule::new(segments.clone()).planned(longest);
        let mut merge = Merge::new(self.members.len(), planned, self.clock_ns);
        let mut went = Go::On;
        let ordered = Instant::now();
        let order = Order::Start { load, after: AFTER, longest, segments };
        order.check().map_err(|what| Error::Usage(format!("no worker can do this: {what}")))?;
        self.order(&order);
        self.members.iter_mut().for_each(|member| {
            (member.heard, member.starts) = (ordered, false);
        });
        loop {
            for (index, member) in self.members.iter_mut().enumerate() {
                member.listen(ordered);
                if member.share.died.is_some() {
                    merge.dies(index);
                }
            }
            while let Some(window) = merge.next() {
                let before = went;
                match each(window)? {
                    Go::Stop => went = Go::Stop,
                    Go::On => {}
                }
                if went != before {
                    self.order(&Order::Stop);
                }
            }
            if merge.is_over() {
                break;
            }
            let Some((index, said)) = self.hear()? else { continue };
            let member = &mut self.members[index];
            match said {
                Said::Starts { load: of } if of == load => {
                    member.starts = true;
                    let within = ordered.elapsed().as_nanos() as u64;
                    member.share.started_within_ns = member.share.started_within_ns.max(within);
                }
                Said::Window { load: of, window } if of == load => {
                    member.share.add(&window);
                    merge.add(index, *window);
                }
                Said::Ended { load: of, counts, failures } if of == load => {
                    (member.counts, member.failures) = (counts, failures);
                    merge.ends(index);
                }
                Said::Wrong { why } => {
                    return Err(Error::Path(format!("the worker {}: {why}", member.share.name)));
                }
                Said::Leaves { why } => member.dies(why),
                _ => {}
            }
        }
        let (stragglers, clock_ns) = merge.rest();
        self.clock_ns = clock_ns;
        for straggler in stragglers {
            each(straggler)?;
        }
        Ok(went)
    }

    /// Returns the next report of a living member; `None` if there is none yet.
    fn hear(&mut self) -> Result<Option<(usize, Said)>> {
        let reports = &mut self.reports;
        let heard = self.line.runtime.block_on(async { timeout(GLANCE, reports.next()).await });
        let Ok(message) = heard else { return Ok(None) };
        let ended =
            || Error::Machine(format!("the connection to NATS at {} has ended", self.line.at));
        let message = message.ok_or_else(ended)?;
        // What is no report was sent by somebody else.
        let Ok(report) = decode::<Report>(&message.payload) else { return Ok(None) };
        let Report { id, number, said } = report;
        let found = self.members.iter_mut().zip(0..).find(|(member, _)| member.id == id);
        let Some((member, index)) = found.filter(|(member, _)| member.share.died.is_none()) else {
            return Ok(None);
        };
        member.heard = Instant::now();
        if number == 0 {
            return Ok(None);
        }
        if number != member.next {
            member.dies(format!("of its reports number {} was lost", member.next));
            return Ok(None);
        }
        member.next += 1;
        Ok(Some((index, said)))
    }

    fn order(&self, order: &Order) {
        self.line.send(of_run(&self.run).into(), order);
    }

    /// Ends the run: adds the workers' messages to those of the deployed agent's client, and
    /// records their shares. If a worker died, the hosts' counts cannot be compared.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn settle(&self, deployed: &Deployed, to: &mut dyn Recorder) -> Result<()> {
        let mut failures: BTreeMap<&str, u64> = BTreeMap::new();
        for member in &self.members {
            deployed.credit(&member.counts);
            for (text, count) in &member.failures {
                *failures.entry(text).or_default() += count;
            }
            if let Some(why) = &member.share.died {
                deployed.doubt(format!("the worker {} died: {why}", member.share.name));
            }
        }
        let workers = self.members.iter().map(|member| member.share.clone()).collect();
        to.found(&Shared::Workers { workers })?;
        let mut texts: Vec<_> =
            failures.into_iter().map(|(text, n)| (text.to_owned(), n)).collect();
        texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        match texts.is_empty() {
            true => Ok(()),
            false => to.found(&Shared::Failures { texts }),
        }
    }
}

impl Member {
    /// Notes its death if it was not heard of for too long, or did not take the order.
    fn listen(&mut self, ordered: Instant) {
        if self.heard.elapsed() > SILENCE {
            self.dies(format!("it was not heard of for {}", span(SILENCE)));
        } else if !self.starts && ordered.elapsed() > SILENCE {
            self.dies(format!("it did not start within {}", span(SILENCE)));
        }
    }

    fn dies(&mut self, why: String) {
        self.share.died.get_or_insert(why);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.beats.abort();
        self.order(&Order::Disband);
        self.line.flush();
    }
}

/// Finds this number of idle workers, the first by name. Asks repeatedly, so that a worker that has
/// just started, or is about to finish, is found too.
fn find(line: &Line, count: usize) -> Result<Vec<Offer>> {
    let inbox = line.client.new_inbox();
    let mut answers = line.subscribe(inbox.clone())?;
    let question = encode(&Find {}).map_err(|error| Error::Machine(error.to_string()))?;
    let (mut offers, mut others) = (BTreeMap::new(), BTreeSet::new());
    let are_enough = |offers: &BTreeMap<String, Offer>| idle(offers).count() >= count;
    let until = Instant::now() + SEARCH;
    while !are_enough(&offers) && Instant::now() < until {
        let sent = line.client.publish_with_reply(FIND, inbox.clone(), question.clone().into());
        let asked = async {
            if sent.await.is_err() {
                return;
            }
            while let Some(answer) = answers.next().await {
                match decode::<Offer>(&answer.payload) {
                    Ok(offer) => drop(offers.insert(offer.id.clone(), offer)),
                    // The server itself, if nobody listens.
                    Err(_) if answer.status.is_some() => {}
                    Err(foreign) => drop(others.insert(format!("of one {foreign}"))),
                }
                if are_enough(&offers) {
                    return;
                }
            }
        };
        // Whoever has not answered by then is asked once more.
        let _ = line.runtime.block_on(async { timeout(AGAIN, asked).await });
    }
    let mut found: Vec<Offer> = idle(&offers).cloned().collect();
    if found.len() < count {
        let busy = offers.values().filter(|offer| offer.is_busy);
        others.extend(busy.map(|offer| format!("{} has work", offer.name)));
        let others = others.iter().map(|other| format!("; {other}")).collect::<String>();
        return Err(Error::Usage(format!(
            "{} of {count} workers are at {}{others}; start more with `sandlab worker --nats URL`",
            found.len(),
            line.at
        )));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn idle(offers: &BTreeMap<String, Offer>) -> impl Iterator<Item = &Offer> {
    offers.values().filter(|offer| !offer.is_busy)
}
