//! The functions of a native twin, by Linux's `perf` where the machine has it and permits it.
//!
//! Twins have no frame pointers, as other native code has none by default, so that only the innermost
//! function of each sample is known.

use crate::Result;
use crate::record::Folded;
use crate::sampling::setup::{Loaded, Side};
use crate::sampling::timing::slice;
use crate::workload::Case;
use rustix::process::{Pid, Signal, kill_process};
use sandlab_runtime::wasm::Stack;
use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The time that a twin is sampled.
const SAMPLED: Duration = Duration::from_secs(1);

/// The time between two samples.
pub const INTERVAL: Duration = Duration::from_millis(1);

/// The functions of a side, or why they cannot be had.
pub type Sampled = std::result::Result<Folded, String>;

/// Samples this thread while a side does its work.
///
/// # Errors
/// If the side fails. That `perf` does is no error.
pub fn sample(loaded: &Loaded, side: &Side, case: &Case) -> Result<Sampled> {
    let mut agent = loaded.start(side, case)?;
    let folder = crate::paths::temporary_folder()?;
    let file = folder.path().join("perf.data");
    let mut perf = match record(&file) {
        Ok(perf) => perf,
        Err(why) => return Ok(Err(why)),
    };
    let start = Instant::now();
    let mut failed = None;
    while start.elapsed() < SAMPLED && failed.is_none() {
        failed = slice(agent.as_mut(), case, 1).err();
    }
    let stopped = stop(&mut perf);
    match failed {
        Some(error) => Err(loaded.failed(side, "while it was sampled", error)),
        None => Ok(stopped.and_then(|()| read(&file))),
    }
}

fn record(file: &Path) -> std::result::Result<Child, String> {
    let rate = (INTERVAL.as_secs_f64().recip().round() as u64).to_string();
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "--event", "cpu-clock:u", "--freq", &rate, "--tid", &thread]);
    perf.arg("--output").arg(file);
    perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    perf.spawn().map_err(|error| format!("`perf` does not start: {error}"))
}

/// Ends a recording as Ctrl-C does, so that it writes its file.
fn stop(perf: &mut Child) -> std::result::Result<(), String> {
    if let Some(pid) = i32::try_from(perf.id()).ok().and_then(Pid::from_raw) {
        // One that has ended by itself says so below.
        let _ = kill_process(pid, Signal::INT);
    }
    let ended = perf.wait().map_err(|error| format!("`perf` cannot be waited for: {error}"))?;
    // It passes on the signal that ended it.
    if ended.success() || ended.code().is_none() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut errors) = perf.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut errors, &mut said);
    }
    let said = said.lines().map(str::trim).find(|line| !line.is_empty());
    Err(format!("`perf record` ended with {ended}: {}", said.unwrap_or("it does not say why")))
}

/// Reads the samples of a recording, a line each: the address, and the function.
fn read(file: &Path) -> Sampled {
    let mut script = Command::new("perf");
    script.args(["script", "--fields", "ip,sym", "--input"]).arg(file);
    let output = script.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`perf script` does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let folded = Folded::of(stacks(&text));
    match folded.stacks.is_empty() {
        true => Err("`perf` took no sample of it".to_owned()),
        false => Ok(folded),
    }
}

fn stacks(text: &str) -> Vec<Stack> {
    let mut functions: HashMap<&str, u64> = HashMap::new();
    for line in text.lines() {
        let sample = line.trim().split_once(' ');
        let Some((_, function)) = sample else {
            continue;
        };
        *functions.entry(function.trim()).or_default() += 1;
    }
    let stacks = functions.into_iter().map(|(function, samples)| Stack {
        frames: vec![crate::printable::printable(function).replace(';', ":")],
        samples,
        is_unnamed: function == "[unknown]",
    });
    let mut stacks: Vec<Stack> = stacks.collect();
    stacks.sort_by(|a, b| b.samples.cmp(&a.samples).then_with(|| a.frames.cmp(&b.frames)));
    stacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_sample() {
        let stacks =
            stacks("  7f01 sha2::compress256 \n 7f02 sha2::compress256\n\n 7f03 [unknown]\n");
        let of = |index: usize| (stacks[index].frames[0].as_str(), stacks[index].samples);
        assert_eq!((of(0), of(1)), (("sha2::compress256", 2), ("[unknown]", 1)));
        assert!(stacks[1].is_unnamed && stacks.len() == 2);
    }
}
