//! `sandlab fill`: the process in which a plan's agents live. For `sandlab plan` alone: it reads
//! its order from standard input, and writes its readings to standard output.

use super::print;
use crate::experiments::plan::{Fill, fill};
use crate::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};

pub fn execute() -> Result<()> {
    let told: Fill = serde_json::from_reader(std::io::stdin().lock())
        .map_err(|error| Error::Usage(format!("`fill` is for `sandlab plan` alone: {error}")))?;
    be_killed_first();
    end_with_parent()?;
    fill(&told, &mut |filled| {
        let line = serde_json::to_string(&filled)
            .map_err(|error| Error::Machine(format!("cannot encode a line: {error}")))?;
        print(&(line + "\n"))
    })
}

/// Asks the kernel to kill this process first, and not the one that reports, when memory is short.
fn be_killed_first() {
    // If this fails, the kernel kills the process with the most memory, which is this one as well.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Ends this process as soon as the reader of its output is gone.
fn end_with_parent() -> Result<()> {
    let watch = || {
        let stdout = rustix::stdio::stdout();
        loop {
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            if poll(&mut watched, None).is_ok() && !watched[0].revents().is_empty() {
                std::process::exit(3);
            }
        }
    };
    let thread = std::thread::Builder::new().spawn(watch);
    thread.map(drop).map_err(Error::thread)
}
