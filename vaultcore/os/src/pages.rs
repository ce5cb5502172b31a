//! Pages for keys, as well protected as the system allows.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ptr::NonNull;

use crate::{ForkMark, MemLock};

/// How many bytes of each mapping are used. Pages of the system may be larger.
pub(crate) const PAGE: usize = 4096;

/// [`PAGE`] zeroed bytes, never given back.
pub(crate) struct Pages {
    pub(crate) base: NonNull<u8>,
    pub(crate) lock: MemLock,
    owner: Option<ForkMark>, // None: a forked child has a copy of its own
}

impl Pages {
    /// Maps guarded pages, or falls back to ordinary memory.
    pub(crate) fn map() -> Self {
        system::guarded().unwrap_or_else(ordinary)
    }

    /// Returns whether this is a forked child that the pages were kept from.
    #[inline]
    pub(crate) fn absent(&self) -> bool {
        self.owner.is_some_and(|owner| owner.forked())
    }
}

const LAYOUT: Layout = Layout::new::<Aligned>();

fn ordinary() -> Pages {
    // SAFETY: the layout is not empty.
    let base = unsafe { alloc_zeroed(LAYOUT) };
    Pages {
        base: NonNull::new(base).unwrap_or_else(|| handle_alloc_error(LAYOUT)),
        lock: MemLock::Unlocked,
        owner: None,
    }
}

#[repr(align(64))]
struct Aligned {
    _bytes: [u8; PAGE],
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod system {
    use std::ptr::{self, NonNull};

    use super::{PAGE, Pages};
    use crate::{ForkMark, MemLock};

    /// Maps one page between two that nobody may touch.
    ///
    /// The page is kept from forked children: a shared mapping (`memfd_secret`) would let them read
    /// and wipe our keys, and a cleared one would give them keys made of zeros. That takes a mark
    /// that never fails to tell a child, or else none of this is done.
    pub(super) fn guarded() -> Option<Pages> {
        let owner = ForkMark::on_page()?;
        let page = page_size()?;
        let (base, lock) = secret(page).or_else(|| anonymous(page))?;
        Some(Pages {
            base: NonNull::new(base)?,
            lock,
            owner: Some(owner),
        })
    }

    pub(super) fn page_size() -> Option<usize> {
        // SAFETY: the call takes no pointer.
        let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
        (size >= PAGE && size.is_power_of_two()).then_some(size)
    }

    /// Reserves three pages without access and returns the one in the middle.
    fn reserve(page: usize) -> Option<*mut u8> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice touches nothing else.
        let base = unsafe { libc::mmap(ptr::null_mut(), 3 * page, libc::PROT_NONE, flags, -1, 0) };
        // SAFETY: one page further is still within the three.
        (base != libc::MAP_FAILED).then(|| unsafe { base.cast::<u8>().add(page) })
    }

    fn secret(page: usize) -> Option<(*mut u8, MemLock)> {
        let file = secret_file(page)?;
        let base = reserve(page).filter(|base| map_secret(*base, page, file));
        // SAFETY: the descriptor is ours, and a mapping outlives it.
        unsafe { libc::close(file) };
        let base = base?;
        (keep_from_children(base, page) && backed(base)).then_some((base, MemLock::Secret))
    }

    /// Puts secret memory in place of the reserved page at `base`.
    ///
    /// If that fails (`RLIMIT_MEMLOCK`), the reservation is left alone for ever: the kernel may have
    /// unmapped the page first, and another thread may have got the address since.
    fn map_secret(base: *mut u8, page: usize, file: libc::c_int) -> bool {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: replaces a page that `reserve` made and nothing refers to.
        unsafe { libc::mmap(base.cast(), page, access, flags, file, 0) == base.cast() }
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn secret_file(length: usize) -> Option<libc::c_int> {
        let length = libc::off_t::try_from(length).ok()?;
        // SAFETY: the call takes no pointer.
        let file = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let file = libc::c_int::try_from(file).ok().filter(|file| *file >= 0)?;
        // SAFETY: the descriptor was opened above and is ours alone.
        if unsafe { libc::ftruncate(file, length) } != 0 {
            // SAFETY: as above.
            unsafe { libc::close(file) };
            return None;
        }
        Some(file)
    }

    /// Other processors have no `memfd_secret`, or no number for it in the libc crate.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn secret_file(_length: usize) -> Option<libc::c_int> {
        None
    }

