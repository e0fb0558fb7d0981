//! Methods of messages: create, read, reply.

use crate::{AgentId, Failure, Message, Performative};

impl Message {
    /// Creates a message to `recipient` in a new conversation. The host fills in the sender.
    pub fn to(recipient: AgentId, performative: Performative, content: impl Into<Vec<u8>>) -> Self {
        Self {
            id: 0,
            conversation: 0,
            in_reply_to: None,
            sender: 0,
            recipient,
            performative,
            content: content.into(),
        }
    }

    /// Returns the content as text.
    ///
    /// # Errors
    /// [`Failure::NotUnderstood`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        str::from_utf8(&self.content).map_err(|error| {
            Failure::NotUnderstood(format!("the content is not UTF-8 text: {error}"))
        })
    }

    /// Creates a reply in the same conversation, from the recipient to the sender.
    pub fn reply(&self, performative: Performative, content: impl Into<Vec<u8>>) -> Self {
        Self {
            id: self.id,
            conversation: self.conversation,
            in_reply_to: Some(self.id),
            sender: self.recipient,
            recipient: self.sender,
            performative,
            content: content.into(),
        }
    }

    /// Turns the message into a reply with the same content, without a copy.
    pub fn into_reply(mut self, performative: Performative) -> Self {
        let content = std::mem::take(&mut self.content);
        self.reply(performative, content)
    }
}
