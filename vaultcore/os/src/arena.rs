//! The slots that keys live in: locked pages, cut into pieces of a few sizes.
//!
//! One list of regions for the process, a page each, which grows and never shrinks. There is no lock,
//! only atomics, so that a fork at any moment leaves the child an arena that works: it passes over
//! the regions that it did not inherit and makes its own.

use std::iter;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};

use crate::pages::{PAGE, Pages};
use crate::wipe::wipe_bytes;

pub(crate) const SMALLEST: usize = 64;
pub(crate) const LARGEST: usize = 2048;

/// How well the memory of keys is protected, the best first.
///
/// Each is also kept out of core dumps and surrounded by guard pages, except for `Unlocked` memory
/// that the system gave no pages for.
///
/// ```
/// use vaultcore_os::{MemLock, memory_lock};
/// assert!(memory_lock() <= MemLock::Unlocked);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemLock {
    /// Neither swapped nor readable through the kernel (`memfd_secret`). While there is any, Linux
    /// does not hibernate.
    Secret,
    /// Not swapped (`mlock`), as far as `RLIMIT_MEMLOCK` goes.
    Locked,
    /// Ordinary memory: no protection was to be had.
    Unlocked,
}

/// Returns the weakest protection that any key of this process has had so far.
#[must_use]
pub fn memory_lock() -> MemLock {
    drop(take(SMALLEST)); // so that there is a region to tell about
    match WEAKEST.load(Ordering::Relaxed) {
        0 => MemLock::Secret,
        1 => MemLock::Locked,
        _ => MemLock::Unlocked,
    }
}

static WEAKEST: AtomicU8 = AtomicU8::new(MemLock::Secret as u8);
static REGIONS: AtomicPtr<Region> = AtomicPtr::new(ptr::null_mut());

/// Returns a zeroed slot of at least `length` bytes, which may be at most [`LARGEST`].
pub(crate) fn take(length: usize) -> Slot {
    let size = slot_size(length);
    regions()
        .filter(|region| region.size == size && !region.pages.absent())
        .find_map(Region::take)
        .unwrap_or_else(|| Region::add(size))
}

/// Every size is a multiple of the smallest, which thereby aligns every slot. 576 is ring's AEAD key.
const fn slot_size(length: usize) -> usize {
    match length {
        0..=64 => SMALLEST,
        65..=128 => 128,
        129..=256 => 256,
        257..=576 => 576,
        577..=1024 => 1024,
        _ => LARGEST,
    }
}

fn regions() -> impl Iterator<Item = &'static Region> {
    // SAFETY: what stands in the list was leaked by `publish`, and only its atomics change.
    let first = unsafe { REGIONS.load(Ordering::Acquire).as_ref() };
    // SAFETY: as above; `next` was set before the region was published.
    iter::successors(first, |region| unsafe { region.next.as_ref() })
}

/// A page of slots of one size.
struct Region {
    pages: Pages,
    size: usize,
    used: AtomicUsize, // a bit for each slot
    next: *const Region,
}

impl Region {
    /// Adds a region and returns its first slot.
    fn add(size: usize) -> Slot {
        let pages = Pages::map();
        WEAKEST.fetch_max(pages.lock as u8, Ordering::Relaxed);
        let region = publish(Box::new(Self {
            pages,
            size,
            used: AtomicUsize::new(1),
            next: ptr::null(),
        }));
        region.slot(0)
    }

    fn take(&'static self) -> Option<Slot> {
        let count = (PAGE / self.size).min(usize::BITS as usize);
        let mark_first_free = |used: usize| {
            let free = used.trailing_ones() as usize;
            (free < count).then(|| used | 1 << free)
        };
        // Acquire: the wiping by the slot's last owner comes before our use.
        let used = self
            .used
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, mark_first_free);
        used.ok()
            .map(|before| self.slot(before.trailing_ones() as usize))
    }

    fn slot(&'static self, index: usize) -> Slot {
        // SAFETY: `index` is below `PAGE / size`, so the slot lies within the page.
        let bytes = unsafe { self.pages.base.add(index * self.size) };
        Slot {
            bytes,
            index,
            region: self,
        }
    }
}

/// Puts `region` at the head of the list, for good.
fn publish(region: Box<Region>) -> &'static Region {
    let region = Box::into_raw(region);
    let mut head = REGIONS.load(Ordering::Acquire);
    loop {
        // SAFETY: until it is published the region is ours alone.
        unsafe { (*region).next = head };
        match REGIONS.compare_exchange_weak(head, region, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: it came from a box, is never freed, and only its atomics change from here on.
            Ok(_) => return unsafe { &*region },
            Err(other) => head = other,
        }
    }
}

/// A piece of a region, owned until it is dropped, which wipes it.
pub(crate) struct Slot {
    bytes: NonNull<u8>,
    index: usize,
    region: &'static Region,
}

impl Slot {
    pub(crate) fn bytes(&self) -> NonNull<u8> {
        self.bytes
    }

    /// Returns whether this is a forked child that the memory was kept from.
    #[inline]
    pub(crate) fn is_absent(&self) -> bool {
        self.region.pages.absent()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.is_absent() {
            return; // by now anything may lie at that address
        }
        // SAFETY: the slot is ours until its bit is cleared, and free slots are zeros.
        unsafe { wipe_bytes(self.bytes.as_ptr(), self.region.size) };
        self.region
            .used
            .fetch_and(!(1 << self.index), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(slot: &Slot, byte: u8) {
        // SAFETY: the slot is ours, and this long.
        unsafe { slot.bytes().as_ptr().write_bytes(byte, slot.region.size) };
    }

    fn read(at: NonNull<u8>, length: usize) -> Vec<u8> {
        // SAFETY: slots are never unmapped; each test here takes slots of a size of its own.
        unsafe { std::slice::from_raw_parts(at.as_ptr(), length) }.to_vec()
    }

    #[test]
    fn a_freed_slot_is_zeros_and_is_used_again() {
        let slot = take(576);
        let place = slot.bytes();
        fill(&slot, 0xa5);
        assert_eq!(read(place, 576), [0xa5; 576]);
        drop(slot);
        assert_eq!(read(place, 576), [0; 576]);
        assert_eq!(take(576).bytes(), place);
    }

    #[test]
    fn slots_lie_in_their_page_and_apart() {
        let slots: Vec<Slot> = (0..50).map(|_| take(200)).collect();
        let mut starts: Vec<usize> = slots.iter().map(|slot| slot.bytes.addr().get()).collect();
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 256));
        for slot in &slots {
            let base = slot.region.pages.base.addr().get();
            assert!((base..=base + PAGE - 256).contains(&slot.bytes.addr().get()));
            assert_eq!(slot.bytes.addr().get() % SMALLEST, 0);
        }
    }

    #[test]
    fn threads_never_get_the_same_slot() {
        let rounds = if cfg!(miri) { 20 } else { 5_000 };
        std::thread::scope(|scope| {
            for id in 1..=4 {
                scope.spawn(move || {
                    for _ in 0..rounds {
                        let slots = [take(100), take(128), take(65)];
                        for slot in &slots {
                            assert_eq!(read(slot.bytes(), 128), [0; 128]);
                            fill(slot, id);
                        }
                        for slot in &slots {
                            assert_eq!(read(slot.bytes(), 128), [id; 128]);
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn every_length_gets_a_slot_that_holds_it() {
        for length in 0..=LARGEST {
            let size = slot_size(length);
            assert!(size >= length && size.is_multiple_of(SMALLEST));
        }
    }
}
