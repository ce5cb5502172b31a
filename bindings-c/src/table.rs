//! Where objects live that C programs hold handles of.

use std::mem;
use std::ops::Deref;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use vaultcore::{Error, ErrorKind, Result};

use super::guard::invalid;
use super::sync::{AtomicU64, Cell, FIRST_PAGE, Mutex, MutexGuard, OnceLock};

/// A place in a table at one time: what was there before it, or comes after, has another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// The largest index and generation that a handle has room for.
pub(super) const LIMIT: u32 = (1 << 24) - 1;

/// An object, and the handle of the vault that it is closed with; 0 if it is closed alone.
pub(crate) struct Held<T> {
    pub(super) family: u64,
    pub(crate) object: T,
}

/// Objects by place.
///
/// An object leaves the table when its handle is closed, and is dropped when the last call that
/// uses it returns. Calls take no lock, which all of them would share: a call counts itself in a
/// word of its object's slot. The lock is taken when handles are opened and closed. It is held for
/// moments, and never while an object is used or dropped.
pub(crate) struct Table<T> {
    /// Each page has as many slots as all before it and [`FIRST_PAGE`] more, so that a table grows
    /// while its slots stay where they are.
    pages: [OnceLock<Box<[Slot<T>]>>; PAGES],
    vacant: Mutex<Vacant>,
}

/// So many that the last index is below [`LIMIT`].
const PAGES: usize = 18;

/// The places without an object.
struct Vacant {
    /// Those that had one, or were reserved for one, and have generations left.
    used: Vec<u32>,
    /// The first of those that never had one.
    fresh: u32,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            pages: std::array::from_fn(|_| OnceLock::new()),
            vacant: Mutex::new(Vacant {
                used: Vec::new(),
                fresh: 0,
            }),
        }
    }

    /// Reserves a place for an object: what cannot be made again is made only then.
    ///
    /// # Errors
    /// `LimitExceeded` if there is no place left.
    pub(super) fn reserve(&self) -> Result<Reserved<'_, T>> {
        let (index, slot) = self.vacant_slot().ok_or_else(too_many)?;
        Ok(Reserved {
            table: self,
            index,
            slot,
        })
    }

    /// Returns the object at `place`.
    ///
    /// # Errors
    /// `Closed` if it was there, `InvalidArgument` if it never was.
    #[inline]
    pub(super) fn get(&self, place: Place) -> Result<InUse<'_, T>> {
        let slot = self.slot(place.index).ok_or_else(unknown)?;
        slot.enter(place.generation)?;
        Ok(self.in_use(place.index, slot))
    }

    /// Takes the object at `place` out, for the caller to drop.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn remove(&self, place: Place) -> Result<InUse<'_, T>> {
        let found = self.get(place)?;
        // Another thread may have been faster; its call is the one that closes.
        match found.slot.close() {
            true => Ok(found),
            false => Err(closed()),
        }
    }

    /// Takes all objects of a family out, for the caller to drop.
    pub(super) fn remove_family(&self, family: u64) -> Vec<InUse<'_, T>> {
        let count = self.lock().fresh;
        let slots = (0..count).filter_map(|index| Some((index, self.slot(index)?)));
        let members = slots.filter(|(_, slot)| slot.enter_and_close(family));
        members
            .map(|(index, slot)| self.in_use(index, slot))
            .collect()
    }

    /// Wraps a slot that was entered.
    fn in_use<'t>(&'t self, index: u32, slot: &'t Slot<T>) -> InUse<'t, T> {
        InUse {
            table: self,
            index,
            slot,
        }
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let (page, offset) = position(index);
        self.pages.get(page)?.get()?.get(offset)
    }

    fn vacant_slot(&self) -> Option<(u32, &Slot<T>)> {
        let mut vacant = self.lock();
        // A place whose generations are used up is in `used` no more.
        if let Some(index) = vacant.used.pop() {
            return Some((index, self.slot(index)?));
        }
        let index = vacant.fresh;
        let (page, offset) = position(index);
        let slots = self.pages.get(page)?.get_or_init(|| new_page(page));
        let slot = slots.get(offset)?;
        vacant.fresh = index.saturating_add(1);
        Some((index, slot))
    }

    fn lock(&self) -> MutexGuard<'_, Vacant> {
        self.vacant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the page of an index, and where it is in it.
