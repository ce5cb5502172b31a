//! Compare and swap, all or nothing, and revisions.

use std::collections::HashSet;

use super::Place;
use super::steps::{delete, entry, path, put, refused_as_conflict, revision, scan, value};
use crate::storage::{Batch, Revision, Scan, Storage, StorageError};

/// A revision that no backend gives out, since each knows its own.
const FOREIGN: Revision = Revision::new(0x7657_6aa1_9c1e_44f0_8d05_2f0c_55d3_91be);

/// Writes if the expected revision is there.
pub fn an_expected_revision_lets_write(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    let swap = Batch::new()
        .expect(path("a"), Some(first))
        .put(path("a"), b"2".to_vec());
    let second = storage.commit(&swap).expect("a swap");
    assert_eq!(revision(&storage, "a"), Some(second));
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"2"[..]));
}

/// Refuses if the entry was written since.
pub fn an_old_revision_is_refused(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    put(&storage, "a", b"2");
    let swap = Batch::new()
        .expect(path("a"), Some(first))
        .put(path("a"), b"3".to_vec());
    refused_as_conflict(&storage, &swap);
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"2"[..]));
}

/// Refuses a revision that was never given out.
pub fn a_foreign_revision_is_refused(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    let swap = Batch::new()
        .expect(path("a"), Some(FOREIGN))
        .put(path("a"), b"2".to_vec());
    refused_as_conflict(&storage, &swap);
}

/// Refuses a revision where there is no entry.
pub fn a_revision_of_nothing_is_refused(place: &dyn Place) {
    let storage = place.open();
    let swap = Batch::new()
        .expect(path("a"), Some(FOREIGN))
        .put(path("a"), b"1".to_vec());
    refused_as_conflict(&storage, &swap);
    assert_eq!(entry(&storage, "a"), None);
}

/// Refuses the revision of another entry.
pub fn a_revision_belongs_to_its_entry(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    put(&storage, "b", b"1");
    let swap = Batch::new()
        .expect(path("b"), Some(of_a))
        .put(path("b"), b"2".to_vec());
    refused_as_conflict(&storage, &swap);
}

/// Creates an entry that is expected absent.
pub fn expected_absence_lets_create(place: &dyn Place) {
    let storage = place.open();
    let create = Batch::new()
        .expect(path("a"), None)
        .put(path("a"), b"1".to_vec());
    let created = storage.commit(&create).expect("a create");
    assert_eq!(revision(&storage, "a"), Some(created));
}

/// Refuses to create an entry that is there.
pub fn expected_absence_refuses_an_entry(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    let create = Batch::new()
        .expect(path("a"), None)
        .put(path("a"), b"2".to_vec());
    refused_as_conflict(&storage, &create);
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"1"[..]));
}

/// Refuses to create an entry whose value is empty.
pub fn an_empty_value_is_not_absent(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"");
    let create = Batch::new()
        .expect(path("a"), None)
        .put(path("a"), b"2".to_vec());
    refused_as_conflict(&storage, &create);
}

/// Creates again what was deleted.
pub fn a_deleted_entry_is_absent(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    delete(&storage, "a");
    let create = Batch::new()
        .expect(path("a"), None)
        .put(path("a"), b"2".to_vec());
    storage.commit(&create).expect("a create");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"2"[..]));
}

/// Deletes if the expected revision is there.
pub fn an_expected_revision_lets_delete(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    let remove = Batch::new()
        .expect(path("a"), Some(first))
        .delete(path("a"));
    storage.commit(&remove).expect("a delete");
    assert_eq!(entry(&storage, "a"), None);
}

/// Refuses to delete an entry that was written since.
pub fn an_old_revision_does_not_delete(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    let second = put(&storage, "a", b"2");
    refused_as_conflict(
        &storage,
        &Batch::new()
            .expect(path("a"), Some(first))
            .delete(path("a")),
    );
    assert_eq!(revision(&storage, "a"), Some(second));
}

/// Refuses the revision of an entry that is gone, for a delete as for a put.
pub fn the_revision_of_a_deleted_entry_is_refused(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    delete(&storage, "a");
    let expected = Batch::new().expect(path("a"), Some(first));
    refused_as_conflict(&storage, &expected.clone().delete(path("a")));
    refused_as_conflict(&storage, &expected.put(path("a"), Vec::new()));
    assert_eq!(entry(&storage, "a"), None);
}

/// Deletes nothing where nothing is, expected absent or not.
pub fn deleting_nothing_is_no_error(place: &dyn Place) {
    let storage = place.open();
    delete(&storage, "a");
    let remove = Batch::new().expect(path("a"), None).delete(path("a"));
    storage.commit(&remove).expect("nothing to delete");
    assert_eq!(entry(&storage, "a"), None);
}

/// Refuses to delete an entry that was expected absent.
pub fn expected_absence_does_not_delete(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    refused_as_conflict(
        &storage,
        &Batch::new().expect(path("a"), None).delete(path("a")),
    );
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"1"[..]));
}

