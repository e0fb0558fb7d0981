//! `sandlab worker`

use super::{signals, streams};
use crate::Result;
use crate::experiments::options::{Shown, meeting};
use crate::sampling::workers::Worker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The NATS server at which commands find the worker, and its credentials for the hosts under load.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The NATS server at which commands find it.
    #[arg(long, value_name = "URL")]
    nats: String,
    /// The worker's name in reports. [default: the machine's name and the process's number]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

pub fn execute(args: &Args) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    signals::on_stop(move || stopped.store(true, Ordering::Relaxed))?;
    let worker = Worker {
        name: args.name.clone().unwrap_or_else(name),
        nats: meeting(&args.nats, &args.shown),
        access: args.shown.access()?,
        say: &streams::say,
        stop,
    };
    worker.work()
}

fn name() -> String {
    let machine = rustix::system::uname();
    format!("{}-{}", machine.nodename().to_string_lossy(), std::process::id())
}
