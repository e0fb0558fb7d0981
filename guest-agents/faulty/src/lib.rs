//! Fails in the way that its message says.
//!
//! - `panic TEXT`, or `hook TEXT` with a panic hook of its own
//! - `loop` for ever
//! - `recurse` until the stack ends, or `nest` with an array in every frame
//! - `abort`, or `exit STATUS`: ends its process; a native twin ends the host
//! - `flood LINES`: writes so many lines to the log
//! - `return BYTES`: one reply of this size; `replies NUMBER`: so many empty replies
//! - `sleep MILLISECONDS`
//! - `fail TEXT`: returns the failure `internal`
//! - `lose`: in a batch, the last result is missing; alone, nothing fails
//! - `ok`: nothing fails
//!
//! As a parcel, also:
//!
//! - `keep`: keeps the parcel's content
//! - `hoard NUMBER BYTES`: creates NUMBER contents of BYTES each, and keeps them
//! - `read OFFSET LENGTH`: replies with that part of the content

use sandlab_agent::{Agent, Content, Failure, Host, Level, Message, Parcel, Performative};
use std::hint::black_box;
use std::panic;
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
            ("hook", text) => {
                panic::set_hook(Box::new(|info| {
                    let text = info.payload_as_str().unwrap_or_default();
                    eprintln!("The agent crashed: {text}");
                }));
                panic!("{text}")
            }
            ("loop", "") => loop {
                black_box(());
            },
            ("recurse", "") => Ok(vec![reply(recurse(0).to_string().into_bytes())]),
            ("nest", "") => Ok(vec![reply(nest(u32::MAX, &[1; 4_096]).to_string().into_bytes())]),
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
        // Lines after the first only make the message large.
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
                Ok(vec![parcel.reply(Performative::Inform, Content::new(&part))])
            }
            _ => {
                let replies = self.handle(host, parcel.into_message())?;
                Ok(replies.into_iter().map(Parcel::from).collect())
            }
        }
    }
}

fn number(word: &str) -> Result<u32, Failure> {
    word.parse().map_err(|_| Failure::NotUnderstood(format!("{word:?} is not a number")))
}

fn long(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(|_| Failure::NotUnderstood(format!("{word:?} is not a number")))
}

/// Uses a value after the recursive call, so that no compiler turns it into a loop.
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    if black_box(depth) == u64::MAX {
        return depth;
    }
    recurse(depth + 1) + here[0]
}

/// Every call copies an array into its frame, which is one instruction (bulk memory).
#[inline(never)]
fn nest(depth: u32, above: &[u8; 4_096]) -> u64 {
    let mut frame = *above;
    black_box(&mut frame)[depth as usize % 4_096] += 1;
    if depth == 0 {
        return frame[0].into();
    }
    nest(depth - 1, &frame) + u64::from(frame[7])
}

sandlab_agent::export!(Faulty, batch, zero_copy);
