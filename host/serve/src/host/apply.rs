//! A configuration comes into force, by its difference from the one before.

use super::served::Served;
use super::{Host, ServeError};
use crate::load::Loaded;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// The effects of a change of the configuration, by the names of agents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// New.
    pub added: Vec<String>,
    /// Replaced by another version.
    pub changed: Vec<String>,
    /// No longer served.
    pub removed: Vec<String>,
    /// Replaced or removed while messages that they had accepted were left.
    pub cut_off: Vec<String>,
}

impl Host {
    /// Serves the agents of a configuration. Unchanged agents go on as they are. The new version of
    /// a changed agent is started before the old one is removed, and the old one finishes its
    /// accepted messages, within at most `within`. Blocks until then: call it from a thread.
    ///
    /// # Errors
    /// [`ServeError`] if an agent does not start; then nothing has changed.
    pub fn apply(&self, loaded: Loaded, within: Duration) -> Result<Applied, ServeError> {
        let _one = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut applied = Applied::default();
        let started = self.start_changed(&loaded, &mut applied)?;
        let names: BTreeSet<_> = loaded.programs.keys().cloned().collect();
        let former = self.exchange(started, &names);
        for (name, _) in &former {
            if !names.contains(name) {
                applied.removed.push(name.clone());
            }
        }
        *self.0.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        self.0.names.send_replace(names.into_iter().collect());
        let until = Instant::now() + within;
        for (name, served) in former {
            if !served.retire(&self.0.runtime, until) {
                applied.cut_off.push(name);
            }
        }
        Ok(applied)
    }

    /// Starts every agent that is new or another than before.
    fn start_changed(
        &self,
        loaded: &Loaded,
        applied: &mut Applied,
    ) -> Result<Vec<(String, Served)>, ServeError> {
        let served = self.all_served();
        let mut started: Vec<(String, Served)> = Vec::new();
        for (name, program) in &loaded.programs {
            let before = served.iter().find(|(known, _)| known == name).map(|(_, served)| served);
            match before {
                Some(before) if before.program.is_same(program) => continue,
                Some(_) => applied.changed.push(name.clone()),
                None => applied.added.push(name.clone()),
            }
            match Served::start(&self.0.runtime, name, program, before.map(|before| &**before)) {
                Ok(new) => started.push((name.clone(), new)),
                Err(error) => {
                    started.iter().for_each(|(_, new)| new.stop(&self.0.runtime));
                    return Err(error);
                }
            }
        }
        Ok(started)
    }

    /// Lets messages go to the new versions, and to none that is not named. Returns those that get
    /// none any more.
    fn exchange(
        &self,
        started: Vec<(String, Served)>,
        names: &BTreeSet<String>,
    ) -> Vec<(String, Arc<Served>)> {
        for (name, new) in &started {
            if let Some(agent) = new.first() {
                self.0.runtime.rename(agent, name);
            }
        }
        let mut agents = self.0.agents.write().unwrap_or_else(PoisonError::into_inner);
        let mut former: Vec<_> = agents.extract_if(|name, _| !names.contains(name)).collect();
        for (name, new) in started {
            let old = agents.insert(name.clone(), Arc::new(new));
            former.extend(old.map(|old| (name, old)));
        }
        // Before anybody sees that they are gone, so that a host that drains waits for them.
        let retiring = former.iter().map(|(name, served)| (name.clone(), Arc::downgrade(served)));
        *self.0.retiring.lock().unwrap_or_else(PoisonError::into_inner) = retiring.collect();
        former
    }
}

/// As a sentence's part: "added a, b; changed c; removed none".
impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let Self { added, changed, removed, cut_off } = self;
        write!(f, "added {}; changed {}; removed {}", list(added), list(changed), list(removed))?;
        if !cut_off.is_empty() {
            write!(f, "; stopped with messages left: {}", cut_off.join(", "))?;
        }
        Ok(())
    }
}
