//! What signals of the operating system do to a command.

use crate::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Calls `stop` on each Ctrl-C, SIGTERM or SIGHUP from now on, in a thread of its own.
///
/// # Errors
/// If the operating system takes no handler, or starts no thread.
pub fn on_stop(stop: impl Fn() + Send + 'static) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Error::Machine(format!("cannot catch Ctrl-C: {error}")))?;
    let listen = move || signals.forever().for_each(|_| stop());
    std::thread::Builder::new().spawn(listen).map(drop).map_err(Error::thread)
}

/// Makes a write past `ulimit -f` fail as one to a full disk does, with a reason that is told,
/// where the signal would kill the process without a word.
pub fn survive_file_limits() {
    // Where no handler can be set, the signal kills as before.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
