//! A shard: one OS thread that owns its agents. A message between two of them touches
//! neither lock nor atomic; what goes elsewhere is handed over in batches, once a turn.

mod batch;
mod census;
mod lifecycle;
mod outgoing;
mod panics;
mod timers;
mod waiting;

pub use lifecycle::Crowd;

use super::accounts::Accounts;
use super::address::Address;
use super::client::Undelivered;
use super::envelope::Envelope;
use super::inbox::Contents;
use super::link::{Delivery, Link};
use super::mailbox::Offered;
use super::registry::Registry;
use super::slot::{BroughtUp, Calling, Resident, Slot, State, Taking};
use super::waker::{TurnWaker, Woken};
use super::{AgentOptions, Census, Settings, SpawnError};
use crate::agent::Handled;
use crate::{AgentId, Backend, CallError, Fault};
pub use panics::caught;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Instant;
use timers::Timers;
use tokio::sync::oneshot;

/// Messages that one agent handles before the next one's turn: enough to keep its memory
/// in the cache, few enough that a full mailbox delays a neighbour by microseconds.
const TURN: usize = 16;

/// Arrived messages after which what they brought is handed over: at the end of a long turn
/// the other shard would have waited for all of it. Of a client's messages to 1,000 agents,
/// bare calls by the path came from 1.9 to 1.3 – 1.5 (medians of noisy runs).
const HAND_OVER: usize = 16;

/// What a shard is asked to do besides delivering messages.
pub enum Command {
    Spawn(Box<Spawn>, oneshot::Sender<Result<AgentId, SpawnError>>),
    SpawnMany(Crowd),
    Stop(AgentId, oneshot::Sender<bool>),
    /// An agent was started again by another thread, or was not.
    Started(AgentId, Box<BroughtUp>),
    StopAll,
    /// Lets no message wait to be part of a batch.
    Hurry,
    Report(oneshot::Sender<Accounts>),
    Census(oneshot::Sender<Census>),
    Run(Task),
    Exit,
}

/// A client's work that runs on a shard, between the turns of its agents.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Which agent to start.
#[derive(Clone)]
pub struct Spawn {
    pub name: Option<String>,
    pub backend: Arc<dyn Backend>,
    pub options: AgentOptions,
}

pub struct Shard {
    index: u8,
    registry: Arc<Registry>,
    settings: Settings,
    slots: Vec<Slot>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    /// For each shard, what this turn's messages go there.
    outgoing: Vec<Vec<Envelope>>,
    /// By their numbers, which clients get in turn.
    links: Vec<Option<LinkOut>>,
    /// The links with something to deliver.
    dirty: Vec<u32>,
    accounts: Accounts,
    timers: Timers,
    /// Many agents that are being started, some a turn.
    crowds: VecDeque<Crowd>,
    /// Clients' work; one that is done leaves its place to another, which a late wake-up
    /// for the first lets look once for nothing.
    tasks: Vec<Option<(Task, Waker)>>,
    /// What they send to this shard's agents, and nothing between their turns.
    from_tasks: Vec<Envelope>,
    exits: bool,
}

/// What goes to one client after this turn.
struct LinkOut {
    /// The client's own, so that nothing is kept for one that is gone.
    link: Weak<dyn Link>,
    deliveries: VecDeque<Delivery>,
    done: u32,
}

impl Shard {
    pub fn new(index: u8, registry: Arc<Registry>, settings: Settings) -> Self {
        let shards = registry.inboxes.len();
        Self {
            index,
            registry,
            settings,
            slots: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            outgoing: (0..shards).map(|_| Vec::new()).collect(),
            links: Vec::new(),
            dirty: Vec::new(),
            accounts: Accounts::default(),
            timers: Timers::default(),
            crowds: VecDeque::new(),
            tasks: Vec::new(),
            from_tasks: Vec::new(),
            exits: false,
        }
    }

    /// Turns until it is told to end. If it panics, which standard error tells of, nobody
    /// waits for it in vain: its agents end, and what they had is dead-lettered.
    pub fn run(mut self) {
        let registry = self.registry.clone();
        let inbox = &registry.inboxes[usize::from(self.index)];
        inbox.own();
        let turned = catch_unwind(AssertUnwindSafe(|| self.turn_until_exit(inbox)));
        let left = inbox.abandon();
        if turned.is_err() {
            // What it panicked at may make it panic again.
            let _ = catch_unwind(AssertUnwindSafe(|| self.give_up(left)));
        }
    }

