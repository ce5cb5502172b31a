//! What a read returns.

use super::Place;
use super::steps::{delete, entry, path, put, revision, value};
use crate::storage::{Batch, Entry, MAX_ENTRY_PATH};

/// Returns none for a path in an empty storage.
pub fn an_empty_storage_holds_nothing(place: &dyn Place) {
    assert_eq!(entry(&place.open(), "a"), None);
}

/// Returns an empty answer for no paths.
pub fn no_paths_give_no_entries(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    assert_eq!(
        storage.read(&[]).expect("a read of nothing"),
        Vec::<Option<Entry>>::new()
    );
}

/// Returns what was put.
pub fn a_value_comes_back(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a/b", b"value");
    assert_eq!(value(&storage, "a/b").as_deref(), Some(&b"value"[..]));
}

/// Returns the revision that the commit returned.
pub fn a_read_shows_the_revision_of_the_commit(place: &dyn Place) {
    let storage = place.open();
    let committed = put(&storage, "a", b"value");
    assert_eq!(revision(&storage, "a"), Some(committed));
}

/// Returns the same revision as long as nobody writes.
pub fn a_revision_rests_while_nobody_writes(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"value");
    let first = revision(&storage, "a");
    put(&storage, "b", b"value");
    assert_eq!(revision(&storage, "a"), first);
}

/// Returns the last of two values.
pub fn the_last_value_stands(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"first");
    put(&storage, "a", b"second and longer");
    assert_eq!(
        value(&storage, "a").as_deref(),
        Some(&b"second and longer"[..])
    );
    put(&storage, "a", b"3");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"3"[..]));
}

/// Returns none after a delete.
pub fn a_deleted_entry_is_gone(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"value");
    delete(&storage, "a");
    assert_eq!(entry(&storage, "a"), None);
}

/// Keeps the other entries when one is deleted.
pub fn a_delete_leaves_its_neighbours(place: &dyn Place) {
    let storage = place.open();
    for at in ["a", "a/b", "a/b/c", "ab"] {
        put(&storage, at, at.as_bytes());
    }
    delete(&storage, "a/b");
    assert_eq!(entry(&storage, "a/b"), None);
    for at in ["a", "a/b/c", "ab"] {
        assert_eq!(value(&storage, at).as_deref(), Some(at.as_bytes()));
    }
}

/// Keeps an empty value, which is not absence.
pub fn an_empty_value_is_kept(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b""[..]));
}

/// Keeps a single NUL byte.
pub fn a_nul_byte_is_kept(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"\0");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"\0"[..]));
}

/// Keeps NUL bytes at the beginning, in the middle and at the end.
pub fn nul_bytes_inside_are_kept(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"\0\0x\0y\0");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"\0\0x\0y\0"[..]));
}

/// Keeps every byte there is, so that nothing is taken for text.
pub fn every_byte_is_kept(place: &dyn Place) {
    let storage = place.open();
    let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    put(&storage, "a", &bytes);
    assert_eq!(value(&storage, "a"), Some(bytes));
}

/// Keeps bytes that look like text in no encoding.
pub fn invalid_utf8_is_kept(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"\xff\xfe\xc3\x28\xed\xa0\x80");
    assert_eq!(
        value(&storage, "a").as_deref(),
        Some(&b"\xff\xfe\xc3\x28\xed\xa0\x80"[..])
    );
}

/// Keeps a value of a page's size, and one byte less and more.
pub fn values_around_a_page_are_kept(place: &dyn Place) {
    let storage = place.open();
    for length in [4_095usize, 4_096, 4_097, 16_383, 16_384, 16_385, 65_536] {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        put(&storage, "a", &bytes);
        assert!(value(&storage, "a") == Some(bytes), "{length} bytes");
    }
}

/// Keeps a value of 1 MiB.
pub fn a_mebibyte_is_kept(place: &dyn Place) {
    let storage = place.open();
    let bytes: Vec<u8> = (0..1_048_576).map(|at| (at % 253) as u8).collect();
    put(&storage, "a", &bytes);
    assert!(value(&storage, "a") == Some(bytes));
}

