//! The C ABI of `sandlab:agent` (the WIT files next to this crate) between a host and a native
//! twin, a `cdylib`.
//!
//! A twin exports one symbol, [`ENTRY`], a function that returns a pointer to a
//! static [`Table`]. The copies are those of the component model's canonical
//! ABI, so that a comparison of the two measures the sandbox and not the
//! convention: content is lent by the caller and copied once by the callee,
//! on the way in and on the way out.
//!
//! ```text
//! host                                  twin
//!  │ handle(agent, host, &message, sink) ─▶ copies the content, runs
//!  │ ◀─ host.send(&message)                 any number of times, while it runs
//!  │ ◀─ sink.message(&reply)                once per reply
//!  │ ◀─ sink.end(outcome, text)             once per handled message, the last call
//! ```
//!
//! A parcel's content is not lent: it moves, as a [`Content`], to the twin and back, and is
//! copied by neither.
//!
//! Rules for both sides: a [`Bytes`] is valid only during the call that it is
//! passed to; nothing unwinds across the boundary; one agent is used by one
//! thread at a time, but may move between calls.
#![no_std]

use core::ffi::c_void;

/// The symbol that a twin exports: an [`Entry`], NUL-terminated for `dlsym`.
pub const ENTRY: &[u8] = b"sandlab_agent_v2\0";

/// The version of this ABI that [`Table::version`] must have.
pub const VERSION: u32 = 2;

/// The type of the function behind [`ENTRY`]. The table lives as long as the library is loaded.
pub type Entry = extern "C" fn() -> *const Table;

/// Borrowed bytes: `len` bytes at `ptr`, valid during the call only. `ptr` is not null, even if `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// Points to the first byte.
    pub ptr: *const u8,
    /// Number of bytes at `ptr`.
    pub len: usize,
}

impl Bytes {
    /// Lends a slice. The caller keeps `bytes` alive while the callee may read it.
    pub const fn lend(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// Returns the lent bytes.
    ///
    /// # Safety
    /// The lender's promise must hold: `len` initialised bytes at `ptr`, unchanged for `'a`.
    pub const unsafe fn borrow<'a>(self) -> &'a [u8] {
        // SAFETY: what the caller of this function promises.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// `record message`, with its content lent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// As in the WIT.
    pub id: u64,
    /// As in the WIT.
    pub conversation: u64,
    /// As in the WIT; only meaningful if `is_reply` is 1.
    pub in_reply_to: u64,
    /// As in the WIT.
    pub sender: u64,
    /// As in the WIT.
    pub recipient: u64,
    /// The payload.
    pub content: Bytes,
    /// 1 if `in-reply-to` is some, else 0.
    pub is_reply: u32,
    /// The index of the case in `enum performative`.
    pub performative: u32,
}

/// Content in the host's memory that was passed to the twin, whose new owner returns it to the
/// host in a parcel, or releases it, exactly once.
#[repr(C)]
#[derive(Debug)]
pub struct Content {
    /// Points to the first byte; not null, even if `len` is 0.
    pub ptr: *mut u8,
    /// Number of bytes at `ptr`.
    pub len: usize,
    /// An opaque value of the host, passed back to it.
    pub capacity: usize,
    /// Frees the content. May be called on any thread, in or outside of a call.
    pub release: unsafe extern "C" fn(ptr: *mut u8, len: usize, capacity: usize),
}

/// How a call into the twin ended: the `outcome` of [`Sink::end`]. From 1 to 6
/// it is the index of the case in `variant failure`, plus one.
pub mod outcome {
    /// The call succeeded.
    pub const OK: u32 = 0;
    /// `not-understood`.
    pub const NOT_UNDERSTOOD: u32 = 1;
    /// `refused`.
    pub const REFUSED: u32 = 2;
    /// `unavailable`.
    pub const UNAVAILABLE: u32 = 3;
    /// `exhausted`.
    pub const EXHAUSTED: u32 = 4;
    /// `denied`.
    pub const DENIED: u32 = 5;
    /// `internal`.
    pub const INTERNAL: u32 = 6;
    /// The agent panicked; the text is the panic's message. It can only be dropped now.
    pub const PANICKED: u32 = 7;
}

/// Receives a call's results while it runs.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sink {
    /// An opaque value of the host, passed back to it.
    pub context: *mut c_void,
    /// Takes one reply.
    pub message: unsafe extern "C" fn(*mut c_void, *const Message),
    /// Takes the state that `checkpoint` returns.
    pub state: unsafe extern "C" fn(*mut c_void, Bytes),
    /// Ends one operation: an [`outcome`] and its text. `handle_batch` calls it once per message, in order.
    pub end: unsafe extern "C" fn(*mut c_void, u32, Bytes),
    /// Takes one reply with content of the host; the message's own content is empty.
    pub parcel: unsafe extern "C" fn(*mut c_void, *const Message, Content),
}

/// `interface host`. Valid during the call that it is passed to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// An opaque value of the host, passed back to it.
    pub context: *mut c_void,
    /// `send`: 0 if taken, else the index of the case in `enum send-error`, plus one.
    pub send: unsafe extern "C" fn(*mut c_void, *const Message) -> u32,
    /// `log`: the index of the case in `enum level`, and the line as UTF-8.
    pub log: unsafe extern "C" fn(*mut c_void, u32, Bytes),
    /// `self`.
    pub self_id: unsafe extern "C" fn(*mut c_void) -> u64,
    /// `find`: 1 if it wrote an id, else 0. The name is UTF-8.
    pub find: unsafe extern "C" fn(*mut c_void, Bytes, *mut u64) -> u32,
    /// `contents.send`, with content of the host; the message's own content is empty. Returns as
    /// `send` does.
    pub send_parcel: unsafe extern "C" fn(*mut c_void, *const Message, Content) -> u32,
}

