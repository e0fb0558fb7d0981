//! The native build: [`Agent`]s behind the C ABI of `sandlab-native-abi`.
//!
//! Every function runs the agent under `catch_unwind`, so that a panic is returned as an outcome
//! with its message, as a guest's trap is.

use crate::parcel::Source;
use crate::{
    Agent, AgentId, Content, Directory, Failure, Level, Message, Parcel, Performative, SendError,
};
use sandlab_native_abi::{self as abi, Bytes, Sink, outcome};
pub use sandlab_native_abi::{Table, exports};
use std::any::Any;
use std::cell::RefCell;
use std::ffi::{OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::slice;
use std::sync::Once;

/// Returns the table of functions of a twin of `A`.
pub const fn table<A: Agent>(exports: u32) -> Table {
    Table {
        version: abi::VERSION,
        exports,
        create: create::<A>,
        drop: drop_agent::<A>,
        configure: configure::<A>,
        handle: handle::<A>,
        handle_batch: handle_batch::<A>,
        checkpoint: checkpoint::<A>,
        restore: restore::<A>,
        handle_parcel: handle_parcel::<A>,
    }
}

/// The object behind [`Table::create`]'s pointer: the agent and its host.
struct Twin<A> {
    agent: A,
    host: crate::Host,
}

unsafe extern "C" fn create<A: Agent>(
    directories: *const abi::Directory,
    count: usize,
) -> *mut c_void {
    remember_panics();
    // SAFETY: the host lends `count` directories at `directories` for this call.
    let granted = unsafe { slice::from_raw_parts(directories, count) };
    let made = panic::catch_unwind(|| {
        Box::new(Twin { agent: A::default(), host: crate::Host { imports: Imports::new(granted) } })
    });
    made.map_or(std::ptr::null_mut(), |twin| Box::into_raw(twin).cast())
}

unsafe extern "C" fn drop_agent<A: Agent>(agent: *mut c_void) {
    // SAFETY: `agent` came from `create::<A>`, and the host drops it once.
    let twin = unsafe { Box::from_raw(agent.cast::<Twin<A>>()) };
    // A panic while it is dropped cannot be reported to anybody.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(twin)));
}

unsafe extern "C" fn configure<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    config: Bytes,
    sink: *const Sink,
) {
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink, config) = unsafe { (enter::<A>(agent, host), &*sink, config.borrow()) };
    guarded(sink, || {
        end(sink, twin.agent.configure(&mut twin.host, config).map(drop));
    });
}

unsafe extern "C" fn handle<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    message: *const abi::Message,
    sink: *const Sink,
) {
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink, message) = unsafe { (enter::<A>(agent, host), &*sink, copy(&*message)) };
    guarded(sink, || {
        reply(sink, twin.agent.handle(&mut twin.host, message));
    });
}

unsafe extern "C" fn handle_batch<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    messages: *const abi::Message,
    count: usize,
    sink: *const Sink,
) {
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink, lent) = unsafe {
        let lent = slice::from_raw_parts(messages, count);
        (enter::<A>(agent, host), &*sink, lent)
    };
    guarded(sink, || {
        // SAFETY: each message's content is lent for this call.
        let messages = lent.iter().map(|message| unsafe { copy(message) });
        for result in twin.agent.handle_batch(&mut twin.host, messages.collect()) {
            reply(sink, result);
        }
    });
}

unsafe extern "C" fn checkpoint<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    sink: *const Sink,
) {
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink) = unsafe { (enter::<A>(agent, host), &*sink) };
    guarded(sink, || {
        let saved = twin.agent.checkpoint().map(|state| {
            // SAFETY: the host's function, with its own context, during its call.
            unsafe { (sink.state)(sink.context, Bytes::lend(&state)) };
        });
        end(sink, saved);
    });
}

unsafe extern "C" fn restore<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    state: Bytes,
    sink: *const Sink,
) {
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink, state) = unsafe { (enter::<A>(agent, host), &*sink, state.borrow()) };
    guarded(sink, || end(sink, twin.agent.restore(state)));
}