/// Checks entries that the batch does not write.
pub fn an_unwritten_entry_may_be_expected(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    let batch = Batch::new()
        .expect(path("a"), Some(of_a))
        .put(path("b"), b"1".to_vec());
    storage.commit(&batch).expect("a holds");
    put(&storage, "a", b"2");
    refused_as_conflict(&storage, &batch);
}

/// Checks the absence of entries that the batch does not write.
pub fn unwritten_absence_may_be_expected(place: &dyn Place) {
    let storage = place.open();
    let batch = Batch::new()
        .expect(path("a"), None)
        .put(path("b"), b"1".to_vec());
    storage.commit(&batch).expect("a is absent");
    put(&storage, "a", b"1");
    refused_as_conflict(&storage, &batch);
}

/// Keeps the revision of an entry that was expected only.
pub fn an_expectation_changes_nothing(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    let batch = Batch::new()
        .expect(path("a"), Some(of_a))
        .put(path("b"), b"1".to_vec());
    storage.commit(&batch).expect("a holds");
    assert_eq!(revision(&storage, "a"), Some(of_a));
}

/// Puts two values where two batches without expectations name one path.
pub fn a_blind_put_needs_no_expectation(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    put(&storage, "a", b"2");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"2"[..]));
}

fn mixed(first: Option<Revision>, second: Option<Revision>) -> Batch {
    Batch::new()
        .expect(path("a"), first)
        .expect(path("b"), second)
        .put(path("a"), b"new".to_vec())
        .put(path("b"), b"new".to_vec())
        .put(path("c"), b"new".to_vec())
        .delete(path("d"))
}

fn nothing_of_mixed_happened(storage: &dyn Storage) {
    assert_eq!(value(storage, "a").as_deref(), Some(&b"old"[..]));
    assert_eq!(value(storage, "b").as_deref(), Some(&b"old"[..]));
    assert_eq!(entry(storage, "c"), None);
    assert_eq!(value(storage, "d").as_deref(), Some(&b"old"[..]));
}

fn open_for_mixed(place: &dyn Place) -> (std::sync::Arc<dyn Storage>, Revision, Revision) {
    let storage = place.open();
    let first = put(&storage, "a", b"old");
    let second = put(&storage, "b", b"old");
    put(&storage, "d", b"old");
    (storage, first, second)
}

/// Applies puts and deletes of one batch together.
pub fn a_batch_is_applied_whole(place: &dyn Place) {
    let (storage, first, second) = open_for_mixed(place);
    let committed = storage
        .commit(&mixed(Some(first), Some(second)))
        .expect("a commit");
    for at in ["a", "b", "c"] {
        assert_eq!(revision(&storage, at), Some(committed), "{at}");
    }
    assert_eq!(entry(&storage, "d"), None);
}

/// Applies nothing if the first expectation fails.
pub fn a_failed_first_expectation_stops_all(place: &dyn Place) {
    let (storage, _, second) = open_for_mixed(place);
    refused_as_conflict(&storage, &mixed(Some(FOREIGN), Some(second)));
    nothing_of_mixed_happened(&storage);
}

/// Applies nothing if the last expectation fails.
pub fn a_failed_last_expectation_stops_all(place: &dyn Place) {
    let (storage, first, _) = open_for_mixed(place);
    refused_as_conflict(&storage, &mixed(Some(first), Some(FOREIGN)));
    nothing_of_mixed_happened(&storage);
    refused_as_conflict(&storage, &mixed(Some(first), None));
    nothing_of_mixed_happened(&storage);
}

/// Applies nothing if an entry that is not written fails its expectation.
pub fn a_failed_unwritten_expectation_stops_all(place: &dyn Place) {
    let (storage, first, second) = open_for_mixed(place);
    let there = mixed(Some(first), Some(second)).expect(path("z"), Some(FOREIGN));
    refused_as_conflict(&storage, &there);
    nothing_of_mixed_happened(&storage);
    put(&storage, "z", b"1");
    let absent = mixed(Some(first), Some(second)).expect(path("z"), None);
    refused_as_conflict(&storage, &absent);
    nothing_of_mixed_happened(&storage);
}

/// Applies the batch that was refused once its expectations hold.
pub fn a_refused_batch_may_be_tried_again(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    let create = Batch::new()
        .expect(path("a"), None)
        .put(path("a"), b"2".to_vec());
    refused_as_conflict(&storage, &create);
    delete(&storage, "a");
    storage.commit(&create).expect("absent now");
}

/// Writes every entry of a batch of 128.
pub fn a_full_batch_is_applied_whole(place: &dyn Place) {
    let storage = place.open();
    let batch = (0..128).fold(Batch::new(), |batch, number| {
        let at = path(&format!("full/{number}"));
        batch.expect(at.clone(), None).put(at, vec![number])
    });
    storage.commit(&batch).expect("128 creates");
    assert_eq!(scan(&storage, &Scan::new("full/")).len(), 128);
    refused_as_conflict(&storage, &batch);
}

