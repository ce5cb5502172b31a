//! A mark that a forked child finds missing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

const SET: u8 = 1;

/// Tells whether this process was forked after the mark was made.
///
/// On Linux the mark is a page under `MADV_WIPEONFORK`, which the kernel clears in the child, so
/// that a check is one load. Elsewhere, and where the kernel refuses, the process id is compared.
///
/// ```
/// let mark = vaultcore_os::ForkMark::new();
/// assert!(!mark.forked());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ForkMark(Mark);

#[derive(Debug, Clone, Copy)]
enum Mark {
    Page(&'static AtomicU8),
    Process(u32),
}

impl ForkMark {
    /// Marks the process that calls.
    #[must_use]
    pub fn new() -> Self {
        // One page serves the whole process. A child that makes a new mark compares process ids,
        // since its page was cleared.
        static PAGE: OnceLock<Option<&'static AtomicU8>> = OnceLock::new();
        match PAGE.get_or_init(wiped_on_fork) {
            Some(page) if page.load(Ordering::Relaxed) == SET => Self(Mark::Page(page)),
            _ => Self(Mark::Process(std::process::id())),
        }
    }

    /// Returns true in every process but the one that made the mark.
    #[must_use]
    #[inline]
    pub fn forked(&self) -> bool {
        match self.0 {
            Mark::Page(page) => page.load(Ordering::Relaxed) != SET,
            Mark::Process(id) => std::process::id() != id,
        }
    }
}

impl Default for ForkMark {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
fn wiped_on_fork() -> Option<&'static AtomicU8> {
    const LENGTH: usize = 4096;
    // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory of ours.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            LENGTH,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: `page` is the mapping made above, whole and still ours.
    if unsafe { libc::madvise(page, LENGTH, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above; nothing refers to it.
        unsafe { libc::munmap(page, LENGTH) };
        return None;
    }
    // SAFETY: the mapping is page-aligned, zeroed, never unmapped from here on, and only ever
    // accessed as this atomic.
    let mark: &'static AtomicU8 = unsafe { &*page.cast::<AtomicU8>() };
    mark.store(SET, Ordering::Relaxed);
    Some(mark)
}

#[cfg(not(target_os = "linux"))]
fn wiped_on_fork() -> Option<&'static AtomicU8> {
    None
}
