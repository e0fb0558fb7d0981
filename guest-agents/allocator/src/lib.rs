//! Uses memory as its messages say, and replies with the number of bytes that it retains.
//!
//! - `allocate BYTES` and free them; a refusal ends the agent, as it does in most programs
//! - `try-allocate BYTES` and free them; a refusal is answered with `exhausted`
//! - `touch BYTES`: allocate them, write to every page, free them
//! - `retain BYTES`: allocate them, write to every page, keep them
//! - `release` everything that is retained
//! - `churn BYTES TIMES`: `touch`, TIMES times
//! - `status`: only the reply

use sandlab_agent::{Agent, Failure, Host, Message, Performative};
use std::hint::black_box;

/// Bytes of the smallest page of common machines; WebAssembly's is a multiple of it.
const PAGE: usize = 4_096;

#[derive(Default)]
struct Allocator {
    retained: Vec<Vec<u8>>,
}

impl Agent for Allocator {
    fn handle(&mut self, _host: &mut Host, message: Message) -> Result<Vec<Message>, Failure> {
        let words: Vec<&str> = message.text()?.split_whitespace().collect();
        match words.as_slice() {
            ["allocate", size] => drop(black_box(Vec::<u8>::with_capacity(bytes(size)?))),
            ["try-allocate", size] => drop(black_box(try_allocate(bytes(size)?)?)),
            ["touch", size] => drop(touched(bytes(size)?)),
            ["retain", size] => self.retained.push(touched(bytes(size)?)),
            ["release"] => self.retained.clear(),
            ["churn", size, times] => {
                let size = bytes(size)?;
                (0..number(times)?).for_each(|_| drop(touched(size)));
            }
            ["status"] => {}
            _ => {
                return Err(Failure::NotUnderstood(
                    "expected allocate, try-allocate, touch, retain, release, churn or status"
                        .to_owned(),
                ));
            }
        }
        let retained: usize = self.retained.iter().map(Vec::len).sum();
        Ok(vec![message.reply(Performative::Inform, retained.to_string())])
    }
}

fn try_allocate(size: usize) -> Result<Vec<u8>, Failure> {
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(size)
        .map_err(|_| Failure::Exhausted(format!("{size} bytes were refused")))?;
    Ok(memory)
}

fn touched(size: usize) -> Vec<u8> {
    let mut memory = vec![0; size];
    for byte in memory.iter_mut().step_by(PAGE) {
        *byte = 1;
    }
    black_box(memory)
}

fn number(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(|_| Failure::NotUnderstood(format!("{word:?} is not a number")))
}

fn bytes(word: &str) -> Result<usize, Failure> {
    usize::try_from(number(word)?)
        .map_err(|_| Failure::Exhausted(format!("{word} bytes do not fit in the address space")))
}

sandlab_agent::export!(Allocator);
