//! Messages whose content stays in the host's memory.

use crate::{Message, Performative};

#[cfg(target_family = "wasm")]
pub use crate::bindings::zero_copy::sandlab::agent::contents::{Content, Parcel};
#[cfg(not(target_family = "wasm"))]
pub(crate) use twin::Source;
#[cfg(not(target_family = "wasm"))]
pub use twin::{Content, Parcel};

impl Parcel {
    /// Creates a reply with other content in the same conversation, from the recipient to the
    /// sender.
    pub fn reply(&self, performative: Performative, content: Content) -> Self {
        Self {
            id: self.id,
            conversation: self.conversation,
            in_reply_to: Some(self.id),
            sender: self.recipient,
            recipient: self.sender,
            performative,
            content,
        }
    }

    /// Turns the parcel into a reply with the same content, without a copy.
    pub fn into_reply(self, performative: Performative) -> Self {
        Self {
            id: self.id,
            conversation: self.conversation,
            in_reply_to: Some(self.id),
            sender: self.recipient,
            recipient: self.sender,
            performative,
            content: self.content,
        }
    }

    /// Converts it to a message, which copies the content.
    pub fn into_message(self) -> Message {
        Message {
            id: self.id,
            conversation: self.conversation,
            in_reply_to: self.in_reply_to,
            sender: self.sender,
            recipient: self.recipient,
            performative: self.performative,
            content: self.content.read(0, u64::MAX),
        }
    }
}

/// Copies the content.
impl From<Message> for Parcel {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            conversation: message.conversation,
            in_reply_to: message.in_reply_to,
            sender: message.sender,
            recipient: message.recipient,
            performative: message.performative,
            content: Content::new(&message.content),
        }
    }
}

/// The types that wit-bindgen generates in wasm, for other targets.
#[cfg(not(target_family = "wasm"))]
mod twin {
    use crate::twin::Lent;
    use crate::{AgentId, Performative};

    /// A message whose content stays in the host's memory.
    #[derive(Debug)]
    #[allow(missing_docs, reason = "as in the WIT")]
    pub struct Parcel {
        pub id: u64,
        pub conversation: u64,
        pub in_reply_to: Option<u64>,
        pub sender: AgentId,
        pub recipient: AgentId,
        pub performative: Performative,
        pub content: Content,
    }

    /// The payload of a message, as in the WIT.
    #[derive(Debug)]
    pub struct Content(pub(crate) Source);

    /// The owner of the content's memory.
    #[derive(Debug)]
    pub(crate) enum Source {
        Host(Lent),
        /// The twin's; the host copies it on receipt.
        Own(Vec<u8>),
    }

    impl Content {
        /// Creates content with these bytes.
        pub fn new(bytes: &[u8]) -> Self {
            Self(Source::Own(bytes.to_vec()))
        }

        /// Returns its size in bytes.
        #[allow(clippy::len_without_is_empty, reason = "as in the WIT")]
        pub fn len(&self) -> u64 {
            self.bytes().len() as u64
        }

        /// Returns at most `len` bytes from `offset` on: fewer if the content ends earlier, none if
        /// it ends before `offset`.
        pub fn read(&self, offset: u64, len: u64) -> Vec<u8> {
            let bytes = self.bytes();
            let end = offset.saturating_add(len).min(bytes.len() as u64);
            bytes.get(offset.min(end) as usize..end as usize).unwrap_or_default().to_vec()
        }

        fn bytes(&self) -> &[u8] {
            match &self.0 {
                Source::Host(lent) => lent.bytes(),
                Source::Own(bytes) => bytes,
            }
        }
    }
}
