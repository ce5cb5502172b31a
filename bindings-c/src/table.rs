//! Where objects live that C programs hold handles of.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vaultcore::{Error, ErrorKind, Result};

use super::guard::invalid;

/// A place in a table at one time: what was there before it, or comes after, has another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// The largest index and generation that a handle has room for.
pub(super) const LIMIT: u32 = (1 << 24) - 1;

/// An object, and the handle of the vault that it is closed with; 0 if it is closed alone.
pub(super) struct Held<T> {
    pub(super) family: u64,
    pub(super) object: T,
}

/// Objects by place.
///
/// An object leaves the table when its handle is closed, and is dropped when the last call that
/// uses it returns. The lock is held for moments, and never while an object is used or dropped.
pub(super) struct Table<T>(RwLock<Slots<T>>);

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    /// That of the object that is here; of the last one that was, if none is.
    generation: u32,
    held: Option<Arc<Held<T>>>,
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self(RwLock::new(Slots {
            all: Vec::new(),
            free: Vec::new(),
        }))
    }

    /// Adds an object.
    ///
    /// # Errors
    /// `LimitExceeded` if there is no place left.
    pub(super) fn insert(&self, family: u64, object: T) -> Result<Place> {
        let held = Some(Arc::new(Held { family, object }));
        let mut slots = self.write();
        let slots = &mut *slots;
        // A place whose generations are used up is in `free` no more.
        if let Some(index) = slots.free.pop()
            && let Some(slot) = slots.all.get_mut(index as usize)
        {
            slot.generation = slot.generation.saturating_add(1);
            slot.held = held;
            let generation = slot.generation;
            return Ok(Place { index, generation });
        }
        let index = u32::try_from(slots.all.len()).unwrap_or(u32::MAX);
        if index > LIMIT {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "there are too many open handles",
            ));
        }
        slots.all.push(Slot {
            generation: 1,
            held,
        });
        Ok(Place {
            index,
            generation: 1,
        })
    }

    /// Returns the object at `place`.
    ///
    /// # Errors
    /// `Closed` if it was there, `InvalidArgument` if it never was.
    pub(super) fn get(&self, place: Place) -> Result<Arc<Held<T>>> {
        let slots = self.read();
        match slots.all.get(place.index as usize) {
            Some(slot) if slot.generation == place.generation => {
                slot.held.clone().ok_or_else(closed)
            }
            Some(slot) if place.generation != 0 && place.generation < slot.generation => {
                Err(closed())
            }
            _ => Err(unknown()),
        }
    }

    /// Takes the object at `place` out, for the caller to drop.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn remove(&self, place: Place) -> Result<Arc<Held<T>>> {
        let found = self.get(place)?;
        let mut slots = self.write();
        // Another thread may have been faster; its call is the one that closes.
        match slots.take(place.index, |slot| slot.generation == place.generation) {
            Some(held) => Ok(held),
            None => {
                drop(slots);
                drop(found);
                Err(closed())
            }
        }
    }

    /// Takes all objects of a family out, for the caller to drop.
    pub(super) fn remove_family(&self, family: u64) -> Vec<Arc<Held<T>>> {
        let mut slots = self.write();
        let count = u32::try_from(slots.all.len()).unwrap_or(u32::MAX);
        let is_member =
            |slot: &Slot<T>| slot.held.as_ref().is_some_and(|held| held.family == family);
        let mut taken = Vec::new();
        for index in 0..count {
            taken.extend(slots.take(index, is_member));
        }
        taken
    }

    fn read(&self) -> RwLockReadGuard<'_, Slots<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slots<T> {
    fn take(&mut self, index: u32, wanted: impl Fn(&Slot<T>) -> bool) -> Option<Arc<Held<T>>> {
        let slot = self
            .all
            .get_mut(index as usize)
            .filter(|slot| wanted(slot))?;
        let held = slot.held.take()?;
        if slot.generation < LIMIT {
            self.free.push(index);
        }
        Some(held)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the handle was closed")
}

fn unknown() -> Error {
    invalid("the handle is none that was ever given out")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn a_place_is_used_again_under_another_generation() {
        let table = Table::new();
        let first = table.insert(0, "first").expect("place");
        drop(table.remove(first).expect("there"));
        let second = table.insert(0, "second").expect("place");
        assert_eq!(second.index, first.index);
        assert_eq!(kind(table.get(first)), Some(ErrorKind::Closed));
        assert_eq!(table.get(second).expect("there").object, "second");
        assert_eq!(kind(table.remove(first)), Some(ErrorKind::Closed));
    }

    #[test]
    fn what_was_never_given_out_is_not_called_closed() {
        let table = Table::new();
        let place = table.insert(0, ()).expect("place");
        for (index, generation) in [(0, 0), (0, 2), (1, 1), (LIMIT, LIMIT)] {
            let wrong = Place { index, generation };
            assert_eq!(kind(table.get(wrong)), Some(ErrorKind::InvalidArgument));
        }
        assert!(table.get(place).is_ok());
    }

    #[test]
    fn a_place_without_generations_left_is_left_alone() {
        let table = Table::new();
        let first = table.insert(0, ()).expect("place");
        if let Some(slot) = table.write().all.get_mut(0) {
            slot.generation = LIMIT;
        }
        let last = Place {
            generation: LIMIT,
            ..first
        };
        table.remove(last).expect("there");
        assert_eq!(table.insert(0, ()).expect("place").index, 1);
    }

    #[test]
    fn a_family_leaves_together() {
        let table = Table::new();
        let places = [7, 8, 7].map(|family| table.insert(family, family).expect("place"));
        assert_eq!(table.remove_family(7).len(), 2);
        assert_eq!(kind(table.get(places[0])), Some(ErrorKind::Closed));
        assert_eq!(table.get(places[1]).expect("there").object, 8);
    }

    #[test]
    fn of_many_that_close_one_does() {
        let table = Table::new();
        let place = table.insert(0, ()).expect("place");
        let closers = std::thread::scope(|scope| {
            let threads = [0; 8].map(|_| scope.spawn(|| table.remove(place).is_ok()));
            threads.map(|thread| thread.join().expect("no panic"))
        });
        assert_eq!(closers.iter().filter(|closed| **closed).count(), 1);
    }
}
