//! The attacks, by what they are after.

mod answers;
mod escape;
mod memory;
mod requests;
mod time;

use super::{Attack, End, Guest, Strike};

/// Every attack.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        time::ATTACKS,
        memory::ATTACKS,
        answers::ATTACKS,
        requests::ATTACKS,
        escape::ATTACKS,
    ]
    .into_iter()
    .flatten()
}

/// An echo.
const ECHO: Guest = Guest {
    items: "",
    configure: "",
    handle: "",
    answer: "",
    realloc: "",
    pages: 0,
};

const fn tell(name: &'static str, guest: Guest<'static>, end: End) -> Attack {
    Attack {
        name,
        guest,
        strike: Strike::Tell,
        end,
    }
}

/// An echo that does this before it answers.
const fn handling(handle: &'static str) -> Guest<'static> {
    Guest { handle, ..ECHO }
}

/// The same, with something else in its module.
const fn with(items: &'static str, handle: &'static str) -> Guest<'static> {
    Guest {
        items,
        handle,
        ..ECHO
    }
}
