//! Replies with the SHA-256 digest of the content, 32 bytes.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};
use sha2::{Digest, Sha256};

#[derive(Default)]
struct Hash;

impl Agent for Hash {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let digest = Sha256::digest(&message.content);
        Ok(vec![message.reply(Performative::Inform, digest.as_slice())])
    }
}

sandlab_agent::export!(Hash);
