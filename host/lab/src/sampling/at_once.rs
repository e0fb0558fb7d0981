//! Work on several threads that begins on all of them at once.

use crate::{Error, Result};
use std::sync::{PoisonError, RwLock};
use std::{io, thread};

/// Does each work on a thread of its own, all from the moment on at which the last thread is there.
///
/// # Errors
/// If the machine has not as many threads, and then nothing is done; or the first of the works'
/// own.
pub fn at_once<W, R>(works: impl IntoIterator<Item = W>) -> Result<Vec<R>>
where
    W: FnOnce() -> Result<R> + Send,
    R: Send,
{
    let all_there = RwLock::new(false);
    thread::scope(|scope| {
        let mut waiting = all_there.write().unwrap_or_else(PoisonError::into_inner);
        let threads = works.into_iter().map(|work| {
            let work = || match *all_there.read().unwrap_or_else(PoisonError::into_inner) {
                true => work(),
                false => Err(Error::Stopped),
            };
            thread::Builder::new().spawn_scoped(scope, work)
        });
        let threads = threads.collect::<io::Result<Vec<_>>>();
        *waiting = threads.is_ok();
        drop(waiting);
        let panicked = |_| Err(Error::Machine("a thread that was measured panicked".to_owned()));
        let threads = threads.map_err(Error::thread)?.into_iter();
        threads.map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn all_are_at_work_at_the_same_time_and_the_first_error_is_told() {
        let barrier = Barrier::new(3);
        let meet = |number: u32| {
            let barrier = &barrier;
            move || {
                barrier.wait();
                Ok(number)
            }
        };
        assert_eq!(at_once([meet(1), meet(2), meet(3)]).unwrap(), [1, 2, 3]);
        let fails = |number: u32| {
            move || match number {
                2 => Err(Error::Usage("two".to_owned())),
                number => Ok(number),
            }
        };
        assert_eq!(at_once([fails(1), fails(2)]).unwrap_err().to_string(), "two");
    }
}
