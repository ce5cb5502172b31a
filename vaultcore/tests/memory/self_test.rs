//! Shows that the search finds what is there, and nothing that was wiped.

use std::hint::black_box;
use std::io;

use zeroize::Zeroize;

use crate::scan::{Hit, Needles, Worker, fill_canary, pause, role, scan_process};

const ON_HEAP: u64 = 0x11;
const ON_STACK: u64 = 0x22;
const IN_BOX: u64 = 0x33;
const NOWHERE: u64 = 0x44;
const LENGTH: usize = 24;

#[test]
#[ignore = "run as a child by the tests below"]
fn child() {
    match role().as_deref() {
        Some("plant") => plant().unwrap(),
        Some("box") => keep_in_a_box().unwrap(),
        _ => {}
    }
}

fn plant() -> io::Result<()> {
    let mut heap = vec![0; 1000];
    let mut stack = [0; LENGTH];
    fill_canary(ON_HEAP, &mut heap[500..500 + LENGTH]);
    fill_canary(ON_STACK, &mut stack);
    pause("planted")?;
    black_box((&heap, &stack));
    heap.zeroize();
    stack.zeroize();
    pause("wiped")
}

/// Builds a key the way that leaves a copy on the stack, unless `LockedBox` scrubs it.
fn keep_in_a_box() -> io::Result<()> {
    let key = vaultcore_os::LockedBox::new_with(deep_in_the_stack);
    let lock = vaultcore_os::memory_lock();
    pause(&format!("{lock:?} {}", key.as_ptr() as usize))?;
    drop(key);
    pause("dropped")
}

/// Leaves its copy further down than the calls that follow reach.
#[inline(never)]
fn deep_in_the_stack() -> [u8; LENGTH] {
    let mut frame = [0; 6000];
    fill_canary(IN_BOX, &mut frame[..LENGTH]);
    *black_box(&frame).first_chunk().unwrap()
}

fn needles() -> Needles {
    Needles::canaries(&[ON_HEAP, ON_STACK, IN_BOX, NOWHERE], LENGTH)
}

/// Returns what is found in the child, or nothing where this process may not look.
fn search(worker: &Worker) -> Option<Vec<Hit>> {
    match scan_process(worker.pid(), &needles()) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let notice = "SKIPPED: no right to read the memory of a child (ptrace_scope)\n";
            io::Write::write_all(&mut io::stderr(), notice.as_bytes()).unwrap();
            None
        }
        found => Some(found.unwrap()),
    }
}

#[test]
fn what_is_planted_is_found_and_what_is_wiped_is_not() {
    let mut worker = Worker::start("self_test::child", "plant").unwrap();
    assert_eq!(worker.next_pause().unwrap(), "planted");
    let Some(hits) = search(&worker) else { return };
    let found: Vec<usize> = hits.iter().map(|hit| hit.needle).collect();
    assert!(found.contains(&0) && found.contains(&1), "{hits:?}");
    assert!(!found.contains(&2) && !found.contains(&3), "{hits:?}");
    worker.resume().unwrap();
    assert_eq!(worker.next_pause().unwrap(), "wiped");
    assert_eq!(search(&worker).unwrap(), []);
    worker.resume().unwrap();
    assert!(worker.finish().unwrap());
}

#[test]
fn a_locked_box_is_in_one_place_and_then_in_none() {
    let mut worker = Worker::start("self_test::child", "box").unwrap();
    let said = worker.next_pause().unwrap();
    let (lock, place) = said.split_once(' ').unwrap();
    let Some(hits) = search(&worker) else { return };
    let found: Vec<(usize, u64)> = hits.iter().map(|hit| (hit.needle, hit.address)).collect();
    match lock {
        "Secret" => assert_eq!(found, []), // the kernel shows it to nobody
        _ => assert_eq!(found, [(2, place.parse().unwrap())]),
    }
    worker.resume().unwrap();
    assert_eq!(worker.next_pause().unwrap(), "dropped");
    assert_eq!(search(&worker).unwrap(), []);
    worker.resume().unwrap();
    assert!(worker.finish().unwrap());
}

#[test]
fn a_child_that_ended_is_an_error_and_not_an_empty_result() {
    let worker = Worker::start("self_test::child", "none").unwrap();
    let pid = worker.pid();
    assert!(worker.finish().unwrap());
    assert!(scan_process(pid, &needles()).is_err());
}
