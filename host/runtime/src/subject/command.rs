//! Commands: a message is a command line for `wasi:cli/run`.
//!
//! ```json
//! {"args": ["-e", "puts 1"], "stdin": "…", "env": {"LANG": "C"}}
//! {"exit": 0, "stdout": "1\n", "stderr": "…"}
//! ```

use super::Data;
use super::instance::{Live, Stop};
use crate::wasm::exports::Way;
use crate::wasm::state::{State, wasi};
use crate::wasm::stdio::{Output, Sink};
use crate::wasm::store::timed;
use crate::{Budget, Cause, SandboxConfig};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime::Error;
use wasmtime::component::InstancePre;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::{exports, sync};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{I32Exit, async_trait};

use exports::wasi::cli::run as run_fiber;
use sync::exports::wasi::cli::run as run_sync;
use wasmtime_wasi::p3::bindings::exports::wasi::cli::run as run_third;

/// The content of a message to a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandRequest<'a> {
    /// The arguments, after the program's name. Default none.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Cow<'a, str>>,
    /// Content of standard input. Default empty.
    #[serde(borrow, skip_serializing_if = "Data::is_empty")]
    pub stdin: Data<'a>,
    /// Variables besides those that the sandbox config grants, which win over these. Default
    /// none.
    #[serde(borrow, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// The content of a command's reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandResponse<'a> {
    /// The exit code. Before WASI 0.2.12 (`exit-with-code`) a component could only report success or
    /// failure, so that a failure is 1 whatever code the source has: today's Rust is of that
    /// version. Core modules report their code.
    pub exit: i32,
    /// The bytes that it wrote to standard output; left out of the JSON if there are none.
    #[serde(borrow, skip_serializing_if = "Data::is_empty")]
    pub stdout: Data<'a>,
    /// The last `log.size` bytes that it wrote to standard error; left out of the JSON if there are
    /// none.
    #[serde(borrow, skip_serializing_if = "Data::is_empty")]
    pub stderr: Data<'a>,
}

impl CommandRequest<'_> {
    /// Returns it as a message's content, in JSON.
    pub fn encode(&self) -> Vec<u8> {
        super::encode(self)
    }

    /// Reads a message's content.
    fn decode(content: &[u8]) -> Result<CommandRequest<'_>, String> {
        serde_json::from_slice(content).map_err(|error| format!("no command line: {error}"))
    }

    /// Checks that a message's content is a command line.
    ///
    /// # Errors
    /// If the content is not the JSON of a [`CommandRequest`]; the text has the parser's reason.
    pub(super) fn check(content: &[u8]) -> Result<(), String> {
        CommandRequest::decode(content).map(drop)
    }
}

/// A command's export `run`.
enum Run {
    /// `wasi:cli/run@0.2`, called on the caller's stack or on a fiber.
    Second(Way<run_sync::GuestIndices, run_fiber::GuestIndices>),
    /// `wasi:cli/run@0.3`, an async function, which needs a store with concurrency support.
    Third(run_third::GuestIndices),
}

/// A command, looked up once for all instances.
pub(super) struct Command {
    run: Run,
    /// The first of the program's arguments.
    name: String,
}

impl Command {
    pub fn find(
        pre: &InstancePre<State>,
        fiber: bool,
        is_third: bool,
        name: &str,
    ) -> Result<Self, Error> {
        let run = match (is_third, fiber) {
            (true, _) => Run::Third(run_third::GuestIndices::new(pre)?),
            (_, true) => Run::Second(Way::Fiber(run_fiber::GuestIndices::new(pre)?)),
            _ => Run::Second(Way::Sync(run_sync::GuestIndices::new(pre)?)),
        };
        let name = name.to_owned();
        Ok(Self { run, name })
    }

    /// Runs the command to its end.
    pub async fn respond(
        &self,
        live: &mut Live,
        config: &SandboxConfig,
        content: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let request = CommandRequest::decode(content).map_err(Stop::not_understood)?;
        let stdout = Stdout::new(config.budgets.output.as_u64());
        self.prepare(live, config, request, &stdout)?;
        let store = &mut live.store;
        let ran = match &self.run {
            Run::Second(Way::Sync(run)) => {
                run.load(&mut *store, &live.linked)?.call_run(&mut *store)
            }
            Run::Second(Way::Fiber(run)) => {
                let run = run.load(&mut *store, &live.linked)?;
                timed(config.deadline, run.call_run(&mut *store)).await
            }
            Run::Third(run) => {
                let run = run.load(&mut *store, &live.linked)?;
                let ran = store.run_concurrent(async |store| run.call_run(store).await);
                timed(config.deadline, async { ran.await? }).await
            }
        };
        if stdout.is_over() {
            return Err(stdout.over().into());
        }
        let exit = match ran {
            Ok(returned) => i32::from(returned.is_err()),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => exit.0,
                None => return Err(error.into()),
            },
        };
        Ok(super::encode(&CommandResponse {
            exit,
            stdout: stdout.take().into(),
            stderr: live.store.data().output.text().into_bytes().into(),
        }))
    }

    /// Gives the instance, which has not run, its arguments, environment and streams.
    fn prepare(
        &self,
        live: &mut Live,
        config: &SandboxConfig,
        request: CommandRequest,
        stdout: &Stdout,
    ) -> Result<(), Stop> {
        let state = live.store.data_mut();
        let fiber = !matches!(self.run, Run::Second(Way::Sync(_)));
        let mut wasi = wasi(config, &state.output, fiber)?;
        wasi.arg(&self.name);
        for argument in &request.args {
            wasi.arg(argument);
        }
        for (name, value) in &request.env {
            if !config.grants.env.contains_key(name.as_ref()) {
                wasi.env(name, value);
            }
        }
        wasi.stdout(stdout.clone());
        wasi.stderr(state.output.clone());
        if !request.stdin.is_empty() {
            wasi.stdin(MemoryInputPipe::new(request.stdin.into_owned()));
        }
        state.set_wasi(wasi.build());
        Ok(())
    }
}

/// A program's standard output, whole: it is the reply. Clones share it. Always ready, within
/// the budget.
#[derive(Clone)]
struct Stdout {
    written: Arc<Mutex<Vec<u8>>>,
    /// Set once a write was refused. WASI 0.3 only tells the guest, which may go on.
    is_over: Arc<AtomicBool>,
    budget: u64,
}

impl Stdout {
    fn new(budget: u64) -> Self {
        Self { written: Arc::default(), is_over: Arc::default(), budget }
    }

    fn over(&self) -> Cause {
        Cause::OverBudget { budget: Budget::Output, limit: self.budget }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IsTerminal for Stdout {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdout {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Sink(self.clone()))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl Output for Stdout {
    fn append(&self, bytes: &[u8]) -> Result<(), Cause> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if (written.len() + bytes.len()) as u64 > self.budget {
            self.is_over.store(true, Ordering::Relaxed);
            return Err(self.over());
        }
        written.extend_from_slice(bytes);
        Ok(())
    }
}

#[async_trait]
impl OutputStream for Stdout {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes).map_err(|over| StreamError::Trap(over.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[async_trait]
impl Pollable for Stdout {
    async fn ready(&mut self) {}
}
