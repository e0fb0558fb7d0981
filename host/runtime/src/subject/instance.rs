//! One running subject: an instance for each message, or one for many.

use super::fault::ResponseFault;
use super::function::Session;
use super::http::LastRequest;
use super::program::{Entry, Program};
use crate::outbox::Sending;
use crate::wasm::fault::{classify, classify_start};
use crate::wasm::interrupt::Watched;
use crate::wasm::state::State;
use crate::wasm::store::{Deadline, begin, begin_start, block_on, end, limited, timed};
use crate::{
    Agent, AsyncAgent, Call, CallError, Called, Cause, Denials, Failure, Fault, Handled, Identity,
    LogLine, Message, Performative, Usage,
};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wasmtime::component::Instance as Linked;
use wasmtime::{Error, Store};
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler as handler;

/// The end of a message without an answer.
pub(super) enum Stop {
    /// The instance lives on.
    Failure(Failure),
    /// It has ended.
    Fault(Fault),
    /// It has ended, by an error that says why.
    Error(Error),
}

impl Stop {
    pub fn not_understood(text: impl Into<String>) -> Self {
        Self::Failure(Failure::NotUnderstood(text.into()))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        Self::Fault(cause.into())
    }
}

impl From<ResponseFault> for Stop {
    fn from(fault: ResponseFault) -> Self {
        Cause::from(fault).into()
    }
}

/// An instance, with what its kind keeps from one message to the next.
pub(super) struct Live {
    pub store: Store<State>,
    pub linked: Linked,
    deadline: Deadline,
    /// Messages that it has been given.
    messages: u64,
    /// A service's handler, once it has been called.
    pub handler: Option<handler::Guest>,
    pub session: Session,
}

impl Live {
    /// Instantiates the component in a store of its own.
    ///
    /// # Errors
    /// If the component does not come up within its limits.
    async fn start(program: &Program, identity: Identity) -> Result<Self, Fault> {
        let config = &*program.config;
        let (pre, fiber) = (&program.pre, program.fiber);
        let state = State::new(config, identity, fiber)?;
        let sampler = program.sampler.as_ref();
        let (mut store, deadline) =
            limited(pre.engine(), state, config, program.interrupt, sampler, fiber);
        let watched = begin_start(&mut store, deadline, config.fuel).map_err(host)?;
        let started = if fiber {
            timed(config.deadline, pre.instantiate_async(&mut store)).await
        } else {
            pre.instantiate(&mut store)
        };
        end(&mut store, watched);
        let linked = started
            .map_err(|error| classify_start(&error, &mut store, config, &program.modules))?;
        Ok(Self {
            store,
            linked,
            deadline,
            messages: 0,
            handler: None,
            session: Session::default(),
        })
    }

    /// Sets the next message's limits.
    fn begin(&mut self, fuel: Option<u64>) -> Result<Watched, Fault> {
        self.messages += 1;
        self.store.data_mut().begin_call(Sending::Denied);
        begin(&mut self.store, self.deadline, fuel).map_err(host)
    }

    fn usage(&self, fuel: Option<u64>) -> Usage {
        let state = self.store.data();
        let fuel = fuel.zip(self.store.get_fuel().ok());
        Usage {
            memory: Some(state.limiter.memory()),
            memory_peak: Some(state.limiter.memory_peak()),
            denials: Some(state.limiter.denials()),
            fuel: fuel.map(|(given, left)| given - left),
            log_dropped: 0,
            sends_refused: 0,
        }
    }
}

/// A subject that messages can be sent to.
pub(super) struct Running {
    program: Arc<Program>,
    identity: Identity,
    /// Messages that an instance lives for.
    messages: u64,
    /// The instance that the next message is for. If there is none, the message starts one.
    live: Option<Live>,
    request: LastRequest,
    /// The usage of the instances that have ended: memory and fuel of the last one, the peak and
    /// refused growths of all.
    last: Usage,
    log: Vec<LogLine>,
    ended: bool,
}

impl Running {
    /// Starts the first instance, so that what does not come up is known before a message.
    ///
    /// # Errors
    /// If it does not come up within its limits.
    pub fn spawn(program: Arc<Program>, identity: Identity, messages: u64) -> Result<Self, Fault> {
        let live = run(&program, Live::start(&program, identity.clone()))?;
        Ok(Self {
            messages,
            live: Some(live),
            program,
            identity,
            request: LastRequest::default(),
            last: Usage::default(),
            log: Vec::new(),
            ended: false,
        })
    }

