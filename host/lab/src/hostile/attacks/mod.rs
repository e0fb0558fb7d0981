//! The attacks, one file per target.

mod answers;
mod escape;
mod memory;
mod requests;
mod services;
mod time;

use super::{Attack, Expected, Guest, Method, Program, Service};

/// Returns every attack.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        time::ATTACKS,
        memory::ATTACKS,
        answers::ATTACKS,
        requests::ATTACKS,
        escape::ATTACKS,
        services::ATTACKS,
    ]
    .into_iter()
    .flatten()
}

/// A guest that only echoes.
const ECHO: Guest =
    Guest { items: "", configure: "", handle: "", answer: "", realloc: "", pages: 0 };

const fn attack(name: &'static str, guest: Guest<'static>, expected: Expected) -> Attack {
    Attack { name, program: Program::Agent(guest), method: Method::Message, expected }
}

/// Returns an echo that runs these instructions before it replies.
const fn handling(handle: &'static str) -> Guest<'static> {
    Guest { handle, ..ECHO }
}

/// Returns the same with items added to its module.
const fn with(items: &'static str, handle: &'static str) -> Guest<'static> {
    Guest { items, handle, ..ECHO }
}