fn position(index: u32) -> (usize, usize) {
    let number = index.saturating_add(FIRST_PAGE); // counted as if a page stood before the first
    let page = number.ilog2() - FIRST_PAGE.ilog2();
    let offset = number - (FIRST_PAGE << page);
    (page as usize, offset as usize)
}

fn new_page<T>(page: usize) -> Box<[Slot<T>]> {
    let length = (FIRST_PAGE as usize) << page;
    (0..length).map(|_| Slot::new()).collect()
}

/// What is at a place. Calls by different handles share no line of the cache.
#[repr(align(64))]
struct Slot<T> {
    /// How many calls use the object, whether it is [`OPEN`], and from [`GENERATION`] on the
    /// generation of the object that is here; of the last one that was, if none is.
    ///
    /// Calls enter and leave by adding and subtracting one, and enter an open slot of their
    /// generation only. So nobody enters once it is closed, and whoever leaves it empty then is the
    /// only one who knows of the object. All changes are read-modify-writes: each that acquires
    /// sees what all before it released.
    word: AtomicU64,
    /// That of `held`, for who looks for the members of a family without using any other object.
    /// Written before the slot opens.
    family: AtomicU64,
    /// Changed only while the slot is neither open nor used.
    held: Cell<Option<Box<Held<T>>>>,
}

/// The bits of a word that count. A thread is in one call at a time, which enters a slot a few times at most,
/// so they do not overflow.
const USERS: u64 = u32::MAX as u64;
const OPEN: u64 = 1 << 32;
const GENERATION: u64 = 1 << 40;

// SAFETY: what is not atomic is `held`. Several threads read it while the slot is open or used, so
// `T` is `Sync`; one thread changes it while the slot is neither, and may drop what another one
// made, so `T` is `Send`.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            family: AtomicU64::new(0),
            held: Cell::new(None),
        }
    }

    /// Lets calls in, and returns the generation.
    ///
    /// # Safety
    /// The slot is neither open nor used, and no other thread opens it.
    unsafe fn open(&self, held: Box<Held<T>>) -> u32 {
        self.family.store(held.family, Ordering::Relaxed);
        // SAFETY: nobody looks at it, as the caller promises.
        unsafe { self.held.replace(Some(held)) };
        let before = self.word.fetch_add(GENERATION + OPEN, Ordering::Release);
        generation_of(before).saturating_add(1)
    }

    /// Counts a call in. It must leave.
    ///
    /// # Errors
    /// As of [`Table::get`].
    fn enter(&self, generation: u32) -> Result<()> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word / OPEN != opened(generation) {
                return Err(refuse(word, generation));
            }
            // Released, too: whoever closes a vault later finds what this thread put in before.
            match self.change(word, word + 1) {
                Ok(()) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Closes the slot for who has entered it; false if it was closed already.
    ///
    /// Acquired: what threads that entered before had put into other slots is found there from now on.
    fn close(&self) -> bool {
        self.word.fetch_and(!OPEN, Ordering::AcqRel) & OPEN != 0
    }

    /// Enters and closes the slot at once if an object of the family is there. It must be left.
    fn enter_and_close(&self, family: u64) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        // Should another object come between the two loads, its generation differs from that in
        // `word`, which is then not what stands here.
        while word & OPEN != 0 && self.family.load(Ordering::Relaxed) == family {
            match self.change(word, (word & !OPEN) + 1) {
                Ok(()) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    fn change(&self, from: u64, to: u64) -> std::result::Result<(), u64> {
        self.word
            .compare_exchange_weak(from, to, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
    }
}

/// Returns what stands in the upper half of the word of a slot that is open for a generation.
fn opened(generation: u32) -> u64 {
    u64::from(generation) * (GENERATION / OPEN) + 1
}

/// Tells why a slot whose word is `word` is not entered.
#[cold]
fn refuse(word: u64, generation: u32) -> Error {
    match (1..=generation_of(word)).contains(&generation) {
        true => closed(),
        false => unknown(),
    }
}

fn generation_of(word: u64) -> u32 {
    u32::try_from(word / GENERATION).unwrap_or(0) // it has 24 bits
}

/// A place that nobody else is given; it is given back if it is not filled.
pub(super) struct Reserved<'t, T> {
    table: &'t Table<T>,
    index: u32,
    slot: &'t Slot<T>,
}

impl<T> Reserved<'_, T> {
    /// Puts an object there.
    pub(super) fn fill(self, family: u64, object: T) -> Place {
        let held = Box::new(Held { family, object });
        // SAFETY: the slot was vacant, and nobody else is given it before an object has left it.
        let generation = unsafe { self.slot.open(held) };
        let index = self.index;
        mem::forget(self); // taken
        Place { index, generation }
    }
}

impl<T> Drop for Reserved<'_, T> {
    fn drop(&mut self) {
        self.table.lock().used.push(self.index);
    }
}

