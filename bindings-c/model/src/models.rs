//! What a few threads do with a table at the same time. A model panics if it can go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering}; // loom's would order what the table has to

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::atomic::AtomicU64;
use loom::thread::{self, JoinHandle};

use super::ErrorKind;
use super::table::{Place, Table};

/// So often a thread is stopped that could go on, where all orders were too many: each planted
/// fault shows with two such stops, these models take seconds with four, and half a minute with
/// five.
const STOPS: usize = 4;

/// Of two threads that close an object one does, while a third uses it.
pub fn two_closers_and_a_user() {
    explore(Some(STOPS), |stage| {
        let place = stage.insert(1);
        let closers = [(); 2].map(|()| spawn(stage, move |stage| stage.close(place, 1)));
        stage.use_if_there(place, 1);
        let [one, other] = closers.map(joined);
        assert_ne!(one, other);
        assert!(stage.is_closed(place));
    });
}

/// Who has the handle of a closed object never gets what came to its place.
pub fn a_place_is_used_again() {
    explore(Some(STOPS), |stage| {
        let first = stage.insert(1);
        let user = spawn(stage, move |stage| stage.use_if_there(first, 1));
        let closer = spawn(stage, move |stage| {
            assert!(stage.close(first, 1));
            stage.insert(2)
        });
        stage.use_if_there(first, 1);
        joined(user);
        let second = joined(closer);
        assert!(stage.is_closed(first));
        assert!(stage.close(second, 2));
    });
}

/// Two families are closed while the place of a member of one goes to a member of the other.
pub fn a_place_goes_to_another_family() {
    explore(Some(STOPS), |stage| {
        let first = stage.insert(1);
        let closer = spawn(stage, move |stage| {
            let closed = stage.close(first, 1);
            (closed, stage.insert(2))
        });
        let second_family = spawn(stage, |stage| stage.close_family(2));
        let found = stage.close_family(1);
        let (closed, second) = joined(closer);
        assert_eq!(usize::from(closed) + found, 1);
        let found = joined(second_family);
        assert_eq!(usize::from(stage.close(second, 2)) + found, 1);
    });
}

/// A member comes while its vault is closed, as in `keep_with` and `close_family`: either it finds
/// the vault gone, or it is found.
pub fn a_member_comes_late() {
    explore(None, |stage| {
        let head = stage.heads.reserve().expect("a place");
        let head = head.fill(0, stage.object(0));
        let comer = spawn(stage, move |stage| {
            let place = stage.insert(7);
            if stage.heads.get(head).is_err() {
                stage.close(place, 7);
            }
            place
        });
        let held = stage.heads.remove(head).expect("open");
        stage.close_family(7);
        drop(held);
        let place = joined(comer);
        assert!(stage.is_closed(place), "it outlived its vault");
    });
}

/// A family is closed while two threads use its member, which each of the three may leave last.
pub fn a_family_with_users_is_closed() {
    explore(None, |stage| {
        let place = stage.insert(1);
        let users = [(); 2].map(|()| spawn(stage, move |stage| stage.use_if_there(place, 1)));
        assert_eq!(stage.close_family(1), 1);
        for user in users {
            joined(user);
        }
    });
}

/// A handle is passed on by what orders nothing: who got it sees the whole object, or none.
pub fn a_handle_is_passed_on_relaxed() {
    explore(None, |stage| {
        let before = stage.insert(1); // so that the page is known to both
        assert!(stage.close(before, 1));
        let passed = Arc::new(AtomicU64::new(0));
        let taken = Arc::clone(&passed);
        let user = spawn(stage, move |stage| {
            let generation = u32::try_from(taken.load(Ordering::Relaxed)).expect("small");
            let place = Place {
                generation,
                ..before
            };
            stage.use_if_there(place, 2);
        });
        let place = stage.insert(2);
        assert_eq!(place.index, before.index);
        passed.store(u64::from(place.generation), Ordering::Relaxed);
        assert!(stage.close(place, 2));
        joined(user);
    });
}

