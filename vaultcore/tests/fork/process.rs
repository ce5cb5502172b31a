//! The one place of the tests that forks.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Seconds after which a child that hangs is ended.
const PATIENCE: u32 = 20;
const PANICKED: u8 = 101;
const SIGNALLED: i32 = 1_000;

/// Forks, runs `work` in the child, and returns the child's exit code, or 1000 and the signal.
pub(crate) fn in_fork(work: impl FnOnce() -> u8) -> i32 {
    // SAFETY: the child uses what glibc keeps usable after a fork of a threaded process, which
    // includes its allocator, and ends by `_exit`; that vaultcore adds no lock to that is tested.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        end(work);
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process that nobody else waits for.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        SIGNALLED + libc::WTERMSIG(status)
    }
}

/// Ends the child, whatever `work` does, before it could run the parent's tests.
fn end(work: impl FnOnce() -> u8) -> ! {
    // SAFETY: sets a timer of this process, whose default action ends it.
    unsafe { libc::alarm(PATIENCE) };
    let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
    // SAFETY: ends the process without what the parent registered to be run at its end.
    unsafe { libc::_exit(i32::from(code)) }
}
