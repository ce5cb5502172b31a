//! What a forked child finds, with real forks.

#![cfg(all(target_os = "linux", not(miri)))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use vaultcore_os::{ForkMark, LockedBox, MemLock, memory_lock};

/// Forks, runs `work` in the child, and returns what it answered; false if it panicked or crashed.
fn in_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs `work` alone and leaves with `_exit`; glibc keeps malloc usable in it.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        let held = catch_unwind(AssertUnwindSafe(work)).unwrap_or(false);
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

fn is_mapped(address: *const u8) -> bool {
    let mut present = 0u8;
    let page = (address as usize & !4095) as *mut libc::c_void;
    // SAFETY: the call looks the page up without touching it, and writes one byte to `present`.
    unsafe { libc::mincore(page, 1, &mut present) == 0 }
}

#[test]
fn a_child_has_no_key_of_its_parent_and_harms_none() {
    let mut key = Some(LockedBox::new_with(|| [7u8; 32]));
    let place = key.as_ref().unwrap().as_ptr();
    assert!(is_mapped(place));
    let held = in_child(|| {
        let absent = !is_mapped(place);
        let refused = catch_unwind(AssertUnwindSafe(|| key.as_ref().unwrap()[0])).is_err();
        key = None; // the drop must neither crash nor wipe what the parent still uses
        absent && refused
    });
    assert!(held);
    assert_eq!(**key.as_ref().unwrap(), [7; 32]);
}

#[test]
fn a_child_makes_keys_of_its_own() {
    let before = LockedBox::new_with(|| [1u8; 32]);
    let held = in_child(|| {
        let own = LockedBox::new_with(|| [2u8; 32]);
        let grandchild = in_child(|| {
            let newest = LockedBox::new_with(|| [3u8; 32]);
            *newest == [3; 32] && catch_unwind(AssertUnwindSafe(|| own[0])).is_err()
        });
        grandchild && *own == [2; 32]
    });
    assert!(held);
    assert_eq!(*before, [1; 32]);
}

#[test]
fn forks_amid_allocations_leave_a_working_arena() {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                drop([(); 9].map(|()| LockedBox::new_with(|| [4u8; 500])));
            }
        });
        let held = (0..200).all(|_| in_child(|| *LockedBox::new_with(|| [5u8; 500]) == [5; 500]));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(held);
    });
}

#[test]
fn without_a_lock_limit_left_keys_stay_usable_and_say_so() {
    let held = in_child(|| {
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `none` is a valid limit. Leaving root takes away the right to exceed it.
        unsafe {
            libc::setrlimit(libc::RLIMIT_MEMLOCK, &none);
            libc::setuid(65534);
        }
        let key = LockedBox::new_with(|| [6u8; 300]);
        *key == [6; 300] && memory_lock() == MemLock::Unlocked
    });
    assert!(held);
}
