//! The suite must be able to fail: storages that each break one clause, and are caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use vaultcore::storage::conformance::CASES;
use vaultcore::storage::{Batch, Entry, EntryPath, Memory, Revision, Scan, Storage, StorageError};

type Answer<T> = Result<T, StorageError>;

/// Returns the cases that fail on what `make` makes.
fn failing<S: Storage + 'static>(make: fn() -> S) -> Vec<&'static str> {
    let fails = |case: fn(&dyn vaultcore::storage::conformance::Place)| {
        let kept: Arc<dyn Storage> = Arc::new(make());
        let place = move || Arc::clone(&kept);
        catch_unwind(AssertUnwindSafe(|| case(&place))).is_err()
    };
    let failing = CASES.iter().filter(|(_, case)| fails(*case));
    failing.map(|(name, _)| *name).collect()
}

#[track_caller]
fn is_caught_by<S: Storage + 'static>(make: fn() -> S, expected: &[&str]) {
    let failing = failing(make);
    for case in expected {
        assert!(
            CASES.iter().any(|(name, _)| name == case),
            "{case} is no case"
        );
        assert!(
            failing.contains(case),
            "{case} did not fail; these did: {failing:?}"
        );
    }
}

/// Overrides methods of a storage that keeps its entries in a field `memory`.
macro_rules! broken {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } $($method:item)*) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $name { memory: Memory, $($field: $type),* }

        impl $name {
            fn new() -> Self { Self::default() }
        }

        impl Broken for $name {
            fn memory(&self) -> &Memory { &self.memory }
            $($method)*
        }

        impl Storage for $name {
            fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
                Broken::read(self, paths)
            }
            fn scan(&self, scan: &Scan) -> Answer<Vec<String>> { Broken::scan(self, scan) }
            fn commit(&self, batch: &Batch) -> Answer<Revision> { Broken::commit(self, batch) }
            fn change_mark(&self) -> Answer<Option<u64>> { Broken::mark(self) }
        }
    };
}

trait Broken: Send + Sync {
    fn memory(&self) -> &Memory;
    fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
        self.memory().read(paths)
    }
    fn scan(&self, scan: &Scan) -> Answer<Vec<String>> {
        self.memory().scan(scan)
    }
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        self.memory().commit(batch)
    }
    fn mark(&self) -> Answer<Option<u64>> {
        self.memory().change_mark()
    }
}

#[test]
fn a_sound_storage_passes() {
    assert_eq!(failing(Memory::new), Vec::<&str>::new());
    assert!(CASES.len() >= 110, "only {} cases", CASES.len());
}

broken! {
    /// Checks the expectations in one step and writes in another.
    LostUpdate {}
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        let mut check = Batch::new();
        check.expect.clone_from(&batch.expect);
        self.memory.commit(&check)?;
        for _ in 0..20 {
            std::thread::yield_now();
        }
        let mut write = Batch::new();
        write.writes.clone_from(&batch.writes);
        batch.check().and_then(|()| self.memory.commit(&write))
    }
}

#[test]
fn a_lost_update_is_caught() {
    is_caught_by(LostUpdate::new, &["sharing::racing_writers_lose_no_update"]);
}

broken! {
    /// Ignores expectations.
    Blind {}
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        batch.check()?;
        let mut write = batch.clone();
        write.expect.clear();
        self.memory.commit(&write)
    }
}

#[test]
fn ignored_expectations_are_caught() {
    is_caught_by(
        Blind::new,
        &[
            "committing::an_old_revision_is_refused",
            "committing::expected_absence_refuses_an_entry",
            "committing::a_batch_without_writes_checks",
            "sharing::one_creator_wins",
        ],
    );
}

broken! {
    /// Reads path by path.
    TornRead {}
    fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
        let mut entries = Vec::new();
        for path in paths {
            entries.extend(self.memory.read(std::slice::from_ref(path))?);
            let before = self.memory.change_mark()?;
            // Long enough for a writer to come between, whatever else the machine does.
            for _ in 0..1_000 {
                if self.memory.change_mark()? != before {
                    break;
                }
                std::thread::yield_now();
            }
        }
        Ok(entries)
    }
}

