//! The same program with an allocator that counts.

use super::process_memory;
use crate::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Goes on as the same program with an allocator that counts, if it is there; else says what
/// is not seen without it.
///
/// # Errors
/// If it is there and does not start.
pub fn hand_over(without: &str, say: &dyn Fn(&str)) -> Result<()> {
    if process_memory::heap().is_some() {
        return Ok(());
    }
    let failed = |error| Error::Machine(format!("cannot start sandlab-counted: {error}"));
    let counted = std::env::current_exe().map_err(failed)?;
    let counted = counted.with_file_name("sandlab-counted");
    if counted.exists() {
        let mut command = Command::new(counted);
        return Err(failed(command.args(std::env::args_os().skip(1)).exec()));
    }
    say(&format!("sandlab-counted is not beside sandlab: {without}"));
    Ok(())
}
