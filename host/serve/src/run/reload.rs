//! The configuration is followed: at a signal, and when a file has changed.

use super::{Options, RunError, Source};
use crate::config::Config;
use crate::http::{Access, App};
use crate::load::Loaded;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

/// Reloads on a thread of its own, one after another. It ends when this is dropped.
pub struct Reloader(Sender<()>);

impl Reloader {
    /// Starts following the configuration that is in force.
    pub fn start(options: Options, config: Config, app: Arc<App>) -> io::Result<Self> {
        let (sender, asked) = channel();
        let mut following = Following { seen: BTreeMap::new(), options, config, app };
        following.look();
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
    /// The time of each file's last change, and its size in bytes; `None` if there is no such file.
    seen: BTreeMap<PathBuf, Option<(SystemTime, u64)>>,
}

impl Following {
    fn run(mut self, asked: &Receiver<()>) {
        loop {
            match asked.recv_timeout(self.interval()) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if !self.look() => continue,
                _ => {}
            }
            // Several signals ask for what one reload does.
            while asked.try_recv().is_ok() {}
            let said = match self.reload() {
                Ok(said) => format!("reloaded: {said}"),
                Err(error) => format!("not reloaded, everything stays as it is: {error}"),
            };
            (self.options.say)(&said);
            self.look();
        }
    }

    fn interval(&self) -> Duration {
        // The longest that the standard library waits for.
        const NEVER: Duration = Duration::from_secs(1 << 31);
        if self.config.watch.is_zero() { NEVER } else { self.config.watch }
    }

    /// Returns whether a file has changed since the last look.
    fn look(&mut self) -> bool {
        let file = match &self.options.source {
            Source::File(path) => Some(path.clone()),
            Source::Given(_) => None,
        };
        let programs = self.app.host.loaded();
        let components = programs.programs.values().map(|program| program.file.clone());
        let state = |path: PathBuf| {
            let found = path.metadata().ok();
            let state = found.and_then(|found| Some((found.modified().ok()?, found.len())));
            (path, state)
        };
        let now = file.into_iter().chain(components).map(state).collect();
        std::mem::replace(&mut self.seen, now) != self.seen
    }

    /// Returns the changes, in words.
    fn reload(&mut self) -> Result<String, RunError> {
        let config = self.options.config()?;
        let access = Access::read(&config.listen)?;
        let before: Arc<Loaded> = self.app.host.loaded();
        let loaded = Loaded::load(&config, &*self.options.resolve, &before)?;
        let applied = self.app.host.apply(loaded, config.drain)?;
        self.app.set_access(access);
        let stays = [
            ("listen.http", config.listen.http != self.config.listen.http),
            ("limits", config.limits != self.config.limits),
            ("otlp", config.otlp != self.config.otlp),
            ("shards", config.shards != self.config.shards),
            ("monitor", config.monitor != self.config.monitor),
            ("objective", config.objectives != self.config.objectives),
            ("alert", config.alerts != self.config.alerts),
        ];
        let stays = stays.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field);
        let stays: Vec<_> = stays.collect();
        // What stays is compared again the next time.
        let Config { listen, limits, otlp, shards, monitor, objectives, alerts, .. } =
            self.config.clone();
        self.config =
            Config { listen, limits, otlp, shards, monitor, objectives, alerts, ..config };
        Ok(match stays.is_empty() {
            true => applied.to_string(),
            false => format!("{applied}; {} need a restart", stays.join(", ")),
        })
    }
}
