//! The limits of one agent, over everything in its store.

use super::interrupt;
use crate::Denials;
use crate::config::SandboxConfig;
use wasmtime::{Error, ResourceLimiter};

/// Wasmtime's own `StoreLimits` limits each memory by itself, whereas an operator limits the
/// agent. This one sums over all memories. It also remembers what it refused, because a guest
/// that is refused memory usually aborts, which would look like any other abort.
#[derive(Debug)]
pub struct Limiter {
    memory: Budget,
    table: Budget,
    instances: usize,
    /// True if the first memory is the interrupt page.
    has_page: bool,
    /// True until that was allocated.
    awaits_page: bool,
    /// The last refusal in this call.
    denied: Option<Denial>,
    /// Refusals of memory in all calls.
    denials: Denials,
}

/// A growth that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Of memory: the total that it would have led to, bytes.
    Memory(u64),
    /// Of a table: the total that it would have led to, elements.
    Table(u64),
}

/// A sum that must stay within a limit.
#[derive(Debug, Default)]
struct Budget {
    used: u64,
    peak: u64,
    limit: u64,
    /// Bytes that the last growth added, to subtract them if the engine then fails to grow.
    last: u64,
}

impl Budget {
    fn grow(&mut self, current: usize, desired: usize) -> Result<(), u64> {
        self.last = 0;
        let added = desired.saturating_sub(current) as u64;
        let total = self.used.saturating_add(added);
        if total > self.limit {
            return Err(total);
        }
        self.used = total;
        self.last = added;
        self.peak = self.peak.max(total);
        Ok(())
    }

    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.last);
    }
}

impl Limiter {
    pub fn new(config: &SandboxConfig) -> Self {
        let budget = |limit| Budget { limit, ..Budget::default() };
        Self {
            memory: budget(config.memory_limit.as_u64()),
            table: budget(config.table_limit.into()),
            instances: config.instance_limit as usize,
            has_page: false,
            awaits_page: false,
            denied: None,
            denials: Denials::default(),
        }
    }

    /// Leaves the interrupt page and its instances out of the limits.
    pub fn exempt_page(&mut self) {
        self.has_page = true;
        self.awaits_page = true;
    }

    /// Forgets the refusal of an earlier call, which the guest has survived.
    pub fn begin_call(&mut self) {
        self.denied = None;
    }

    /// Returns the last refusal in this call; `None` if nothing was refused.
    pub fn denied(&self) -> Option<Denial> {
        self.denied
    }

    /// Returns the refusals of memory in all calls.
    pub fn denials(&self) -> Denials {
        self.denials
    }

    /// Returns the size of all linear memories together now, bytes.
    pub fn memory(&self) -> u64 {
        self.memory.used
    }

    /// Returns the largest size that they have had together, bytes.
    pub fn memory_peak(&self) -> u64 {
        self.memory.peak
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Error> {
        if std::mem::take(&mut self.awaits_page) {
            self.memory.last = 0;
            return Ok(true);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.memory.last = 0;
            return Ok(false);
        }
        let grown = self.memory.grow(current, desired);
        if let Err(asked) = grown {
            self.denied = Some(Denial::Memory(asked));
            self.denials.count += 1;
            self.denials.asked = Some(asked);
        }
        Ok(grown.is_ok())
    }

    fn memory_grow_failed(&mut self, _error: Error) -> Result<(), Error> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Error> {
        // A table's maximum can be the pool's, which is the sandbox config's limit. Then the
        // sandbox config refuses, not the guest's own maximum.
        let is_own = desired as u64 <= self.table.limit;
        if is_own && maximum.is_some_and(|maximum| desired > maximum) {
            self.table.last = 0;
            return Ok(false);
        }
        let grown = self.table.grow(current, desired);
        self.denied = grown.err().map(Denial::Table).or(self.denied);
        Ok(grown.is_ok())
    }

    fn table_grow_failed(&mut self, _error: Error) -> Result<(), Error> {
        self.table.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        let added = if self.has_page { interrupt::INSTANCES as usize } else { 0 };
        self.instances.saturating_add(added)
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances.saturating_add(usize::from(self.has_page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytesize::ByteSize;

    fn limiter(limit: u64) -> Limiter {
        Limiter::new(&SandboxConfig {
            memory_limit: ByteSize::b(limit),
            ..SandboxConfig::default()
        })
    }

    #[test]
    fn memories_count_together() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denial::Memory(120)));
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.memory_peak(), 100);
        limiter.begin_call();
        assert_eq!(limiter.denied(), None);
        let survived = Denials { count: 1, asked: Some(120) };
        assert_eq!(limiter.denials(), survived);
    }

    #[test]
    fn the_interrupt_page_is_not_the_agents() {
        let mut limiter = limiter(100);
        limiter.exempt_page();
        assert!(limiter.memory_growing(0, 65_536, Some(65_536)).unwrap());
        limiter.memory_grow_failed(Error::msg("no mapping")).unwrap();
        assert_eq!(limiter.memory(), 0);
        assert!(!limiter.memory_growing(0, 101, None).unwrap());
    }

    #[test]
    fn a_table_that_the_pool_has_no_room_for_is_over_the_limit() {
        let mut limiter =
            Limiter::new(&SandboxConfig { table_limit: 100, ..SandboxConfig::default() });
        assert!(!limiter.table_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limiter.denied(), None);
        assert!(!limiter.table_growing(0, 101, Some(100)).unwrap());
        assert_eq!(limiter.denied(), Some(Denial::Table(101)));
    }

    #[test]
    fn a_growth_that_the_engine_failed_is_not_counted() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        limiter.memory_grow_failed(Error::msg("no mapping")).unwrap();
        assert_eq!(limiter.memory(), 0);
    }

    #[test]
    fn a_growth_beyond_the_guests_own_maximum_is_not_our_refusal() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 40, Some(50)).unwrap());
        assert!(!limiter.memory_growing(40, 60, Some(50)).unwrap());
        assert_eq!(limiter.denied(), None);
        // Wasmtime may report this one as failed too; nothing must be taken back for it.
        limiter.memory_grow_failed(Error::msg("over its maximum")).unwrap();
        assert_eq!(limiter.memory(), 40);
    }
}