/// Applies nothing of a batch of 128 whose last expectation fails.
pub fn a_full_batch_is_refused_whole(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "full/127", b"1");
    let batch = (0..128).fold(Batch::new(), |batch, number| {
        let at = path(&format!("full/{number}"));
        batch.expect(at.clone(), None).put(at, vec![number])
    });
    refused_as_conflict(&storage, &batch);
    assert_eq!(scan(&storage, &Scan::new("full/")), ["full/127"]);
}

/// Checks expectations without a write.
pub fn a_batch_without_writes_checks(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    let check = Batch::new()
        .expect(path("a"), Some(of_a))
        .expect(path("b"), None);
    storage.commit(&check).expect("both hold");
    put(&storage, "b", b"1");
    refused_as_conflict(&storage, &check);
}

/// Checks a revision that has gone, without a write.
pub fn a_batch_without_writes_sees_changes(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    let check = Batch::new().expect(path("a"), Some(of_a));
    put(&storage, "a", b"1");
    refused_as_conflict(&storage, &check);
    delete(&storage, "a");
    refused_as_conflict(&storage, &check);
}

/// Changes nothing by a batch without writes.
pub fn a_batch_without_writes_changes_nothing(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    storage
        .commit(&Batch::new().expect(path("a"), Some(of_a)))
        .expect("it holds");
    assert_eq!(revision(&storage, "a"), Some(of_a));
    assert_eq!(scan(&storage, &Scan::new("")), ["a"]);
}

/// Accepts a batch with nothing in it.
pub fn an_empty_batch_succeeds(place: &dyn Place) {
    let storage = place.open();
    storage.commit(&Batch::new()).expect("nothing to check");
    assert!(scan(&storage, &Scan::new("")).is_empty());
}

/// Changes the revision even if the bytes stay the same.
pub fn the_same_bytes_get_a_new_revision(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"same");
    let second = put(&storage, "a", b"same");
    assert_ne!(first, second);
    assert_eq!(revision(&storage, "a"), Some(second));
}

/// Gives an entry a revision that it never had, in 200 writes.
pub fn revisions_of_an_entry_never_repeat(place: &dyn Place) {
    let storage = place.open();
    let mut seen = HashSet::new();
    for number in 0..200u8 {
        assert!(seen.insert(put(&storage, "a", &[number])), "write {number}");
    }
}

/// Gives an entry a revision that it never had, also after it was deleted and created anew.
pub fn revisions_never_come_back_after_a_delete(place: &dyn Place) {
    let storage = place.open();
    let mut seen = HashSet::new();
    for number in 0..100 {
        assert!(seen.insert(put(&storage, "a", b"same")), "round {number}");
        delete(&storage, "a");
    }
}

/// Refuses the revision that a deleted and created entry had before.
pub fn an_entry_created_anew_is_another(place: &dyn Place) {
    let storage = place.open();
    let before = put(&storage, "a", b"same");
    delete(&storage, "a");
    put(&storage, "a", b"same");
    let swap = Batch::new()
        .expect(path("a"), Some(before))
        .put(path("a"), b"2".to_vec());
    refused_as_conflict(&storage, &swap);
}

/// Never gives a deleted entry's revision out again after everything was deleted.
pub fn revisions_outlive_the_last_entry(place: &dyn Place) {
    let storage = place.open();
    let mut seen = HashSet::new();
    for round in 0..10 {
        for at in ["a", "b"] {
            assert!(seen.insert((at, put(&storage, at, b"x"))), "round {round}");
        }
        storage
            .commit(&Batch::new().delete(path("a")).delete(path("b")))
            .expect("a delete of everything");
    }
}

/// Refuses the same bytes submitted again after they were applied, and shows that they were.
pub fn an_applied_batch_is_refused_when_submitted_again(place: &dyn Place) {
    let storage = place.open();
    let first = put(&storage, "a", b"1");
    let batch = Batch::new()
        .expect(path("a"), Some(first))
        .put(path("a"), b"2".to_vec());
    storage.commit(&batch).expect("a swap");
    refused_as_conflict(&storage, &batch);
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"2"[..]));
}

/// Refuses a batch that expects a path twice.
pub fn a_path_expected_twice_is_invalid(place: &dyn Place) {
    let storage = place.open();
    let batch = Batch::new().expect(path("a"), None).expect(path("a"), None);
    let answer = storage.commit(&batch.put(path("b"), Vec::new()));
    assert!(
        matches!(answer, Err(StorageError::Invalid(_))),
        "{answer:?}"
    );
    assert_eq!(entry(&storage, "b"), None);
}

/// Refuses a batch that writes a path twice.
pub fn a_path_written_twice_is_invalid(place: &dyn Place) {
    let storage = place.open();
    for second in [Some(b"2".to_vec()), None] {
        let mut batch = Batch::new().put(path("a"), b"1".to_vec());
        batch.writes.push((path("a"), second));
        let answer = storage.commit(&batch);
        assert!(
            matches!(answer, Err(StorageError::Invalid(_))),
            "{answer:?}"
        );
        assert_eq!(entry(&storage, "a"), None);
    }
}
