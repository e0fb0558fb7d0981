//! How long `sandlab validate` takes.

use anyhow::{Context, Result, ensure};
use sandlab::bundle;
use sandlab::stats::{Estimate, median_interval};
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;
use wasm_encoder::Encode;
use wasmparser::{Parser, Payload};

/// What takes as long as there are cases, or calls.
const LONG: &str = "conformance,soak";
/// All that runs the guest.
const RUNNING: &str = "load,spawn,call,conformance,soak";

/// Of the smallest reference agent, compiled each time, in milliseconds.
pub fn cold() -> Result<Estimate> {
    let echo = component("echo")?;
    milliseconds(11, || {
        let cache = tempfile::tempdir()?;
        validate(&echo, LONG, cache.path())
    })
}

/// The same, compiled before.
pub fn warm() -> Result<Estimate> {
    let (echo, cache) = (component("echo")?, tempfile::tempdir()?);
    validate(&echo, LONG, cache.path())?;
    milliseconds(21, || validate(&echo, LONG, cache.path()))
}

/// Of 12 MB, without running it, in milliseconds.
pub fn counted() -> Result<Estimate> {
    let large = Large::of(12_000_000)?;
    milliseconds(11, || validate(&large.file, RUNNING, large.folder.path()))
}

/// Of 18 MB, by what the engine takes to load them.
pub fn large() -> Result<Estimate> {
    let large = Large::of(18_000_000)?;
    let engine = SandboxEngine::with_cache(&SandboxConfig::default(), Cache::none())?;
    let mut ratios = Vec::new();
    for round in 0..5 {
        let load = || -> Result<f64> {
            let start = Instant::now();
            engine.load(&large.file)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let ours = || -> Result<f64> {
            let cache = tempfile::tempdir()?;
            validate(&large.file, LONG, cache.path())
        };
        ratios.push(if round % 2 == 0 {
            let theirs = load()?;
            ours()? / theirs
        } else {
            ours()? / load()?
        });
    }
    median_interval(&ratios).context("no rounds")
}

fn milliseconds(rounds: usize, mut run: impl FnMut() -> Result<f64>) -> Result<Estimate> {
    let times = (0..rounds).map(|_| run().map(|time| time * 1e3));
    let times = times.collect::<Result<Vec<_>>>()?;
    median_interval(&times).context("never run")
}

/// How long the command takes, which must find nothing wrong, in seconds.
fn validate(file: &Path, skip: &str, cache: &Path) -> Result<f64> {
    let sandlab: PathBuf = std::env::current_exe()?.with_file_name("sandlab");
    let start = Instant::now();
    let mut command = Command::new(&sandlab);
    command.arg("validate").arg(file).args(["--skip", skip]);
    command.env("SANDLAB_CACHE", cache).stdout(Stdio::null());
    let done = command.stderr(Stdio::null()).status();
    let status = done.with_context(|| sandlab.display().to_string())?;
    ensure!(status.success(), "validating {} failed", file.display());
    Ok(start.elapsed().as_secs_f64())
}

fn component(agent: &str) -> Result<PathBuf> {
    Ok(bundle::find(agent, &mut |_| {})?.component())
}

/// The section of a component that holds a module (component model, binary format).
const CORE_MODULE: u8 = 1;

/// `echo` with modules that it does not run, as an interpreter has them: those of `search`.
struct Large {
    file: PathBuf,
    folder: TempDir,
}

impl Large {
    fn of(bytes: usize) -> Result<Self> {
        let mut component = std::fs::read(self::component("echo")?)?;
        let search = std::fs::read(self::component("search")?)?;
        let module = largest_module(&search).context("`search` has no module")?;
        while component.len() < bytes {
            component.push(CORE_MODULE);
            module.encode(&mut component);
        }
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("large.wasm");
        std::fs::write(&file, component)?;
        Ok(Self { file, folder })
    }
}

fn largest_module(component: &[u8]) -> Option<&[u8]> {
    let payloads = Parser::new(0).parse_all(component);
    let modules = payloads.filter_map(|payload| match payload {
        Ok(Payload::ModuleSection {
            unchecked_range, ..
        }) => component.get(unchecked_range),
        _ => None,
    });
    modules.max_by_key(|module| module.len())
}