/// Shrinks a large value to a small one and lets it grow again.
pub fn a_value_shrinks_and_grows(place: &dyn Place) {
    let storage = place.open();
    for length in [100_000usize, 1, 0, 200_000, 10] {
        put(&storage, "a", &vec![7; length]);
        assert!(
            value(&storage, "a") == Some(vec![7; length]),
            "{length} bytes"
        );
    }
}

/// Answers several paths in the order in which they were asked.
pub fn answers_come_in_the_order_asked(place: &dyn Place) {
    let storage = place.open();
    for at in ["a", "b", "c"] {
        put(&storage, at, at.as_bytes());
    }
    let entries = storage
        .read(&[path("c"), path("a"), path("b")])
        .expect("a read");
    let values: Vec<_> = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.value)
        .collect();
    assert_eq!(values, [b"c", b"a", b"b"]);
}

/// Answers each path, whether it is there or not.
pub fn present_and_absent_paths_mix(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "b", b"1");
    let entries = storage
        .read(&[path("a"), path("b"), path("c")])
        .expect("a read");
    let there: Vec<bool> = entries.iter().map(Option::is_some).collect();
    assert_eq!(there, [false, true, false]);
}

/// Answers a path twice that is asked twice.
pub fn a_path_asked_twice_is_answered_twice(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"1");
    let entries = storage.read(&[path("a"), path("a")]).expect("a read");
    assert_eq!(entries.len(), 2);
    assert!(entries[0].is_some() && entries[0] == entries[1]);
}

/// Answers a read of 200 paths.
pub fn many_paths_are_read_at_once(place: &dyn Place) {
    let storage = place.open();
    let paths: Vec<_> = (0..200)
        .map(|number| path(&format!("many/{number}")))
        .collect();
    for chunk in paths.chunks(100) {
        let put = |batch: Batch, at: &_| batch.put(Clone::clone(at), at.as_str().into());
        storage
            .commit(&chunk.iter().fold(Batch::new(), put))
            .expect("a commit");
    }
    let entries = storage.read(&paths).expect("a read");
    for (at, entry) in paths.iter().zip(entries) {
        assert_eq!(entry.expect("there").value, at.as_str().as_bytes());
    }
}

/// Tells paths apart that differ in case only.
pub fn case_is_kept(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a/B", b"upper");
    put(&storage, "a/b", b"lower");
    assert_eq!(value(&storage, "a/B").as_deref(), Some(&b"upper"[..]));
    assert_eq!(value(&storage, "a/b").as_deref(), Some(&b"lower"[..]));
    assert_eq!(value(&storage, "A/b"), None);
}

/// Takes no character of a path for a pattern.
pub fn no_character_is_a_pattern(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "aXb", b"1");
    for at in ["a_b", "a.b", "a-b", "aX", "Xb", "aXbX"] {
        assert_eq!(entry(&storage, at), None, "{at}");
    }
}

/// Keeps a folder apart from an entry of the same name.
pub fn an_entry_may_be_a_folder_too(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"entry");
    put(&storage, "a/b", b"below");
    assert_eq!(value(&storage, "a").as_deref(), Some(&b"entry"[..]));
    assert_eq!(value(&storage, "a/b").as_deref(), Some(&b"below"[..]));
}

/// Takes a path for text, even if it looks like a number.
pub fn a_number_is_a_path_like_others(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "007", b"with zeros");
    put(&storage, "7", b"without");
    put(&storage, "7.0", b"with a point");
    assert_eq!(value(&storage, "007").as_deref(), Some(&b"with zeros"[..]));
    assert_eq!(value(&storage, "7").as_deref(), Some(&b"without"[..]));
    assert_eq!(
        value(&storage, "7.0").as_deref(),
        Some(&b"with a point"[..])
    );
}

/// Keeps paths of the greatest length apart that differ in the last byte.
pub fn the_longest_paths_are_kept(place: &dyn Place) {
    let storage = place.open();
    let stem = "p".repeat(MAX_ENTRY_PATH - 1);
    let (first, second) = (format!("{stem}1"), format!("{stem}2"));
    put(&storage, &first, b"first");
    assert_eq!(entry(&storage, &second), None);
    put(&storage, &second, b"second");
    assert_eq!(value(&storage, &first).as_deref(), Some(&b"first"[..]));
    assert_eq!(value(&storage, &second).as_deref(), Some(&b"second"[..]));
}
