//! Replies with the words of a text in reverse order.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Reverser;

impl Agent for Reverser {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let words: Vec<&str> = message.text()?.split(' ').rev().collect();
        Ok(vec![message.reply(Performative::Inform, words.join(" "))])
    }
}

sandlab_agent::export!(Reverser);
