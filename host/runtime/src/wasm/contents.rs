//! The contents that an agent has handles of. They stay in the host's memory, and move in and
//! out of this table without being copied.

use super::state::State;
use crate::bindings::contents::{self, Parcel};
use crate::config::SandboxConfig;
use crate::{Cause, Message, SendError};
use wasmtime::component::Resource;
use wasmtime::{Error, Result};

/// The type of `resource content`'s handles.
#[derive(Debug)]
pub enum Content {}

/// The contents of one agent.
#[derive(Debug)]
pub struct Contents {
    /// By the handles' numbers. `None` for a number that is free.
    entries: Vec<Option<Vec<u8>>>,
    /// The numbers that are free.
    free: Vec<u32>,
    /// The size of all contents.
    bytes: u64,
    /// Contents that an agent may keep when a call returns.
    count_limit: usize,
    /// The size of all contents that it may keep.
    byte_limit: u64,
    /// The size of all contents that a call may create.
    make_limit: u64,
    /// The rest of that in the running call.
    make_left: u64,
    /// The size of the running call's message, which the limits do not count.
    lent: u64,
}

impl Contents {
    pub fn new(config: &SandboxConfig) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            count_limit: config.contents.count as usize,
            byte_limit: config.contents.size.as_u64(),
            make_limit: config.result_limit.as_u64(),
            make_left: 0,
            lent: 0,
        }
    }

    /// Resets the budget for the next call.
    #[inline]
    pub fn begin_call(&mut self) {
        self.make_left = self.make_limit;
        self.lent = 0;
    }

    /// Moves the message of the call that begins into the table.
    pub fn lend(&mut self, message: Message) -> Result<Parcel> {
        self.lent = message.content.len() as u64;
        Ok(Parcel {
            id: message.id,
            conversation: message.conversation,
            in_reply_to: message.in_reply_to,
            sender: message.sender,
            recipient: message.recipient,
            performative: message.performative,
            content: self.insert(message.content)?,
        })
    }

    /// Moves a parcel of the agent's out of the table.
    pub fn take(&mut self, parcel: Parcel) -> Result<Message> {
        Ok(Message {
            id: parcel.id,
            conversation: parcel.conversation,
            in_reply_to: parcel.in_reply_to,
            sender: parcel.sender,
            recipient: parcel.recipient,
            performative: parcel.performative,
            content: self.remove(&parcel.content)?,
        })
    }

    /// Checks what the agent keeps at the end of a call.
    ///
    /// # Errors
    /// If the agent has more contents than it may keep.
    pub fn check_kept(&self) -> Result<(), Cause> {
        self.check(0, 0)
    }

    /// Checks the limits, with so many contents and bytes beyond them allowed.
    fn check(&self, count: usize, bytes: u64) -> Result<(), Cause> {
        let held = self.entries.len() - self.free.len();
        let over = |what: &str| {
            let bytes = self.bytes;
            Cause::OverLimit(format!(
                "the agent has {held} contents of {bytes} bytes together; `{what}` under \
                 [contents] limits what it may keep"
            ))
        };
        if held > self.count_limit.saturating_add(count) {
            return Err(over("count"));
        }
        if self.bytes > self.byte_limit.saturating_add(bytes) {
            return Err(over("size"));
        }
        Ok(())
    }

    fn make(&mut self, bytes: Vec<u8>) -> Result<Resource<Content>> {
        let size = bytes.len() as u64;
        let left = self.make_left.checked_sub(size);
        self.make_left = left.ok_or(Cause::ResultTooLarge(self.make_limit))?;
        let made = self.insert(bytes)?;
        self.check(1, self.lent)?;
        Ok(made)
    }

    fn insert(&mut self, content: Vec<u8>) -> Result<Resource<Content>> {
        self.bytes += content.len() as u64;
        if let Some(number) = self.free.pop() {
            self.entries[number as usize] = Some(content);
            return Ok(Resource::new_own(number));
        }
        let number = u32::try_from(self.entries.len())?;
        self.entries.push(Some(content));
        Ok(Resource::new_own(number))
    }

    fn get(&self, content: &Resource<Content>) -> Result<&[u8]> {
        let entry = self.entries.get(content.rep() as usize);
        entry.and_then(Option::as_deref).ok_or_else(unknown)
    }

    fn remove(&mut self, content: &Resource<Content>) -> Result<Vec<u8>> {
        let entry = self.entries.get_mut(content.rep() as usize);
        let content_of = entry.and_then(Option::take).ok_or_else(unknown)?;
        self.free.push(content.rep());
        self.bytes -= content_of.len() as u64;
        Ok(content_of)
    }
}

