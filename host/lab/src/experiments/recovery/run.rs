//! Agents that fault under load: the time until they are back, and the effect on the others.
//!
//! The message that makes an agent fault is directly followed by one that it has to answer well.
//! Messages of one sender keep their order, so that the good reply is the restarted agent's. The
//! time runs from when the fault was due, so that it includes the wait of the faulting message.

use super::found::{Found, Recoveries};
use crate::record::Phase;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::{
    Generator, Go, Reply, Schedule, Script, Segment, Verdict, WINDOW, drive,
};
use crate::sampling::program::{Program, window_of};
use crate::sampling::recorder::Recorder;
use crate::sampling::traffic::{Conversation, Traffic};
use crate::workload::{Case, Exchange, Expected};
use crate::{Error, Result};
use sandlab_runtime::messaging::DeliveryError;
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{AgentId, BackendKind, span};
use std::collections::HashMap;
use std::time::Duration;

/// A load with faults.
#[derive(Debug, Clone, Copy)]
pub struct Faulting {
    /// Agents, which get messages, and faults, in turn.
    pub agents: usize,
    /// Messages per second.
    pub rate: f64,
    /// Faults per second, in the two quarters that have faults.
    pub faults: f64,
    /// The fault of the reference agent `faulty`. For another agent, its workload has the faults.
    pub trap: Trap,
    /// The time that is measured, in quarters: without faults, with, with, without.
    pub duration: Duration,
    /// The time in which the rate grows, before that.
    pub ramp_up: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

impl Faulting {
    fn quarter(&self) -> Duration {
        self.duration / 4
    }

    fn messages_per_fault(&self) -> u64 {
        (self.rate / self.faults).max(2.0) as u64
    }

    /// Makes sure that an agent faults in a quarter that has faults, and gets a message after it.
    ///
    /// # Errors
    /// If none does: nothing would be measured.
    pub fn require_faults(&self) -> Result<()> {
        let messages = (self.rate * self.quarter().as_secs_f64()) as u64;
        if messages > self.messages_per_fault() / 2 {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "no agent would fault: at {} messages/s and {} faults/s the first fault comes after {} \
             messages, and the {} with faults have {messages}: raise --fault-rate or --duration",
            self.rate,
            self.faults,
            self.messages_per_fault() / 2,
            span(self.quarter())
        )))
    }
}

/// A fault of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Trap {
    /// It panics.
    Panic,
    /// It ends its process: a trap in the sandbox, a killed child.
    Abort,
    /// It fills its stack.
    Recurse,
    /// It runs until its deadline.
    Loop,
}

impl Trap {
    fn message(self) -> &'static str {
        match self {
            Self::Panic => "panic on purpose",
            Self::Abort => "abort",
            Self::Recurse => "recurse",
            Self::Loop => "loop",
        }
    }
}

/// The messages that make agents fault.
struct FaultMessages {
    messages: Vec<Vec<u8>>,
    /// The kind of fault; `None` if the workload's own messages make agents fault.
    trap: Option<Trap>,
}

impl FaultMessages {
    /// Returns why agents of this backend cannot be made to fault; `None` if they can.
    fn unsafe_on(&self, backend: BackendKind) -> Option<String> {
        let ends_the_host = backend == BackendKind::Native && self.trap != Some(Trap::Panic);
        ends_the_host.then(|| {
            "a native twin has no sandbox: all but a panic would take sandlab along".to_owned()
        })
    }
}

/// Returns the program with its good messages, and the messages that make it fault: those of its
/// workload, or those of the reference agent `faulty`.
fn faults(program: &Program, trap: Trap) -> Result<(Program, FaultMessages)> {
    let messages: Vec<_> = match &program.traffic {
        Traffic::Series(case) => {
            case.faults.iter().map(|message| message.content.clone()).collect()
        }
        Traffic::Echo { .. } => Vec::new(),
    };
    if !messages.is_empty() {
        return Ok((
            program.sending(program.traffic.clone()),
            FaultMessages { messages, trap: None },
        ));
    }
    if program.agent != "faulty" || program.traffic.is_of_user() {
        return Err(Error::Usage(format!(
            "nothing is known to make {} fault: mark such a message in its workload with \
             `\"faults\": true`",
            program.agent
        )));
    }
    let ok = Exchange::new(OK, Expected::Reply(Vec::new()));
    let answered = Case { size: Some(OK.len()), ..Case::new(Kind::Agent, vec![ok]) };
    let messages = vec![trap.message().into()];
    let program = program.sending(Traffic::series(answered)?);
    Ok((program, FaultMessages { messages, trap: Some(trap) }))
}