/// A place is reserved and given back while others take places: none is given twice, none is lost.
pub fn a_reserved_place_is_given_back() {
    explore(None, |stage| {
        let hesitant = spawn(stage, |stage| {
            let reserved = stage.table.reserve().expect("a place");
            drop(reserved);
        });
        let other = spawn(stage, |stage| stage.insert(2));
        let reserved = stage.table.reserve().expect("a place");
        let first = reserved.fill(1, stage.object(1));
        joined(hesitant);
        let second = joined(other);
        let third = stage.insert(3);
        let mut indexes = [first, second, third].map(|place| place.index);
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 1, 2]);
        for (place, family) in [(first, 1), (second, 2), (third, 3)] {
            assert!(stage.close(place, family));
        }
    });
}

/// Runs a model in all orders, or in those that stop a thread which could go on so often at most.
/// All objects must be gone before the table is.
fn explore(stops: Option<usize>, model: fn(&Arc<Stage>)) {
    let mut builder = Builder::new();
    builder.preemption_bound = stops;
    builder.check(move || {
        let stage = Arc::new(Stage::new());
        model(&stage);
        assert_eq!(stage.alive.load(Ordering::Relaxed), 0, "objects are left");
    });
}

fn spawn<R: 'static>(stage: &Arc<Stage>, act: impl FnOnce(&Stage) -> R + 'static) -> JoinHandle<R> {
    let stage = Arc::clone(stage);
    thread::spawn(move || act(&stage))
}

fn joined<R>(thread: JoinHandle<R>) -> R {
    thread.join().expect("no panic")
}

/// What the threads of a model share.
struct Stage {
    /// As that of vaults.
    heads: Table<Object>,
    /// As one of those whose objects are closed with a vault.
    table: Table<Object>,
    alive: Arc<AtomicUsize>,
}

impl Stage {
    fn new() -> Self {
        Self {
            heads: Table::new(),
            table: Table::new(),
            alive: Arc::default(),
        }
    }

    fn object(&self, number: u64) -> Object {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Object {
            number: UnsafeCell::new(number),
            alive: Arc::clone(&self.alive),
        }
    }

    /// Inserts an object that has the number of its family.
    fn insert(&self, family: u64) -> Place {
        let reserved = self.table.reserve().expect("a place");
        reserved.fill(family, self.object(family))
    }

    /// Uses the object at `place`, which is of this family, unless it was closed.
    fn use_if_there(&self, place: Place, family: u64) {
        if let Ok(found) = self.table.get(place) {
            let numbers = (found.family, found.object.number());
            assert_eq!(numbers, (family, family), "another object was found");
        }
    }

    /// Closes the object at `place`; false if it was closed already.
    fn close(&self, place: Place, family: u64) -> bool {
        let closed = self.table.remove(place);
        closed.is_ok_and(|held| {
            assert_eq!(held.object.number(), family, "another object was closed");
            true
        })
    }

    /// Closes a family, and returns how many were found.
    fn close_family(&self, family: u64) -> usize {
        let members = self.table.remove_family(family);
        for held in &members {
            let numbers = (held.family, held.object.number());
            assert_eq!(numbers, (family, family), "another family was closed");
        }
        members.len()
    }

    fn is_closed(&self, place: Place) -> bool {
        let refused = self.table.get(place).map(drop);
        refused.is_err_and(|error| error.kind() == ErrorKind::Closed)
    }
}

/// An object that loom watches: each use must come after it was made, and before it is dropped.
struct Object {
    number: UnsafeCell<u64>,
    alive: Arc<AtomicUsize>,
}

// SAFETY: loom ends the model before `number` is read and written at the same time.
unsafe impl Sync for Object {}

impl Object {
    fn number(&self) -> u64 {
        // SAFETY: as above.
        self.number.with(|number| unsafe { *number })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if thread::panicking() {
            return; // the model has failed, and loom would panic a second time
        }
        // SAFETY: as above.
        self.number.with_mut(|number| unsafe { *number = u64::MAX });
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}
