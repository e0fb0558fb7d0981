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
//!
//! With a parcel also:
//!
//! - `keep`: keeps its content
//! - `hoard NUMBER BYTES`: makes so many contents of so many bytes, and keeps them
//! - `read OFFSET LENGTH`: that part of its content

use sandlab_agent::{Agent, Content, Failure, Host, Level, Message, Parcel, Performative};
use std::hint::black_box;
use std::time::Duration;

#[derive(Default)]
struct Faulty {
    kept: Vec<Content>,
}

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

    fn handle_parcel(&mut self, host: &mut Host, parcel: Parcel) -> Result<Vec<Parcel>, Failure> {
        // Whatever follows the command's line is only there to be large.
        let begin = String::from_utf8_lossy(&parcel.content.read(0, 80)).into_owned();
        let line = begin.lines().next().unwrap_or_default();
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["keep"] => {
                self.kept.push(parcel.content);
                Ok(Vec::new())
            }
            ["hoard", count, size] => {
                let bytes = vec![b'x'; number(size)? as usize];
                let made = (0..number(count)?).map(|_| Content::new(&bytes));
                self.kept.extend(made);
                Ok(Vec::new())
            }
            ["read", offset, length] => {
                let part = parcel.content.read(long(offset)?, long(length)?);
                Ok(vec![
                    parcel.reply(Performative::Inform, Content::new(&part)),
                ])
            }
            _ => {
                let replies = self.handle(host, parcel.into_message())?;
                Ok(replies.into_iter().map(Parcel::from).collect())
            }
        }
    }
}

fn number(word: &str) -> Result<u32, Failure> {
    word.parse()
        .map_err(|_| Failure::NotUnderstood(format!("{word:?} is not a number")))
}

fn long(word: &str) -> Result<u64, Failure> {
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

sandlab_agent::export!(Faulty, batch, zero_copy);
