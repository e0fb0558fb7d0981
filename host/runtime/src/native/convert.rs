//! Conversions between the runtime's types and those of the C ABI.

use crate::message::Head;
use crate::{Failure, Level, Message, Performative, SendError};
use sandlab_native_abi::{self as abi, Bytes, Content, outcome};
use std::mem::ManuallyDrop;

/// Returns a message whose content is lent.
pub fn lend(message: &Message) -> abi::Message {
    abi::Message {
        id: message.id,
        conversation: message.conversation,
        in_reply_to: message.in_reply_to.unwrap_or(0),
        sender: message.sender,
        recipient: message.recipient,
        content: Bytes::lend(&message.content),
        is_reply: message.in_reply_to.is_some().into(),
        performative: message.performative as u32,
    }
}

fn head(message: &abi::Message) -> Head {
    Head {
        id: message.id,
        conversation: message.conversation,
        in_reply_to: (message.is_reply == 1).then_some(message.in_reply_to),
        sender: message.sender,
        recipient: message.recipient,
        performative: performative(message.performative),
    }
}

/// Returns a message with a copy of the lent content.
///
/// # Safety
/// The content is lent for the duration of this call.
pub unsafe fn copy(message: &abi::Message) -> Message {
    // SAFETY: what the caller promises.
    let content = unsafe { message.content.borrow() }.to_vec();
    head(message).with(content)
}

/// Splits a message into its head and its content.
pub fn give(message: Message) -> (abi::Message, Content) {
    let head = abi::Message { content: Bytes::lend(&[]), ..lend(&message) };
    let mut content = ManuallyDrop::new(message.content);
    let content = Content {
        ptr: content.as_mut_ptr(),
        len: content.len(),
        capacity: content.capacity(),
        release,
    };
    (head, content)
}

/// Joins a message with content that the twin gives back.
///
/// # Safety
/// The content is one that [`give`] gave, and has not come back before.
pub unsafe fn take_back(message: &abi::Message, content: Content) -> Message {
    // SAFETY: what the caller promises; `give` took it apart.
    let content = unsafe { Vec::from_raw_parts(content.ptr, content.len, content.capacity) };
    head(message).with(content)
}

unsafe extern "C" fn release(ptr: *mut u8, len: usize, capacity: usize) {
    // SAFETY: the twin's promise to release each content that `give` gave at most once.
    drop(unsafe { Vec::from_raw_parts(ptr, len, capacity) });
}

/// Returns the enum's case; the last one for an unknown index.
pub fn performative(index: u32) -> Performative {
    use Performative as P;
    match index {
        0 => P::Request,
        1 => P::Inform,
        2 => P::QueryIf,
        3 => P::QueryRef,
        4 => P::Propose,
        5 => P::AcceptProposal,
        6 => P::RejectProposal,
        7 => P::Agree,
        8 => P::Refuse,
        9 => P::Failure,
        _ => P::NotUnderstood,
    }
}

/// Returns the enum's case; the last one for an unknown index.
pub fn level(index: u32) -> Level {
    match index {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warn,
        _ => Level::Error,
    }
}

/// Returns the failure of an outcome that is neither `OK` nor `PANICKED`.
pub fn failure(case: u32, text: String) -> Failure {
    match case {
        outcome::NOT_UNDERSTOOD => Failure::NotUnderstood(text),
        outcome::REFUSED => Failure::Refused(text),
        outcome::UNAVAILABLE => Failure::Unavailable(text),
        outcome::EXHAUSTED => Failure::Exhausted(text),
        outcome::DENIED => Failure::Denied(text),
        _ => Failure::Internal(text),
    }
}

/// Returns the result of `send` for the twin.
pub fn sent(result: Result<(), SendError>) -> u32 {
    match result {
        Ok(()) => 0,
        Err(SendError::UnknownRecipient) => 1,
        Err(SendError::MailboxFull) => 2,
        Err(SendError::OverBudget) => 3,
    }
}
