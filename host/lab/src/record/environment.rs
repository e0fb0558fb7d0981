//! The conditions that numbers were measured under.

use crate::metrics::format::counted;
use bytesize::ByteSize;
use sandlab_runtime::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};

/// The machine of a run. A property that is not known here is `None`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The processor, as Linux names it.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: Option<usize>,
    /// Cores' worth of CPU time that its control groups allow; `None` if that is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// The memory that its control groups may use, bytes; `None` if that is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// The kernel's release.
    pub kernel: String,
    /// The load average of the last minute, when the run started.
    pub load: Option<f64>,
    /// sandlab's version.
    pub sandlab: String,
    /// Wasmtime's version.
    pub wasmtime: String,
    /// The commit of the folder that the run was started in.
    pub commit: Option<String>,
}

impl Environment {
    /// Reads the environment of this machine, now.
    pub fn now() -> Self {
        Self {
            cpu: cpu(),
            cores: std::thread::available_parallelism().ok().map(Into::into),
            cpu_quota: limits::cpu_quota(),
            memory_limit: limits::memory_limit(),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            load: load(),
            sandlab: env!("CARGO_PKG_VERSION").to_owned(),
            wasmtime: sandlab_runtime::wasm::WASMTIME_VERSION.to_owned(),
            commit: commit(),
        }
    }
}

impl Environment {
    /// Returns the cores as reports show them, with the limits of this process: "8 cores (a quota
    /// of 0.5), 512.0 MiB of memory".
    pub fn cores_and_limits(&self) -> String {
        let cores = self.cores.map_or_else(|| "? cores".to_owned(), |n| counted(n, "core"));
        let quota = self.cpu_quota.map(|quota| format!(" (a quota of {quota})"));
        let memory = self.memory_limit.map(|bytes| {
            let limit = ByteSize::b(bytes).display().iec();
            format!(", {limit} of memory")
        });
        format!("{cores}{}{}", quota.unwrap_or_default(), memory.unwrap_or_default())
    }
}

fn cpu() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"]);
    let output = git.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}
