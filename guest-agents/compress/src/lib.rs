//! Replies with the content as a raw DEFLATE stream (RFC 1951).

use miniz_oxide::deflate::compress_to_vec;
use sandlab_agent::{Agent, Failure, Host, Message, Performative};

/// zlib's default level.
const LEVEL: u8 = 6;

#[derive(Default)]
struct Compress;

impl Agent for Compress {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let compressed = compress_to_vec(&message.content, LEVEL);
        Ok(vec![message.reply(Performative::Inform, compressed)])
    }
}

sandlab_agent::export!(Compress);
