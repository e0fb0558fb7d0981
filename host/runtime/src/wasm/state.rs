//! The data of a store: the host's side of one agent.

use super::contents::Contents;
use super::interrupt::Pages;
use super::limiter::Limiter;
use super::outgoing::Outgoing;
use super::stdio::Captured;
use crate::bindings::{host, types};
use crate::config::{Access, FileIo, SandboxConfig, Stdio};
use crate::outbox::{Outbox, Sending};
use crate::{AgentId, Cause, Fault, Identity, Level, Message, SendError};
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub struct State {
    pub limiter: Limiter,
    pub outbox: Outbox,
    pub contents: Contents,
    pub output: Captured,
    pub pages: Pages,
    /// Ticks at which the running call was sampled.
    pub ticks: u64,
    /// The requests of a subject that speaks HTTP; agents have no interface to make one.
    pub outgoing: Outgoing,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl State {
    /// Makes the state of a new instance's store. `fiber` is whether its calls run on fibers.
    ///
    /// # Errors
    /// If a granted directory does not exist any more.
    pub fn new(config: &SandboxConfig, identity: Identity, fiber: bool) -> Result<Self, Fault> {
        let output = Captured::new(config);
        let mut table = ResourceTable::new();
        table.set_max_capacity(config.budgets.handles as usize);
        Ok(Self {
            limiter: Limiter::new(config),
            outbox: Outbox::new(identity, config),
            contents: Contents::new(config),
            wasi: wasi(config, &output, fiber)?.build(),
            outgoing: Outgoing::new(config),
            http: WasiHttpCtx::new(),
            table,
            output,
            pages: Pages::default(),
            ticks: 0,
        })
    }

    /// Replaces what the guest sees of WASI, before it has run.
    pub fn set_wasi(&mut self, wasi: WasiCtx) {
        self.wasi = wasi;
    }

    /// Resets what belongs to one call.
    pub fn begin_call(&mut self, sending: Sending) {
        self.limiter.begin_call();
        self.outbox.begin_call(sending);
        self.contents.begin_call();
        self.output.clear();
        self.outgoing.begin_call();
        self.ticks = 0;
    }
}

/// Returns what a sandbox config grants of WASI to a guest whose calls run on fibers, or do not.
///
/// # Errors
/// If a granted directory does not exist any more.
pub fn wasi(
    config: &SandboxConfig,
    output: &Captured,
    fiber: bool,
) -> Result<WasiCtxBuilder, Fault> {
    let mut wasi = WasiCtx::builder();
    // Before the directories, which are opened with it.
    wasi.allow_blocking_current_thread(!fiber || config.grants.file_io == FileIo::Direct);
    wasi.max_random_size(config.result_limit.as_u64());
    let grants = &config.grants;
    match grants.stdio {
        Stdio::Log => wasi.stdout(output.clone()).stderr(output.clone()),
        Stdio::Inherit => wasi.inherit_stdout().inherit_stderr(),
    };
    for (name, value) in &grants.env {
        wasi.env(name, value);
    }
    for directory in &grants.directories {
        let access = match directory.access {
            Access::Read => FsPerms::ReadOnly,
            Access::Write => FsPerms::ReadWrite,
        };
        wasi.preopened_dir(&directory.host, &directory.guest, access).map_err(|error| {
            let host = directory.host.display();
            Cause::Host(format!("the granted directory {host}: {error}"))
        })?;
    }
    if grants.network {
        wasi.inherit_network().allow_ip_name_lookup(true);
    }
    Ok(wasi)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn send(&mut self, message: Message) -> wasmtime::Result<Result<(), SendError>> {
        let sent = self.outbox.send(message);
        self.outbox.check()?;
        Ok(sent)
    }

    fn log(&mut self, level: Level, text: String) -> wasmtime::Result<()> {
        self.outbox.log(level, text);
        Ok(self.outbox.check()?)
    }

    fn self_(&mut self) -> AgentId {
        self.outbox.own_id()
    }

    fn find(&mut self, name: String) -> Option<AgentId> {
        self.outbox.find(&name)
    }
}
