//! The clock that suspends and settings of the wall clock do not move.

use std::time::Duration;

/// Names one boot of the machine; all zeros where the system does not tell.
pub type BootId = [u8; 16];

/// Returns the time since boot, suspends included, and the id of the boot.
///
/// Where the system tells neither (anything but Linux), they are the time since the first call in
/// this process, and zeros. Zeros say nothing: two boots may both have them.
///
/// ```
/// let (before, boot) = vaultcore_os::boot_clock();
/// let (after, same_boot) = vaultcore_os::boot_clock();
/// assert!(before <= after && boot == same_boot);
/// ```
#[must_use]
pub fn boot_clock() -> (Duration, BootId) {
    (system::since_boot(), system::boot_id())
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod system {
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    use std::time::Duration;

    use super::BootId;

    pub(super) fn since_boot() -> Duration {
        // Zeroed, not built by name: some 32-bit systems have padding fields in it.
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: `time` is room for a timespec that the call may write to.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, time.as_mut_ptr()) } != 0;
        // SAFETY: a timespec is made of integers, for which zeros are valid.
        let time = unsafe { time.assume_init() };
        if failed {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    /// Returns the id, read once. Threads may race to store the same bytes; a lock could be left
    /// locked in a child that was forked meanwhile.
    pub(super) fn boot_id() -> BootId {
        static KNOWN: AtomicBool = AtomicBool::new(false);
        static BYTES: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];
        if KNOWN.load(Ordering::Acquire) {
            return BYTES.each_ref().map(|byte| byte.load(Ordering::Relaxed));
        }
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let Some(id) = text.ok().as_deref().and_then(parse) else {
            return [0; 16];
        };
        for (byte, stored) in id.iter().zip(&BYTES) {
            stored.store(*byte, Ordering::Relaxed);
        }
        KNOWN.store(true, Ordering::Release);
        id
    }

    /// Reads 32 hex digits, with dashes anywhere.
    fn parse(text: &str) -> Option<BootId> {
        let digits = text.trim().chars().filter(|c| *c != '-');
        let digits: Vec<u32> = digits.map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        bytes?.try_into().ok()
    }

    fn byte(pair: &[u32]) -> Option<u8> {
        match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_boot_id_is_32_digits_and_nothing_else() {
            let id = parse("00112233-4455-6677-8899-aabbccddeeff\n").unwrap();
            assert_eq!((id[0], id[15]), (0x00, 0xff));
            assert_eq!(parse("00112233-4455-6677-8899-aabbccddeef"), None);
            assert_eq!(parse("00112233-4455-6677-8899-aabbccddeeff00"), None);
            assert_eq!(parse("zz112233-4455-6677-8899-aabbccddeeff"), None);
        }
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    use super::BootId;

    #[allow(clippy::disallowed_methods)] // the clock itself
    pub(super) fn since_boot() -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    pub(super) fn boot_id() -> BootId {
        [0; 16]
    }
}
