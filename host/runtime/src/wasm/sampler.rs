//! Samples of guests' stacks, tick by tick.
//!
//! The engine of a sampler has a faster epoch. At each tick at which a guest runs, its next check
//! of the epoch (at the entry of a function, at the head of a loop) takes the stack. So a sample
//! stands at such a check, near the guest's position at the tick; the host's own functions are in
//! none. Wasmtime's `GuestProfiler` samples in the same place, but does not give access to its
//! stacks and writes them in one format only.

use super::engine::EPOCH_TICK;
use super::output::readable;
use super::state::State;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::{Config, FrameInfo, Store, UpdateDeadline, WasmBacktrace, WasmBacktraceDetails};

/// Frames that are kept of a stack, the innermost ones. Interpreters in a guest nest deep.
const FRAMES: usize = 128;

/// The most different stacks, so that no guest fills the host's memory.
const STACKS: usize = 20_000;

/// The name of the frame that stands for those that were not kept.
pub const LEFT_OUT: &str = "…";

/// Takes the stacks of all guests of an engine. Clones share the samples.
#[derive(Debug, Clone)]
pub struct Sampler {
    interval: Duration,
    taken: Arc<Mutex<Taken>>,
}

/// A stack, and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The names of its functions, the outermost first.
    pub frames: Vec<String>,
    /// The number of samples.
    pub samples: u64,
    /// Whether the innermost function has no name, so that its number stands for it.
    pub is_unnamed: bool,
}

/// The samples: functions by number, and stacks of these numbers.
#[derive(Debug, Default)]
struct Taken {
    /// Numbers of functions by their keys.
    known: HashMap<String, u32>,
    functions: Vec<Function>,
    stacks: HashMap<Vec<u32>, u64>,
    /// A function's key, kept for the next one.
    key: String,
}

#[derive(Debug)]
struct Function {
    name: String,
    is_unnamed: bool,
}

impl Sampler {
    /// Creates a sampler that takes a stack per interval.
    pub fn new(interval: Duration) -> Self {
        Self { interval, taken: Arc::default() }
    }

    /// Returns the time between two samples.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the samples since the last call, the commonest stack first.
    pub fn take(&self) -> Vec<Stack> {
        let taken = std::mem::take(&mut *self.taken());
        let functions = taken.functions;
        let stacks = taken.stacks.into_iter().map(|(frames, samples)| {
            let frames: Vec<&Function> =
                frames.iter().rev().filter_map(|frame| functions.get(*frame as usize)).collect();
            Stack {
                is_unnamed: frames.last().is_some_and(|innermost| innermost.is_unnamed),
                frames: frames.into_iter().map(|function| function.name.clone()).collect(),
                samples,
            }
        });
        let mut stacks: Vec<Stack> = stacks.collect();
        stacks.sort_by(|a, b| b.samples.cmp(&a.samples).then_with(|| a.frames.cmp(&b.frames)));
        stacks
    }

    /// Sets the options that an engine needs before it compiles.
    pub(super) fn configure(&self, config: &mut Config) {
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES));
        // Places in the module, files and lines would be looked up for each frame of each sample,
        // which takes half as long again.
        config.generate_address_map(false);
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    }

    /// Samples the guest of a store at each tick, and stops its call after this number of ticks. A
    /// call on a fiber yields instead, as often as one that is not sampled: its deadline is its
    /// future's.
    pub(super) fn watch(&self, store: &mut Store<State>, deadline: u64, fiber: bool) {
        let sampler = self.clone();
        let yields = (EPOCH_TICK.as_nanos() / self.interval.as_nanos().max(1)).max(1) as u64;
        store.epoch_deadline_callback(move |mut store| {
            sampler.taken().add(WasmBacktrace::force_capture(&store).frames());
            let ticks = &mut store.data_mut().ticks;
            *ticks += 1;
            Ok(match fiber {
                true if ticks.is_multiple_of(yields) => UpdateDeadline::Yield(1),
                false if *ticks > deadline => UpdateDeadline::Interrupt,
                _ => UpdateDeadline::Continue(1),
            })
        });
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // What is counted is whole whenever the lock is free.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Counts a stack whose innermost frame comes first.
    fn add(&mut self, frames: &[FrameInfo]) {
        if frames.is_empty() {
            return;
        }
        let mut stack: Vec<u32> = frames.iter().map(|frame| self.number(frame)).collect();
        if stack.len() == FRAMES {
            stack.push(self.left_out());
        }
        if self.stacks.len() >= STACKS && !self.stacks.contains_key(&stack) {
            stack = vec![self.left_out()];
        }
        *self.stacks.entry(stack).or_default() += 1;
    }

    fn number(&mut self, frame: &FrameInfo) -> u32 {
        let module = frame.module().name().unwrap_or("module");
        let name = frame.func_name();
        self.key.clear();
        // Writing into a string never fails.
        let _ = write!(self.key, "{module}\0{}\0{}", frame.func_index(), name.unwrap_or(""));
        if let Some(number) = self.known.get(&self.key) {
            return *number;
        }
        let function = Function {
            name: match name {
                Some(name) => shown(&demangled(name)),
                None => shown(&format!("{module}.func[{}]", frame.func_index())),
            },
            is_unnamed: name.is_none(),
        };
        self.know(self.key.clone(), function)
    }

    fn left_out(&mut self) -> u32 {
        if let Some(number) = self.known.get(LEFT_OUT) {
            return *number;
        }
        let function = Function { name: LEFT_OUT.to_owned(), is_unnamed: false };
        self.know(LEFT_OUT.to_owned(), function)
    }

    fn know(&mut self, key: String, function: Function) -> u32 {
        let number = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.known.insert(key, number);
        self.functions.push(function);
        number
    }
}

/// Returns a name as its author wrote it, of Rust or C++; another as it is.
fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    let cpp = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    cpp.unwrap_or_else(|| name.to_owned())
}

/// Returns a name that cannot do harm where it is shown, nor be taken for two frames where `;`
/// stands between them.
fn shown(name: &str) -> String {
    readable(name).replace(';', ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let rust = "_ZN4sha26sha25611compress25617h0123456789abcdefE";
        assert_eq!(demangled(rust), "sha2::sha256::compress256");
        assert_eq!(demangled("_ZN2js6ObjectC1Ev"), "js::Object::Object()");
        assert_eq!(demangled("PyObject_Call"), "PyObject_Call");
        assert_eq!(shown("a;b\n"), "a:b\\n");
    }
}