    fn turn_until_exit(&mut self, inbox: &super::inbox::Inbox) {
        let mut arrived = Contents::default();
        while !self.exits {
            inbox.take(&mut arrived);
            self.take_in(&mut arrived);
            self.run_timers();
            self.run_ready();
            self.spawn_some();
            self.hand_over();
            let waits = self.ready.is_empty() && self.crowds.is_empty();
            if waits && !self.exits && inbox.is_empty() {
                self.idle(inbox);
            }
        }
    }

    /// Waits for something to do. Looks for a moment before it sleeps: to be woken costs the
    /// sender microseconds, and on another core the message some 35. It does not yield
    /// meanwhile: what is in quarantine would have the core until the kernel's next tick.
    fn idle(&self, inbox: &super::inbox::Inbox) {
        let timer = self.timers.next();
        let spun = Instant::now() + self.settings.idle_spin;
        let until = timer.map_or(spun, |timer| spun.min(timer));
        while Instant::now() < until {
            std::hint::spin_loop();
            if !inbox.is_empty() {
                return;
            }
        }
        inbox.park(timer);
    }

    fn take_in(&mut self, arrived: &mut Contents) {
        self.accounts.accepted += arrived.from_clients.len() as u64;
        let from_clients = arrived.from_clients.drain(..);
        let all = from_clients.chain(arrived.from_shards.drain(..));
        for (number, envelope) in all.enumerate() {
            if number > 0 && number % HAND_OVER == 0 {
                self.hand_over();
            }
            self.arrive(envelope);
        }
        for woken in arrived.woken.drain(..) {
            match woken {
                Woken::Slot(slot) => self.poll(slot),
                Woken::Task(task) => self.poll_task(task),
            }
        }
        // Last, so that a report misses nothing that came before it.
        for command in arrived.commands.drain(..) {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone; then nobody wants the answer.
        match command {
            Command::Spawn(spawn, answer) => {
                let _ = answer.send(self.spawn(*spawn));
            }
            Command::SpawnMany(crowd) => self.crowds.push_back(crowd),
            Command::Stop(agent, answer) => {
                let lives = self.resident(agent).is_some();
                if lives {
                    self.stop(Address::from(agent).slot, &Undelivered::Stopped);
                }
                let _ = answer.send(lives);
            }
            Command::Report(answer) => {
                let _ = answer.send(self.report());
            }
            Command::Census(answer) => {
                let _ = answer.send(self.census());
            }
            Command::Started(agent, started) => self.started(agent, *started),
            Command::StopAll => {
                self.crowds.clear();
                let slots = self.slots.len() as u32;
                (0..slots).for_each(|slot| self.stop(slot, &Undelivered::ShutDown));
            }
            Command::Hurry => self.hurry(),
            Command::Run(task) => {
                let done = self.tasks.iter().position(Option::is_none);
                let place = done.unwrap_or(self.tasks.len());
                if place == self.tasks.len() {
                    self.tasks.push(None);
                }
                let number = place as u32;
                let waker = TurnWaker::of(self.registry.clone(), self.index, Woken::Task(number));
                self.tasks[place] = Some((task, waker));
                self.poll_task(number);
            }
            Command::Exit => self.exits = true,
        }
    }

    fn report(&self) -> Accounts {
        let residents = self.slots.iter().filter_map(|slot| slot.resident.as_ref());
        let mut accounts = self.accounts;
        for resident in residents {
            accounts.agents += 1;
            accounts.queued += resident.mailbox.len() as u64;
            if let State::Calling(calling) = &resident.state {
                accounts.queued += calling.len() as u64;
            }
        }
        accounts.queued += self.outgoing.iter().map(Vec::len).sum::<usize>() as u64;
        accounts
    }

    // Messages come in.

    /// Lets an idle agent handle a message, already accepted, without the way through its
    /// mailbox; else puts it there.
    fn arrive(&mut self, envelope: Envelope) {
        let recipient = envelope.message.recipient;
        let resident = self.resident(recipient);
        if resident.is_some_and(|resident| resident.skips_mailbox(TURN)) {
            self.handle(Address::from(recipient).slot, envelope);
        } else {
            self.deliver(envelope);
        }
    }

    /// Puts a message, already accepted, into its recipient's mailbox.
    fn deliver(&mut self, envelope: Envelope) {
        let recipient = envelope.message.recipient;
        let address = Address::from(recipient);
        if usize::from(address.shard) != usize::from(self.index) {
            return self.dead_letter(envelope, Undelivered::NoSuchAgent);
        }
        let Some(resident) = self.resident(recipient) else {
            return self.dead_letter(envelope, Undelivered::NoSuchAgent);
        };
        let was_full = resident.mailbox.is_full();
        match resident.mailbox.offer(envelope) {
            Offered::Taken => {
                resident.arrived();
                if !was_full && resident.mailbox.is_full() {
                    self.registry.set_alive(address, true);
                }
                self.make_ready(address.slot);
            }
            Offered::Refused(envelope) => {
                self.accounts.refused += 1;
                self.dead_letter(envelope, Undelivered::MailboxFull);
            }
        }
    }

    fn make_ready(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        let Some(resident) = &entry.resident else {
            return;
        };
        if entry.is_ready || resident.mailbox.is_empty() || !resident.is_idle() {
            return;
        }
        if resident.takes_batches() && !self.is_ripe(slot) {
            return;
        }
        self.slots[slot as usize].is_ready = true;
        self.ready.push_back(slot);
    }

    // Agents run.

    fn run_ready(&mut self) {
        // Those that become ready meanwhile wait for the next turn, so that the inbox is seen.
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else {
                return;
            };
            let entry = &mut self.slots[slot as usize];
            entry.is_ready = false;
            if let Some(resident) = &mut entry.resident {
                resident.skipped = 0;
            }
            if entry.resident.as_ref().is_some_and(Resident::takes_batches) {
                self.run_batches(slot);
            } else {
                self.run_one(slot);
            }
            self.make_ready(slot);
        }
    }

