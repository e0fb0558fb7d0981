//! The sides of the ratios that benches and claims measure.

pub mod reference;

use sandlab::bundle::{Subject, find};

/// The component of the `echo` agent.
///
/// # Panics
/// If it is not built.
pub fn echo() -> Vec<u8> {
    let Ok(Subject::Bundle(bundle)) = find("echo", &mut |_| {}) else {
        panic!("echo is not built: run `make guests`");
    };
    std::fs::read(bundle.component()).expect("the bundle was checked")
}
