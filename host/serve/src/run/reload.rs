//! The configuration is followed: at a signal, and when a file has changed.

use super::read::Read;
use super::seen::Seen;
use super::{Options, RunError};
use crate::config::{Config, Listen};
use crate::http::App;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::sync::watch;

/// Reloads on a thread of its own, one after another. It ends when this is dropped.
pub struct Reloader(Sender<()>);

impl Reloader {
    /// Starts following the configuration that is in force, which is of these files. Tells how long
    /// the host may drain, by the one that is in force.
    pub fn start(
        options: Options,
        config: Config,
        seen: Seen,
        app: Arc<App>,
        drain: watch::Sender<Duration>,
    ) -> io::Result<Self> {
        let (sender, asked) = channel();
        let following = Following { seen, options, config, app, drain };
        let thread = thread::Builder::new().name("reload".to_owned());
        thread.spawn(move || following.run(&asked))?;
        Ok(Self(sender))
    }

    /// Asks for a reload.
    pub fn reload(&self) {
        // The thread ends with the process only.
        let _ = self.0.send(());
    }
}

struct Following {
    options: Options,
    config: Config,
    app: Arc<App>,
    drain: watch::Sender<Duration>,
    /// The files of the last configuration that was read.
    seen: Seen,
}

impl Following {
    fn run(mut self, asked: &Receiver<()>) {
        loop {
            match asked.recv_timeout(self.interval()) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if !self.seen.have_changed() => continue,
                _ => {}
            }
            // Several signals ask for what one reload does.
            while asked.try_recv().is_ok() {}
            let said = match self.reload() {
                Ok(said) => format!("reloaded: {said}"),
                Err(error) => format!("not reloaded, everything stays as it is: {error}"),
            };
            (self.options.say)(&said);
        }
    }

    fn interval(&self) -> Duration {
        // The longest that the standard library waits for.
        const NEVER: Duration = Duration::from_secs(1 << 31);
        if self.config.watch.is_zero() { NEVER } else { self.config.watch }
    }

    /// Returns the changes, in words.
    fn reload(&mut self) -> Result<String, RunError> {
        let seen = Seen::default();
        let read = self.options.read(&self.app.host.loaded(), &seen);
        let before = std::mem::replace(&mut self.seen, seen);
        let address = self.config.listen.http;
        let applied = read.and_then(|Read { config, access, loaded }| {
            config.listen.check_at(address)?;
            let applied = self.app.host.apply(loaded, config.drain)?;
            self.app.set_access(access);
            Ok((config, applied))
        });
        // What did not come into force may be put right in any file, also of those before.
        let (config, applied) = applied.inspect_err(|_| self.seen.note_all(&before))?;
        self.drain.send_replace(config.drain);
        let stays = [
            ("listen.http", config.listen.http != address),
            ("limits", config.limits != self.config.limits),
            ("nats", config.nats != self.config.nats),
            ("otlp", config.otlp != self.config.otlp),
            ("shards", config.shards != self.config.shards),
            ("monitor", config.monitor != self.config.monitor),
            ("objective", config.objectives != self.config.objectives),
            ("alert", config.alerts != self.config.alerts),
        ];
        let stays = stays.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field);
        let stays: Vec<_> = stays.collect();
        // What stays is compared again the next time.
        let Config { limits, nats, otlp, shards, monitor, objectives, alerts, .. } =
            self.config.clone();
        let listen = Listen { http: address, ..config.listen };
        self.config =
            Config { listen, limits, nats, otlp, shards, monitor, objectives, alerts, ..config };
        Ok(match &stays[..] {
            [] => applied.to_string(),
            [one] => format!("{applied}; {one} needs a restart"),
            several => format!("{applied}; {} need a restart", several.join(", ")),
        })
    }
}
