//! From a component's bytes to machine code: for which engines, and whether it is rewritten.

use super::cache::Source;
use super::interrupt::{self, Refusal};
use super::{SandboxEngine, engine, imports, unprepared};
use crate::LoadError;
use crate::config::{Calls, Interrupt};
use std::sync::PoisonError;
use wasmtime::Engine;
use wasmtime::component::Component;

/// A component that was compiled for the first of its engines.
pub struct Compiled<'a> {
    /// One per pool, at least one.
    pub engines: Vec<Engine>,
    /// The first engine's.
    pub component: Component,
    /// True if it was compiled now, false if it was taken from the cache.
    pub was_compiled: bool,
    /// The interruption that is in force.
    pub interrupt: Interrupt,
    /// The reason for epochs, if the sandbox config asks for the page.
    pub epochs_because: Option<String>,
    /// The component's source, by which the cache finds it.
    pub source: Source<'a>,
}

impl SandboxEngine {
    /// Compiles a component or takes it from the cache. Where the sandbox config asks for a page
    /// that is not possible, epochs interrupt it. With `fiber`, its calls must run on fibers
    /// whatever it imports.
    pub(super) fn compile<'a>(
        &self,
        bytes: &'a [u8],
        fiber: bool,
    ) -> Result<Compiled<'a>, LoadError> {
        let interrupt = interrupt::in_force(&self.config);
        if interrupt != Interrupt::Page {
            let epochs_because = interrupt::refused(&self.config);
            return self.compile_as_it_is(self.engines.clone(), bytes, interrupt, epochs_because);
        }
        self.compile_with_page(bytes, fiber).or_else(|why| {
            let engines = self.engines_with_epochs()?;
            self.compile_as_it_is(engines, bytes, Interrupt::Epoch, Some(why))
        })
    }

    fn compile_as_it_is<'a>(
        &self,
        engines: Vec<Engine>,
        bytes: &'a [u8],
        interrupt: Interrupt,
        epochs_because: Option<String>,
    ) -> Result<Compiled<'a>, LoadError> {
        let source = Source::as_it_is(bytes);
        let first = engines.first().ok_or_else(super::no_pool)?;
        let (component, was_compiled) = self.take_or_compile(first, &source)?;
        Ok(Compiled { engines, component, was_compiled, interrupt, epochs_because, source })
    }

    /// Returns a component that is not rewritten, and whether it was compiled (`true`) or taken
    /// from the cache.
    pub(super) fn take_or_compile(
        &self,
        engine: &Engine,
        source: &Source,
    ) -> Result<(Component, bool), LoadError> {
        if let Some(component) = self.cache.get(engine, source) {
            return Ok((component, false));
        }
        engine::require_compile_threads()?;
        Ok((Component::from_binary(engine, source.bytes).map_err(unprepared)?, true))
    }

    /// As [`compile`](Self::compile), with a page.
    ///
    /// # Errors
    /// The reason why a page is not possible. Other errors of the component are found by the
    /// attempt without a page.
    fn compile_with_page<'a>(&self, bytes: &'a [u8], fiber: bool) -> Result<Compiled<'a>, String> {
        if fiber {
            return Err(interrupt::FIBERS.to_owned());
        }
        let text = |error: LoadError| error.to_string();
        let engines = self.engines.clone();
        let first = engines.first().ok_or_else(|| text(super::no_pool()))?;
        let source = Source { bytes, rewriter: Some(interrupt::VERSION) };
        let may_block = self.config.calls == Calls::Sync;
        let (component, was_compiled) = match self.cache.get(first, &source) {
            Some(component) => (component, false),
            None => {
                let rewritten = interrupt::rewrite(bytes, may_block);
                let rewritten = rewritten.map_err(|refusal| refusal.to_string())?;
                engine::require_compile_threads().map_err(text)?;
                let compiled = Component::from_binary(first, &rewritten);
                (compiled.map_err(|error| text(unprepared(error)))?, true)
            }
        };
        // One in the cache may be there because another sandbox config has sync calls.
        if let Some(import) = imports::blocking(&component, first).filter(|_| !may_block) {
            return Err(Refusal::Blocks(import).to_string());
        }
        let (interrupt, epochs_because) = (Interrupt::Page, None);
        Ok(Compiled { engines, component, was_compiled, interrupt, epochs_because, source })
    }

    /// Returns the engines for components that the page cannot interrupt. They are made when the
    /// first such component is loaded.
    fn engines_with_epochs(&self) -> Result<Vec<Engine>, LoadError> {
        let mut engines = self.with_epochs.lock().unwrap_or_else(PoisonError::into_inner);
        if engines.is_empty() {
            *engines = engine::engines(&self.config, Interrupt::Epoch, None)?;
        }
        Ok(engines.clone())
    }
}
