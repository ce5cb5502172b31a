//! Processes that are killed, and the logs that they leave.
//!
//! A test binary takes it by `#[path = "../killed/mod.rs"] mod killed;`.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Waits until something stands in the file, for ten seconds at most.
pub(crate) fn wait_for_words(file: &Path) {
    for _ in 0..10_000 {
        if fs::metadata(file).is_ok_and(|found| found.len() > 0) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
}

/// Leaves out a line that a kill has cut off: one write to two pages of a file is two.
pub(crate) fn whole_lines(log: &str) -> &str {
    log.rsplit_once('\n').map_or("", |(whole, _)| whole)
}
