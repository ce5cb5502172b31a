//! What a forked child finds, with real forks.

#![cfg(all(target_os = "linux", not(miri)))]

use vaultcore_os::ForkMark;

/// Forks, runs `work` in the child, and returns what it answered; false if it panicked or crashed.
fn in_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs `work` alone and leaves with `_exit`; glibc keeps malloc usable in it.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!held)) };
    }
    let mut status = 0;
    // SAFETY: `status` is a valid int that the call may write to.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn the_helper_reports_a_failing_child() {
    assert!(in_child(|| true));
    assert!(!in_child(|| false));
    assert!(!in_child(|| std::process::abort()));
}

#[test]
fn every_generation_finds_the_marks_of_those_before_it() {
    let mark = ForkMark::new();
    for round in 0..500 {
        let held = in_child(|| {
            let own = ForkMark::new();
            let child = mark.forked() && !own.forked();
            child
                && in_child(|| {
                    let newest = ForkMark::new();
                    mark.forked() && own.forked() && !newest.forked()
                })
                && !own.forked()
        });
        assert!(held, "round {round}");
        assert!(!mark.forked());
    }
}

#[test]
fn a_child_with_the_process_id_of_its_parent_is_told_apart() {
    // In a process-id namespace of its own, a child has the id 1, and so has its child in turn.
    let first_of_namespace = |work: &dyn Fn() -> bool| {
        in_child(|| {
            // SAFETY: the call takes no pointer; it concerns the children of this process only.
            let refused = unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0;
            refused || in_child(work) // without the right to unshare there is nothing to try
        })
    };
    let _before = ForkMark::new(); // so that the child's is not the first of all
    let held = first_of_namespace(&|| {
        let mark = ForkMark::new();
        let id = std::process::id();
        first_of_namespace(&|| std::process::id() == id && mark.forked())
    });
    assert!(held);
}
