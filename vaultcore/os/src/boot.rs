//! The clock that suspends and settings of the wall clock do not move.

use std::time::Duration;

/// Names one boot of the machine.
pub type BootId = [u8; 16];

/// Returns the time since boot, suspends included, and the id of the boot.
///
/// Where the system tells neither (anything but Linux), both are those of this process: the time
/// since its first call, and zeros.
#[cfg(target_os = "linux")]
#[must_use]
pub fn boot_clock() -> (Duration, BootId) {
    use std::sync::OnceLock;
    static BOOT: OnceLock<BootId> = OnceLock::new();
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec that the call may write to.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) } != 0;
    let since_boot = if failed {
        Duration::ZERO
    } else {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    (since_boot, *BOOT.get_or_init(read_boot_id))
}

#[cfg(target_os = "linux")]
fn read_boot_id() -> BootId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = high << 4 | low;
        }
    }
    id
}

/// Returns the time since the first call in this process, and zeros for the boot's id.
#[cfg(not(target_os = "linux"))]
#[must_use]
#[allow(clippy::disallowed_methods)] // the clock itself
pub fn boot_clock() -> (Duration, BootId) {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    (START.get_or_init(Instant::now).elapsed(), [0; 16])
}
