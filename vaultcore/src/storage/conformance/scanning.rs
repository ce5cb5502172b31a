//! What a scan returns, and in which order.

use super::Place;
use super::steps::{delete, fill, path, put, scan};
use crate::storage::{Batch, Scan, Storage};

/// Paths in byte order; each sits where a wrong order would show.
const ORDERED: [&str; 14] = [
    "-", ".", "0", "00", "1", "A", "B/a", "Z", "_", "a", "a-", "a.b", "a/b", "a0",
];

fn open_with(place: &dyn Place, paths: &[&str]) -> std::sync::Arc<dyn Storage> {
    let storage = place.open();
    fill(&storage, paths.iter().rev());
    storage
}

/// Finds nothing in an empty storage.
pub fn an_empty_storage_scans_empty(place: &dyn Place) {
    let storage = place.open();
    assert!(scan(&storage, &Scan::new("")).is_empty());
    assert!(scan(&storage, &Scan::new("").folders()).is_empty());
}

/// Finds everything under the empty prefix, in byte order.
pub fn paths_come_in_byte_order(place: &dyn Place) {
    let storage = open_with(place, &ORDERED);
    assert_eq!(scan(&storage, &Scan::new("")), ORDERED);
}

/// Orders capital letters before small ones, and digits before both.
pub fn order_ignores_no_case(place: &dyn Place) {
    let storage = open_with(place, &["10", "9", "B", "a"]);
    assert_eq!(scan(&storage, &Scan::new("")), ["10", "9", "B", "a"]);
}

/// Orders a path before those it begins.
pub fn a_path_comes_before_its_extensions(place: &dyn Place) {
    let storage = open_with(place, &["a", "a-b", "a/b", "aa"]);
    assert_eq!(scan(&storage, &Scan::new("a")), ["a", "a-b", "a/b", "aa"]);
}

/// Finds only what lies under the prefix.
pub fn a_prefix_limits_the_scan(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "b/1", "b/2", "c/1"]);
    assert_eq!(scan(&storage, &Scan::new("b/")), ["b/1", "b/2"]);
}

/// Takes a prefix for text, not for a folder.
pub fn a_prefix_need_not_end_at_a_slash(place: &dyn Place) {
    let storage = open_with(place, &["app", "app/x", "apple", "b"]);
    assert_eq!(scan(&storage, &Scan::new("app")), ["app", "app/x", "apple"]);
    assert_eq!(scan(&storage, &Scan::new("appl")), ["apple"]);
}

/// Finds the entry that equals the prefix.
pub fn the_prefix_itself_is_found(place: &dyn Place) {
    let storage = open_with(place, &["a", "b"]);
    assert_eq!(scan(&storage, &Scan::new("a")), ["a"]);
}

/// Finds nothing under a prefix that nothing has.
pub fn an_unknown_prefix_is_empty(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "c/1"]);
    for prefix in ["b", "a/1/", "a/11", "d", "A"] {
        assert!(scan(&storage, &Scan::new(prefix)).is_empty(), "{prefix}");
    }
}

/// Takes no character of a prefix for a pattern.
pub fn a_prefix_is_no_pattern(place: &dyn Place) {
    let storage = open_with(place, &["aXb", "a_b", "abc"]);
    assert_eq!(scan(&storage, &Scan::new("a_")), ["a_b"]);
    for prefix in ["a%", "a*", "a?", "%", "[a]"] {
        assert!(scan(&storage, &Scan::new(prefix)).is_empty(), "{prefix}");
    }
}

/// Takes a prefix with characters that no stored path has.
pub fn a_strange_prefix_is_empty(place: &dyn Place) {
    let storage = open_with(place, &["a", "b"]);
    for prefix in ["a\0", "\u{e9}", "a'", "\u{10ffff}", "a\u{7f}"] {
        assert!(scan(&storage, &Scan::new(prefix)).is_empty(), "{prefix:?}");
    }
}

/// Finds what lies under a prefix whose last character is the greatest in use.
pub fn a_prefix_of_the_last_letter_is_complete(place: &dyn Place) {
    let storage = open_with(place, &["z", "zz", "zzz"]);
    assert_eq!(scan(&storage, &Scan::new("zz")), ["zz", "zzz"]);
}

/// Returns at most `limit` results, the first ones.
pub fn a_limit_cuts_the_end(place: &dyn Place) {
    let storage = open_with(place, &["a", "b", "c"]);
    assert_eq!(scan(&storage, &Scan::new("").limit(2)), ["a", "b"]);
    assert_eq!(scan(&storage, &Scan::new("").limit(3)), ["a", "b", "c"]);
    assert_eq!(scan(&storage, &Scan::new("").limit(4)), ["a", "b", "c"]);
}

/// Returns nothing for a limit of zero.
pub fn a_limit_of_zero_gives_nothing(place: &dyn Place) {
    let storage = open_with(place, &["a", "b/c"]);
    assert!(scan(&storage, &Scan::new("").limit(0)).is_empty());
    assert!(scan(&storage, &Scan::new("").folders().limit(0)).is_empty());
}

