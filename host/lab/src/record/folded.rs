//! Sampled stacks, folded: each stack once, with how often it was met.

use sandlab_runtime::wasm::{LEFT_OUT, Stack};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of stacks that a run keeps: more than anybody can see in a picture.
const MOST: usize = 1 << 20;

/// The stacks of a guest, sampled while it ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Folded {
    /// Each stack, its functions from the outermost with `;` between them, and its samples; the
    /// commonest first. Of those that are not kept whole the innermost function is kept, under `…`.
    pub stacks: Vec<(String, u64)>,
    /// Samples whose innermost function has no name, and is called by its number.
    pub unnamed: u64,
}

/// A function, and the share of samples that it is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Hot {
    /// Its name.
    pub function: String,
    /// Samples in which it is the innermost, as a share of all.
    pub own: f64,
    /// Samples in which it is anywhere, the same.
    pub total: f64,
}

impl Folded {
    /// Returns these stacks, the commonest first, as far as a run keeps them.
    pub fn of(stacks: Vec<Stack>) -> Self {
        let unnamed = stacks.iter().filter(|stack| stack.is_unnamed).map(|stack| stack.samples);
        let mut folded = Self { stacks: Vec::new(), unnamed: unnamed.sum() };
        let (mut bytes, mut cut) = (0, BTreeMap::<String, u64>::new());
        for mut stack in stacks {
            let line = stack.frames.join(";");
            bytes += line.len();
            if bytes <= MOST {
                folded.stacks.push((line, stack.samples));
                continue;
            }
            let innermost = stack.frames.pop().unwrap_or_default();
            *cut.entry(format!("{LEFT_OUT};{innermost}")).or_default() += stack.samples;
        }
        folded.stacks.extend(cut);
        folded
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> u64 {
        self.stacks.iter().fold(0, |all, (_, samples)| all.saturating_add(*samples))
    }

    /// Returns the share of samples in functions without a name.
    pub fn unnamed_share(&self) -> f64 {
        self.unnamed as f64 / self.samples().max(1) as f64
    }

    /// Returns all functions, the one first in which most samples are themselves.
    pub fn hottest(&self) -> Vec<Hot> {
        let mut functions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (stack, samples) in &self.stacks {
            // One that calls itself is in a sample once.
            let frames: BTreeSet<&str> = stack.split(';').collect();
            for frame in frames {
                let (_, total) = functions.entry(frame).or_default();
                *total = total.saturating_add(*samples);
            }
            let innermost = stack.rsplit(';').next().unwrap_or_default();
            let (own, _) = functions.entry(innermost).or_default();
            *own = own.saturating_add(*samples);
        }
        let all = self.samples().max(1) as f64;
        let share = |samples: u64| samples as f64 / all;
        let hot = functions.into_iter().map(|(function, (own, total))| Hot {
            function: function.to_owned(),
            own: share(own),
            total: share(total),
        });
        let mut hot: Vec<Hot> = hot.filter(|hot| hot.function != LEFT_OUT).collect();
        hot.sort_by(|a, b| b.own.total_cmp(&a.own).then(b.total.total_cmp(&a.total)));
        hot
    }

    /// Returns the share of samples of which a function is the innermost.
    pub fn own_share(&self, function: &str) -> f64 {
        let own =
            self.stacks.iter().filter(|(stack, _)| stack.rsplit(';').next() == Some(function));
        let own = own.fold(0, |all: u64, (_, samples)| all.saturating_add(*samples));
        own as f64 / self.samples().max(1) as f64
    }

    /// Returns the stacks in as many samples as would have been taken in another time.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Vec<(String, u64)> {
        let stacks = self.stacks.iter();
        stacks.map(|(stack, n)| (stack.clone(), (*n as f64 * factor).round() as u64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &[&str], samples: u64) -> Stack {
        let frames = frames.iter().map(|frame| (*frame).to_owned()).collect();
        Stack { frames, samples, is_unnamed: false }
    }

    #[test]
    fn a_function_that_calls_itself_is_in_a_sample_once() {
        let folded = Folded::of(vec![stack(&["run", "walk", "walk"], 3), stack(&["run"], 1)]);
        let hot = folded.hottest();
        assert_eq!((hot[0].function.as_str(), hot[0].own, hot[0].total), ("walk", 0.75, 0.75));
        assert_eq!((hot[1].function.as_str(), hot[1].own, hot[1].total), ("run", 0.25, 1.0));
        assert_eq!((folded.own_share("run"), folded.own_share("other")), (0.25, 0.0));
    }

    #[test]
    fn of_a_stack_that_is_not_kept_the_innermost_function_is() {
        let long = "x".repeat(MOST);
        let stacks = vec![stack(&["run"], 5), stack(&[&long, "end"], 2), stack(&["run", "end"], 1)];
        let folded = Folded::of(stacks);
        assert_eq!(folded.stacks, [("run".to_owned(), 5), ("…;end".to_owned(), 3)]);
        assert_eq!((folded.samples(), folded.hottest().len()), (8, 2));
    }
}
