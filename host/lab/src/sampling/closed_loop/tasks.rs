//! Measures tasks per second of a pool of equal agents: all tasks are given out at once,
//! and when the last one is done, as many again.

use crate::record::Watch;
use crate::sampling::closed_loop::{ClosedLoop, ClosedWindow, PATIENCE};
use crate::sampling::cpu::{process_cpu, thread_cpu};
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use crate::sampling::traffic::Traffic;
use crate::{Error, Result};
use sandlab_runtime::messaging::{Client, Pool, Routing};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Loads a fleet as a pool, from this thread; an interval is as many rounds as fill it.
///
/// # Errors
/// If a task comes to nothing or to a wrong reply, and those of what takes the intervals.
pub fn tasks(
    fleet: &Fleet,
    traffic: &Traffic,
    load: &ClosedLoop,
    mut each: impl FnMut(&ClosedWindow) -> Result<Go>,
) -> Result<()> {
    let pool = Pool::of(fleet.agents.iter().copied(), Routing::LeastLoaded);
    let no_agents = || Error::Usage("a pool has at least one agent".to_owned());
    let worker = Worker {
        pool: Arc::new(pool.ok_or_else(no_agents)?),
        client: fleet.runtime.client(),
        traffic: traffic.clone(),
    };
    let failed = |error| Error::not_started("a client", &error);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
    runtime.block_on(async {
        let mut next = 0;
        let warm_up = Instant::now() + load.warm_up();
        while Instant::now() < warm_up {
            worker.round(load.depth, &mut next).await?;
        }
        let end = Instant::now() + load.duration;
        let mut watch = Watch::start();
        while Instant::now() < end {
            let (start, cpu, own) = (Instant::now(), process_cpu(), thread_cpu());
            let (mut messages, mut waited) = (0, Duration::ZERO);
            while start.elapsed() < load.window() {
                waited += worker.round(load.depth, &mut next).await?;
                messages += u64::from(load.depth);
            }
            let counted = ClosedWindow {
                messages,
                seconds: start.elapsed().as_secs_f64(),
                waited_ns: Some(waited.as_nanos() as u64),
                in_flight_seconds: waited.as_secs_f64(),
                cpu_ns: (process_cpu() - cpu).as_nanos() as u64,
                client_cpu_ns: Some((thread_cpu() - own).as_nanos() as u64),
                invalid: watch.lap(),
            };
            if each(&counted)? == Go::Stop {
                break;
            }
        }
        Ok(())
    })
}

/// Whoever gives out tasks.
#[derive(Clone)]
struct Worker {
    pool: Arc<Pool>,
    client: Client,
    traffic: Traffic,
}

impl Worker {
    /// Gives out so many tasks, and waits for all; how long they took, all together.
    async fn round(&self, tasks: u32, next: &mut u64) -> Result<Duration> {
        let mut running = JoinSet::new();
        for _ in 0..tasks {
            *next += 1;
            running.spawn(self.clone().task(*next));
        }
        let mut waited = Duration::ZERO;
        while let Some(done) = running.join_next().await {
            let panicked = |_| Error::Machine("a client's task panicked".to_owned());
            waited += done.map_err(panicked)??;
        }
        Ok(waited)
    }

    async fn task(self, id: u64) -> Result<Duration> {
        let start = Instant::now();
        let content = self.traffic.content(id, id as u32);
        let reply = self.pool.ask(&self.client, id, content, PATIENCE).await;
        let reply = reply.map_err(|why| Error::Path(format!("task {id}: {why}")))?;
        self.traffic.check(id, id as u32, &reply)?;
        Ok(start.elapsed())
    }
}
