//! The steps that cases are made of.

use crate::storage::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

pub(super) fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("the suite's own paths are valid")
}

pub(super) fn put(storage: &dyn Storage, at: &str, value: &[u8]) -> Revision {
    let batch = Batch::new().put(path(at), value.to_vec());
    storage.commit(&batch).expect("a put without expectations")
}

pub(super) fn delete(storage: &dyn Storage, at: &str) {
    let batch = Batch::new().delete(path(at));
    storage
        .commit(&batch)
        .expect("a delete without expectations");
}

pub(super) fn entry(storage: &dyn Storage, at: &str) -> Option<Entry> {
    let mut entries = storage.read(&[path(at)]).expect("a read");
    assert_eq!(entries.len(), 1, "one path gives one answer");
    entries.remove(0)
}

pub(super) fn value(storage: &dyn Storage, at: &str) -> Option<Vec<u8>> {
    entry(storage, at).map(|entry| entry.value)
}

pub(super) fn revision(storage: &dyn Storage, at: &str) -> Option<Revision> {
    entry(storage, at).map(|entry| entry.revision)
}

pub(super) fn scan(storage: &dyn Storage, scan: &Scan) -> Vec<String> {
    storage.scan(scan).expect("a scan")
}

/// Puts a small value at every path.
pub(super) fn fill<T: AsRef<str>>(storage: &dyn Storage, paths: impl IntoIterator<Item = T>) {
    let mut batch = Batch::new();
    for at in paths {
        batch = batch.put(path(at.as_ref()), b"x".to_vec());
        if batch.writes.len() == 100 {
            storage
                .commit(&std::mem::take(&mut batch))
                .expect("a full batch");
        }
    }
    storage.commit(&batch).expect("the last batch");
}

#[track_caller]
pub(super) fn refused_as_conflict(storage: &dyn Storage, batch: &Batch) {
    let answer = storage.commit(batch);
    assert!(
        matches!(answer, Err(StorageError::Conflict)),
        "expected a conflict: {answer:?}"
    );
}

#[track_caller]
pub(super) fn refused_as_too_large(storage: &dyn Storage, batch: &Batch) {
    let answer = storage.commit(batch);
    assert!(
        matches!(answer, Err(StorageError::TooLarge(_))),
        "expected TooLarge: {answer:?}"
    );
}

/// Adds one to the number at `at` by compare and swap, until it succeeds.
pub(super) fn increment(storage: &dyn Storage, at: &str) {
    // Bounded, so that a backend that always says conflict fails instead of hanging.
    for _ in 0..10_000 {
        let found = entry(storage, at);
        let number = found.as_ref().map_or(0, |found| number_in(&found.value));
        let batch = Batch::new()
            .expect(path(at), found.map(|found| found.revision))
            .put(path(at), (number + 1).to_be_bytes().to_vec());
        match storage.commit(&batch) {
            Ok(_) => return,
            Err(StorageError::Conflict) => {}
            Err(other) => panic!("an increment failed: {other}"),
        }
    }
    panic!("10,000 conflicts in a row: an entry that nobody changes is refused");
}

/// Reads the number that [`increment`] wrote.
pub(super) fn number(storage: &dyn Storage, at: &str) -> u64 {
    value(storage, at).map_or(0, |value| number_in(&value))
}

fn number_in(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().expect("eight bytes"))
}
