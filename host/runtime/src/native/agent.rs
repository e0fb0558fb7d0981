//! One agent of a twin, and the calls into it.

use super::Program;
use super::convert::{copy, failure, give, lend, level, sent, take_back};
use crate::agent::Batch;
use crate::outbox::{MESSAGE_OVERHEAD, Outbox, Sending};
use crate::{
    Agent, CallError, Cause, Failure, Fault, Handled, Identity, Interface, LogLine, Message, Usage,
};
use sandlab_native_abi::{self as abi, Bytes, Content, Host, Sink, Table, outcome};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// One agent of a twin.
pub struct Instance {
    agent: NonNull<c_void>,
    outbox: Outbox,
    result_limit: u64,
    ended: bool,
    program: Arc<Program>,
}

// SAFETY: the ABI lets an agent move between threads, as long as one uses it at a time,
// which `&mut self` ensures.
unsafe impl Send for Instance {}

/// The results of a batch's operations, in order.
type Outcomes = Vec<Result<Vec<Message>, Failure>>;

/// The results of one call, filled by the sink.
#[derive(Default)]
struct Results {
    /// Bytes that the agent may still return.
    room: u64,
    over: bool,
    replies: Vec<Message>,
    state: Vec<u8>,
    /// The outcome of the only operation, or of the last one of a batch.
    last: Option<Result<(), Failure>>,
    batch: Outcomes,
    panic: Option<String>,
}

impl Instance {
    /// Creates the agent in the twin.
    ///
    /// # Errors
    /// If the agent panics while it is created.
    pub(super) fn spawn(program: Arc<Program>, identity: Identity) -> Result<Self, Fault> {
        let granted: Vec<_> = program.directories.iter().map(|dir| dir.lend()).collect();
        // SAFETY: the directories are lent for this call.
        let agent = unsafe { (program.table.create)(granted.as_ptr(), granted.len()) };
        let agent = NonNull::new(agent)
            .ok_or_else(|| Cause::Panic("while the agent was created".to_owned()))?;
        Ok(Self {
            agent,
            outbox: Outbox::new(identity, &program.config),
            result_limit: program.config.result_limit.as_u64(),
            ended: false,
            program,
        })
    }

    /// Runs one call with the host's tables. The results are filled in place: to move them out
    /// costs 5 ns.
    fn call(
        &mut self,
        sending: Sending,
        results: &mut Results,
        call: impl FnOnce(&Table, *mut c_void, &Host, &Sink),
    ) -> Result<(), Fault> {
        if self.ended {
            return Err(Cause::Ended.into());
        }
        self.outbox.begin_call(sending);
        results.room = self.result_limit;
        let host = Host {
            context: (&raw mut self.outbox).cast(),
            send: host_send,
            log: host_log,
            self_id: host_self,
            find: host_find,
            send_parcel: host_send_parcel,
        };
        let sink = Sink {
            context: std::ptr::from_mut(results).cast(),
            message: sink_message,
            state: sink_state,
            end: sink_end,
            parcel: sink_parcel,
        };
        call(&self.program.table, self.agent.as_ptr(), &host, &sink);
        if let Some(message) = results.panic.take() {
            self.ended = true;
            return Err(Cause::Panic(message).into());
        }
        if results.over {
            self.ended = true;
            return Err(Cause::ResultTooLarge(self.result_limit).into());
        }
        let checked = self.outbox.check().and_then(|()| self.outbox.check_replies(results.count()));
        self.ended = checked.is_err();
        Ok(checked?)
    }
}

impl Results {
    fn outcome(&mut self) -> Result<(), CallError> {
        match self.last.take() {
            Some(Ok(())) => Ok(()),
            Some(Err(failure)) => Err(CallError::Failure(failure)),
            None => Err(Cause::Host("the twin returned without an outcome".to_owned()).into()),
        }
    }

