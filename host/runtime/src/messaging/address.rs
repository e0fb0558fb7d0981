//! The place of an agent or a client, encoded as its id.
//!
//! ```text
//! 63      56 55            32 31                     0
//! ┌─────────┬────────────────┬────────────────────────┐
//! │ shard   │ generation     │ slot                   │
//! └─────────┴────────────────┴────────────────────────┘
//! ```
//!
//! A slot is reused with the next generation, so that an old id reaches nobody; after the
//! last generation it is retired. Generations start at 1: no id is 0. Shard 255 stands for
//! the clients, shard 254 for the agents of other hosts.

use crate::AgentId;

/// Shards at most.
pub const MAX_SHARDS: usize = FOREIGN as usize;

/// The shard number of clients.
const CLIENTS: u8 = u8::MAX;

/// The shard number of agents of other hosts.
const FOREIGN: u8 = u8::MAX - 1;

/// The highest generation.
pub const LAST_GENERATION: u32 = (1 << 24) - 1;

/// A decoded id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    pub shard: u8,
    pub generation: u32,
    pub slot: u32,
}

impl Address {
    /// Returns the address of a client's link.
    pub fn client(link: u32) -> Self {
        Self { shard: CLIENTS, generation: 1, slot: link }
    }

    pub fn is_client(self) -> bool {
        self.shard == CLIENTS
    }

    /// Returns the address of an agent of another host.
    pub fn foreign(number: u32) -> Self {
        Self { shard: FOREIGN, generation: 1, slot: number }
    }

    pub fn is_foreign(self) -> bool {
        self.shard == FOREIGN
    }
}

impl From<AgentId> for Address {
    fn from(id: AgentId) -> Self {
        Self {
            shard: (id >> 56) as u8,
            generation: (id >> 32) as u32 & LAST_GENERATION,
            slot: id as u32,
        }
    }
}

impl From<Address> for AgentId {
    fn from(address: Address) -> Self {
        u64::from(address.shard) << 56
            | u64::from(address.generation) << 32
            | u64::from(address.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_encoding() {
        let address = Address { shard: 7, generation: LAST_GENERATION, slot: u32::MAX };
        assert_eq!(Address::from(AgentId::from(address)), address);
        assert!(Address::from(AgentId::from(Address::client(3))).is_client());
        assert!(!Address::from(0).is_client());
        assert!(Address::from(AgentId::from(Address::foreign(3))).is_foreign());
    }
}