    async fn respond(&mut self, message: &Message) -> Result<Handled, CallError> {
        if self.ended {
            return Err(Cause::Ended.into());
        }
        let content = self.answer(&message.content).await;
        let content = content.inspect_err(|error| self.ended = error.fault().is_some())?;
        let reply = Message {
            id: message.id,
            conversation: message.conversation,
            in_reply_to: Some(message.id),
            sender: message.recipient,
            recipient: message.sender,
            performative: Performative::Inform,
            content,
        };
        Ok(Handled { replies: vec![reply], sent: Vec::new() })
    }

    async fn answer(&mut self, content: &[u8]) -> Result<Vec<u8>, CallError> {
        let program = &*self.program;
        let config = &*program.config;
        let live = match &mut self.live {
            Some(live) => live,
            none => none.insert(Live::start(program, self.identity.clone()).await?),
        };
        let watched = live.begin(config.fuel)?;
        let answered = match &program.entry {
            Entry::Service(service) => {
                service.respond(live, &mut self.request, config, content).await
            }
            Entry::Command(command) => command.respond(live, config, content).await,
            Entry::Functions(functions) => functions.respond(live, config, content).await,
        };
        end(&mut live.store, watched);
        self.log.clear();
        self.log.extend(live.store.data_mut().outgoing.take_log());
        let answered = answered.map_err(|stop| match stop {
            Stop::Failure(failure) => CallError::Failure(failure),
            Stop::Fault(fault) => fault.into(),
            Stop::Error(error) => {
                classify(&error, &mut live.store, config, &program.modules).into()
            }
        });
        let ended = matches!(answered, Err(CallError::Fault(_)));
        if ended || live.messages >= self.messages {
            self.last = after(self.last, live.usage(config.fuel));
            self.live = None;
        }
        answered
    }
}

/// Adds the usage of an instance to that of those before it. Peaks are the highest of all.
fn after(earlier: Usage, now: Usage) -> Usage {
    let denials = match (earlier.denials, now.denials) {
        (Some(a), Some(b)) => {
            Some(Denials { count: a.count + b.count, asked: b.asked.or(a.asked) })
        }
        (a, b) => b.or(a),
    };
    Usage { memory_peak: now.memory_peak.max(earlier.memory_peak), denials, ..now }
}

/// Runs a future to its end: on this thread's runtime if it can wait, else at once.
fn run<R>(program: &Program, future: impl Future<Output = Result<R, Fault>>) -> Result<R, Fault> {
    if program.fiber {
        return block_on(future).map_err(host)?;
    }
    at_once(future).unwrap_or_else(|| Err(waited()))
}

/// Returns the output of a future that never waits; `None` if it waits all the same.
fn at_once<R>(future: impl Future<Output = R>) -> Option<R> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn waited() -> Fault {
    Cause::Host("a call that cannot wait waited".to_owned()).into()
}

fn host(error: Error) -> Fault {
    Cause::Host(format!("{error:#}")).into()
}

impl Agent for Running {
    fn configure(&mut self, config: &[u8]) -> Result<Vec<Message>, CallError> {
        if config.is_empty() {
            return Ok(Vec::new());
        }
        let kind = self.program.entry.kind();
        let text = format!("a {kind} takes no configuration; leave it out of the workload");
        Err(CallError::Failure(Failure::Refused(text)))
    }

    fn handle(&mut self, message: &Message) -> Result<Handled, CallError> {
        if self.program.fiber {
            return block_on(self.respond(message)).map_err(host)?;
        }
        at_once(self.respond(message)).unwrap_or_else(|| Err(waited().into()))
    }

    fn usage(&self) -> Usage {
        let fuel = self.program.config.fuel;
        self.live.as_ref().map_or(self.last, |live| after(self.last, live.usage(fuel)))
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }
}

impl AsyncAgent for Running {
    fn call(mut self: Box<Self>, message: Message) -> Call {
        Box::pin(async move {
            let outcome = self.respond(&message).await;
            Called { agent: self, outcome }
        })
    }

    fn call_batch(self: Box<Self>, _messages: Vec<Message>) -> Call<crate::Batch> {
        Box::pin(async move {
            let outcome = Err(Cause::Unsupported("batch".to_owned()).into());
            Called { agent: self as Box<dyn AsyncAgent>, outcome }
        })
    }

    fn call_parcel(self: Box<Self>, _message: Message) -> Call {
        Box::pin(async move {
            let outcome = Err(Cause::Unsupported("parcels".to_owned()).into());
            Called { agent: self as Box<dyn AsyncAgent>, outcome }
        })
    }
}
