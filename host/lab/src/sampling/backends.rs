//! Loads a subject on the backends that it can run on.

use crate::bundle::Subject;
use crate::sampling::equivalent;
use crate::sampling::setup::{Loaded, Loader, Side};
use crate::workload::with_directory;
use crate::workload::{Case, Expected};
use crate::{Error, Result};
use sandlab_runtime::config::{Calls, FileIo, Grants, Interrupt};
use sandlab_runtime::subject::{self, Kind, Subject as Loadable};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Backend, BackendKind, SandboxConfig, native::Twin, process::Children};
use std::sync::Arc;

/// The side of a native twin without instructions that wasm lacks, beside the twin as people run it.
pub const PORTABLE: &str = "portable";

/// Returns a kind with its article, as in "an agent".
pub fn with_article(kind: Kind) -> String {
    let name = kind.name();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// Loads a subject on the backends that it can run on.
///
/// # Errors
/// If it does not load on a backend that it should.
pub fn load(
    subject: &Subject,
    backends: &[BackendKind],
    config: &SandboxConfig,
    cases: &[Case],
) -> Result<Loaded> {
    let agent = subject.name();
    let (config, directory) = with_directory(config, cases)?;
    let (mut sides, mut notes) = (Vec::new(), Vec::new());
    for backend in backends.iter().copied() {
        match side(subject, backend, &config, cases, &mut notes)? {
            Some(side) => sides.push(side),
            None if subject.native.is_some() => {}
            None if subject.is_agent() => notes.push(format!(
                "{agent} is a component alone, without a twin: {backend} is left out"
            )),
            None if subject.kind == Some(Kind::Function) => {}
            None if backend == BackendKind::Native => {
                notes.push(format!("{agent} has nothing native beside it; `--native` names it"));
            }
            None => {}
        }
        if let Some(portable) = subject.portable().filter(|_| backend == BackendKind::Native) {
            let failed = |source| Error::Load { agent: agent.clone(), backend, source };
            sides.push(Side::new(PORTABLE, Twin::load(&portable, &config).map_err(failed)?));
        }
    }
    if sides.is_empty() {
        return Err(without_native(subject));
    }
    Ok(Loaded { agent, sides, notes, _directory: directory })
}

/// Loads a subject on one backend, for many agents, whose messages fit its kind.
///
/// # Errors
/// If it does not load there, or has nothing native and needs it, or a message does not fit.
pub fn backend(
    subject: &Subject,
    kind: BackendKind,
    config: &SandboxConfig,
    cases: &[Case],
) -> Result<Arc<dyn Backend>> {
    noted(subject, kind, config, cases, &mut Vec::new())
}

/// Does the same as [`backend`]; adds what a reader must know of it to the notes.
///
/// # Errors
/// As [`backend`].
pub fn noted(
    subject: &Subject,
    kind: BackendKind,
    config: &SandboxConfig,
    cases: &[Case],
    notes: &mut Vec<String>,
) -> Result<Arc<dyn Backend>> {
    let loaded = side(subject, kind, config, cases, notes)?;
    Ok(loaded.ok_or_else(|| without_native(subject))?.backend)
}

fn without_native(subject: &Subject) -> Error {
    let agent = subject.name();
    Error::Usage(match subject.kind {
        Some(Kind::Command | Kind::Service) => format!(
            "{agent} has nothing native beside it: give `--native`, or use `--backends wasm`"
        ),
        _ => format!(
            "{agent} is a component alone, without a twin: it can only run on `--backends wasm`"
        ),
    })
}

/// Returns a note that calls are async, which doubles their price, and why.
fn on_fibers(agent: &str, loaded: &Loadable, grants: &Grants) -> Option<String> {
    let why = match loaded.prepared().blocking_import.as_deref() {
        // Whoever reads a service's response is on another fiber.
        _ if loaded.kind == Kind::Service => return None,
        _ if loaded.needs_async.is_some() => "it needs component-model async".to_owned(),
        Some(import) if import.starts_with("wasi:filesystem") => {
            let waits = match grants.file_io {
                FileIo::Background => {
                    "; each operation on a file waits for another thread (grants.file-io)"
                }
                FileIo::Direct => "",
            };
            format!("it can block in {import}{waits}")
        }
        Some(import) => format!("it can block in {import}"),
        None => "the sandbox config says so".to_owned(),
    };
    let is_async = loaded.prepared().calls == Calls::Async;
    is_async.then(|| format!("{agent} runs on async calls, since {why}"))
}

/// Returns a note of how a component is interrupted at its deadline, if not as most are: what that
/// costs differs.
fn interrupted(agent: &str, loaded: &Loadable) -> Option<String> {
    let prepared = loaded.prepared();
    Some(match (prepared.interrupt, &prepared.epochs_because) {
        (Interrupt::Epoch, Some(why)) => {
            format!("{agent} is interrupted by epochs and not by a page, since {why}")
        }
        (Interrupt::Epoch, None) => return None,
        (Interrupt::Page, _) => format!("{agent} is interrupted by a page"),
        // Noted of the whole run.
        (Interrupt::None, _) => return None,
    })
}

/// Returns a note that a component was made of a core module, which costs what the adapter does.
fn adapted(agent: &str, loaded: &Loadable) -> Option<String> {
    loaded.adapter.map(|_| {
        format!(
            "{agent} is a core module, run as a {} through wasmtime's adapter of WASI preview 1",
            loaded.kind
        )
    })
}

/// Returns `None` if the subject has nothing that the backend could run.
fn side(
    subject: &Subject,
    backend: BackendKind,
    config: &SandboxConfig,
    cases: &[Case],
    notes: &mut Vec<String>,
) -> Result<Option<Side>> {
    let agent = subject.name();
    let failed = |source| Error::Load { agent: agent.clone(), backend, source };
    let name = backend.name();
    let side = match (backend, subject.twin(), &subject.native) {
        (BackendKind::Wasm, ..) => {
            let loaded = subject.load_alone(config).map_err(failed)?;
            require_fit(&agent, &loaded, cases)?;
            notes.extend(on_fibers(&agent, &loaded, &config.grants));
            notes.extend(interrupted(&agent, &loaded));
            notes.extend(adapted(&agent, &loaded));
            Side { anew: Some(loader(subject, config)?), ..Side::of(name, loaded.backend) }
        }
        (BackendKind::Native, Some(twin), _) => {
            Side::new(name, Twin::load(&twin, config).map_err(failed)?)
        }
        (BackendKind::Process, Some(twin), _) => {
            Side::new(name, Children::of(&twin, config).map_err(failed)?)
        }
        (BackendKind::Native, None, Some(equivalent)) => {
            Side::of(name, equivalent::load(equivalent, config)?)
        }
        (_, None, _) | (BackendKind::Deployed, ..) => return Ok(None),
    };
    Ok(Some(side))
}

/// Returns what loads a component from memory, since its file may change meanwhile, into a new engine
/// each time.
fn loader(subject: &Subject, config: &SandboxConfig) -> Result<Loader> {
    let file = subject.component();
    let bytes = std::fs::read(&file).map_err(Error::file("read", &file))?;
    let (agent, options, config) = (subject.name(), subject.options.clone(), config.clone());
    Ok(Box::new(move || {
        let loaded = SandboxEngine::new(&config)
            .and_then(|engine| subject::load_bytes(&engine, &bytes, &agent, &options));
        let failed =
            |source| Error::Load { agent: agent.clone(), backend: BackendKind::Wasm, source };
        Ok(loaded.map_err(failed)?.backend)
    }))
}

/// Checks that all messages are what a subject of this kind is sent.
///
/// # Errors
/// If one is not: its line, which argument, and the type that it should have.
pub fn require_fit(agent: &str, loaded: &Loadable, cases: &[Case]) -> Result<()> {
    for case in cases {
        if case.kind != loaded.kind {
            return Err(Error::Usage(format!(
                "{agent} is {}, and the messages are for {}: give others with `--workload`",
                with_article(loaded.kind),
                with_article(case.kind)
            )));
        }
        for exchange in &case.exchanges {
            let content = &exchange.request.content;
            let checked = loaded.check(content).and_then(|()| match &exchange.expected {
                Expected::Result(stated) => loaded.check_result(content, stated),
                _ => Ok(()),
            });
            checked.map_err(|reason| {
                Error::Usage(format!("the workload of {agent}: {}{reason}", exchange.place()))
            })?;
        }
    }
    Ok(())
}
