//! Forwards messages to the agents that its configuration names.
//!
//! - `ring NEXT`: the content starts with a number of hops (u32, little-endian); above
//!   zero it is counted down and the message goes to NEXT, at zero it is answered.
//! - `fan-out NAME...`: the message goes to every NAME, and is answered with their number.
//! - `forward NEXT`: the message goes to NEXT as it is.
//! - `answer`: the message is answered with its content, unless it is an `inform`, which
//!   wants no reply.
//!
//! In a parcel, content that is forwarded or returned unchanged is not copied; `ring` and
//! `fan-out` copy it.
//!
//! Names are looked up when they are first needed, so that a ring can be closed. Replies are not
//! forwarded.

use sandlab_agent::{Agent, AgentId, Failure, Host, Message, Parcel, Performative, SendError};

#[derive(Default)]
struct Relay {
    route: Option<Route>,
}

enum Route {
    Ring(Target),
    FanOut(Vec<Target>),
    Forward(Target),
    Answer,
}

struct Target {
    name: String,
    id: Option<AgentId>,
}

impl Agent for Relay {
    fn configure(&mut self, _host: &mut Host, config: &[u8]) -> Result<(), Failure> {
        let config = str::from_utf8(config)
            .map_err(|error| Failure::NotUnderstood(format!("not UTF-8: {error}")))?;
        let mut words = config.split_whitespace();
        let pattern = words.next();
        let mut targets: Vec<_> = words.map(Target::of).collect();
        self.route = Some(match (pattern, targets.len()) {
            (Some("ring"), 1) => Route::Ring(targets.remove(0)),
            (Some("fan-out"), 1..) => Route::FanOut(targets),
            (Some("forward"), 1) => Route::Forward(targets.remove(0)),
            (Some("answer"), 0) => Route::Answer,
            _ => {
                return Err(Failure::NotUnderstood(
                    "expected `ring NEXT`, `fan-out NAME...`, `forward NEXT` or `answer`"
                        .to_owned(),
                ));
            }
        });
        Ok(())
    }

    fn handle(&mut self, host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        if message.in_reply_to.is_some() {
            return Ok(Vec::new());
        }
        match &mut self.route {
            Some(Route::Ring(next)) => pass_on(host, next, message),
            Some(Route::FanOut(targets)) => spread(host, targets, message),
            Some(Route::Forward(next)) => {
                let recipient = next.id(host)?;
                let message = Message { recipient, ..message };
                host.send(&message).map_err(not_taken)?;
                Ok(Vec::new())
            }
            Some(Route::Answer) if message.performative == Performative::Inform => Ok(Vec::new()),
            Some(Route::Answer) => Ok(vec![message.into_reply(Performative::Inform)]),
            None => Err(Failure::Unavailable("the relay is not configured".to_owned())),
        }
    }

    fn handle_parcel(&mut self, host: &mut Host, parcel: Parcel) -> Result<Vec<Parcel>, Failure> {
        match &mut self.route {
            Some(Route::Forward(next)) if parcel.in_reply_to.is_none() => {
                let recipient = next.id(host)?;
                let parcel = Parcel { recipient, ..parcel };
                host.send_parcel(parcel).map_err(not_taken)?;
                Ok(Vec::new())
            }
            Some(Route::Answer)
                if parcel.in_reply_to.is_none() && parcel.performative != Performative::Inform =>
            {
                Ok(vec![parcel.into_reply(Performative::Inform)])
            }
            _ => {
                let replies = self.handle(host, parcel.into_message())?;
                Ok(replies.into_iter().map(Parcel::from).collect())
            }
        }
    }
}

impl Target {
    fn of(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, id: None }
    }

    fn id(&mut self, host: &Host) -> Result<AgentId, Failure> {
        if self.id.is_none() {
            self.id = host.find(&self.name);
        }
        let name = &self.name;
        self.id.ok_or_else(|| Failure::Refused(format!("there is no agent {name:?}")))
    }
}

fn pass_on(
    host: &mut Host,
    next: &mut Target,
    mut message: Message,
) -> Result<Vec<Message>, Failure> {
    let hops = message
        .content
        .first_chunk_mut::<4>()
        .ok_or_else(|| Failure::NotUnderstood("the content has no hop count".to_owned()))?;
    let Some(left) = u32::from_le_bytes(*hops).checked_sub(1) else {
        return Ok(vec![message.into_reply(Performative::Inform)]);
    };
    *hops = left.to_le_bytes();
    message.recipient = next.id(host)?;
    host.send(&message).map_err(not_taken)?;
    Ok(Vec::new())
}

fn spread(
    host: &mut Host,
    targets: &mut [Target],
    mut message: Message,
) -> Result<Vec<Message>, Failure> {
    let answer = message.reply(Performative::Agree, targets.len().to_string());
    for target in targets {
        message.recipient = target.id(host)?;
        host.send(&message).map_err(not_taken)?;
    }
    Ok(vec![answer])
}

fn not_taken(error: SendError) -> Failure {
    Failure::Unavailable(format!("the message was not taken: {error}"))
}

sandlab_agent::export!(Relay, batch, zero_copy);
