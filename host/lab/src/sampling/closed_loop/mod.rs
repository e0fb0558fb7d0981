//! Measures messages per second through the whole path, client and all.
//!
//! A closed loop: each connection, a thread, keeps a stated number of messages in flight,
//! to all agents in turn. Every reply is checked against the message that it answers.
//! Little's law checks the bookkeeping: what is in flight on average must be the rate times
//! the time that a message takes.

mod driver;
mod tasks;

use crate::record::{Clients, ClosedLoop, ClosedWindow, Mode, Watch};
use crate::sampling::closed_loop::tasks::tasks;
use crate::sampling::cpu::process_cpu;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use crate::sampling::traffic::{Conversation, Traffic};
use crate::{Error, Result};
use driver::Driver;
use sandlab_runtime::Backend;
use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Starts agents of a backend that echo, and loads them.
///
/// # Errors
/// If an agent does not start, or a message comes to nothing or to a wrong reply.
pub fn throughput(backend: &Arc<dyn Backend>, load: &ClosedLoop) -> Result<ClosedWindow> {
    let options = AgentOptions { strategy: load.strategy, ..AgentOptions::default() };
    let fleet = Fleet::start(backend, load.agents, Settings::default(), &options)?;
    throughput_of(&fleet, &Traffic::Echo { size: load.size }, load)
}

/// Loads a fleet of agents.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply.
pub fn throughput_of(fleet: &Fleet, traffic: &Traffic, load: &ClosedLoop) -> Result<ClosedWindow> {
    let mut all = ClosedWindow::default();
    windows_of(fleet, traffic, load, |interval| {
        all.absorb(interval);
        Ok(Go::On)
    })?;
    Ok(all)
}

/// Loads a fleet of agents, and passes on what was counted in each interval as soon as it
/// is over. It ends early when what takes them says so.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply, and those of what takes the intervals.
pub fn windows_of(
    fleet: &Fleet,
    traffic: &Traffic,
    load: &ClosedLoop,
    mut each: impl FnMut(&ClosedWindow) -> Result<Go>,
) -> Result<()> {
    if load.mode == Mode::Task {
        return tasks(fleet, traffic, load, each);
    }
    let Fleet { runtime, agents, .. } = fleet;
    if matches!(traffic, Traffic::Series(_)) {
        require_order(load)?;
    }
    let (sender, counted) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let warm_up = Instant::now() + load.warm_up();
    for index in 0..load.connections {
        let connection = runtime.connect(load.depth);
        let home = Runtime::shard_of(agents[index % agents.len()]);
        let mut agents: Vec<_> = agents.iter().copied().zip(0..).collect();
        match traffic {
            // Only one sender's messages arrive in the order of the series.
            Traffic::Series(_) => agents.retain(|(_, place)| place % load.connections == index),
            Traffic::Echo { .. } if load.clients == Clients::Local => {
                agents.retain(|(agent, _)| Runtime::shard_of(*agent) == home);
            }
            Traffic::Echo { .. } => {}
        }
        // Each begins elsewhere, so that they do not follow each other.
        let first = index * agents.len() / load.connections;
        let conversation = Conversation::with(fleet, traffic, agents).beginning_at(first);
        let driver = Driver::new(connection, conversation, *load);
        let (sender, stop) = (sender.clone(), stop.clone());
        let work = async move {
            if let Err(error) = driver.run(warm_up, &stop, &sender).await {
                // Whoever counts has gone only if another driver failed.
                let _ = sender.send(Err(error));
            }
        };
        match load.clients {
            Clients::Shards => runtime.run_on(index, work),
            Clients::Local => runtime.run_on(home, work),
            Clients::Threads => on_thread(work)?,
        }
    }
    drop(sender);
    std::thread::sleep(warm_up.saturating_duration_since(Instant::now()));
    let (mut cpu, mut watch) = (process_cpu(), Watch::start());
    // What all drivers counted in an interval, and how many of them have.
    let mut open: VecDeque<(ClosedWindow, usize)> = VecDeque::new();
    let (mut ended, mut first) = (0, 0);
    while ended < load.connections {
        let heard = counted.recv_timeout(load.duration + PATIENCE);
        let lost = || Error::Path("a client heard nothing any more".to_owned());
        let Some((number, part)) = heard.map_err(|_| lost())?? else {
            ended += 1;
            continue;
        };
        let place = number - first;
        if open.len() <= place {
            open.resize(place + 1, Default::default());
        }
        let (whole, drivers) = &mut open[place];
        whole.absorb(&part);
        *drivers += 1;
        while let Some((mut whole, _)) = open.pop_front_if(|(_, n)| *n == load.connections) {
            first += 1;
            let now = process_cpu();
            whole.cpu_ns = (now - cpu).as_nanos() as u64;
            cpu = now;
            whole.invalid = watch.lap();
            // The drivers' stretches are the same one.
            whole.seconds /= load.connections as f64;
            if each(&whole)? == Go::Stop {
                stop.store(true, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// Refuses loads in which an agent would have several senders: each agent gets the messages of its
/// series in order.
fn require_order(load: &ClosedLoop) -> Result<()> {
    if load.clients == Clients::Local {
        return Err(Error::Usage(
            "`--clients local` is for agents that echo; leave it out to send a workload".to_owned(),
        ));
    }
    if load.connections > load.agents {
        return Err(Error::Usage(format!(
            "a workload is sent to each agent in order, over one connection, so that {} agents \
             leave some of {} connections idle: lower `--connections`",
            load.agents, load.connections
        )));
    }
    Ok(())
}

/// A driver's counts, and the index of their interval; `None` when it has ended.
type Counted = Option<(usize, ClosedWindow)>;

/// The longest time that a driver waits for its last reply after the end.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

fn on_thread(work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let failed = |error| Error::not_started("a client", &error);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(failed)?;
    let thread = std::thread::Builder::new().name("client".to_owned());
    let spawned = thread.spawn(move || runtime.block_on(work));
    spawned.map(drop).map_err(failed)
}
