//! Processes that keep the cores busy.

use std::process::{Child, Command, Stdio};

/// Busy processes, for as long as this lives.
pub struct Crowd(Vec<Child>);

impl Crowd {
    pub fn of(count: usize) -> Self {
        let busy = || {
            let mut shell = Command::new("sh");
            shell.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
            shell.spawn().unwrap()
        };
        Self((0..count).map(|_| busy()).collect())
    }

    /// Three on each core.
    pub fn gather() -> Self {
        Self::of(3 * std::thread::available_parallelism().unwrap().get())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for busy in &mut self.0 {
            let _ = busy.kill();
            let _ = busy.wait();
        }
    }
}
