//! A command whose need for memory is known: it allocates as many MiB as its argument says,
//! writes each page, and prints the sum of what it wrote.

use std::process::ExitCode;

const MIB: usize = 1 << 20;
/// WebAssembly's page.
const PAGE: usize = 64 << 10;

fn main() -> ExitCode {
    let Some(size) = std::env::args().nth(1).and_then(|arg| arg.parse::<usize>().ok()) else {
        eprintln!("usage: grow MIB");
        return ExitCode::FAILURE;
    };
    let mut memory = vec![0_u8; size * MIB];
    for page in memory.chunks_mut(PAGE) {
        page[0] = 1;
    }
    let pages: usize = memory.iter().step_by(PAGE).map(|byte| usize::from(*byte)).sum();
    println!("{pages}");
    ExitCode::SUCCESS
}
