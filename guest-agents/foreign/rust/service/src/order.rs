//! Orders: what one costs in all, and its dearest line.

use serde::{Deserialize, Serialize};
use std::time::SystemTime;

#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    price: u64,
    count: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    total: u64,
    lines: usize,
    dearest: &'a str,
    /// Milliseconds since 1970: no two answers are equal.
    at: u128,
}

/// Adds up an order.
///
/// # Errors
/// Why it is none.
pub fn total(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    let order: Order = serde_json::from_slice(body).map_err(|_| "the order is not JSON")?;
    let cost = |line: &Line| line.price * line.count;
    let dearest = order.lines.iter().max_by_key(|line| cost(line));
    let answer = Answer {
        total: order.lines.iter().map(cost).sum(),
        lines: order.lines.len(),
        dearest: &dearest.ok_or("the order has no lines")?.name,
        at: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis(),
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