    fn run_one(&mut self, slot: u32) {
        for _ in 0..TURN {
            let Some(resident) = &mut self.slots[slot as usize].resident else {
                return;
            };
            if !resident.is_idle() {
                return;
            }
            let was_full = resident.mailbox.is_full();
            let Some(envelope) = resident.mailbox.take() else {
                return;
            };
            if was_full && !resident.mailbox.is_full() {
                self.registry.set_alive(resident.address(), false);
            }
            self.handle(slot, envelope);
        }
    }

    /// Lets an idle agent handle a message.
    fn handle(&mut self, slot: u32, mut envelope: Envelope) {
        let Some(resident) = &mut self.slots[slot as usize].resident else {
            return;
        };
        match std::mem::replace(&mut resident.state, State::Away) {
            State::Idle(mut agent) => {
                let outcome = match resident.taking {
                    Taking::Parcels => {
                        let head = envelope.head();
                        let whole = std::mem::replace(&mut envelope, head);
                        caught(|| agent.handle_parcel(whole.message))
                    }
                    _ => caught(|| agent.handle(&envelope.message)),
                };
                let due = outcome.is_ok() && resident.is_due(1);
                let saved = if due {
                    resident.save(agent.as_mut())
                } else {
                    Ok(())
                };
                resident.state = State::Idle(agent);
                let id = resident.id;
                self.settle(id, envelope, unless_unsaved(outcome, saved));
            }
            State::IdleAsync(agent) => {
                let head = envelope.head();
                let call = match resident.taking {
                    Taking::Parcels => agent.call_parcel(envelope.message),
                    _ => agent.call(envelope.message),
                };
                resident.state = State::Calling(Box::new(Calling::One { call, head }));
                self.poll(slot);
            }
            other => resident.state = other,
        }
    }

    /// Accounts for a message that an agent has had, and passes on what came of it.
    fn settle(&mut self, agent: AgentId, envelope: Envelope, outcome: Result<Handled, CallError>) {
        match outcome {
            Ok(Handled { replies, sent }) => {
                self.accounts.handled += 1;
                self.done_with(&envelope);
                self.post_all(agent, sent, envelope.hops.saturating_add(1));
                self.post_all(agent, replies, envelope.hops.saturating_add(1));
            }
            Err(CallError::Failure(failure)) => {
                self.accounts.failed += 1;
                self.done_with(&envelope);
                self.tell(envelope, Undelivered::Failed(failure));
            }
            Err(CallError::Fault(fault)) => {
                self.accounts.failed += 1;
                self.done_with(&envelope);
                self.tell(envelope, Undelivered::Ended(fault.clone()));
                if !matches!(fault, Fault::Unsupported(_)) {
                    self.ended(agent, &fault);
                }
            }
        }
    }
}

/// What came of a message, unless its agent could not save what it then knew: a reply would
/// promise what a restart has forgotten.
fn unless_unsaved(
    outcome: Result<Handled, CallError>,
    saved: Result<(), Fault>,
) -> Result<Handled, CallError> {
    saved.map_err(CallError::from).and(outcome)
}
