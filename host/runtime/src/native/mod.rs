//! A twin in this process: the baseline that the sandbox is compared with.
//!
//! There is no isolation here. A twin that overflows its stack or aborts ends the host, and
//! memory, time and fuel are not limited. Only what the host itself holds for the agent is
//! limited: the log, and the size of its results.

mod agent;
mod convert;

use crate::config::{Access, SandboxConfig};
use crate::{
    Agent, Backend, BackendKind, Cause, Fault, Identity, Interface, LoadError, NotOffered,
};
use agent::Instance;
use libloading::Library;
use sandlab_native_abi::{Directory, ENTRY, Entry, Table, VERSION, exports};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The library of a twin, loaded and checked.
pub struct Twin {
    program: Arc<Program>,
}

/// The parts of a twin that its instances share. The library stays loaded for as long as any lives.
struct Program {
    table: Table,
    config: SandboxConfig,
    directories: Vec<Granted>,
    _library: Library,
}

/// A granted directory, with an absolute path.
struct Granted {
    guest: String,
    host: PathBuf,
    write: bool,
}

impl Twin {
    /// Loads a twin's library.
    ///
    /// # Errors
    /// If the file is not a twin of this version of the ABI, or a granted directory does not
    /// exist.
    pub fn load(path: &Path, config: &SandboxConfig) -> Result<Self, LoadError> {
        let directories = directories(config)?;
        let path = path
            .canonicalize()
            .map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
        let (library, table) =
            open(&path).map_err(|reason| LoadError::NotATwin { path: path.clone(), reason })?;
        Ok(Self {
            program: Arc::new(Program {
                table,
                config: config.clone(),
                directories,
                _library: library,
            }),
        })
    }
}

fn open(path: &Path) -> Result<(Library, Table), String> {
    // SAFETY: loading runs the library's initialisers. It is the caller's own build of
    // an agent, trusted like any native code: that is what this backend is.
    let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
    let table = {
        // SAFETY: the symbol's name carries the ABI's version, so its type is `Entry`.
        let entry = unsafe { library.get::<Entry>(ENTRY) };
        let entry = entry.map_err(|_| {
            "it does not export `sandlab_agent_v2`; build the agent with `sandlab build`".to_owned()
        })?;
        let table = entry();
        // SAFETY: the first field never moves, and the table lives as long as the library.
        let version = unsafe { (*table).version };
        if version != VERSION {
            return Err(format!(
                "its ABI has version {version}, this host's has {VERSION}; build the agent anew"
            ));
        }
        // SAFETY: a table of this version, alive as long as the library.
        unsafe { *table }
    };
    Ok((library, table))
}

fn directories(config: &SandboxConfig) -> Result<Vec<Granted>, LoadError> {
    let granted = config.grants.directories.iter().map(|directory| {
        let host = directory.host.canonicalize().map_err(|error| {
            let host = directory.host.display();
            LoadError::Config(format!("the granted directory {host}: {error}"))
        })?;
        Ok(Granted {
            guest: directory.guest.clone(),
            host,
            write: directory.access == Access::Write,
        })
    });
    granted.collect()
}

impl Program {
    fn exports(&self, interface: Interface) -> bool {
        let bit = match interface {
            Interface::Batch => exports::BATCH,
            Interface::State => exports::STATE,
            Interface::Parcels => exports::PARCELS,
        };
        self.table.exports & bit != 0
    }

    fn require(&self, interface: Interface) -> Result<(), Fault> {
        if self.exports(interface) {
            return Ok(());
        }
        Err(Cause::Unsupported(interface.to_string()).into())
    }
}

impl Granted {
    fn lend(&self) -> Directory {
        use sandlab_native_abi::Bytes;
        use std::os::unix::ffi::OsStrExt;
        Directory {
            guest: Bytes::lend(self.guest.as_bytes()),
            host: Bytes::lend(self.host.as_os_str().as_bytes()),
            write: self.write.into(),
        }
    }
}

impl Backend for Twin {
    fn kind(&self) -> BackendKind {
        BackendKind::Native
    }

    fn offers(&self, interface: Interface) -> Result<(), NotOffered> {
        let exports = self.program.exports(interface);
        exports.then_some(()).ok_or(NotOffered::NotExported(interface))
    }

    fn spawn(&self, identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Instance::spawn(self.program.clone(), identity)?))
    }
}
