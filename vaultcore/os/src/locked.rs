//! Values in locked memory.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{align_of, needs_drop, size_of};
use std::ops::Deref;

use crate::arena::{self, LARGEST, SMALLEST, Slot};
use crate::wipe::ScrubOnDrop;

/// A key in memory that is not swapped out and not dumped, overwritten when it is dropped.
///
/// For values of up to 2 KiB without a destructor of their own, both checked at compile time. The
/// value never moves; [`memory_lock`](crate::memory_lock) tells how well its memory is protected.
///
/// **Fork.** A forked child does not get the memory. There, using the value panics and dropping it
/// does nothing: nobody's key is read or wiped, and no zeros pass for a key. Where the memory is
/// [`Unlocked`](crate::MemLock::Unlocked) the child may have a copy of its own instead.
///
/// ```
/// let key = vaultcore_os::LockedBox::new_with(|| [7u8; 32]);
/// assert_eq!(key[0], 7);
/// assert_eq!(format!("{key:?}"), "[redacted]");
/// ```
///
/// ```compile_fail
/// let text = vaultcore_os::LockedBox::new_with(|| String::from("would leak its buffer"));
/// ```
///
/// ```compile_fail
/// let large = vaultcore_os::LockedBox::new_with(|| [0u8; 2049]);
/// ```
pub struct LockedBox<T> {
    slot: Slot, // holds an initialised `T`
    value: PhantomData<T>,
}

// SAFETY: the box owns the value in its slot alone, as a `Box<T>` does. The slot itself may be given
// back on any thread.
unsafe impl<T: Send> Send for LockedBox<T> {}
// SAFETY: through a shared box nothing but `&T` can be had.
unsafe impl<T: Sync> Sync for LockedBox<T> {}

impl<T> LockedBox<T> {
    const FITS: () = {
        assert!(!needs_drop::<T>(), "LockedBox would skip a destructor");
        assert!(size_of::<T>() <= LARGEST, "too large for a LockedBox");
        assert!(
            align_of::<T>() <= SMALLEST,
            "aligned too widely for a LockedBox"
        );
    };

    /// Builds the value in a stack frame of its own, moves it to its place and scrubs the frame.
    ///
    /// What `make` captures by value was the caller's, and is the caller's to wipe.
    pub fn new_with(make: impl FnOnce() -> T) -> Self {
        let Ok(boxed) = Self::try_new_with(|| Ok::<T, Infallible>(make()));
        boxed
    }

    /// As [`new_with`](Self::new_with), for a value that may not come to be.
    ///
    /// # Errors
    /// That of `make`.
    pub fn try_new_with<E>(make: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let () = Self::FITS;
        let _scrub = ScrubOnDrop;
        build(make)
    }
}

impl<const N: usize> LockedBox<[u8; N]> {
    /// Lets `fill` write the bytes, zeros at first, in the place where they stay.
    ///
    /// # Errors
    /// That of `fill`; what it wrote is wiped.
    pub fn try_fill<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let () = Self::FITS;
        let _scrub = ScrubOnDrop;
        let slot = arena::take(N);
        // SAFETY: a free slot is zeroed and this one is at least `N` bytes long; nothing else refers
        // to it, and the reference ends with this call.
        fill(unsafe { slot.bytes().cast::<[u8; N]>().as_mut() })?;
        Ok(Self {
            slot,
            value: PhantomData,
        })
    }
}

#[inline(never)] // its frame, and those below it, are what gets scrubbed
fn build<T, E>(make: impl FnOnce() -> Result<T, E>) -> Result<LockedBox<T>, E> {
    let value = make()?;
    let slot = arena::take(size_of::<T>());
    // SAFETY: `FITS` made sure that a slot is large enough and aligned; this one is ours alone.
    unsafe { slot.bytes().cast::<T>().write(value) };
    Ok(LockedBox {
        slot,
        value: PhantomData,
    })
}

impl<T> Deref for LockedBox<T> {
    type Target = T;

    /// Returns the value.
    ///
    /// # Panics
    /// In a forked child, where its memory is absent. Callers check a [`ForkMark`](crate::ForkMark)
    /// first; this is what stands between a forgotten check and foreign memory.
    #[inline]
    fn deref(&self) -> &T {
        assert!(!self.slot.is_absent(), "a key was used in a forked child");
        // SAFETY: both constructors leave an initialised `T` there, which stays until the drop.
        unsafe { self.slot.bytes().cast::<T>().as_ref() }
    }
}

impl<T> fmt::Debug for LockedBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_leaves_nothing() {
        let mut place = 0;
        let failed = LockedBox::try_fill(|bytes: &mut [u8; 600]| {
            bytes.fill(0xa5);
            place = bytes.as_ptr().addr();
            Err(())
        });
        assert!(failed.is_err());
        let same = arena::take(600).bytes(); // no other test takes slots of this size
        assert_eq!(same.addr().get(), place);
        // SAFETY: slots are never unmapped, and this one is not in use.
        assert_eq!(unsafe { *same.cast::<[u8; 600]>().as_ptr() }, [0; 600]);
    }

    #[test]
    fn values_of_every_size_and_alignment_come_back() {
        #[repr(align(64))]
        #[derive(Clone, Copy, PartialEq, Debug)]
        struct Wide([u8; 64]);
        let wide = LockedBox::new_with(|| Wide([3; 64]));
        assert_eq!(*wide, Wide([3; 64]));
        let nothing = LockedBox::new_with(|| ());
        assert_eq!(*nothing, ());
        let large = LockedBox::new_with(|| [9u8; LARGEST]);
        assert_eq!(*large, [9; LARGEST]);
        assert_eq!(LockedBox::try_new_with(|| Err::<u8, _>(4)).err(), Some(4));
    }

    #[test]
    fn a_panic_while_building_takes_no_slot_along() {
        let attempt = std::panic::catch_unwind(|| {
            LockedBox::try_fill(|_: &mut [u8; 32]| -> Result<(), ()> { panic!("planted") })
        });
        assert!(attempt.is_err());
    }
}
