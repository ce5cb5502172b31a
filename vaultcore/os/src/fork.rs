//! A mark that a forked child finds missing.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Tells whether this process was forked after the mark was made.
///
/// On Linux the mark is a number in a page under `MADV_WIPEONFORK`, which the kernel clears in the
/// child, so that a check is one load. A child may make marks of its own, and its children find
/// those missing in turn. Where the kernel refuses, and on other systems, the process id is
/// compared, which a later process may come to share.
///
/// A process that shares its parent's memory (`vfork`, `CLONE_VM`) is no child in this sense.
///
/// ```
/// let mark = vaultcore_os::ForkMark::new();
/// assert!(!mark.forked());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ForkMark(Mark);

#[derive(Debug, Clone, Copy)]
enum Mark {
    Page {
        page: &'static AtomicUsize,
        generation: usize,
    },
    Process(u32),
}

impl ForkMark {
    /// Marks the process that calls.
    #[must_use]
    pub fn new() -> Self {
        Self::on_page().unwrap_or(Self(Mark::Process(process_id())))
    }

    /// Marks the process if that can be done so that no child ever overlooks it.
    pub(crate) fn on_page() -> Option<Self> {
        let page = page::shared()?;
        let generation = generation_of(page);
        Some(Self(Mark::Page { page, generation }))
    }

    /// Returns true in every process but the one that made the mark.
    #[must_use]
    #[inline]
    pub fn forked(&self) -> bool {
        match self.0 {
            Mark::Page { page, generation } => page.load(Ordering::Relaxed) != generation,
            Mark::Process(id) => process_id() != id,
        }
    }
}

impl Default for ForkMark {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the number in `page`, after giving it a new one if this process has none yet.
///
/// A child inherits `LAST`, so it never takes the number of a process that it descends from.
fn generation_of(page: &AtomicUsize) -> usize {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    let present = page.load(Ordering::Relaxed);
    if present != 0 {
        return present;
    }
    let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    match page.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(other_thread) => other_thread,
    }
}

#[cfg(unix)]
fn process_id() -> u32 {
    std::process::id()
}

/// Returns one id for all: there is no fork here.
#[cfg(not(unix))]
fn process_id() -> u32 {
    0
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod page {
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

    const LENGTH: usize = 4096; // the kernel rounds up to its pages
    const NO_ADVICE: libc::c_int = -1;

    /// Returns the page of the process, which a child clears and then shares with its own children.
    ///
    /// No lock: a fork while another thread held it would leave it locked in the child for ever.
    pub(super) fn shared() -> Option<&'static AtomicUsize> {
        static PAGE: AtomicPtr<AtomicUsize> = AtomicPtr::new(ptr::null_mut());
        let known = PAGE.load(Ordering::Acquire);
        let page = if known.is_null() {
            let made = wiped_on_fork()?;
            let swap =
                PAGE.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
            match swap {
                Ok(_) => made,
                Err(other_thread) => {
                    unmap(made);
                    other_thread
                }
            }
        } else {
            known
        };
        // SAFETY: the mapping is page-aligned, was zeroed, is never unmapped once it stands in
        // `PAGE`, and is only ever accessed as this atomic.
        Some(unsafe { &*page })
    }

    fn wiped_on_fork() -> Option<*mut AtomicUsize> {
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches nothing else.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
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
        let advise = |advice| unsafe { libc::madvise(page, LENGTH, advice) } == 0;
        // Emulators are known to accept any advice and to follow none, so ask for nonsense first.
        if advise(NO_ADVICE) || !advise(libc::MADV_WIPEONFORK) {
            unmap(page.cast());
            return None;
        }
        Some(page.cast())
    }

    fn unmap(page: *mut AtomicUsize) {
        // SAFETY: callers pass a mapping from `wiped_on_fork` that nothing refers to.
        unsafe { libc::munmap(page.cast(), LENGTH) };
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod page {
    use std::sync::atomic::AtomicUsize;

    pub(super) fn shared() -> Option<&'static AtomicUsize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_page_gets_a_number_never_used_before() {
        let page = AtomicUsize::new(0);
        let first = generation_of(&page);
        assert_eq!(generation_of(&page), first);
        page.store(0, Ordering::Relaxed); // what the kernel does in the child
        let second = generation_of(&page);
        assert!(second > first);
    }
}
