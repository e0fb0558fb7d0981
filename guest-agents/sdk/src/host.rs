//! The host's functions: `interface host`, and granted directories.

use crate::{AgentId, Directory, Failure, Level, Message, Parcel, SendError};

#[cfg(target_family = "wasm")]
pub(crate) use guest::Imports;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::twin::Imports;

/// The host's functions, valid during a call.
#[derive(Debug)]
pub struct Host {
    pub(crate) imports: Imports,
}

impl Host {
    /// Sends a message to another agent. It is delivered if the call that sends it returns
    /// without an error. The host overwrites its sender.
    ///
    /// # Errors
    /// If the host refuses the message.
    pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
        self.imports.send(message)
    }

    /// Sends a message whose content stays in the host's memory, as [`send`](Host::send) does.
    /// The content is gone, even if the host refuses it.
    ///
    /// # Errors
    /// If the host refuses the parcel.
    pub fn send_parcel(&mut self, parcel: Parcel) -> Result<(), SendError> {
        self.imports.send_parcel(parcel)
    }

    /// Writes a line to the host's log. Lines over the log's budget are dropped and counted.
    pub fn log(&mut self, level: Level, text: &str) {
        self.imports.log(level, text);
    }

    /// Returns the agent's own id.
    pub fn own_id(&self) -> AgentId {
        self.imports.own_id()
    }

    /// Returns the id of the live agent with this name; `None` if there is none.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.imports.find(name)
    }

    /// Opens a granted directory by the path that the grant gives it.
    ///
    /// # Errors
    /// [`Failure::Denied`] if no such directory is granted.
    pub fn directory(&self, path: &str) -> Result<Directory, Failure> {
        self.imports.directory(path)
    }
}

/// Empty, since a component imports the host's functions.
#[cfg(target_family = "wasm")]
mod guest {
    use crate::bindings::plain::sandlab::agent::host;
    use crate::bindings::zero_copy::sandlab::agent::contents;
    use crate::{AgentId, Directory, Failure, Level, Message, Parcel, SendError};

    #[derive(Debug)]
    pub struct Imports;

    impl Imports {
        pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
            host::send(message)
        }

        pub fn send_parcel(&mut self, parcel: Parcel) -> Result<(), SendError> {
            contents::send(parcel)
        }

        pub fn log(&mut self, level: Level, text: &str) {
            host::log(level, text);
        }

        pub fn own_id(&self) -> AgentId {
            host::self_()
        }

        pub fn find(&self, name: &str) -> Option<AgentId> {
            host::find(name)
        }

        pub fn directory(&self, path: &str) -> Result<Directory, Failure> {
            Directory::open(path)
        }
    }
}
