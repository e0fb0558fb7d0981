//! Findings of attacks.

use crate::stats::Distribution;
use sandlab_runtime::messaging::Accounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The share by which resident memory may grow: 0.05 is 5 %.
pub(super) const GROWTH: f64 = 0.05;

/// The findings of a torture.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The outcomes of all attacks, and their effect on neighbours.
    Stress(Box<StressReport>),
}

/// The outcomes of all attacks, and their effect on neighbours.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StressReport {
    /// The seed that gives the order of the attacks.
    pub seed: u64,
    /// Whether the hostile agents ran in quarantine, apart from the good ones.
    pub is_quarantined: bool,
    /// Times of the good agents' messages outside of attacks.
    pub without: Distribution,
    /// Times of the good agents' messages during attacks.
    pub with: Distribution,
    /// The attacks, in the order of their table.
    pub attacks: Vec<AttackStats>,
    /// The order of the attacks: their indices in the table, each with the thread that it strikes.
    /// It follows from the seed.
    #[serde(default)]
    pub order: Vec<(usize, usize)>,
    /// Messages to good agents.
    pub sent: u64,
    /// Messages to good agents with the right reply.
    pub good: u64,
    /// The accounts of all messages.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub accounts: Accounts,
    /// Good agents before the first attack; as many must be alive at the end.
    pub agents: u64,
    /// Resident memory without files after the first round of attacks, bytes. If it grew too much,
    /// the attacks are repeated, and this is the value before the repetition.
    pub resident_before: Option<u64>,
    /// Resident memory without files after all attacks, bytes.
    pub resident_after: Option<u64>,
}

/// One attack, however often it struck.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AttackStats {
    /// Its name.
    pub name: String,
    /// Number of times that it struck.
    pub count: u64,
    /// The fault or refusal that the last occurrence ended in.
    pub called: String,
    /// Violations of what must hold; empty if there are none.
    pub wrong: Vec<String>,
    /// Times of the good agents' messages on its shard while it lasts.
    pub same_shard: Distribution,
    /// Times of the good agents' messages on other shards meanwhile.
    pub others: Distribution,
}

impl StressReport {
    /// Returns the violations, without those that depend on the machine's speed.
    pub fn objections(&self) -> Vec<String> {
        let wrong = self.attacks.iter().flat_map(|attack| {
            let name = &attack.name;
            attack.wrong.iter().map(move |why| format!("{name}: {why}"))
        });
        let mut objections: Vec<_> = wrong.collect();
        if self.good != self.sent {
            let lost = self.sent - self.good;
            objections.push(format!("{lost} of {} good messages came to nothing", self.sent));
        }
        let accounts = &self.accounts;
        if !accounts.is_balanced() || accounts.queued > 0 || accounts.agents != self.agents {
            objections.push(format!(
                "the accounts do not balance: {accounts}, of {} that were started",
                self.agents
            ));
        }
        if let Some(grown) = self.growth().filter(|grown| *grown > GROWTH) {
            let percent = grown * 100.0;
            objections.push(format!("{percent:.1} % more is resident, again and again"));
        }
        objections
    }

    /// Returns the growth of resident memory as a share; `None` where it is not known.
    pub fn growth(&self) -> Option<f64> {
        growth(self.resident_before, self.resident_after)
    }
}

impl AttackStats {
    /// Returns the longest time of any good agent's message during attacks, nanoseconds.
    pub fn longest(&self) -> Option<f64> {
        let all = [&self.same_shard, &self.others];
        all.into_iter().filter_map(Distribution::max).reduce(f64::max)
    }
}

/// Returns the growth of a size as a share; `None` where it is not known.
pub(super) fn growth(before: Option<u64>, after: Option<u64>) -> Option<f64> {
    let (before, after) = before.zip(after)?;
    Some(after as f64 / before as f64 - 1.0)
}
