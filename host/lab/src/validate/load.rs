//! Stage 5: whether the component compiles and links, compile time and compiled size.

use super::budget::{judge, judge_samples, percentile};
use super::code::Code;
use super::finding::{Check, Finding};
use super::measure::Measure;
use super::policy::Policy;
use sandlab_runtime::LoadError;
use sandlab_runtime::config::{Calls, Interrupt};
use sandlab_runtime::subject::{self, Kind, Options, Subject};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use std::time::Instant;

/// The loaded guest, `None` if the component was refused, and the checks.
pub type Loaded = (Option<Subject>, Vec<Check>);

/// Loads the component, `timing.compiles` times if loading is timed.
///
/// # Errors
/// If this machine cannot run the engine that the policy's limits ask for.
pub fn check(
    bytes: &[u8],
    name: &str,
    kind: Kind,
    policy: &Policy,
    timed: bool,
) -> Result<Loaded, String> {
    let is_judged = policy.budgets.contains_key(&Measure::CompileTime);
    let compiles = if timed { policy.timing.compiles } else { 1 };
    // Loading from the cache would time no compilation.
    let cache = if timed && (is_judged || compiles > 1) { Cache::none() } else { Cache::of_user() };
    let engine = SandboxEngine::with_cache(&policy.limits, cache);
    let engine = engine.map_err(|error| error.to_string())?;
    let options = Options { kind: Some(kind), reuse: None };
    let mut samples = Vec::new();
    let mut loaded = None;
    for _ in 0..compiles {
        let started = Instant::now();
        match subject::load_bytes(&engine, bytes, name, &options) {
            Ok(sandbox) => loaded = Some(sandbox),
            Err(error) => return refused(&error).map(|check| (None, vec![check])),
        }
        samples.push(started.elapsed().as_nanos() as u64);
    }
    let Some(sandbox) = loaded else {
        return Err("`timing.compiles` is 0".to_owned());
    };
    let prepared = sandbox.prepared();
    let calls = match (prepared.calls, prepared.blocking_import.as_deref()) {
        (Calls::Async, _) if sandbox.needs_async.is_some() => {
            "on async calls, since it needs component-model async".to_owned()
        }
        (Calls::Async, Some(import)) => {
            format!("on async calls, since it can block in {import}")
        }
        (Calls::Async, None) => "on async calls".to_owned(),
        _ => "on sync calls".to_owned(),
    };
    let interrupt = match prepared.interrupt {
        Interrupt::Epoch => "",
        Interrupt::Page => ", interrupted by a page",
        Interrupt::None => ", without a deadline",
    };
    let calls = format!("{calls}{interrupt}");
    let mut checks = vec![Check::of("links", Vec::new()).with_note(calls)];
    checks.push(compile_time(policy, timed, sandbox.prepared().was_compiled, samples));
    let size = sandbox.prepared().compiled_size;
    checks.push(judge(policy, Measure::CompiledSize, size, Code::OverCompiled));
    Ok((Some(sandbox), checks))
}

fn compile_time(policy: &Policy, timed: bool, compiled: bool, mut samples: Vec<u64>) -> Check {
    let measure = Measure::CompileTime;
    if !timed {
        return Check::skipped(measure.name(), "timing is turned off");
    }
    if !compiled {
        let why = "it came from the cache: set a budget for `compile-time`, or \
                   `timing.compiles = 2`, to time compiling";
        return Check::skipped(measure.name(), why);
    }
    let median = percentile(&mut samples, 0.5);
    judge_samples(policy, measure, median, samples, Code::OverCompiled)
}

fn refused(error: &LoadError) -> Result<Check, String> {
    let finding = match error {
        LoadError::UndeclaredImport { import, remedy } => {
            Finding::new(Code::NotGranted, import, remedy).found(error.to_string())
        }
        LoadError::Engine(_)
        | LoadError::Threads(_)
        | LoadError::Config(_)
        | LoadError::Unreadable { .. } => {
            return Err(error.to_string());
        }
        _ => {
            let remedy = "Build the agent without what the engine refuses";
            Finding::new(Code::NotPrepared, "the component", remedy).found(error.to_string())
        }
    };
    Ok(Check::of("links", vec![finding]))
}