#[test]
fn a_torn_read_is_caught() {
    is_caught_by(TornRead::new, &["sharing::a_read_is_of_one_moment"]);
}

broken! {
    /// Writes one entry after the other, each in a commit of its own.
    HalfBatch {}
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        batch.check()?;
        let mut last = Revision::new(0);
        for (path, value) in &batch.writes {
            let mut one = Batch::new();
            one.writes.push((path.clone(), value.clone()));
            one.expect.extend(batch.expect.iter().find(|(at, _)| at == path).cloned());
            last = self.memory.commit(&one)?;
        }
        Ok(last)
    }
}

#[test]
fn half_a_batch_is_caught() {
    is_caught_by(
        HalfBatch::new,
        &["committing::a_failed_last_expectation_stops_all"],
    );
}

/// Returns `revision` with its number counted for each entry from one, which a delete forgets.
fn per_entry(entry: Entry, number: u64) -> Entry {
    Entry::new(entry.value, Revision::new(u128::from(number)))
}

broken! {
    /// Counts the writes of an entry, and forgets the count with the entry.
    RevisionReuse { counts: Mutex<std::collections::BTreeMap<EntryPath, u64>> }
    fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
        let counts = self.counts.lock().expect("lock");
        let entries = self.memory.read(paths)?.into_iter().zip(paths);
        let count = |path| counts.get(path).copied().unwrap_or(0);
        Ok(entries.map(|(entry, path)| entry.map(|found| per_entry(found, count(path)))).collect())
    }
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        batch.check()?;
        let mut counts = self.counts.lock().expect("lock");
        let current = |path| counts.get(path).map(|count| Revision::new(u128::from(*count)));
        if batch.expect.iter().any(|(path, expected)| current(path) != *expected) {
            return Err(StorageError::Conflict);
        }
        let mut last = 0;
        for (path, value) in &batch.writes {
            match value {
                Some(_) => {
                    let count = counts.entry(path.clone()).or_default();
                    *count += 1;
                    last = *count;
                }
                None => drop(counts.remove(path)),
            }
        }
        let mut write = batch.clone();
        write.expect.clear();
        self.memory.commit(&write)?;
        Ok(Revision::new(u128::from(last)))
    }
}

#[test]
fn a_reused_revision_is_caught() {
    is_caught_by(
        RevisionReuse::new,
        &[
            "committing::revisions_never_come_back_after_a_delete",
            "committing::an_entry_created_anew_is_another",
            "sharing::reopening_repeats_no_revision",
        ],
    );
}

broken! {
    /// Orders without regard to case.
    WrongOrder {}
    fn scan(&self, scan: &Scan) -> Answer<Vec<String>> {
        let mut found = self.memory.scan(scan)?;
        found.sort_by_key(|path| path.to_ascii_lowercase());
        Ok(found)
    }
}

#[test]
fn a_wrong_order_is_caught() {
    is_caught_by(WrongOrder::new, &["scanning::paths_come_in_byte_order"]);
}

broken! {
    /// Returns the last result of the page before once more.
    AfterInclusive {}
    fn scan(&self, scan: &Scan) -> Answer<Vec<String>> {
        let mut all = scan.clone();
        let (after, limit) = (all.after.take(), std::mem::replace(&mut all.limit, usize::MAX));
        let mut found = self.memory.scan(&all)?;
        found.retain(|path| after.as_ref().is_none_or(|after| path >= after));
        found.truncate(limit);
        Ok(found)
    }
}

#[test]
fn an_inclusive_after_is_caught() {
    let expected = [
        "scanning::after_is_exclusive",
        "scanning::after_a_folder_skips_it",
    ];
    is_caught_by(AfterInclusive::new, &expected);
}

broken! {
    /// Returns a folder again on the next page.
    FolderTwice {}
    fn scan(&self, scan: &Scan) -> Answer<Vec<String>> {
        let Some(after) = scan.after.clone().filter(|after| after.ends_with('/')) else {
            return self.memory.scan(scan);
        };
        let next = self.memory.scan(&Scan::new(after.clone()).limit(1))?;
        let mut found = self.memory.scan(scan)?;
        if !next.is_empty() && scan.delimiter.is_some() {
            found.insert(0, after);
        }
        found.truncate(scan.limit);
        Ok(found)
    }
}

