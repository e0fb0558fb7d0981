//! What the host offers: `interface host`, and the directories that it grants.

use crate::{AgentId, Directory, Failure, Level, Message, Parcel, SendError};

#[cfg(target_family = "wasm")]
pub(crate) use guest::Imports;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::twin::Imports;

/// The host, as an agent sees it, for as long as a call lasts.
#[derive(Debug)]
pub struct Host {
    pub(crate) imports: Imports,
}

impl Host {
    /// Sends a message to another agent. It is on its way when the call that sent it
    /// returns without an error. The host overwrites its sender.
    ///
    /// # Errors
    /// If the host does not take the message.
    pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
        self.imports.send(message)
    }

    /// As [`send`](Host::send), of a message whose content stays in the host's memory. The
    /// content is gone, even if the parcel is not taken.
    ///
    /// # Errors
    /// If the host does not take it.
    pub fn send_parcel(&mut self, parcel: Parcel) -> Result<(), SendError> {
        self.imports.send_parcel(parcel)
    }

    /// Writes a line to the host's log. Lines over the profile's budget are dropped and counted.
    pub fn log(&mut self, level: Level, text: &str) {
        self.imports.log(level, text);
    }

    /// The agent's own id.
    pub fn own_id(&self) -> AgentId {
        self.imports.own_id()
    }

    /// The id of the live agent with this name.
    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.imports.find(name)
    }

    /// A directory that the sandbox profile grants, by the path that it gives the agent.
    ///
    /// # Errors
    /// [`Failure::Denied`] if the profile grants no such directory.
    pub fn directory(&self, path: &str) -> Result<Directory, Failure> {
        self.imports.directory(path)
    }
}

/// In a component the host's functions are imports of the module: there is nothing to hold.
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