    /// Replies of all operations.
    fn count(&self) -> usize {
        let closed = self.batch.iter().flatten();
        closed.map(Vec::len).sum::<usize>() + self.replies.len()
    }

    /// Counts bytes of the result; returns whether they fit.
    fn take(&mut self, bytes: u64) -> bool {
        let left = self.room.checked_sub(bytes);
        self.over |= left.is_none();
        self.room = left.unwrap_or(0);
        !self.over
    }
}

impl Agent for Instance {
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError> {
        let mut results = Results::default();
        self.call(Sending::Allowed, &mut results, |table, agent, host, sink| {
            // SAFETY: everything is lent for this call, and the agent is the table's own.
            unsafe { (table.configure)(agent, host, Bytes::lend(config), sink) }
        })?;
        results.outcome()?;
        Ok(self.outbox.take_sent())
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        let message = lend(message);
        let mut results = Results::default();
        self.call(Sending::Allowed, &mut results, |table, agent, host, sink| {
            // SAFETY: everything is lent for this call, and the agent is the table's own.
            unsafe { (table.handle)(agent, host, &message, sink) }
        })?;
        results.outcome()?;
        Ok(Handled { replies: results.replies, sent: self.outbox.take_sent() })
    }

    fn handle_batch(&mut self, messages: &[Message]) -> Result<Batch, CallError> {
        self.program.require(Interface::Batch)?;
        let lent: Vec<_> = messages.iter().map(lend).collect();
        let mut results = Results::default();
        self.call(Sending::Allowed, &mut results, |table, agent, host, sink| {
            // SAFETY: everything is lent for this call, and the agent is the table's own.
            unsafe { (table.handle_batch)(agent, host, lent.as_ptr(), lent.len(), sink) }
        })?;
        results.close_operation();
        Ok(Batch { results: results.batch, sent: self.outbox.take_sent() })
    }

