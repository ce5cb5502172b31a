//! Wiping of memory and of values that have no destructor.

use std::fmt;
use std::mem::{MaybeUninit, needs_drop, size_of};
use std::ops::Deref;

/// A value that is overwritten with zeros when it is dropped.
///
/// For types without a destructor of their own, which is checked at compile time. Moving a
/// `Wiped` leaves an unwiped copy behind, so keep it where it was made; forgetting one leaves the
/// value itself. What must live longer than one call belongs in a [`LockedBox`](crate::LockedBox).
///
/// ```
/// let key = vaultcore_os::Wiped::new([7u8; 32]);
/// assert_eq!(key[0], 7);
/// ```
///
/// ```compile_fail
/// let text = vaultcore_os::Wiped::new(String::from("would leak its buffer"));
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

/// Overwrites 8 KiB of stack below the caller, where called functions left copies of what they held.
#[inline(never)]
pub fn scrub_stack() {
    let mut frame = MaybeUninit::<[u8; 8192]>::uninit();
    wipe(&mut frame);
}

/// Calls `work` in a stack frame of its own, then overwrites 32 KiB of the stack that it used.
///
/// For work that makes keys: each move of a value may leave a copy of it behind.
///
/// ```
/// assert_eq!(vaultcore_os::scrubbed(|| 2 + 2), 4);
/// ```
pub fn scrubbed<T>(work: impl FnOnce() -> T) -> T {
    let _scrub = DeepScrubOnDrop;
    apart(work)
}

#[inline(never)] // its frame, and those below it, are what gets scrubbed
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

struct DeepScrubOnDrop;

impl Drop for DeepScrubOnDrop {
    #[inline(never)]
    fn drop(&mut self) {
        let mut frame = MaybeUninit::<[u8; 32_768]>::uninit();
        wipe(&mut frame);
    }
}

/// Scrubs the stack when it is dropped, so also while a panic unwinds.
pub(crate) struct ScrubOnDrop;

impl Drop for ScrubOnDrop {
    fn drop(&mut self) {
        scrub_stack();
    }
}

/// Overwrites bytes with zeros, many at once, which the compiler may not leave out. What writes each byte
/// by itself takes as long as decrypting them.
///
/// ```
/// let mut secret = *b"s3cr3t";
/// vaultcore_os::zero(&mut secret);
/// assert_eq!(secret, [0; 6]);
/// ```
#[inline]
pub fn zero(bytes: &mut [u8]) {
    // SAFETY: a slice of bytes that is ours alone, of which each may be zero.
    unsafe { wipe_bytes(bytes.as_mut_ptr(), bytes.len()) };
}

fn wipe<T>(target: &mut MaybeUninit<T>) {
    // SAFETY: `target` owns these bytes, and any byte is valid for `MaybeUninit<T>`.
    unsafe { wipe_bytes(target.as_mut_ptr().cast(), size_of::<T>()) };
}

/// Overwrites `length` bytes at `target` with zeros in a way that the compiler may not remove.
///
/// # Safety
/// The bytes must be writable, nobody else may use them meanwhile, and zeros must be valid for
/// whatever is read there later.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
#[inline]
pub(crate) unsafe fn wipe_bytes(target: *mut u8, length: usize) {
    // SAFETY: promised by the caller.
    unsafe { target.write_bytes(0, length) };
    // SAFETY: the assembly is empty. It takes the pointer and may, for all the compiler knows, use
    // what lies there, so the stores above must be made.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) target, options(nostack, preserves_flags));
    }
}

/// As above, one volatile store at a time.
///
/// # Safety
/// As above.
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
pub(crate) unsafe fn wipe_bytes(target: *mut u8, length: usize) {
    for offset in 0..length {
        // SAFETY: promised by the caller; `offset` is within the bytes.
        unsafe { target.add(offset).write_volatile(0) };
    }
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
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
    fn padding_is_wiped_too() {
        let mut value = MaybeUninit::<(u8, u64)>::uninit();
        let bytes = value.as_mut_ptr().cast::<u8>();
        // SAFETY: the bytes are those of `value`, all of them written before they are read.
        let left = unsafe {
            bytes.write_bytes(0xa5, size_of::<(u8, u64)>());
            wipe(&mut value);
            std::slice::from_raw_parts(value.as_ptr().cast::<u8>(), size_of::<(u8, u64)>())
        };
        assert_eq!(left, [0; size_of::<(u8, u64)>()]);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Wiped::new(*b"secret")), "[redacted]");
    }
}
