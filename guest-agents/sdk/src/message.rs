//! What an agent's author does with a message: read it, answer it, make one.

use crate::{AgentId, Failure, Message, Performative};

impl Message {
    /// A new message to `recipient`, of a new conversation. The host fills in the sender.
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

    /// The content as text.
    ///
    /// # Errors
    /// [`Failure::NotUnderstood`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        str::from_utf8(&self.content).map_err(|error| {
            Failure::NotUnderstood(format!("the content is not UTF-8 text: {error}"))
        })
    }

    /// An answer to this message, in its conversation, from its recipient to its sender.
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

    /// An answer that gives this message's content back, without copying it.
    pub fn into_reply(mut self, performative: Performative) -> Self {
        let content = std::mem::take(&mut self.content);
        self.reply(performative, content)
    }
}
