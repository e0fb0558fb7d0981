//! Echoes each message, so that a call costs nothing but the call. An `inform` needs no reply,
//! and gets none.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Echo;

impl Agent for Echo {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        if message.performative == Performative::Inform {
            return Ok(Vec::new());
        }
        Ok(vec![message.into_reply(Performative::Inform)])
    }
}

sandlab_agent::export!(Echo, batch);
