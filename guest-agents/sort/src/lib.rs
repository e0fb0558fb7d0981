//! Sorts numbers: u64 little-endian, ascending.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Sort;

impl Agent for Sort {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let (numbers, rest) = message.content.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(Failure::NotUnderstood(format!(
                "{} bytes are no numbers of 8 bytes",
                message.content.len()
            )));
        }
        let mut numbers: Vec<u64> = numbers.iter().map(|n| u64::from_le_bytes(*n)).collect();
        numbers.sort_unstable();
        let content: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        Ok(vec![message.reply(Performative::Inform, content)])
    }
}

sandlab_agent::export!(Sort);