/// Returns the error for a handle that is not in the table. Wasmtime checks handles first, so that
/// no guest can cause it.
fn unknown() -> Error {
    Error::msg("the agent used a content that it does not have")
}

impl contents::HostContent for State {
    fn new(&mut self, bytes: Vec<u8>) -> Result<Resource<Content>> {
        self.contents.make(bytes)
    }

    fn len(&mut self, content: Resource<Content>) -> Result<u64> {
        Ok(self.contents.get(&content)?.len() as u64)
    }

    fn read(&mut self, content: Resource<Content>, offset: u64, len: u64) -> Result<Vec<u8>> {
        let bytes = self.contents.get(&content)?;
        let all = bytes.len() as u64;
        let begin = offset.min(all);
        let end = begin.saturating_add(len).min(all);
        // Both are at most `all`, which is a `usize`.
        Ok(bytes[begin as usize..end as usize].to_vec())
    }

    fn drop(&mut self, content: Resource<Content>) -> Result<()> {
        self.contents.remove(&content).map(drop)
    }
}

impl contents::Host for State {
    fn send(&mut self, parcel: Parcel) -> Result<Result<(), SendError>> {
        let message = self.contents.take(parcel)?;
        let sent = self.outbox.send_parcel(message);
        self.outbox.check()?;
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ContentBudget;
    use bytesize::ByteSize;

    fn contents(count: u32, size: u64, make: u64) -> Contents {
        let mut contents = Contents::new(&SandboxConfig {
            contents: ContentBudget { count, size: ByteSize::b(size) },
            result_limit: ByteSize::b(make),
            ..SandboxConfig::default()
        });
        contents.begin_call();
        contents
    }

    #[test]
    fn what_is_lent_comes_back_as_it_was_and_leaves_its_place() {
        let mut contents = contents(1, 10, 10);
        for round in 0..3 {
            let message = Message::request(vec![round; 1_000]);
            let address = message.content.as_ptr();
            let parcel = contents.lend(message).unwrap();
            let message = contents.take(parcel).unwrap();
            assert_eq!(message.content.as_ptr(), address);
        }
        assert_eq!((contents.entries.len(), contents.bytes), (1, 0));
    }

    #[test]
    fn what_is_kept_is_limited_in_number_and_in_bytes() {
        let mut few = contents(1, 100, 100);
        few.lend(Message::request([1; 10])).unwrap();
        assert!(few.check_kept().is_ok());
        // As long as the call runs, its message is there besides.
        assert!(few.make(vec![0; 10]).is_ok());
        assert!(matches!(few.check_kept(), Err(Cause::OverLimit(_))));
        assert!(few.make(Vec::new()).is_err());
        let mut small = contents(10, 100, 1_000);
        small.lend(Message::request([1; 50])).unwrap();
        assert!(small.make(vec![0; 100]).is_ok());
        let error = small.make(vec![0; 1]).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Cause::OverLimit(_))));
    }

    #[test]
    fn what_a_call_makes_is_limited_though_it_gives_it_away() {
        let mut contents = contents(10, 100, 150);
        for _ in 0..3 {
            let made = contents.make(vec![0; 50]).unwrap();
            contents.remove(&made).unwrap();
        }
        let error = contents.make(vec![0; 50]).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Cause::ResultTooLarge(150))));
        contents.begin_call();
        assert!(contents.make(vec![0; 50]).is_ok());
    }
}
