//! Functions that take more time per message in the new build than in the old.

use super::{Found, KIND};
use crate::record::{Finding, Folded, Run, RunPart};
use crate::sampling::pairs::SIDES;
use crate::stats::median_interval;
use crate::verdict::gate::Growth;

/// The number of functions that a report names.
const NAMED: usize = 3;

/// The smallest growth that is reported, as a share of a message's time. With some thousand
/// samples, less cannot be told from chance.
const LEAST: f64 = 0.02;

/// The stacks of two builds, and the time that a message takes in each.
pub(super) struct Builds {
    pub(super) bytes: u64,
    pub(super) old: (Folded, f64),
    pub(super) new: (Folded, f64),
}

impl Builds {
    /// Returns the builds of a part; `None` if the part samples a single build.
    pub(super) fn of(part: &RunPart) -> Option<Self> {
        let side = |name: &str| {
            let mut found = part.findings.iter().filter_map(Finding::read);
            let folded = found.find_map(|found| match found {
                Found::Stacks(stacks) if stacks.side == name => Some(stacks.folded),
                _ => None,
            })?;
            let ns = part.rounds.sides.iter().find(|side| side.side == name)?;
            Some((folded, median_interval(&ns.ns)?.value))
        };
        let [old, new] = SIDES.map(side);
        Some(Self { bytes: part.part.bytes().unwrap_or(0), old: old?, new: new? })
    }

    /// Returns the stacks of the old build, scaled to the new one's messages and samples.
    pub(super) fn before(&self) -> Vec<(String, u64)> {
        let ((old, old_ns), (new, new_ns)) = (&self.old, &self.new);
        let expected = new.samples() as f64 * old_ns / new_ns;
        old.scaled(expected / old.samples().max(1) as f64)
    }

    /// Returns the functions that grew most, the first one most of all.
    pub(super) fn grown(&self) -> Vec<Growth> {
        let ((old, old_ns), (new, new_ns)) = (&self.old, &self.new);
        // The numbers of functions without names are others in another build.
        let named = new.hottest().into_iter().filter(|hot| !hot.function.contains(".func["));
        let growths = named.map(|hot| {
            let before = old.own_share(&hot.function);
            Growth {
                bytes: self.bytes,
                before,
                after: hot.own,
                before_ns: before * old_ns,
                after_ns: hot.own * new_ns,
                function: hot.function,
            }
        });
        let grown = |growth: &Growth| growth.after_ns - growth.before_ns;
        let mut growths: Vec<Growth> =
            growths.filter(|growth| grown(growth) > LEAST * old_ns).collect();
        growths.sort_by(|a, b| grown(b).total_cmp(&grown(a)));
        growths.truncate(NAMED);
        growths
    }
}

/// Returns the functions that grew most between the two builds of a gate.
pub fn growths(run: &Run) -> Vec<Growth> {
    let parts = run.parts.iter().filter(|part| part.part.experiment == KIND);
    parts.filter_map(Builds::of).flat_map(|builds| builds.grown()).collect()
}
