//! Whether a file system can make its callers wait for another machine.

use std::fs;

/// File systems whose writes end without anybody else's help.
const LOCAL: &[&str] = &[
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "tmpfs", "ramfs", "overlay",
    "apfs",
];

/// Returns whether the device number `device` is that of a file system which is known to be local.
/// A number that the system's list of mounts does not have is not.
pub(super) fn is_local(device: u64) -> bool {
    let Ok(list) = fs::read_to_string("/proc/self/mountinfo") else {
        return false;
    };
    let number = format!("{}:{}", major(device), minor(device));
    list.lines()
        .any(|line| kind(line, &number).is_some_and(|kind| LOCAL.contains(&kind)))
}

/// Returns the kind of file system in a line of the list, if it has this number (proc(5)).
fn kind<'l>(line: &'l str, number: &str) -> Option<&'l str> {
    let (mount, system) = line.split_once(" - ")?;
    (mount.split(' ').nth(2) == Some(number)).then_some(())?;
    system.split(' ').next()
}

/// The split of a device number that glibc and the kernel agree on (makedev(3)).
fn major(device: u64) -> u64 {
    (device >> 8) & 0xfff | (device >> 32) & !0xfff
}

fn minor(device: u64) -> u64 {
    device & 0xff | (device >> 12) & !0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_split_as_the_kernel_does() {
        assert_eq!((major(0x0801), minor(0x0801)), (8, 1));
        assert_eq!((major(0x10_0103), minor(0x10_0103)), (1, 0x103));
    }

    #[test]
    fn lines_of_the_list_are_read() {
        let line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(kind(line, "98:0"), Some("ext3"));
        assert_eq!(kind(line, "98:1"), None);
        assert_eq!(kind("36 35 98:0", "98:0"), None);
        assert!(!is_local(u64::MAX));
    }
}
