//! Alerts that a program is run for.

use super::{Alert, Channel};
use sandlab_runtime::child::Child;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest time that the program takes; then it is killed, and the alert has not arrived.
const TIME: Duration = Duration::from_secs(30);

/// A program that is run for each alert.
pub(super) struct Program(Vec<String>);

impl Program {
    pub(super) fn new(command: &[String]) -> Self {
        Self(command.to_vec())
    }

    fn run(&self, alert: &Alert) -> Result<(), String> {
        let (program, args) = self.0.split_first().ok_or("there is no program")?;
        let content = serde_json::to_vec(alert).map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null());
        command.env("SANDLAB_ALERT_STATE", alert.state.name());
        command.env("SANDLAB_ALERT_SEVERITY", alert.severity.name());
        command.env("SANDLAB_ALERT_OBJECTIVE", &alert.objective);
        command.env("SANDLAB_ALERT_AGENT", alert.agent.as_deref().unwrap_or_default());
        command.env("SANDLAB_ALERT_SUMMARY", &alert.summary);
        command.env("SANDLAB_ALERT_RUNBOOK", &alert.runbook);
        let mut child = Child::start(&mut command).map_err(|error| error.to_string())?;
        if let Some(mut input) = child.stdin() {
            // It fits the pipe, so that this does not wait for a program that does not read it, and
            // one that has ended by then may have had enough.
            let _ = input.write_all(&content);
        }
        let ended = child.finish(TIME, &|| false);
        if ended.cause.is_success() { Ok(()) } else { Err(ended.to_string()) }
    }
}

impl Channel for Program {
    fn send(&mut self, alerts: &[Alert]) -> Result<(), String> {
        alerts.iter().try_for_each(|alert| self.run(alert))
    }
}
