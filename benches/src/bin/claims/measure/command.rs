//! Measures the time of sandlab's commands.

use anyhow::{Context, Result, ensure};
use sandlab::stats::Estimate;
use serde::Deserialize;
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parameters {
    arguments: Vec<String>,
    /// Runs of the command; the figure is over all of them.
    times: usize,
}

/// Measures the time that `sandlab` with some arguments takes, seconds.
pub fn command(Parameters { arguments, times }: Parameters) -> Result<Estimate> {
    super::rounds(times, |_| seconds(sandlab()?.args(&arguments)))
}

/// Returns a command for the `sandlab` that was built beside this program.
pub fn sandlab() -> Result<Command> {
    let program = std::env::current_exe()?.with_file_name("sandlab");
    ensure!(
        program.exists(),
        "{} is missing: `cargo build --release --package sandlab` builds it",
        program.display()
    );
    Ok(Command::new(program))
}

/// Returns how long a command takes, which must succeed.
pub fn seconds(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    command.stdout(Stdio::null());
    let status = command.status().with_context(|| format!("{command:?} did not start"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(start.elapsed().as_secs_f64())
}