unsafe extern "C" fn handle_parcel<A: Agent>(
    agent: *mut c_void,
    host: *const abi::Host,
    message: *const abi::Message,
    content: abi::Content,
    sink: *const Sink,
) {
    let content = Content(Source::Host(Lent(content)));
    // SAFETY: the host's pointers are valid for this call, `agent` from `create::<A>`.
    let (twin, sink, message) = unsafe { (enter::<A>(agent, host), &*sink, &*message) };
    guarded(sink, || {
        let parcel = Parcel {
            id: message.id,
            conversation: message.conversation,
            in_reply_to: (message.is_reply == 1).then_some(message.in_reply_to),
            sender: message.sender,
            recipient: message.recipient,
            performative: performative(message.performative),
            content,
        };
        let handled = twin.agent.handle_parcel(&mut twin.host, parcel);
        let replied = handled.map(|replies| {
            for reply in replies {
                give(
                    reply,
                    // SAFETY: the host's functions, with its own context, during its call.
                    |message| unsafe { (sink.message)(sink.context, message) },
                    // SAFETY: as above; the content is the host's own.
                    |message, content| unsafe { (sink.parcel)(sink.context, message, content) },
                );
            }
        });
        end(sink, replied);
    });
}

/// Content in the host's memory, which the host frees.
#[derive(Debug)]
pub(crate) struct Lent(abi::Content);

// SAFETY: it is the only one that has the content, and the host frees it on any thread.
unsafe impl Send for Lent {}

impl Lent {
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the host gave so many initialised bytes, and nobody else has them now.
        unsafe { slice::from_raw_parts(self.0.ptr, self.0.len) }
    }

    fn into_inner(self) -> abi::Content {
        let lent = std::mem::ManuallyDrop::new(self);
        // SAFETY: read once, since what it is read from is never dropped.
        unsafe { std::ptr::read(&lent.0) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let abi::Content { ptr, len, capacity, .. } = self.0;
        // SAFETY: the host's function for its own content, once.
        unsafe { (self.0.release)(ptr, len, capacity) };
    }
}

/// Passes a parcel to the host: content of the host moves, content of the twin is lent and copied.
fn give<R>(
    parcel: Parcel,
    lend: impl FnOnce(&abi::Message) -> R,
    moved: impl FnOnce(&abi::Message, abi::Content) -> R,
) -> R {
    let with = |content: &[u8]| abi::Message {
        id: parcel.id,
        conversation: parcel.conversation,
        in_reply_to: parcel.in_reply_to.unwrap_or(0),
        sender: parcel.sender,
        recipient: parcel.recipient,
        content: Bytes::lend(content),
        is_reply: parcel.in_reply_to.is_some().into(),
        performative: parcel.performative as u32,
    };
    match parcel.content.0 {
        Source::Own(bytes) => lend(&with(&bytes)),
        Source::Host(content) => moved(&with(&[]), content.into_inner()),
    }
}

/// Returns the twin behind a host's pointer, with the host of this call.
///
/// # Safety
/// `agent` came from `create::<A>` and nothing else uses it; `host` is valid during the call.
unsafe fn enter<'a, A: Agent>(agent: *mut c_void, host: *const abi::Host) -> &'a mut Twin<A> {
    // SAFETY: what the caller promises.
    let (twin, host) = unsafe { (&mut *agent.cast::<Twin<A>>(), *host) };
    twin.host.imports.table = Some(host);
    twin
}

/// Runs one call; a panic ends it with [`outcome::PANICKED`].
fn guarded(sink: &Sink, call: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(call)) {
        let mut text = PANIC.take();
        if text.is_empty() {
            // The agent has a panic hook of its own, in place of the one that remembers.
            text = message_of(payload.as_ref());
        }
        // SAFETY: the host's function, with its own context, during its call.
        unsafe { (sink.end)(sink.context, outcome::PANICKED, Bytes::lend(text.as_bytes())) };
    }
}

/// The message of a panic, which every `panic!` has as its payload.
fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is not text").to_owned()
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sends panic messages to the host with the outcome, not to the host's stderr. A `cdylib` has a
/// standard library of its own, so the hook affects only the twin.
fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let text = info.payload_as_str().unwrap_or("a value that is not text");
            PANIC.set(text.to_owned());
        }));
    });
}

fn reply(sink: &Sink, result: Result<Vec<Message>, Failure>) {
    let sent = result.map(|replies| {
        for reply in &replies {
            // SAFETY: the host's function, with its own context, during its call.
            unsafe { (sink.message)(sink.context, &lend(reply)) };
        }
    });
    end(sink, sent);
}

fn end(sink: &Sink, result: Result<(), Failure>) {
    let (outcome, text) = match result {
        Ok(()) => (outcome::OK, String::new()),
        Err(Failure::NotUnderstood(text)) => (outcome::NOT_UNDERSTOOD, text),
        Err(Failure::Refused(text)) => (outcome::REFUSED, text),
        Err(Failure::Unavailable(text)) => (outcome::UNAVAILABLE, text),
        Err(Failure::Exhausted(text)) => (outcome::EXHAUSTED, text),
        Err(Failure::Denied(text)) => (outcome::DENIED, text),
        Err(Failure::Internal(text)) => (outcome::INTERNAL, text),
    };
    // SAFETY: the host's function, with its own context, during its call.
    unsafe { (sink.end)(sink.context, outcome, Bytes::lend(text.as_bytes())) };
}

