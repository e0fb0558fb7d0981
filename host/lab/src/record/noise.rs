//! The activity of others on the machine while something was measured.

use super::disturbance::Disturbance;
use super::machine::{Counters, Stretch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// CPU time that went elsewhere, as shares of all cores' time. `None` where this machine does not
/// tell.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// The share of other guests of the same machine ("steal", proc(5)).
    pub steal: Option<f64>,
    /// The share of other processes on this machine.
    pub others: Option<f64>,
}

/// The share above which a median may have moved: a core that is shared for 5 % of the time delays
/// 5 % of the slices.
const NOISY: f64 = 0.05;

/// The shortest time that is judged: the kernel counts in ticks of 10 ms.
const SHORTEST: Duration = Duration::from_secs(1);

impl Noise {
    fn of(stretch: &Stretch) -> Self {
        let all = stretch.elapsed.as_secs_f64() * stretch.cores as f64;
        let share = |time: Duration| time.as_secs_f64() / all;
        match stretch.elapsed >= SHORTEST {
            true => Self { steal: stretch.steal.map(share), others: stretch.others.map(share) },
            false => Self::default(),
        }
    }

    /// Returns a sentence for the reader if the machine was not quiet; `None` if it was.
    pub fn warning(&self) -> Option<String> {
        let over = |share: Option<f64>| share.filter(|share| *share > NOISY);
        let what = match (over(self.others), over(self.steal)) {
            (Some(share), _) => format!("other processes took {:.0} %", share * 100.0),
            (None, Some(share)) => format!("other virtual machines took {:.0} %", share * 100.0),
            (None, None) => return None,
        };
        Some(format!("noisy: {what} of the cores' time while this was measured"))
    }
}

/// Watches from when it is made.
pub struct Watch(Arc<Counters>);

/// Two earlier readings, whichever watch made them. Once the second is [`SHORTEST`] old, it takes the
/// place of the first, which is at least that old from then on.
static READINGS: Mutex<Option<[Arc<Counters>; 2]>> = Mutex::new(None);

impl Watch {
    /// Starts to watch.
    pub fn start() -> Self {
        let now = Arc::new(Counters::now());
        let mut readings = READINGS.lock().unwrap_or_else(PoisonError::into_inner);
        // Of what others did before a pause nothing follows for the rounds after it.
        let is_recent = |[_, later]: &[Arc<Counters>; 2]| later.until(&now).elapsed < 2 * SHORTEST;
        if !readings.as_ref().is_some_and(is_recent) {
            *readings = Some([now.clone(), now.clone()]);
        }
        Self(now)
    }

    /// Returns the noise so far.
    pub fn noise(&self) -> Noise {
        Noise::of(&self.0.until(&Counters::now()))
    }

    /// Returns the disturbance since the start or the last lap, `None` if there was none, and
    /// begins the next lap.
    pub fn lap(&mut self) -> Option<Disturbance> {
        let now = Arc::new(Counters::now());
        let stretch = self.0.until(&now);
        self.0 = now;
        stretch.disturbance()
    }

    /// Does the same for one of many rounds, which may be shorter than a tick: others are taken to be
    /// as busy in it as over the last second or two. A burst of theirs within a single short round is
    /// not seen; it moves no median. By its own ticks alone, on a quiet machine with two cores, 14 of
    /// 30 blocks of starts and 32 of 45 rounds of a comparison were invalid, in which threads of sandlab
    /// had waited for each other.
    pub fn round(&mut self) -> Option<Disturbance> {
        let now = Arc::new(Counters::now());
        let stretch = self.0.until(&now);
        self.0 = now.clone();
        let mut readings = READINGS.lock().unwrap_or_else(PoisonError::into_inner);
        let [earlier, later] = readings.get_or_insert_with(|| [now.clone(), now.clone()]);
        let recent = earlier.until(&now);
        if later.until(&now).elapsed >= SHORTEST {
            *earlier = std::mem::replace(later, now);
        }
        stretch.disturbance_beside(&recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_noisy_run_is_called_so() {
        let noise = |others, steal| Noise { steal, others };
        assert_eq!(noise(Some(0.01), Some(0.0)).warning(), None);
        assert_eq!(noise(None, None).warning(), None);
        let others = noise(Some(0.3), None).warning().unwrap();
        assert!(others.contains("other processes took 30 %"), "{others}");
        assert!(noise(Some(0.0), Some(0.1)).warning().is_some());
    }
}