#[test]
fn a_repeated_folder_is_caught() {
    is_caught_by(FolderTwice::new, &["scanning::after_a_folder_skips_it"]);
}

broken! {
    /// Ends a page one result too early at a hundred.
    ShortPage {}
    fn scan(&self, scan: &Scan) -> Answer<Vec<String>> {
        let mut found = self.memory.scan(scan)?;
        if found.len() == 100 {
            found.truncate(99);
        }
        Ok(found)
    }
}

#[test]
fn a_short_page_is_caught() {
    is_caught_by(ShortPage::new, &["paging::entries_1000_in_pages_of_100"]);
}

broken! {
    /// Takes an empty value for none.
    EmptyIsAbsent {}
    fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
        let entries = self.memory.read(paths)?;
        Ok(entries.into_iter().map(|entry| entry.filter(|e| !e.value.is_empty())).collect())
    }
}

#[test]
fn a_lost_empty_value_is_caught() {
    is_caught_by(EmptyIsAbsent::new, &["reading::an_empty_value_is_kept"]);
}

broken! {
    /// Keeps values as text that ends at the first NUL.
    Text {}
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        batch.check()?;
        let mut text = batch.clone();
        for value in text.writes.iter_mut().filter_map(|(_, value)| value.as_mut()) {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            value.truncate(end);
        }
        self.memory.commit(&text)
    }
}

#[test]
fn cut_values_are_caught() {
    is_caught_by(
        Text::new,
        &["reading::a_nul_byte_is_kept", "reading::every_byte_is_kept"],
    );
}

broken! {
    /// Moves the change mark every other commit only.
    LazyMark {}
    fn mark(&self) -> Answer<Option<u64>> {
        Ok(self.memory.change_mark()?.map(|mark| mark / 2))
    }
}

#[test]
fn a_mark_that_stands_still_is_caught() {
    is_caught_by(LazyMark::new, &["sharing::the_mark_moves_with_every_write"]);
}

broken! {
    /// Moves the change mark with every call.
    RestlessMark { calls: AtomicU64 }
    fn mark(&self) -> Answer<Option<u64>> {
        Ok(Some(self.calls.fetch_add(1, Ordering::Relaxed)))
    }
}

#[test]
fn a_restless_mark_is_caught() {
    is_caught_by(
        RestlessMark::new,
        &["sharing::the_mark_rests_while_nothing_is_written"],
    );
}

broken! {
    /// Has no limits of its own.
    Unlimited {}
    fn commit(&self, batch: &Batch) -> Answer<Revision> {
        let mut last = self.memory.commit(&Batch::new())?;
        for (path, value) in &batch.writes {
            let mut one = Batch::new();
            let cut = value.as_ref().map(|value| value.iter().copied().take(1 << 20).collect());
            one.writes.push((path.clone(), cut));
            last = self.memory.commit(&one)?;
        }
        Ok(last)
    }
}

#[test]
fn missing_limits_are_caught() {
    is_caught_by(
        Unlimited::new,
        &[
            "limits::one_write_more_is_refused",
            "limits::one_expectation_more_is_refused",
            "limits::one_byte_more_in_a_value_is_refused",
            "limits::one_byte_more_in_a_batch_is_refused",
            "limits::expected_paths_count_into_the_size",
            "committing::a_path_written_twice_is_invalid",
        ],
    );
}

broken! {
    /// Answers for ever what it answered first.
    Stale { seen: Mutex<std::collections::BTreeMap<EntryPath, Option<Entry>>> }
    fn read(&self, paths: &[EntryPath]) -> Answer<Vec<Option<Entry>>> {
        let fresh = self.memory.read(paths)?;
        let mut seen = self.seen.lock().expect("lock");
        let pairs = paths.iter().zip(fresh);
        Ok(pairs.map(|(path, entry)| seen.entry(path.clone()).or_insert(entry).clone()).collect())
    }
}

#[test]
fn a_stale_read_is_caught() {
    is_caught_by(
        Stale::new,
        &[
            "reading::the_last_value_stands",
            "sharing::handles_see_each_other",
        ],
    );
}