    fn handle_parcel(&mut self, message: Message) -> Result<Handled, CallError> {
        self.program.require(Interface::Parcels)?;
        let mut results = Results::default();
        self.call(Sending::Allowed, &mut results, |table, agent, host, sink| {
            let (message, content) = give(message);
            // SAFETY: everything else is lent for this call, and the agent is the table's own.
            unsafe { (table.handle_parcel)(agent, host, &message, content, sink) }
        })?;
        results.outcome()?;
        Ok(Handled { replies: results.replies, sent: self.outbox.take_sent() })
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, CallError> {
        self.program.require(Interface::State)?;
        let mut results = Results::default();
        self.call(Sending::Denied, &mut results, |table, agent, host, sink| {
            // SAFETY: everything is lent for this call, and the agent is the table's own.
            unsafe { (table.checkpoint)(agent, host, sink) }
        })?;
        results.outcome()?;
        Ok(results.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), CallError> {
        self.program.require(Interface::State)?;
        let mut results = Results::default();
        self.call(Sending::Denied, &mut results, |table, agent, host, sink| {
            // SAFETY: everything is lent for this call, and the agent is the table's own.
            unsafe { (table.restore)(agent, host, Bytes::lend(state), sink) }
        })?;
        results.outcome()
    }

    /// Returns no memory: a twin has no linear memory, and its heap is the process's.
    fn usage(&self) -> Usage {
        Usage {
            log_dropped: self.outbox.log_dropped(),
            sends_refused: self.outbox.refused(),
            ..Usage::default()
        }
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        self.outbox.take_log()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the agent came from this table's `create`, and is dropped once.
        unsafe { (self.program.table.drop)(self.agent.as_ptr()) };
    }
}

impl Results {
    /// Moves a finished operation to the results of the batch.
    fn close_operation(&mut self) {
        if let Some(last) = self.last.take() {
            let replies = std::mem::take(&mut self.replies);
            self.batch.push(last.map(|()| replies));
        }
    }

    /// Closes an operation of a batch only when the next one begins, so that a single call, by
    /// far the most frequent, keeps its replies where they are.
    fn begin_if_ended(&mut self) {
        if self.last.is_some() {
            self.close_operation();
        }
    }
}

unsafe extern "C" fn sink_message(context: *mut c_void, message: *const abi::Message) {
    // SAFETY: the context is the `Results` of the running call, the message lent for this one.
    let (results, message) = unsafe { (&mut *context.cast::<Results>(), &*message) };
    results.begin_if_ended();
    if results.take(MESSAGE_OVERHEAD + message.content.len as u64) {
        // SAFETY: as above.
        results.replies.push(unsafe { copy(message) });
    }
}

unsafe extern "C" fn sink_parcel(
    context: *mut c_void,
    message: *const abi::Message,
    content: Content,
) {
    // SAFETY: the context is the `Results` of the running call, the message lent for this
    // one, and the content comes back once.
    let (results, message) = unsafe {
        let message = take_back(&*message, content);
        (&mut *context.cast::<Results>(), message)
    };
    // The content is in the host's memory already, and does not count.
    if results.take(MESSAGE_OVERHEAD) {
        results.replies.push(message);
    }
}

unsafe extern "C" fn sink_state(context: *mut c_void, state: Bytes) {
    // SAFETY: the context is the `Results` of the running call, the state lent for this one.
    let (results, state) = unsafe { (&mut *context.cast::<Results>(), state.borrow()) };
    if results.take(state.len() as u64) {
        results.state = state.to_vec();
    }
}

unsafe extern "C" fn sink_end(context: *mut c_void, code: u32, text: Bytes) {
    // SAFETY: the context is the `Results` of the running call, the text lent for this one.
    let (results, text) = unsafe { (&mut *context.cast::<Results>(), text.borrow()) };
    results.begin_if_ended();
    if code == outcome::OK {
        results.last = Some(Ok(()));
        return;
    }
    if !results.take(text.len() as u64) {
        return;
    }
    let text = String::from_utf8_lossy(text).into_owned();
    if code == outcome::PANICKED {
        results.panic = Some(text);
    } else {
        results.last = Some(Err(failure(code, text)));
    }
}

unsafe extern "C" fn host_send(context: *mut c_void, message: *const abi::Message) -> u32 {
    // SAFETY: the context is the `Outbox` of the running call, the message lent for this one.
    let (outbox, message) = unsafe { (&mut *context.cast::<Outbox>(), copy(&*message)) };
    sent(outbox.send(message))
}

unsafe extern "C" fn host_send_parcel(
    context: *mut c_void,
    message: *const abi::Message,
    content: Content,
) -> u32 {
    // SAFETY: the context is the `Outbox` of the running call, the message lent for this
    // one, and the content comes back once.
    let (outbox, message) = unsafe {
        let message = take_back(&*message, content);
        (&mut *context.cast::<Outbox>(), message)
    };
    sent(outbox.send_parcel(message))
}

unsafe extern "C" fn host_log(context: *mut c_void, index: u32, text: Bytes) {
    // SAFETY: the context is the `Outbox` of the running call, the text lent for this one.
    let (outbox, text) = unsafe { (&mut *context.cast::<Outbox>(), text.borrow()) };
    outbox.log(level(index), String::from_utf8_lossy(text).into_owned());
}

unsafe extern "C" fn host_self(context: *mut c_void) -> u64 {
    // SAFETY: the context is the `Outbox` of the running call.
    unsafe { &*context.cast::<Outbox>() }.own_id()
}

unsafe extern "C" fn host_find(context: *mut c_void, name: Bytes, id: *mut u64) -> u32 {
    // SAFETY: the context is the `Outbox` of the running call, the name lent for this one.
    let (outbox, name) = unsafe { (&*context.cast::<Outbox>(), name.borrow()) };
    let found = str::from_utf8(name).ok().and_then(|name| outbox.find(name));
    if let Some(found) = found {
        // SAFETY: the twin lends a place for one id.
        unsafe { id.write(found) };
    }
    found.is_some().into()
}
