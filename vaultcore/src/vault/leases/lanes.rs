//! Pages of leases that are ended side by side.

use std::thread;

use crate::error::{Error, ErrorKind, Result};
use crate::lease::CLAIM_PAGE;
use crate::path::EntryPath;

/// How many pages are ended at the same time: while one waits for its commit the others are prepared,
/// and commits that arrive together are written together.
const LANES: usize = 4;
/// How many entries one look into storage finds, for all lanes.
pub(super) const LOOK: usize = CLAIM_PAGE * LANES;
/// How many leases are ended outside at the same time, in all lanes: it is mostly waiting.
const WORKERS: usize = 8;

/// Does `work` for each page of `entries`, with the number of workers that it may have; returns what
/// came of each. All are done, also if one fails.
///
/// # Errors
/// The first error of a page.
pub(super) fn each_page<T: Send>(
    entries: &[EntryPath],
    work: impl Fn(&[EntryPath], usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let lanes = entries.len().div_ceil(CLAIM_PAGE).max(1);
    let workers = (WORKERS / lanes).max(1);
    let done: Vec<Result<T>> = thread::scope(|scope| {
        let work = &work;
        let mut pages = entries.chunks(CLAIM_PAGE);
        let first = pages.next();
        let others: Vec<_> = pages
            .map(|page| scope.spawn(move || work(page, workers)))
            .collect();
        let first = first.map(|page| work(page, workers));
        let others = others.into_iter().map(|other| {
            // The leases of one that panics stay claimed, and run out.
            let panicked =
                |_| Error::new(ErrorKind::Panicked, "the end of a page of leases panicked");
            other.join().map_err(panicked).flatten()
        });
        first.into_iter().chain(others).collect()
    });
    done.into_iter().collect()
}
