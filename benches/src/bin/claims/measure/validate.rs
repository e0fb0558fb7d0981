//! Measures the time of `sandlab validate`.

use super::command::{sandlab, seconds};
use anyhow::{Context, Result};
use bytesize::ByteSize;
use sandlab::bundle;
use sandlab::stats::Estimate;
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use wasm_encoder::Encode;
use wasmparser::{Parser, Payload};

/// The stages whose time grows with the number of cases, or of calls.
const LONG: &str = "conformance,soak";
/// All stages that run the guest.
const RUNNING: &str = "load,spawn,call,conformance,soak";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Validate {
    agent: String,
    /// Stages.
    skip: Vec<String>,
    cache: Compiled,
}

/// The content of the cache of compiled components when the command starts.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Compiled {
    Empty,
    Filled,
}

/// Measures the validation of an agent, seconds.
pub fn validate(Validate { agent, skip, cache }: Validate) -> Result<Estimate> {
    let (component, skip) = (component(&agent)?, skip.join(","));
    match cache {
        Compiled::Empty => super::rounds(11, |_| {
            let cache = tempfile::tempdir()?;
            run(&component, &skip, cache.path())
        }),
        Compiled::Filled => {
            let cache = tempfile::tempdir()?;
            run(&component, &skip, cache.path())?;
            super::rounds(21, |_| run(&component, &skip, cache.path()))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Size {
    /// Size of the component that is generated.
    size: ByteSize,
}

/// Measures the validation of a large component without running it, seconds.
pub fn without_running(Size { size }: Size) -> Result<Estimate> {
    let large = Large::of(size)?;
    super::rounds(11, |_| run(&large.file, RUNNING, large.folder.path()))
}

/// Measures that of a large component ÷ what the engine takes to load it.
pub fn vs_load(Size { size }: Size) -> Result<Estimate> {
    let large = Large::of(size)?;
    let engine = SandboxEngine::with_cache(&SandboxConfig::default(), Cache::none())?;
    let load = || {
        let start = Instant::now();
        engine.load(&large.file)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let validate = || {
        let cache = tempfile::tempdir()?;
        run(&large.file, LONG, cache.path())
    };
    super::ratio(6, validate, load)
}

/// Returns the seconds that the command takes, which must find nothing wrong.
fn run(file: &Path, skip: &str, cache: &Path) -> Result<f64> {
    let mut command = sandlab()?;
    command.arg("validate").arg(file).args(["--skip", skip]);
    command.env("SANDLAB_CACHE", cache).stderr(Stdio::null());
    seconds(&mut command)
}

fn component(agent: &str) -> Result<PathBuf> {
    Ok(bundle::find(agent, &mut |_| {})?.component())
}

/// The section of a component that holds a module (component model, binary format).
const CORE_MODULE: u8 = 1;

/// `echo` with modules of `search` that it does not run, as an interpreter's component has them.
struct Large {
    file: PathBuf,
    folder: TempDir,
}

impl Large {
    fn of(size: ByteSize) -> Result<Self> {
        let mut component = std::fs::read(self::component("echo")?)?;
        let search = std::fs::read(self::component("search")?)?;
        let module = largest_module(&search).context("`search` has no module")?;
        while component.len() < size.as_u64() as usize {
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
        Ok(Payload::ModuleSection { unchecked_range, .. }) => component.get(unchecked_range),
        _ => None,
    });
    modules.max_by_key(|module| module.len())
}
