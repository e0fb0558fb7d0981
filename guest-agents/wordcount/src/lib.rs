//! Counts the words of a text. The reply has a line `COUNT WORD` for each, the most
//! frequent first, equal ones in alphabetical order.

use sandlab_agent::{Agent, Failure, Host, Message, Performative};
use std::collections::HashMap;
use std::fmt::Write;

#[derive(Default)]
struct WordCount;

impl Agent for WordCount {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let mut counts = HashMap::<&str, u32>::new();
        for word in message.text()?.split_whitespace() {
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
        let mut lines = String::new();
        for (word, count) in counts {
            writeln!(lines, "{count} {word}")
                .map_err(|error| Failure::Internal(error.to_string()))?;
        }
        Ok(vec![message.reply(Performative::Inform, lines)])
    }
}

sandlab_agent::export!(WordCount);