/// Returns everything for the greatest limit.
pub fn the_greatest_limit_is_no_limit(place: &dyn Place) {
    let storage = open_with(place, &ORDERED);
    assert_eq!(
        scan(&storage, &Scan::new("").limit(usize::MAX)).len(),
        ORDERED.len()
    );
}

/// Begins behind `after`, which is not returned again.
pub fn after_is_exclusive(place: &dyn Place) {
    let storage = open_with(place, &["a", "b", "c"]);
    assert_eq!(scan(&storage, &Scan::new("").after("a")), ["b", "c"]);
    assert_eq!(scan(&storage, &Scan::new("").after("b")), ["c"]);
}

/// Finds nothing behind the last path.
pub fn after_the_last_is_nothing(place: &dyn Place) {
    let storage = open_with(place, &["a", "b"]);
    for after in ["b", "c", "zzz", "\u{e9}"] {
        assert!(
            scan(&storage, &Scan::new("").after(after)).is_empty(),
            "{after}"
        );
    }
}

/// Takes an `after` that is no entry.
pub fn after_need_not_exist(place: &dyn Place) {
    let storage = open_with(place, &["a", "c"]);
    assert_eq!(scan(&storage, &Scan::new("").after("b")), ["c"]);
    delete(&storage, "a");
    assert_eq!(scan(&storage, &Scan::new("").after("a")), ["c"]);
}

/// Takes an `after` before the prefix, and the empty one.
pub fn after_before_the_prefix_changes_nothing(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "b/1", "b/2"]);
    for after in ["", "a", "a/9", "b"] {
        assert_eq!(
            scan(&storage, &Scan::new("b/").after(after)),
            ["b/1", "b/2"],
            "{after}"
        );
    }
}

/// Finds nothing if `after` lies behind the prefix.
pub fn after_behind_the_prefix_is_nothing(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "b/1", "c/1"]);
    assert!(scan(&storage, &Scan::new("b/").after("b0")).is_empty());
    assert!(scan(&storage, &Scan::new("b/").after("c")).is_empty());
}

/// Begins behind a path, not behind what the path begins.
pub fn after_keeps_extensions(place: &dyn Place) {
    let storage = open_with(place, &["a", "a-", "a/b", "aa"]);
    assert_eq!(
        scan(&storage, &Scan::new("").after("a")),
        ["a-", "a/b", "aa"]
    );
}

/// Combines prefix, `after` and limit.
pub fn prefix_after_and_limit_combine(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "b/1", "b/2", "b/3", "c/1"]);
    assert_eq!(
        scan(&storage, &Scan::new("b/").after("b/1").limit(1)),
        ["b/2"]
    );
}

/// Returns a folder once, however much it holds.
pub fn a_folder_is_returned_once(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "a/2", "a/3/4", "b"]);
    assert_eq!(scan(&storage, &Scan::new("").folders()), ["a/", "b"]);
}

/// Returns a large folder once and goes on behind it.
pub fn a_large_folder_is_returned_once(place: &dyn Place) {
    let storage = place.open();
    fill(&storage, (0..300).map(|number| format!("m/{number}")));
    fill(&storage, ["a", "z"]);
    assert_eq!(scan(&storage, &Scan::new("").folders()), ["a", "m/", "z"]);
}

/// Returns many folders, each once.
pub fn many_folders_are_returned_once_each(place: &dyn Place) {
    let storage = place.open();
    let folders: Vec<String> = (100..300).map(|number| format!("f{number}/")).collect();
    fill(
        &storage,
        folders
            .iter()
            .flat_map(|folder| [format!("{folder}a"), format!("{folder}b")]),
    );
    assert_eq!(scan(&storage, &Scan::new("").folders()), folders);
}

/// Returns an entry and the folder of the same name.
pub fn an_entry_and_its_folder_are_both_returned(place: &dyn Place) {
    let storage = open_with(place, &["a", "a/b"]);
    assert_eq!(scan(&storage, &Scan::new("").folders()), ["a", "a/"]);
}

/// Orders a folder by its name with the slash.
pub fn folders_are_ordered_with_their_slash(place: &dyn Place) {
    let storage = open_with(place, &["a-b", "a.b", "a/b", "a0"]);
    assert_eq!(
        scan(&storage, &Scan::new("").folders()),
        ["a-b", "a.b", "a/", "a0"]
    );
}

/// Looks for the delimiter behind the prefix only.
pub fn a_delimiter_in_the_prefix_does_not_count(place: &dyn Place) {
    let storage = open_with(place, &["a/b/c", "a/b/d/e", "a/x"]);
    assert_eq!(scan(&storage, &Scan::new("a/").folders()), ["a/b/", "a/x"]);
    assert_eq!(
        scan(&storage, &Scan::new("a/b/").folders()),
        ["a/b/c", "a/b/d/"]
    );
}

