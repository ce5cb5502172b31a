//! The bounds, which are the same for every backend: what is exactly at one is taken, what is one
//! beyond is refused, and nothing happens.

use super::Place;
use super::steps::{path, refused_as_too_large, scan, value};
use crate::storage::{Batch, MAX_BATCH, MAX_EXPECTATIONS, MAX_VALUE, MAX_WRITES, Scan, Storage};

fn holds_nothing(storage: &dyn Storage) {
    assert!(
        scan(storage, &Scan::new("")).is_empty(),
        "a refused batch left something"
    );
}

fn writes(count: usize) -> Batch {
    (0..count).fold(Batch::new(), |batch, at| {
        batch.put(path(&format!("w/{at}")), vec![1])
    })
}

fn expectations(count: usize) -> Batch {
    (0..count).fold(Batch::new(), |batch, at| {
        batch.expect(path(&format!("e/{at}")), None)
    })
}

/// Takes the greatest number of writes.
pub fn the_most_writes_are_taken(place: &dyn Place) {
    let storage = place.open();
    storage.commit(&writes(MAX_WRITES)).expect("at the limit");
    assert_eq!(scan(&storage, &Scan::new("w/")).len(), MAX_WRITES);
}

/// Refuses one write more.
pub fn one_write_more_is_refused(place: &dyn Place) {
    let storage = place.open();
    refused_as_too_large(&storage, &writes(MAX_WRITES + 1));
    holds_nothing(&storage);
}

/// Takes the greatest number of expectations.
pub fn the_most_expectations_are_taken(place: &dyn Place) {
    let storage = place.open();
    let batch = expectations(MAX_EXPECTATIONS).put(path("a"), vec![1]);
    storage.commit(&batch).expect("at the limit");
    assert!(value(&storage, "a").is_some());
}

/// Refuses one expectation more, with and without a write.
pub fn one_expectation_more_is_refused(place: &dyn Place) {
    let storage = place.open();
    let batch = expectations(MAX_EXPECTATIONS + 1);
    refused_as_too_large(&storage, &batch);
    refused_as_too_large(&storage, &batch.put(path("a"), vec![1]));
    holds_nothing(&storage);
}

/// Takes both greatest numbers together.
pub fn the_most_of_both_is_taken(place: &dyn Place) {
    let storage = place.open();
    let mut batch = expectations(MAX_EXPECTATIONS);
    batch.writes = writes(MAX_WRITES).writes;
    storage.commit(&batch).expect("at both limits");
    assert_eq!(scan(&storage, &Scan::new("")).len(), MAX_WRITES);
}

/// Takes the largest value, and returns it.
pub fn the_largest_value_is_taken(place: &dyn Place) {
    let storage = place.open();
    let largest = vec![0xa5; MAX_VALUE];
    storage
        .commit(&Batch::new().put(path("a"), largest.clone()))
        .expect("at the limit");
    assert!(value(&storage, "a") == Some(largest));
}

/// Refuses a value of one byte more, and the rest of its batch.
pub fn one_byte_more_in_a_value_is_refused(place: &dyn Place) {
    let storage = place.open();
    let batch = Batch::new().put(path("a"), vec![1]);
    refused_as_too_large(&storage, &batch.put(path("b"), vec![0; MAX_VALUE + 1]));
    holds_nothing(&storage);
}

/// Two values that fill a batch to the last byte, paths counted, and `more` bytes.
fn full_batch(more: usize) -> Batch {
    let (first, second) = (path("first"), path("second"));
    let paths = first.as_str().len() + second.as_str().len();
    let rest = MAX_BATCH - paths - MAX_VALUE + more;
    Batch::new()
        .put(first, vec![1; MAX_VALUE])
        .put(second, vec![2; rest])
}

/// Takes the largest batch.
pub fn the_largest_batch_is_taken(place: &dyn Place) {
    let storage = place.open();
    storage.commit(&full_batch(0)).expect("at the limit");
    assert_eq!(
        value(&storage, "first").map(|value| value.len()),
        Some(MAX_VALUE)
    );
}

/// Refuses a batch of one byte more.
pub fn one_byte_more_in_a_batch_is_refused(place: &dyn Place) {
    let storage = place.open();
    refused_as_too_large(&storage, &full_batch(1));
    holds_nothing(&storage);
}

/// Counts the paths of expectations into the size of a batch.
pub fn expected_paths_count_into_the_size(place: &dyn Place) {
    let storage = place.open();
    refused_as_too_large(&storage, &full_batch(0).expect(path("x"), None));
    holds_nothing(&storage);
}

/// Works as before after a refusal.
pub fn a_refusal_leaves_the_storage_in_order(place: &dyn Place) {
    let storage = place.open();
    refused_as_too_large(&storage, &full_batch(1));
    storage
        .commit(&writes(1))
        .expect("a commit after a refusal");
    assert_eq!(scan(&storage, &Scan::new("")), ["w/0"]);
}
