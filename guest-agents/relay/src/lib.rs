//! Forwards messages to the agents that its configuration names.
//!
//! - `ring NEXT`: the content starts with a number of hops (u32, little-endian); above
//!   zero it is counted down and the message goes to NEXT, at zero it is answered.
//! - `fan-out NAME...`: the message goes to every NAME, and is answered with their number.

use sandlab_agent::{Agent, AgentId, Failure, Host, Message, Performative, SendError};

#[derive(Default)]
struct Relay {
    route: Option<Route>,
}

enum Route {
    Ring(AgentId),
    FanOut(Vec<AgentId>),
}

impl Agent for Relay {
    fn configure(&mut self, host: &mut Host, config: &[u8]) -> Result<(), Failure> {
        let config = str::from_utf8(config)
            .map_err(|error| Failure::NotUnderstood(format!("not UTF-8: {error}")))?;
        let mut words = config.split_whitespace();
        let pattern = words.next();
        let agents = words
            .map(|name| find(host, name))
            .collect::<Result<Vec<_>, _>>()?;
        self.route = Some(match (pattern, agents.as_slice()) {
            (Some("ring"), [next]) => Route::Ring(*next),
            (Some("fan-out"), [_, ..]) => Route::FanOut(agents),
            _ => {
                return Err(Failure::NotUnderstood(
                    "expected `ring NEXT` or `fan-out NAME...`".to_owned(),
                ));
            }
        });
        Ok(())
    }

    fn handle(&mut self, host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        match &self.route {
            Some(Route::Ring(next)) => pass_on(host, *next, message),
            Some(Route::FanOut(agents)) => spread(host, agents, message),
            None => Err(Failure::Unavailable(
                "the relay is not configured".to_owned(),
            )),
        }
    }
}

fn find(host: &Host, name: &str) -> Result<AgentId, Failure> {
    host.find(name)
        .ok_or_else(|| Failure::Refused(format!("there is no agent {name:?}")))
}

fn pass_on(host: &mut Host, next: AgentId, mut message: Message) -> Result<Vec<Message>, Failure> {
    let hops = message
        .content
        .first_chunk_mut::<4>()
        .ok_or_else(|| Failure::NotUnderstood("the content has no hop count".to_owned()))?;
    let Some(left) = u32::from_le_bytes(*hops).checked_sub(1) else {
        return Ok(vec![message.into_reply(Performative::Inform)]);
    };
    *hops = left.to_le_bytes();
    message.recipient = next;
    host.send(&message).map_err(not_taken)?;
    Ok(Vec::new())
}

fn spread(
    host: &mut Host,
    agents: &[AgentId],
    mut message: Message,
) -> Result<Vec<Message>, Failure> {
    let answer = message.reply(Performative::Agree, agents.len().to_string());
    for agent in agents {
        message.recipient = *agent;
        host.send(&message).map_err(not_taken)?;
    }
    Ok(vec![answer])
}

fn not_taken(error: SendError) -> Failure {
    Failure::Unavailable(format!("the message was not taken: {error}"))
}

sandlab_agent::export!(Relay);