/// Cuts at the first delimiter behind a prefix that ends within a part.
pub fn a_folder_begins_within_a_part(place: &dyn Place) {
    let storage = open_with(place, &["app/x", "apple/y", "apply"]);
    assert_eq!(
        scan(&storage, &Scan::new("app").folders()),
        ["app/", "apple/", "apply"]
    );
}

/// Cuts at the slash right behind the prefix.
pub fn a_prefix_without_its_slash_gives_the_folder(place: &dyn Place) {
    let storage = open_with(place, &["a/b", "a/c", "ab"]);
    assert_eq!(scan(&storage, &Scan::new("a").folders()), ["a/", "ab"]);
}

/// Cuts at any other delimiter as well.
pub fn the_delimiter_may_be_another_byte(place: &dyn Place) {
    let storage = open_with(place, &["a-1", "a-2", "a/3", "b"]);
    let mut by_dash = Scan::new("");
    by_dash.delimiter = Some(b'-');
    assert_eq!(scan(&storage, &by_dash), ["a-", "a/3", "b"]);
}

/// Finds no folder for a delimiter that no path has.
pub fn an_unused_delimiter_cuts_nothing(place: &dyn Place) {
    let storage = open_with(place, &["a/b", "c"]);
    for byte in [0u8, b'*', 0x7f, 0x80, 0xff] {
        let mut unused = Scan::new("");
        unused.delimiter = Some(byte);
        assert_eq!(scan(&storage, &unused), ["a/b", "c"], "{byte}");
    }
}

/// Begins behind the whole folder if `after` is a folder.
pub fn after_a_folder_skips_it(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "a/2", "b/1", "c"]);
    assert_eq!(
        scan(&storage, &Scan::new("").folders().after("a/")),
        ["b/", "c"]
    );
    assert_eq!(scan(&storage, &Scan::new("").folders().after("b/")), ["c"]);
}

/// Skips a folder if `after` lies in it, since the folder comes before.
pub fn after_inside_a_folder_skips_it(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "a/2", "b"]);
    assert_eq!(scan(&storage, &Scan::new("").folders().after("a/1")), ["b"]);
}

/// Returns the folder if `after` is the entry of the same name.
pub fn after_an_entry_keeps_its_folder(place: &dyn Place) {
    let storage = open_with(place, &["a", "a/1", "b"]);
    assert_eq!(
        scan(&storage, &Scan::new("").folders().after("a")),
        ["a/", "b"]
    );
}

/// Counts a folder as one result against the limit.
pub fn a_folder_counts_once_against_the_limit(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "a/2", "a/3", "b/1", "c"]);
    assert_eq!(
        scan(&storage, &Scan::new("").folders().limit(2)),
        ["a/", "b/"]
    );
}

/// Forgets a folder with its last entry.
pub fn an_emptied_folder_is_gone(place: &dyn Place) {
    let storage = open_with(place, &["a/1", "a/2", "b"]);
    delete(&storage, "a/1");
    assert_eq!(scan(&storage, &Scan::new("").folders()), ["a/", "b"]);
    delete(&storage, "a/2");
    assert_eq!(scan(&storage, &Scan::new("").folders()), ["b"]);
}

/// Sees what was committed before.
pub fn a_scan_sees_finished_commits(place: &dyn Place) {
    let storage = place.open();
    for number in 10..40 {
        put(&storage, &format!("n/{number}"), b"x");
        assert_eq!(scan(&storage, &Scan::new("n/")).len(), number - 9);
    }
}

/// Sees neither a deleted entry nor one of a refused batch.
pub fn a_scan_sees_no_leftovers(place: &dyn Place) {
    let storage = open_with(place, &["a", "b", "c"]);
    delete(&storage, "b");
    let refused = Batch::new().expect(path("nowhere"), Some(crate::storage::Revision::new(1)));
    assert!(storage.commit(&refused.put(path("d"), Vec::new())).is_err());
    assert_eq!(scan(&storage, &Scan::new("")), ["a", "c"]);
}

/// Returns a rewritten entry once.
pub fn a_rewritten_entry_is_found_once(place: &dyn Place) {
    let storage = open_with(place, &["a", "b"]);
    for length in [1usize, 10_000, 10] {
        put(&storage, "a", &vec![1; length]);
        assert_eq!(scan(&storage, &Scan::new("")), ["a", "b"]);
    }
}

/// Finds the longest paths, and pages behind them.
pub fn the_longest_paths_are_scanned(place: &dyn Place) {
    let stem = "p".repeat(crate::storage::MAX_ENTRY_PATH - 1);
    let long: Vec<String> = (1..=3).map(|number| format!("{stem}{number}")).collect();
    let storage = place.open();
    fill(&storage, &long);
    assert_eq!(scan(&storage, &Scan::new(&stem)), long);
    assert_eq!(scan(&storage, &Scan::new(&stem).after(&long[1])), long[2..]);
}
