//! Timing, judging, and confirming on fresh samples.

use crate::Result;
use crate::record::Paired;
use crate::sampling::pairs::PairSettings;
use crate::sampling::recorder::Recorder;
use crate::verdict::gate::{self, Judged, NoiseFloor, Policy};

/// The most pairs that are measured in a series.
pub(super) const MOST_PAIRS: u32 = 200;

/// The rules by which times are judged.
pub struct Decision<'a> {
    /// The changes that are allowed, by metric.
    pub policy: &'a Policy,
    /// The noise floor of this machine.
    pub floor: &'a NoiseFloor,
    /// Pairs and repetitions of the first series.
    pub settings: PairSettings,
}

impl Decision<'_> {
    /// Times and judges the metrics, and measures regressed or inconclusive ones again: twice as
    /// many pairs, in another order. `time` is called with the settings of a series and a filter of
    /// its metrics.
    ///
    /// # Errors
    /// Those of `time`.
    pub fn reach(
        &self,
        to: &dyn Recorder,
        mut time: impl FnMut(&PairSettings, &dyn Fn(&str) -> bool) -> Result<Vec<Paired>>,
    ) -> Result<Vec<Judged>> {
        let judge = |paired: &[Paired]| gate::judge(paired, self.policy, self.floor);
        let timed = judge(&time(&self.settings, &|_| true)?);
        let again = gate::again(&timed);
        if again.is_empty() || to.stopped() {
            return Ok(timed);
        }
        to.shows("confirming");
        let settings = PairSettings {
            pairs: (self.settings.pairs * 2).min(MOST_PAIRS),
            seed: self.settings.seed + 1,
            ..self.settings
        };
        let fresh = time(&settings, &|name| again.iter().any(|again| again == name))?;
        Ok(gate::confirmed(timed, judge(&fresh)))
    }
}
