//! Goes wrong in the way that it is told to.
//!
//! - `panic TEXT`
//! - `loop` for ever
//! - `recurse` until the stack ends
//! - `abort`, or `exit STATUS`: ends its process, so as a native twin the host's, too
//! - `flood LINES` into the log
//! - `return BYTES` in one reply, `replies NUMBER` of empty ones
//! - `sleep MILLISECONDS`
//! - `fail TEXT` with the failure `internal`
//! - `lose`: nothing alone; of a batch with it in it, the last result
//! - `ok`: nothing goes wrong

use sandlab_agent::{Agent, Failure, Host, Level, Message, Performative};
use std::hint::black_box;
use std::time::Duration;

#[derive(Default)]
struct Faulty;

impl Agent for Faulty {
    fn handle(&mut self, host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let text = message.text()?;
        let reply = |content: Vec<u8>| message.reply(Performative::Inform, content);
        match text.split_once(' ').unwrap_or((text, "")) {
            ("panic", text) => panic!("{text}"),
            ("loop", "") => loop {
                black_box(());
            },
            ("recurse", "") => Ok(vec![reply(recurse(0).to_string().into_bytes())]),
            ("abort", "") => std::process::abort(),
            ("exit", status) => std::process::exit(number(status)? as i32),
            ("flood", lines) => {
                let lines = number(lines)?;
                (0..lines).for_each(|n| host.log(Level::Info, &format!("line {n} of {lines}")));
                Ok(vec![reply(Vec::new())])
            }
            ("return", size) => Ok(vec![reply(vec![b'x'; number(size)? as usize])]),
            ("replies", count) => Ok((0..number(count)?).map(|_| reply(Vec::new())).collect()),
            ("sleep", time) => {
                std::thread::sleep(Duration::from_millis(number(time)?.into()));
                Ok(vec![reply(Vec::new())])
            }
            ("fail", text) => Err(Failure::Internal(text.to_owned())),
            ("ok" | "lose", "") => Ok(vec![reply(Vec::new())]),
            _ => Err(Failure::NotUnderstood(format!("{text:?} is no fault"))),
        }
    }

    fn handle_batch(
        &mut self,
        host: &mut Host,
        messages: Vec<Message>,
    ) -> Vec<Result<Vec<Message>, Failure>> {
        let loses = messages.iter().any(|message| message.content == b"lose");
        let results = messages.into_iter().map(|m| self.handle(host, m));
        let mut results: Vec<_> = results.collect();
        if loses {
            results.pop();
        }
        results
    }
}

fn number(word: &str) -> Result<u32, Failure> {
    word.parse()
        .map_err(|_| Failure::NotUnderstood(format!("{word:?} is not a number")))
}

/// Every call keeps something on the stack after the next one returns.
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    if black_box(depth) == u64::MAX {
        return depth;
    }
    recurse(depth + 1) + here[0]
}

sandlab_agent::export!(Faulty, batch);
