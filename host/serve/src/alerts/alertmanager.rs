//! Alerts for Prometheus's Alertmanager, over its API v2.

use super::webhook::{client, post};
use super::{Alert, Channel};
use crate::slo::ALERT;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;
use ureq::Agent;

/// The interval at which alerts that are on are sent again. Prometheus does it each minute too.
const REPEAT: Duration = Duration::from_secs(60);

/// The time after which Alertmanager takes an alert for resolved that it has not seen again: the
/// host has ended, and whether it burns is for the next to say.
const FORGOTTEN: SignedDuration = SignedDuration::from_secs(4 * 60);

/// An Alertmanager.
pub(super) struct Alertmanager {
    url: String,
    client: Agent,
}

impl Alertmanager {
    pub(super) fn new(url: &str) -> Self {
        let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        Self { url, client: client() }
    }
}

impl Channel for Alertmanager {
    fn send(&mut self, alerts: &[Alert]) -> Result<(), String> {
        let now = Timestamp::now();
        let all: Vec<_> = alerts.iter().map(|alert| posted(alert, now)).collect();
        post(&self.client, &self.url, Value::from(all).to_string().as_bytes())
    }

    fn repeats(&self) -> Option<Duration> {
        Some(REPEAT)
    }
}

/// Returns an alert as the API's `postableAlert`.
fn posted(alert: &Alert, now: Timestamp) -> Value {
    let mut labels = Map::new();
    labels.insert("alertname".to_owned(), ALERT.into());
    labels.insert("objective".to_owned(), alert.objective.clone().into());
    labels.insert("severity".to_owned(), alert.severity.name().into());
    labels.extend(alert.agent.clone().map(|agent| ("agent".to_owned(), agent.into())));
    json!({
        "labels": labels,
        "annotations": { "summary": alert.summary, "runbook": alert.runbook },
        "startsAt": alert.started,
        "endsAt": alert.ended.or_else(|| now.checked_add(FORGOTTEN).ok()),
    })
}
