//! The protocol between parent and child.
//!
//! ```text
//! ┌──────────────────┬───────────────────────────┐
//! │ length, u32 LE   │ a Request or an Answer,   │
//! │                  │ encoded by postcard       │
//! └──────────────────┴───────────────────────────┘
//! ```

use crate::message::Head;
use crate::{AgentId, Failure, Fault, Interface, LogLine, Message, Peers, SandboxConfig};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

/// The version of these types. The child is the same program, unless somebody replaced
/// its file while the parent ran.
pub const VERSION: u32 = 4;

/// A request of the parent, which the child answers once.
#[derive(Serialize, Deserialize)]
pub enum Request<'a> {
    Start(Box<Start>),
    Configure(#[serde(borrow)] &'a Bytes),
    Handle(Wire<'a>),
    HandleBatch(Vec<Wire<'a>>),
    Checkpoint,
    Restore(&'a Bytes),
}

/// The first request.
#[derive(Serialize, Deserialize)]
pub struct Start {
    pub version: u32,
    pub twin: PathBuf,
    pub config: SandboxConfig,
    pub id: AgentId,
    pub peers: Peers,
}

/// The child's answer to one request.
#[derive(Serialize, Deserialize)]
pub struct Answer {
    pub outcome: Outcome,
    pub log: Vec<LogLine>,
    pub log_dropped: u64,
}

#[derive(Serialize, Deserialize)]
pub enum Outcome {
    /// With what the twin exports besides `agent`.
    Started(Vec<Interface>),
    Done,
    Handled {
        replies: Vec<Owned>,
        sent: Vec<Owned>,
    },
    Batch {
        results: Vec<Result<Vec<Owned>, Failure>>,
        sent: Vec<Owned>,
    },
    State(ByteBuf),
    Failure(Failure),
    Fault(Fault),
}

/// A message whose content is encoded in one piece. Serde would go byte by byte through
/// the `Vec<u8>` of [`Message`].
#[derive(Serialize, Deserialize)]
pub struct Wire<'a> {
    head: Head,
    #[serde(borrow)]
    content: &'a Bytes,
}

/// The same, read.
#[derive(Serialize, Deserialize)]
pub struct Owned {
    head: Head,
    content: ByteBuf,
}

impl<'a> From<&'a Message> for Wire<'a> {
    fn from(message: &'a Message) -> Self {
        Self { head: Head::of(message), content: Bytes::new(&message.content) }
    }
}

impl From<Wire<'_>> for Message {
    fn from(wire: Wire) -> Self {
        wire.head.with(wire.content.to_vec())
    }
}

impl From<Message> for Owned {
    fn from(message: Message) -> Self {
        Self { head: Head::of(&message), content: ByteBuf::from(message.content) }
    }
}

impl From<Owned> for Message {
    fn from(owned: Owned) -> Self {
        owned.head.with(owned.content.into_vec())
    }
}

/// Reads an answer as a parent does, of a child that may have been taken over; says no more
/// than whether it is one.
///
/// # Errors
/// If it is none, or larger than the limit, bytes.
pub fn read_answer(from: &mut impl Read, limit: u64) -> io::Result<()> {
    let mut buffer = Vec::new();
    read::<Answer>(from, limit, &mut buffer).map(drop)
}

/// Writes one frame. `buffer` is reused from call to call.
pub fn write(to: &mut impl Write, value: &impl Serialize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    buffer.extend_from_slice(&[0; 4]);
    *buffer = postcard::to_extend(value, std::mem::take(buffer)).map_err(io::Error::other)?;
    let length = u32::try_from(buffer.len() - 4)
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "a frame of more than 4 GiB"))?;
    buffer[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(buffer)
}

/// Reads one frame into `buffer`, and decodes it. An end before the frame is `UnexpectedEof`.
pub fn read<'b, T: Deserialize<'b>>(
    from: &mut impl Read,
    limit: u64,
    buffer: &'b mut Vec<u8>,
) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if u64::from(length) > limit {
        let reason = format!("a frame of {length} bytes, where {limit} are allowed");
        return Err(io::Error::new(ErrorKind::InvalidData, reason));
    }
    buffer.resize(length as usize, 0);
    from.read_exact(buffer)?;
    postcard::from_bytes(buffer).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}
