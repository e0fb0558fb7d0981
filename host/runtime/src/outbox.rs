//! The host's side of one agent: what it sends and logs during a call, within its budgets.
//! The same for every backend.

use crate::config::{Budgets, SandboxConfig};
use crate::{AgentId, Budget, Cause, Identity, Level, LogLine, Message, SendError};

/// The messages and log lines of one agent during a call, counted against its budgets.
#[derive(Debug)]
pub(crate) struct Outbox {
    identity: Identity,
    sent: Vec<Message>,
    log: Vec<LogLine>,
    line_limit: u32,
    byte_limit: u64,
    lines_left: u32,
    bytes_left: u64,
    log_dropped: u64,
    send_limit: u64,
    /// Bytes that the call may still send.
    send_left: u64,
    /// Messages of the call that were refused.
    refused: u32,
    budgets: Budgets,
    /// Calls of `log` and `send` so far, whatever became of them.
    log_calls: u32,
    sends: u32,
    /// The budget that the call has exceeded, which ends the agent.
    over: Option<Budget>,
}

/// The rule for sending in the running call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Allowed,
    Denied,
}

/// Bytes that a message counts besides its content.
pub(crate) const MESSAGE_OVERHEAD: u64 = size_of::<Message>() as u64;

impl Outbox {
    pub fn new(identity: Identity, config: &SandboxConfig) -> Self {
        let (lines, bytes) = (config.log.lines, config.log.size.as_u64());
        Self {
            identity,
            sent: Vec::new(),
            log: Vec::new(),
            line_limit: lines,
            byte_limit: bytes,
            lines_left: lines,
            bytes_left: bytes,
            log_dropped: 0,
            send_limit: config.result_limit.as_u64(),
            send_left: 0,
            refused: 0,
            budgets: config.budgets.clone(),
            log_calls: 0,
            sends: 0,
            over: None,
        }
    }

    /// Resets the budgets for the next call, and drops what is left of the last one.
    pub fn begin_call(&mut self, sending: Sending) {
        self.send_left = match sending {
            Sending::Allowed => self.send_limit,
            Sending::Denied => 0,
        };
        self.refused = 0;
        self.sent.clear();
        self.log.clear();
        self.lines_left = self.line_limit;
        self.bytes_left = self.byte_limit;
        (self.log_calls, self.sends, self.over) = (0, 0, None);
    }

    /// Checks the budgets that a call can exceed while it runs.
    ///
    /// # Errors
    /// If the call has exceeded a budget.
    pub fn check(&self) -> Result<(), Cause> {
        let Some(budget) = self.over else {
            return Ok(());
        };
        let limit = match budget {
            Budget::Sends => self.budgets.sends,
            _ => self.budgets.log_calls,
        };
        Err(Cause::OverBudget { budget, limit: limit.into() })
    }

    /// Checks the number of a call's replies.
    ///
    /// # Errors
    /// If a call may not return so many replies.
    pub fn check_replies(&self, replies: usize) -> Result<(), Cause> {
        if replies <= self.budgets.replies as usize {
            return Ok(());
        }
        Err(Cause::OverBudget { budget: Budget::Replies, limit: self.budgets.replies.into() })
    }

    /// Accepts a message if its recipient is alive and the budget allows it. Sets the true
    /// sender, whatever the agent wrote.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        let size = MESSAGE_OVERHEAD + message.content.len() as u64;
        self.accept(message, size)
    }

    /// Does the same as [`send`](Self::send) for a message whose content is in the host's memory
    /// already and does not count.
    pub fn send_parcel(&mut self, message: Message) -> Result<(), SendError> {
        self.accept(message, MESSAGE_OVERHEAD)
    }

    fn accept(&mut self, message: Message, size: u64) -> Result<(), SendError> {
        let accepted = self.try_accept(message, size);
        self.refused += u32::from(accepted.is_err());
        accepted
    }

    fn try_accept(&mut self, mut message: Message, size: u64) -> Result<(), SendError> {
        self.sends = self.sends.saturating_add(1);
        if self.sends > self.budgets.sends {
            self.over = Some(Budget::Sends);
            return Err(SendError::OverBudget);
        }
        let left = self.send_left.checked_sub(size);
        self.send_left = left.ok_or(SendError::OverBudget)?;
        self.identity.directory.accept(message.recipient)?;
        message.sender = self.identity.id;
        self.sent.push(message);
        Ok(())
    }

    /// Removes and returns the messages that the call sent.
    pub fn take_sent(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.sent)
    }

    /// Keeps a line, or drops and counts it if the call's budget is used up.
    pub fn log(&mut self, level: Level, text: String) {
        self.log_calls = self.log_calls.saturating_add(1);
        if self.log_calls > self.budgets.log_calls {
            self.over = Some(Budget::LogCalls);
        }
        let size = text.len() as u64;
        if self.lines_left == 0 || size > self.bytes_left {
            self.log_dropped += 1;
            return;
        }
        self.lines_left -= 1;
        self.bytes_left -= size;
        self.log.push(LogLine { level, text });
    }

    /// Removes and returns the kept lines, oldest first.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }

    pub fn log_dropped(&self) -> u64 {
        self.log_dropped
    }

    /// Returns the number of messages of the last call that were not taken.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    pub fn own_id(&self) -> AgentId {
        self.identity.id
    }

    pub fn find(&self, name: &str) -> Option<AgentId> {
        self.identity.directory.find(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Peers;
    use bytesize::ByteSize;

    fn to(recipient: AgentId, bytes: usize) -> Message {
        Message { recipient, ..Message::request(vec![0; bytes]) }
    }

    #[test]
    fn a_call_sends_what_its_budget_allows_and_the_next_one_has_a_new_one() {
        let peers: Peers = [("next", 2)].into_iter().collect();
        let config = SandboxConfig { result_limit: ByteSize::kib(1), ..SandboxConfig::default() };
        let mut outbox = Outbox::new(Identity::with_peers(peers), &config);
        outbox.begin_call(Sending::Allowed);
        assert_eq!(outbox.send(to(2, 600)), Ok(()));
        assert_eq!(outbox.send(to(2, 600)), Err(SendError::OverBudget));
        assert_eq!(outbox.send(to(3, 1)), Err(SendError::UnknownRecipient));
        assert_eq!(outbox.take_sent().len(), 1);
        outbox.begin_call(Sending::Allowed);
        assert_eq!(outbox.send(to(2, 600)), Ok(()));
        outbox.begin_call(Sending::Denied);
        assert_eq!(outbox.send(to(2, 0)), Err(SendError::OverBudget));
    }

    #[test]
    fn a_call_that_goes_on_after_refusals_exceeds_its_budget() {
        let config = SandboxConfig {
            budgets: Budgets { log_calls: 2, sends: 1, ..Budgets::default() },
            ..SandboxConfig::default()
        };
        let mut outbox = Outbox::new(Identity::alone(), &config);
        outbox.begin_call(Sending::Allowed);
        assert!(outbox.send(to(3, 1)).is_err() && outbox.check().is_ok());
        assert!(outbox.send(to(3, 1)).is_err());
        let over = outbox.check().unwrap_err().to_string();
        assert!(over.contains("more than 1 ") && over.contains("`budgets.sends`"));
        outbox.begin_call(Sending::Allowed);
        for _ in 0..3 {
            assert!(outbox.check().is_ok());
            outbox.log(Level::Info, String::new());
        }
        let over = outbox.check().unwrap_err().to_string();
        assert!(over.contains("`budgets.log-calls`"), "{over}");
    }
}