fn lend(message: &Message) -> abi::Message {
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

/// # Safety
/// The content must be lent for the duration of this call.
unsafe fn copy(message: &abi::Message) -> Message {
    // SAFETY: what the caller promises.
    let content = unsafe { message.content.borrow() }.to_vec();
    Message {
        id: message.id,
        conversation: message.conversation,
        in_reply_to: (message.is_reply == 1).then_some(message.in_reply_to),
        sender: message.sender,
        recipient: message.recipient,
        performative: performative(message.performative),
        content,
    }
}

fn performative(index: u32) -> Performative {
    const ALL: [Performative; 11] = [
        Performative::Request,
        Performative::Inform,
        Performative::QueryIf,
        Performative::QueryRef,
        Performative::Propose,
        Performative::AcceptProposal,
        Performative::RejectProposal,
        Performative::Agree,
        Performative::Refuse,
        Performative::Failure,
        Performative::NotUnderstood,
    ];
    ALL.get(index as usize).copied().unwrap_or(Performative::NotUnderstood)
}

/// Converts the result of the table's `send`.
fn taken(code: u32) -> Result<(), SendError> {
    match code {
        0 => Ok(()),
        1 => Err(SendError::UnknownRecipient),
        2 => Err(SendError::MailboxFull),
        _ => Err(SendError::OverBudget),
    }
}

/// A twin's imports: the host's table, replaced with every call, and the granted directories.
#[derive(Debug)]
pub(crate) struct Imports {
    table: Option<abi::Host>,
    directories: Vec<Granted>,
}

#[derive(Debug)]
struct Granted {
    guest: String,
    host: std::path::PathBuf,
    write: bool,
}

// SAFETY: the table is only read in a call, on the thread of that call, for which the host made it.
unsafe impl Send for Imports {}

impl Imports {
    fn new(directories: &[abi::Directory]) -> Self {
        let directories = directories.iter().map(|directory| {
            // SAFETY: the paths are lent for the call of `create` that this is in.
            let (guest, host) = unsafe { (directory.guest.borrow(), directory.host.borrow()) };
            Granted {
                guest: String::from_utf8_lossy(guest).into_owned(),
                host: Path::new(OsStr::from_bytes(host)).to_owned(),
                write: directory.write == 1,
            }
        });
        Self { table: None, directories: directories.collect() }
    }

    fn table(&self) -> &abi::Host {
        self.table.as_ref().expect("a call sets the host's table")
    }

    pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
        let host = self.table();
        // SAFETY: the host's function, with its own context, during its call.
        taken(unsafe { (host.send)(host.context, &lend(message)) })
    }

    pub fn send_parcel(&mut self, parcel: Parcel) -> Result<(), SendError> {
        let host = self.table();
        taken(give(
            parcel,
            // SAFETY: the host's functions, with its own context, during its call.
            |message| unsafe { (host.send)(host.context, message) },
            // SAFETY: as above; the content is the host's own.
            |message, content| unsafe { (host.send_parcel)(host.context, message, content) },
        ))
    }

    pub fn log(&mut self, level: Level, text: &str) {
        let host = self.table();
        // SAFETY: the host's function, with its own context, during its call.
        unsafe { (host.log)(host.context, level as u32, Bytes::lend(text.as_bytes())) };
    }

    pub fn own_id(&self) -> AgentId {
        let host = self.table();
        // SAFETY: the host's function, with its own context, during its call.
        unsafe { (host.self_id)(host.context) }
    }

    pub fn find(&self, name: &str) -> Option<AgentId> {
        let host = self.table();
        let mut id = 0;
        // SAFETY: the host's function, with its own context, during its call; `id` outlives it.
        let found = unsafe { (host.find)(host.context, Bytes::lend(name.as_bytes()), &mut id) };
        (found == 1).then_some(id)
    }

    pub fn directory(&self, path: &str) -> Result<Directory, Failure> {
        let denied = || Failure::Denied(format!("cannot open {path:?}: not granted"));
        let granted = self.directories.iter().find(|dir| dir.guest == path);
        let granted = granted.ok_or_else(denied)?;
        Directory::open(&granted.host, granted.write).map_err(|_| denied())
    }
}
