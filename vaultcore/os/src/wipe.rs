//! Wiping of values that have no destructor.

use std::fmt;
use std::mem::{MaybeUninit, needs_drop, size_of};
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{Ordering, compiler_fence};

/// Overwrites `size_of::<T>()` bytes at `target` in a way that the compiler may not remove.
fn wipe<T>(target: &mut MaybeUninit<T>) {
    let bytes: *mut u8 = target.as_mut_ptr().cast();
    // SAFETY: `bytes` points to `size_of::<T>()` writable bytes that `target` owns, and any byte
    // pattern is valid for `MaybeUninit<T>`.
    unsafe { ptr::write_bytes(bytes, 0, size_of::<T>()) };
    // SAFETY: as above. The empty assembly takes the pointer, so the stores above are observed.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) bytes, options(nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    for offset in 0..size_of::<T>() {
        // SAFETY: `offset` is within the `size_of::<T>()` bytes that `target` owns.
        unsafe { ptr::write_volatile(bytes.add(offset), 0) };
    }
    compiler_fence(Ordering::SeqCst);
}

/// A value that is overwritten with zeros when it is dropped.
///
/// For types without a destructor of their own, which is checked at compile time. Moving a
/// `Wiped` leaves an unwiped copy behind, so keep it where it was made.
///
/// ```
/// let key = vaultcore_os::Wiped::new([7u8; 32]);
/// assert_eq!(key[0], 7);
/// ```
pub struct Wiped<T>(MaybeUninit<T>);

impl<T> Wiped<T> {
    const NO_DESTRUCTOR: () = assert!(!needs_drop::<T>(), "Wiped would skip a destructor");

    /// Takes over `value`.
    #[inline(always)]
    pub fn new(value: T) -> Self {
        let () = Self::NO_DESTRUCTOR;
        Self(MaybeUninit::new(value))
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: initialised in `new`, and overwritten only in `drop`.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> Drop for Wiped<T> {
    #[inline]
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl<T> fmt::Debug for Wiped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A value on the heap that stays in one place and is overwritten when it is dropped.
///
/// ```
/// let key = vaultcore_os::WipeBox::new_with(|| [7u8; 32]);
/// assert_eq!(key[0], 7);
/// assert_eq!(format!("{key:?}"), "[redacted]");
/// ```
pub struct WipeBox<T>(Box<Wiped<T>>);

impl<T> WipeBox<T> {
    /// Builds the value in a stack frame of its own, moves it to the heap and scrubs the frame.
    pub fn new_with(make: impl FnOnce() -> T) -> Self {
        let boxed = build(make);
        scrub_stack();
        Self(boxed)
    }
}

#[inline(never)]
fn build<T>(make: impl FnOnce() -> T) -> Box<Wiped<T>> {
    Box::new(Wiped::new(make()))
}

impl<T> Deref for WipeBox<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for WipeBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Overwrites the stack below the caller, where called functions left copies of what they held.
#[inline(never)]
pub fn scrub_stack() {
    let mut frame = MaybeUninit::<[u8; 8192]>::uninit();
    wipe(&mut frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wipe_clears_every_byte() {
        let mut value = MaybeUninit::new([0xa5u8; 37]);
        wipe(&mut value);
        // SAFETY: an array of bytes is valid for every pattern, and it was initialised above.
        assert_eq!(unsafe { value.assume_init() }, [0; 37]);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Wiped::new(*b"secret")), "[redacted]");
    }
}
