//! A shard: one OS thread that owns its agents. A message between two of them touches
//! neither lock nor atomic; what goes elsewhere is handed over in batches, once per turn.

mod ahead;
mod batch_buffer;
mod bulk_spawn;
mod call;
mod census;
mod lifecycle;
mod outgoing;
mod panics;
mod slot;
mod tasks;
mod timers;

pub use bulk_spawn::BulkSpawn;

use super::accounts::Accounts;
use super::address::Address;
use super::client::DeliveryError;
use super::envelope::Envelope;
use super::inbox::Contents;
use super::link::{Delivery, Link};
use super::mailbox::Offered;
use super::registry::Registry;
use super::waker::Woken;
use super::{AgentOptions, Census, Roster, Settings, SpawnError};
use crate::{AgentId, Backend, prefetch};
use panics::catch_panic;
use slot::{DeliveryMode, Resident, Slot, SpawnResult, State};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tasks::{Task, Tasks};
use timers::Timers;
use tokio::sync::oneshot;

/// Messages that one agent handles before the next one's turn: enough to keep its memory
/// in the cache, few enough that a full mailbox delays its neighbours by microseconds only.
const TURN: usize = 16;

/// Arrived messages after which their results are flushed to others, who would otherwise wait
/// for the end of a long turn. Of a client's messages to 1,000 agents, the cost of messaging
/// ÷ bare calls fell from 1.9 to 1.3 – 1.5 (medians of noisy runs).
const FLUSH_EVERY: usize = 16;

/// A request to a shard other than to deliver a message.
pub enum Command {
    Spawn(Box<Spawn>, oneshot::Sender<Result<AgentId, SpawnError>>),
    SpawnMany(BulkSpawn),
    Stop(AgentId, oneshot::Sender<bool>),
    Rename(AgentId, String, oneshot::Sender<bool>),
    /// Another thread has restarted an agent, or failed to.
    Restarted(AgentId, Box<SpawnResult>),
    StopAll,
    /// Lets no message wait to be part of a batch.
    Flush,
    Report(oneshot::Sender<Accounts>),
    Census(oneshot::Sender<Census>),
    Roster(oneshot::Sender<Roster>),
    Run(Task),
    Exit,
}

/// An agent to start.
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
    /// For each shard, the messages of this turn that go there.
    outgoing: Vec<Vec<Envelope>>,
    /// By the numbers of the clients' links.
    links: Vec<Option<LinkOut>>,
    /// The numbers of the links with something to deliver.
    dirty: Vec<u32>,
    accounts: Accounts,
    timers: Timers,
    bulk_spawns: VecDeque<BulkSpawn>,
    tasks: Tasks,
    /// The tick of the kernel's clock at which results were flushed between two calls.
    flushed: Duration,
    exits: bool,
}

/// The results and replies that go to one client after this turn.
struct LinkOut {
    /// Weak, so that nothing is kept for a client that is gone.
    link: Weak<dyn Link>,
    deliveries: VecDeque<Delivery>,
    done: u32,
}

