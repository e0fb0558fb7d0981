//! The alerts that one destination has yet to get, and those that are active there.

use super::{Alert, State};
use std::collections::VecDeque;

/// The alerts of one destination, at most one per objective and urgency: a later state of an alert
/// replaces one that was never sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Alert>,
    /// Alerts that were sent and are not resolved yet.
    on: Vec<Alert>,
}

impl Outbox {
    /// Adds an alert.
    pub(super) fn push(&mut self, alert: Alert) {
        match self.waiting.iter_mut().find(|waiting| waiting.is_same(&alert)) {
            Some(waiting) => *waiting = alert,
            None => self.waiting.push_back(alert),
        }
    }

    /// Returns the alert that has waited longest; `None` if none waits.
    pub(super) fn next(&self) -> Option<&Alert> {
        self.waiting.front()
    }

    /// Notes that an alert has arrived; it still waits if its state has changed since.
    pub(super) fn arrived(&mut self, alert: &Alert) {
        if self.waiting.front() == Some(alert) {
            self.waiting.pop_front();
        }
        self.on.retain(|on| !on.is_same(alert));
        if alert.state == State::Firing {
            self.on.push(alert.clone());
        }
    }

    /// Returns the active alerts that were sent.
    pub(super) fn on(&self) -> &[Alert] {
        &self.on
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