/// An object that stays as long as this does, whoever closes its handle meanwhile.
pub(crate) struct InUse<'t, T> {
    table: &'t Table<T>,
    index: u32,
    slot: &'t Slot<T>,
}

impl<T> Deref for InUse<'_, T> {
    type Target = Held<T>;

    #[inline]
    fn deref(&self) -> &Held<T> {
        // SAFETY: the slot was entered, and is left when this is dropped: so there is an object,
        // and nobody changes that.
        unsafe { self.slot.held.get().as_deref().unwrap_unchecked() }
    }
}

impl<T> Drop for InUse<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let before = self.slot.word.fetch_sub(1, Ordering::AcqRel);
        if before & (OPEN | USERS) == 1 {
            self.vacate(generation_of(before));
        }
    }
}

impl<T> InUse<'_, T> {
    /// Drops the object after the last call has left a closed slot.
    #[cold]
    fn vacate(&self, generation: u32) {
        // SAFETY: closed and left by all, so nobody enters; nor is it opened again, as it is not
        // among the vacant ones yet.
        let held = unsafe { self.slot.held.replace(None) };
        if generation < LIMIT {
            self.table.lock().used.push(self.index);
        }
        drop(held); // last, for it may take its time, or panic
    }
}

#[cold]
fn too_many() -> Error {
    Error::new(ErrorKind::LimitExceeded, "there are too many open handles")
}

#[cold]
fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the handle was closed")
}

#[cold]
fn unknown() -> Error {
    invalid("the handle is none that was ever given out")
}

#[cfg(test)]
#[path = "table/race.rs"] // also where the model names this file by its path
mod race;
#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    impl<T> Table<T> {
        pub(super) fn insert(&self, family: u64, object: T) -> Result<Place> {
            Ok(self.reserve()?.fill(family, object))
        }
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
    fn a_reserved_place_is_filled_or_given_back() {
        let table = Table::new();
        let reserved = table.reserve().expect("place");
        let other = table.insert(0, "other").expect("place");
        assert_eq!((reserved.index, other.index), (0, 1));
        drop(reserved);
        let unused = Place {
            index: 0,
            generation: 1,
        };
        assert_eq!(kind(table.get(unused)), Some(ErrorKind::InvalidArgument));
        let place = table.reserve().expect("place").fill(0, "object");
        assert_eq!(
            (place, table.get(place).expect("there").object),
            (unused, "object")
        );
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
        let slot = table.slot(first.index).expect("there");
        let left = u64::from(LIMIT - first.generation);
        slot.word.fetch_add(left * GENERATION, Ordering::Relaxed);
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

    #[test]
    fn indexes_lie_in_pages_without_gaps() {
        let mut expected = (0, 0);
        for index in 0..FIRST_PAGE * 15 {
            assert_eq!(position(index), expected, "{index}");
            expected.1 += 1;
            if expected.1 == (FIRST_PAGE as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        let last = position(LIMIT - FIRST_PAGE);
        assert_eq!(
            last,
            (PAGES - 1, ((FIRST_PAGE as usize) << (PAGES - 1)) - 1)
        );
        assert!(position(u32::MAX).0 >= PAGES);
    }
}
