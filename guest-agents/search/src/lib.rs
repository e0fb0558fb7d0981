//! Replies with the documents, one per line, that match the pattern of its configuration.

use regex::bytes::Regex;
use sandlab_agent::{Agent, Failure, Host, Message, Performative};

#[derive(Default)]
struct Search {
    pattern: Option<Regex>,
}

impl Agent for Search {
    fn configure(&mut self, _host: &mut Host, config: &[u8]) -> Result<(), Failure> {
        let pattern = str::from_utf8(config)
            .map_err(|error| Failure::NotUnderstood(format!("not UTF-8: {error}")))?;
        let pattern =
            Regex::new(pattern).map_err(|error| Failure::NotUnderstood(error.to_string()))?;
        self.pattern = Some(pattern);
        Ok(())
    }

    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let Some(pattern) = &self.pattern else {
            return Err(Failure::Unavailable("no pattern is configured".to_owned()));
        };
        let documents = message.content.split(|byte| *byte == b'\n');
        let mut found = Vec::new();
        for document in documents.filter(|document| pattern.is_match(document)) {
            found.extend_from_slice(document);
            found.push(b'\n');
        }
        Ok(vec![message.reply(Performative::Inform, found)])
    }
}

sandlab_agent::export!(Search);