/// Loads a program's agents, and lets some fault.
///
/// # Errors
/// If an agent does not start, does not fault when told to, or gives a wrong reply.
pub fn recovery(program: &Program, load: &Faulting, to: &mut dyn Recorder) -> Result<()> {
    let Faulting { agents, rate, .. } = *load;
    let (program, faults) = faults(program, load.trap)?;
    to.part(program.part("recovery", agents, Some(rate), load.shards))?;
    if let Some(why) = program.refuses(agents).or_else(|| faults.unsafe_on(program.backend)) {
        return to.unavailable(why);
    }
    let fleet = program.fleet(agents, load.shards)?;
    let script = Faults::new(&fleet, &program.traffic, faults.messages);
    let generator = Generator::new(fleet.runtime.connect(WINDOW), script);
    let mut generator = generator.within(program.deadline);
    let quiet = Segment::steady(Phase::Steady, rate, load.quarter());
    let faulty = Segment::steady(Phase::Faults, rate, load.quarter());
    let ramp_up = Segment::ramp_up(rate, load.ramp_up);
    let longest = window_of(load.duration);
    let mut sent = 0;
    let every = load.messages_per_fault();
    for segment in [ramp_up, quiet, faulty, faulty, quiet] {
        let is_faulty = segment.phase == Phase::Faults;
        let schedule = Schedule::new(vec![segment]);
        let messages = schedule.due_by(segment.duration);
        generator.script.begin(is_faulty.then_some(every), messages);
        let went = drive(&mut generator, schedule, longest, |window| {
            sent += window.sent;
            to.window(window)
        })?;
        if went == Go::Stop {
            break;
        }
    }
    fleet.drain()?;
    to.failures(&generator)?;
    let accounts = fleet.runtime.accounts();
    let mut found = generator.script.found;
    let ended = accounts.handled + accounts.failed + accounts.dead_lettered;
    found.lost = sent - ended.min(sent);
    to.found(&Found::Recovery(found))?;
    to.accounts(&fleet)
}

const OK: &str = "ok";

/// The script: in turn to all agents, with a fault now and then.
struct Faults {
    conversation: Conversation,
    agents: Vec<AgentId>,
    victim: usize,
    said: u64,
    /// Messages per fault; `None` while there are no faults.
    every: Option<u64>,
    /// Messages of the segment.
    messages_of_segment: u64,
    /// The messages that make agents fault, in turn.
    messages: Vec<Vec<u8>>,
    /// The index of the agent that the next message goes to, which it has to answer well. `None`
    /// after that.
    probe: Option<usize>,
    /// The messages on their way that make an agent fault.
    faulting: HashMap<u64, AgentId>,
    /// Agents that have not replied well since, and when their fault was due.
    down: HashMap<AgentId, u64>,
    found: Recoveries,
}

impl Faults {
    fn new(fleet: &Fleet, traffic: &Traffic, messages: Vec<Vec<u8>>) -> Self {
        Self {
            conversation: Conversation::new(fleet, traffic),
            agents: fleet.agents.clone(),
            victim: 0,
            said: 0,
            every: None,
            messages_of_segment: 0,
            messages,
            probe: None,
            faulting: HashMap::new(),
            down: HashMap::new(),
            found: Recoveries::default(),
        }
    }

    /// Begins a segment of so many messages, with its own clock.
    fn begin(&mut self, every: Option<u64>, messages: u64) {
        self.every = every;
        self.messages_of_segment = messages;
        self.said = 0;
        self.down.clear();
    }

    /// Returns true if the next message makes its agent fault. The last message of a segment never
    /// does, since no later message would show that the agent is back.
    fn is_due(&self) -> bool {
        let is_last = self.said >= self.messages_of_segment;
        self.every.is_some_and(|every| self.said % every == every / 2) && !is_last
    }
}

impl Script for Faults {
    fn next_request(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        self.said += 1;
        if let Some(index) = self.probe.take() {
            let agent = self.agents[index];
            return (agent, self.conversation.to(agent, index, id));
        }
        if self.is_due() {
            let index = self.victim % self.agents.len();
            let message = &self.messages[self.victim % self.messages.len()];
            self.victim += 1;
            let agent = self.agents[index];
            self.probe = Some(index);
            self.faulting.insert(id, agent);
            self.conversation.fault(agent, index, id);
            return (agent, message.clone());
        }
        self.conversation.next(id)
    }

    fn on_reply(&mut self, reply: Reply) -> Result<Verdict> {
        let Reply { id, due_ns, done_ns, outcome } = reply;
        if let Some(agent) = self.faulting.remove(&id) {
            self.conversation.forget(id);
            return match outcome {
                Err(DeliveryError::Ended(_)) => {
                    self.found.faults += 1;
                    self.down.insert(agent, due_ns);
                    Ok(Verdict::Meant)
                }
                Ok(_) => Err(Error::Path(format!(
                    "message {id} was to make its agent fault, and was answered"
                ))),
                Err(_) => {
                    self.found.failed += 1;
                    Ok(Verdict::Failed)
                }
            };
        }
        let verdict = self.conversation.judge(id, &outcome)?;
        match outcome {
            Ok(message) if verdict == Verdict::Good => {
                let fault = self.down.get(&message.sender).copied();
                if let Some(fault_ns) = fault.filter(|fault_ns| due_ns > *fault_ns) {
                    self.down.remove(&message.sender);
                    self.found.time.record(done_ns - fault_ns);
                }
            }
            _ => self.found.failed += 1,
        }
        Ok(verdict)
    }
}