/// The thread that sent messages, on which it depends whether their content is in this core's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Clients and agents on other threads, whose core may still have the content in its cache.
    AnotherThread,
    /// Clients' futures on the shard's own thread.
    ThisThread,
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
            bulk_spawns: VecDeque::new(),
            tasks: Tasks::default(),
            flushed: Duration::ZERO,
            exits: false,
        }
    }

    /// Runs turns until it is told to exit. If it panics, which standard error reports, nobody
    /// waits for it in vain: its agents are stopped, and their messages dead-lettered.
    pub fn run(mut self) {
        let registry = self.registry.clone();
        let inbox = &registry.inboxes[usize::from(self.index)];
        inbox.attach();
        let turned = catch_unwind(AssertUnwindSafe(|| self.run_turns(inbox)));
        let left = inbox.abandon();
        if turned.is_err() {
            // It may panic again for the same reason.
            let _ = catch_unwind(AssertUnwindSafe(|| self.dead_letter_all(left)));
        }
    }

    fn run_turns(&mut self, inbox: &super::inbox::Inbox) {
        let mut arrived = Contents::default();
        while !self.exits {
            inbox.take(&mut arrived);
            self.receive(&mut arrived);
            self.run_timers();
            self.run_ready();
            self.continue_bulk_spawn();
            self.flush_outgoing();
            let is_idle = self.ready.is_empty() && self.bulk_spawns.is_empty();
            if is_idle && !self.exits && inbox.is_empty() {
                self.idle(inbox);
            }
        }
    }

    /// Waits for something to do. Polls for a moment before it sleeps: a wake-up costs the
    /// sender microseconds, and a message on another core some 35 µs. It does not yield
    /// meanwhile: a quarantine thread would have the core until the kernel's next tick.
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

    fn receive(&mut self, arrived: &mut Contents) {
        self.accounts.accepted += arrived.from_clients.len() as u64;
        for envelopes in [&mut arrived.from_clients, &mut arrived.from_shards] {
            self.arrive_all(envelopes, Origin::AnotherThread);
        }
        for woken in arrived.woken.drain(..) {
            match woken {
                Woken::Slot(slot) => self.poll(slot),
                Woken::Task(task) => self.poll_task(task),
            }
        }
        // Last, so that a report misses nothing that came before it.
        for command in arrived.commands.drain(..) {
            self.execute(command);
        }
    }

    fn execute(&mut self, command: Command) {
        // A receiver that is gone does not want the answer.
        match command {
            Command::Spawn(spawn, answer) => {
                let _ = answer.send(self.spawn(*spawn));
            }
            Command::SpawnMany(spawn) => self.bulk_spawns.push_back(spawn),
            Command::Stop(agent, answer) => {
                let lives = self.resident(agent).is_some();
                if lives {
                    self.stop(Address::from(agent).slot, &DeliveryError::Stopped);
                }
                let _ = answer.send(lives);
            }
            Command::Report(answer) => {
                let _ = answer.send(self.report());
            }
            Command::Census(answer) => {
                let _ = answer.send(self.census());
            }
            Command::Roster(answer) => {
                let _ = answer.send(self.roster());
            }
            Command::Rename(agent, name, answer) => {
                let _ = answer.send(self.rename(agent, name));
            }
            Command::Restarted(agent, started) => self.restarted(agent, *started),
            Command::StopAll => {
                self.bulk_spawns.clear();
                let slots = self.slots.len() as u32;
                (0..slots).for_each(|slot| self.stop(slot, &DeliveryError::ShutDown));
            }
            Command::Flush => self.flush_batches(),
            Command::Run(task) => self.run_task(task),
            Command::Exit => self.exits = true,
        }
    }

    fn report(&self) -> Accounts {
        let residents = self.slots.iter().filter_map(|slot| slot.resident.as_ref());
        let mut accounts = self.accounts;
        for resident in residents {
            accounts.agents += 1;
            accounts.queued += resident.mailbox.len() as u64;
            if let State::Calling(call) = &resident.state {
                accounts.queued += call.len() as u64;
            }
        }
        accounts.queued += self.outgoing.iter().map(Vec::len).sum::<usize>() as u64;
        accounts
    }

    /// Lets no message wait to be part of a batch any more.
    fn flush_batches(&mut self) {
        for slot in 0..self.slots.len() {
            let resident = self.slots[slot].resident.as_mut();
            if let Some(DeliveryMode::Batches(buffer)) = resident.map(|r| &mut r.delivery) {
                buffer.flush();
                self.make_ready(slot as u32);
            }
        }
    }

    // Messages come in.

    /// Passes on accepted messages, each of which is fetched into the cache before its turn.
    fn arrive_all(&mut self, envelopes: &mut Vec<Envelope>, from: Origin) {
        let is_crowded = self.is_crowded();
        let mut arrived = envelopes.drain(..);
        for number in 0.. {
            let coming = arrived.as_slice();
            if from == Origin::AnotherThread {
                if let Some(next) = coming.get(1) {
                    prefetch::content(&next.message.content);
                }
                if number > 0 && number % FLUSH_EVERY == 0 {
                    self.flush_outgoing();
                }
            }
            if is_crowded {
                self.fetch_arriving(coming, number == 0);
            }
            let Some(envelope) = arrived.next() else { break };
            self.arrive(envelope);
        }
    }

    /// Passes an accepted message to its agent if that is idle, else puts it into the mailbox.
    fn arrive(&mut self, envelope: Envelope) {
        let recipient = envelope.message.recipient;
        let resident = self.resident(recipient);
        if resident.is_some_and(|resident| resident.skips_mailbox(TURN)) {
            self.call(Address::from(recipient).slot, envelope);
        } else {
            self.deliver(envelope);
        }
    }

    /// Puts an accepted message into its recipient's mailbox.
    fn deliver(&mut self, envelope: Envelope) {
        let recipient = envelope.message.recipient;
        let address = Address::from(recipient);
        if usize::from(address.shard) != usize::from(self.index) {
            return self.dead_letter(envelope, DeliveryError::NoSuchAgent);
        }
        let Some(resident) = self.resident(recipient) else {
            return self.dead_letter(envelope, DeliveryError::NoSuchAgent);
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
                self.dead_letter(envelope, DeliveryError::MailboxFull);
            }
        }
    }

    fn make_ready(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        let Some(resident) = &mut entry.resident else {
            return;
        };
        if entry.is_ready || resident.mailbox.is_empty() || !resident.is_idle() {
            return;
        }
        if !resident.is_due(&mut self.timers) {
            return;
        }
        entry.is_ready = true;
        self.ready.push_back(slot);
    }

    // Agents run.

    fn run_ready(&mut self) {
        // Agents that become ready meanwhile wait for the next turn, after the inbox is read.
        let is_crowded = self.is_crowded();
        for number in 0..self.ready.len() {
            if is_crowded {
                self.fetch_ready(number == 0);
            }
            let Some(slot) = self.ready.pop_front() else {
                return;
            };
            let entry = &mut self.slots[slot as usize];
            entry.is_ready = false;
            if let Some(resident) = &mut entry.resident {
                resident.skipped = 0;
            }
            if entry.resident.as_ref().is_some_and(Resident::takes_batches) {
                self.run_turn::<Vec<Envelope>>(slot);
            } else {
                self.run_turn::<Envelope>(slot);
            }
            self.make_ready(slot);
        }
    }
}
