//! One connection's work: it keeps its window full, checks every reply, and counts.

use crate::sampling::closed_loop::{Clients, ClosedLoop, ClosedWindow, Counted, Mode};
use crate::sampling::cpu::thread_cpu;
use crate::sampling::departures::Departures;
use crate::sampling::open_loop::Verdict;
use crate::sampling::traffic::Conversation;
use crate::{Error, Result};
use sandlab_runtime::Performative;
use sandlab_runtime::messaging::{Connection, Delivery};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// One connection, and what it does.
pub struct Driver {
    connection: Connection,
    conversation: Conversation,
    load: ClosedLoop,
    left: Departures<Instant>,
    counted: ClosedWindow,
}

impl Driver {
    /// Holds a conversation over a connection.
    pub fn new(connection: Connection, conversation: Conversation, load: ClosedLoop) -> Self {
        Self {
            connection,
            conversation,
            load,
            left: Departures::default(),
            counted: ClosedWindow::default(),
        }
    }

    /// Runs until the end, and counts from the start on.
    pub async fn run(
        mut self,
        start: Instant,
        stop: &AtomicBool,
        to: &Sender<Result<Counted>>,
    ) -> Result<()> {
        let interval = self.load.window();
        let end = start + self.load.duration;
        let mut before = Instant::now();
        // The interval that is counted: its number, when it began, the CPU time until then.
        let mut current: Option<(usize, Instant, Duration)> = None;
        loop {
            self.fill(before)?;
            let in_flight = f64::from(self.connection.in_flight());
            let first = self.connection.next().await;
            let now = Instant::now();
            self.counted.in_flight_seconds += in_flight * (now - before).as_secs_f64();
            before = now;
            self.hear(first, now)?;
            if self.load.mode == Mode::Tell {
                // Without replies, an end is a place in the window that came back.
                let still = f64::from(self.connection.in_flight());
                self.counted.messages += (in_flight - still) as u64;
            }
            match current {
                None if now < start => self.counted = ClosedWindow::default(),
                None => {
                    self.counted = ClosedWindow::default();
                    current = Some((0, now, thread_cpu()));
                }
                Some((number, began, cpu))
                    if now >= (start + interval * (number as u32 + 1)).min(end) =>
                {
                    let mut counted = std::mem::take(&mut self.counted);
                    counted.seconds = (now - began).as_secs_f64();
                    let used = thread_cpu() - cpu;
                    counted.client_cpu_ns =
                        (self.load.clients == Clients::Threads).then_some(used.as_nanos() as u64);
                    if self.load.mode == Mode::Ask {
                        counted.waited_ns.get_or_insert(0);
                    }
                    // Gone only if another driver failed, and that is told.
                    let _ = to.send(Ok(Some((number, counted))));
                    if now >= end || stop.load(Ordering::Relaxed) {
                        self.require_replies()?;
                        let _ = to.send(Ok(None));
                        return Ok(());
                    }
                    current = Some((number + 1, now, cpu + used));
                }
                Some(_) => {}
            }
        }
    }

    /// Takes everything that has come back.
    fn hear(&mut self, first: Option<Delivery>, now: Instant) -> Result<()> {
        let mut next = first.or_else(|| self.connection.try_next());
        while let Some((id, outcome)) = next {
            // What came of a message has to be a good reply.
            let failed = outcome.as_ref().err().cloned();
            if self.conversation.judge(id, &outcome)? != Verdict::Good {
                let why = failed.map_or_else(|| "a wrong reply".to_owned(), |why| why.to_string());
                return Err(Error::Path(format!("message {id}: {why}")));
            }
            if self.load.mode == Mode::Ask {
                let left = self.left.take(id);
                let left =
                    left.ok_or_else(|| Error::Path(format!("message {id} was answered twice")))?;
                self.counted.messages += 1;
                let waited = (now - left).as_nanos() as u64;
                *self.counted.waited_ns.get_or_insert(0) += waited;
            }
            if let Ok(reply) = outcome {
                self.conversation.reuse(reply.content);
            }
            next = self.connection.try_next();
        }
        Ok(())
    }

    /// Makes sure that what was handled was answered as well.
    ///
    /// # Errors
    /// If more than one of a hundred messages was not. Some may still be answered, by an agent that
    /// sends itself a message first.
    fn require_replies(&self) -> Result<()> {
        let handled = self.connection.next_id() - 1 - u64::from(self.connection.in_flight());
        let on_their_way = self.connection.in_flight() as usize;
        let silent = self.left.count().saturating_sub(on_their_way) as u64;
        if silent * 100 <= handled {
            return Ok(());
        }
        Err(Error::Path(format!(
            "{silent} of {handled} messages were handled, and nothing came back to their sender in \
             reply to them"
        )))
    }

    /// Sends until the window is full.
    fn fill(&mut self, now: Instant) -> Result<()> {
        let performative = match self.load.mode {
            Mode::Tell => Performative::Inform,
            Mode::Ask | Mode::Task => Performative::Request,
        };
        while self.connection.in_flight() < self.load.depth {
            let number = self.connection.next_id();
            let (agent, content) = self.conversation.next(number);
            let sent = self.connection.send(agent, performative, content);
            sent.map_err(|error| Error::Path(error.to_string()))?;
            if self.load.mode == Mode::Ask {
                self.left.push(number, now);
            }
        }
        Ok(())
    }
}
