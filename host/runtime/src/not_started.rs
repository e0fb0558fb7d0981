//! What to do where the kernel starts no further thread or process.

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::{io, thread};

/// Returns the kernel's reason for starting no thread or process, with the remedy: too many of them
/// (`EAGAIN`) are another matter than none that is allowed (`EPERM`).
pub fn why_not_started(error: &io::Error) -> String {
    let remedy = match Errno::from_io_error(error) {
        // The C library says the same where a stack finds no addresses.
        Some(Errno::AGAIN) if getrlimit(Resource::As).current.is_some() => {
            "allow more processes (`ulimit -u`, or pids.max of the container), or more addresses \
             (`ulimit -v`)"
        }
        Some(Errno::AGAIN) => "allow more processes (`ulimit -u`, or pids.max of the container)",
        Some(Errno::PERM) => {
            "the kernel refuses `clone3` or `clone` to this process, as a container's seccomp \
             profile does: allow both there, or let it answer `clone3` with ENOSYS"
        }
        Some(Errno::NOMEM) => "free some memory",
        _ => return error.to_string(),
    };
    format!("{error}; {remedy}")
}

/// Makes sure that one more thread can be started, by starting one: where tokio gets none, it
/// panics.
///
/// # Errors
/// If the kernel starts none.
pub(crate) fn require_thread() -> io::Result<()> {
    let thread = thread::Builder::new().spawn(|| {})?;
    // It does nothing that could panic.
    let _ = thread.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_is_told_from_none_at_all() {
        let why = |errno: Errno| why_not_started(&errno.into());
        assert!(why(Errno::AGAIN).contains("`ulimit -u`"), "{}", why(Errno::AGAIN));
        let refused = why(Errno::PERM);
        assert!(refused.contains("seccomp") && !refused.contains("ulimit"), "{refused}");
        assert!(refused.starts_with("Operation not permitted"), "{refused}");
        let missing = io::Error::from(Errno::NOENT);
        assert_eq!(why_not_started(&missing), missing.to_string());
    }
}