    /// Has the kernel write to the page: where it cannot be had, a first write of ours would be a
    /// signal, and this is an error.
    fn backed(base: *mut u8) -> bool {
        // SAFETY: one byte of a page that is ours.
        let got = unsafe { libc::syscall(libc::SYS_getrandom, base, 1, libc::GRND_NONBLOCK) };
        if got != 1 {
            return false;
        }
        // SAFETY: as above.
        unsafe { base.write(0) };
        true
    }

    pub(super) fn anonymous(page: usize) -> Option<(*mut u8, MemLock)> {
        let base = reserve(page)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: `base` is a reserved page that nothing refers to.
        let usable = unsafe { libc::mprotect(base.cast(), page, access) } == 0;
        if !(usable && keep_from_children(base, page)) {
            return None; // three reserved pages stay behind, without memory
        }
        // SAFETY: as above. Not libc's `mlock`, which sanitizers replace by one that does nothing.
        let locked = unsafe { libc::syscall(libc::SYS_mlock, base, page) } == 0;
        let lock = if locked {
            MemLock::Locked
        } else {
            MemLock::Unlocked
        };
        Some((base, lock))
    }

    /// Keeps the page out of forked children and core dumps.
    fn keep_from_children(base: *mut u8, page: usize) -> bool {
        // SAFETY: `base` is a whole page that is ours; neither advice changes what it holds.
        let advise = |advice| unsafe { libc::madvise(base.cast(), page, advice) } == 0;
        advise(libc::MADV_DONTFORK) && advise(libc::MADV_DONTDUMP)
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod system {
    pub(super) fn guarded() -> Option<super::Pages> {
        None
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// Returns what `/proc/self/smaps` says of the mapping at `address`: access and flags.
    fn mapping(address: usize) -> (String, Vec<String>) {
        let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = text.lines();
        let header = lines.find(|line| covers(line, address)).expect("mapped");
        let access = header.split(' ').nth(1).unwrap().to_string();
        let flags = lines
            .find_map(|line| line.strip_prefix("VmFlags:"))
            .unwrap();
        (access, flags.split_whitespace().map(String::from).collect())
    }

    fn covers(line: &str, address: usize) -> bool {
        let range = line.split(' ').next().and_then(|word| word.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).ok();
        range
            .and_then(|(from, to)| Some(number(from)?..number(to)?))
            .is_some_and(|range| range.contains(&address))
    }

    fn assert_guarded(pages: &Pages) {
        let base = pages.base.addr().get();
        let (access, flags) = mapping(base);
        assert!(access.starts_with("rw-"), "{access}");
        assert!(flags.contains(&"dd".into()), "in core dumps: {flags:?}");
        assert!(flags.contains(&"dc".into()), "in children: {flags:?}");
        let locked = pages.lock != MemLock::Unlocked;
        assert_eq!(
            flags.contains(&"lo".into()),
            locked,
            "{:?}: {flags:?}",
            pages.lock
        );
        assert_eq!(mapping(base - 1).0, "---p");
        assert_eq!(mapping(base + system::page_size().unwrap()).0, "---p");
    }

    #[test]
    fn pages_are_guarded_and_kept_out_of_dumps_and_children() {
        let pages = system::guarded().expect("guarded pages");
        assert_guarded(&pages);
    }

    #[test]
    fn without_secret_memory_pages_are_still_guarded() {
        let (base, lock) = system::anonymous(system::page_size().unwrap()).unwrap();
        assert_guarded(&Pages {
            base: NonNull::new(base).unwrap(),
            lock,
            owner: None,
        });
    }

    #[test]
    fn ordinary_memory_is_zeroed_and_says_what_it_is() {
        let pages = ordinary();
        // SAFETY: `PAGE` initialised bytes that nothing else refers to.
        let bytes = unsafe { std::slice::from_raw_parts(pages.base.as_ptr(), PAGE) };
        assert_eq!(bytes, [0; PAGE]);
        assert!(pages.lock == MemLock::Unlocked && !pages.absent());
        // SAFETY: allocated with this layout, and no longer used.
        unsafe { std::alloc::dealloc(pages.base.as_ptr(), LAYOUT) };
    }
}
