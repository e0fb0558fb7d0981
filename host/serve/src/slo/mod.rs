//! Objectives, and how fast their error budgets burn.
//!
//! ```text
//! Snapshot ──Counter──▶ Count ──History──▶ Count per window ──Evaluator──▶ Standing, Change
//!                       all, bad           5m 30m 1h 6h 3d 30d
//! ```
//!
//! The method is the multi-window, multi-burn-rate alert of Google's SRE workbook (chapter 5,
//! "Alerting on SLOs"). Nothing here reads a clock: the time of a snapshot is given with it.

mod burn;
mod count;
mod history;
mod objective;
mod rules;
mod share;
mod window;

pub use burn::{Burn, Change, Evaluator, Standing};
pub use count::Count;
pub use objective::{Objective, SloError, check, read_objectives};
pub use rules::{ALERT, rules};
pub use share::Share;
pub use window::{Pair, Severity, pairs};