/// A directory that the sandbox config grants.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Directory {
    /// The path that the agent uses, UTF-8.
    pub guest: Bytes,
    /// The host's path, in the platform's encoding.
    pub host: Bytes,
    /// 1 if the agent may create, change and remove, else 0.
    pub write: u32,
}

/// The optional interfaces: the bits of [`Table::exports`].
pub mod exports {
    /// `interface batch`.
    pub const BATCH: u32 = 1;
    /// `interface state`.
    pub const STATE: u32 = 2;
    /// `interface parcels`.
    pub const PARCELS: u32 = 4;
}

/// A twin's functions. `agent` is always what [`Table::create`] returned.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// [`VERSION`]. The only field whose offset never changes.
    pub version: u32,
    /// Any of [`exports`], added up.
    pub exports: u32,
    /// Creates an agent with `count` granted directories at `directories`; null if that panicked.
    pub create: unsafe extern "C" fn(directories: *const Directory, count: usize) -> *mut c_void,
    /// Drops an agent.
    pub drop: unsafe extern "C" fn(agent: *mut c_void),
    /// `configure`.
    pub configure: unsafe extern "C" fn(
        agent: *mut c_void,
        host: *const Host,
        config: Bytes,
        sink: *const Sink,
    ),
    /// `handle`.
    pub handle: unsafe extern "C" fn(
        agent: *mut c_void,
        host: *const Host,
        message: *const Message,
        sink: *const Sink,
    ),
    /// `handle-batch`, of `count` messages. Only with [`exports::BATCH`].
    pub handle_batch: unsafe extern "C" fn(
        agent: *mut c_void,
        host: *const Host,
        messages: *const Message,
        count: usize,
        sink: *const Sink,
    ),
    /// `checkpoint`. Only with [`exports::STATE`].
    pub checkpoint: unsafe extern "C" fn(agent: *mut c_void, host: *const Host, sink: *const Sink),
    /// `restore`. Only with [`exports::STATE`].
    pub restore: unsafe extern "C" fn(
        agent: *mut c_void,
        host: *const Host,
        state: Bytes,
        sink: *const Sink,
    ),
    /// `handle-parcel`; the message's own content is empty. Only with [`exports::PARCELS`].
    pub handle_parcel: unsafe extern "C" fn(
        agent: *mut c_void,
        host: *const Host,
        message: *const Message,
        content: Content,
        sink: *const Sink,
    ),
}
