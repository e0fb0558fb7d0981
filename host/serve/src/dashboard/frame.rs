//! The dashboard's data of one moment, in a compact form for a thousand agents.

use crate::slo::{Severity, Standing};
use crate::snapshot::{AgentFigures, Snapshot};
use serde::Serialize;
use std::collections::BTreeMap;

/// A moment. Times in seconds, sizes in bytes, counts since the host started.
#[derive(Debug, Serialize)]
pub struct Frame {
    uptime: f64,
    resident: Option<u64>,
    cpu: Option<f64>,
    slots: u64,
    slots_used: u64,
    /// The bounds of all histograms' buckets.
    bounds: Vec<f64>,
    agents: BTreeMap<String, Row>,
    objectives: Vec<Budget>,
}

/// An objective.
#[derive(Debug, Serialize)]
struct Budget {
    name: String,
    agent: Option<String>,
    /// The share of its error budget that is left.
    left: Option<f64>,
    alarm: Option<Severity>,
}

/// An agent.
#[derive(Debug, Serialize)]
struct Row {
    answered: u64,
    /// Everything that should have been answered and was not, by reason.
    failed: BTreeMap<String, u64>,
    told: u64,
    counts: Vec<u64>,
    waiting: u64,
    restarts: u64,
    instances: u64,
    wanted: u64,
    memory: u64,
}

impl Frame {
    /// Returns the frame of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let process = &snapshot.process;
        let bounds = snapshot.agents.values().next().map(|figures| &figures.latency.bounds);
        Self {
            uptime: snapshot.uptime.as_secs_f64(),
            resident: process.resident_memory,
            cpu: process.cpu.map(|cpu| cpu.as_secs_f64()),
            slots: process.pool_slots,
            slots_used: process.pool_slots_used,
            bounds: bounds.into_iter().flatten().map(|bound| bound.as_secs_f64()).collect(),
            agents: snapshot
                .agents
                .iter()
                .map(|(name, row)| (name.clone(), Row::of(row)))
                .collect(),
            objectives: snapshot.objectives.iter().map(Budget::of).collect(),
        }
    }
}

impl Budget {
    fn of(standing: &Standing) -> Self {
        Self {
            name: standing.objective.clone(),
            agent: standing.agent.clone(),
            left: standing.budget_left,
            alarm: standing.alarm,
        }
    }
}

impl Row {
    fn of(figures: &AgentFigures) -> Self {
        let mut failed = figures.failed.clone();
        let others = [("refused", figures.refused), ("timed-out", figures.timed_out)];
        for (reason, count) in others.into_iter().filter(|(_, count)| *count > 0) {
            // An agent's own refusal has the same name, and is as much of an error.
            *failed.entry(reason.to_owned()).or_default() += count;
        }
        Self {
            answered: figures.answered,
            failed,
            told: figures.told,
            counts: figures.latency.counts.clone(),
            waiting: figures.in_flight.max(figures.queued),
            restarts: figures.restarts,
            instances: figures.instances,
            wanted: figures.wanted,
            memory: figures.linear_memory,
        }
    }
}
