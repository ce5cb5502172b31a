//! Pages: whatever their size, put together they are the whole, with nothing twice.

use super::Place;
use super::steps::{fill, scan};
use crate::storage::{Scan, Storage};

/// Follows pages of `size` until an incomplete one, and returns what they hold together.
fn all_pages(storage: &dyn Storage, all: &Scan, size: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = all.clone().limit(size);
    loop {
        let part = scan(storage, &page);
        assert!(part.len() <= size, "a page beyond its limit");
        assert!(
            part.is_empty() || part.first() > found.last(),
            "a page that does not go on"
        );
        found.extend_from_slice(&part);
        match part.last() {
            Some(last) if part.len() == size => page = page.after(last.as_str()),
            _ => return found,
        }
    }
}

fn entries(place: &dyn Place, count: usize, size: usize) {
    let storage = place.open();
    let paths: Vec<String> = (0..count)
        .map(|number| format!("page/{number:04}"))
        .collect();
    fill(&storage, ["pagd", "page0", "pagf/x"]);
    fill(&storage, &paths);
    assert_eq!(all_pages(&storage, &Scan::new("page/"), size), paths);
}

fn folders(place: &dyn Place, count: usize, size: usize) {
    let storage = place.open();
    let results: Vec<String> = (0..count).map(result).collect();
    fill(&storage, ["pagd", "page0", "pagf/x"]);
    fill(&storage, results.iter().flat_map(|result| below(result)));
    assert_eq!(
        all_pages(&storage, &Scan::new("page/").folders(), size),
        results
    );
}

/// Every third result is a folder.
fn result(number: usize) -> String {
    let slash = if number.is_multiple_of(3) { "/" } else { "" };
    format!("page/{number:04}{slash}")
}

fn below(result: &str) -> Vec<String> {
    if result.ends_with('/') {
        ["a", "b", "c/d"]
            .map(|name| format!("{result}{name}"))
            .to_vec()
    } else {
        vec![result.to_owned()]
    }
}

macro_rules! pages {
    ($($name:ident: $of:ident($count:literal, $size:literal),)*) => {$(
        #[doc = concat!("Pages of ", $size, " over ", $count, " results (", stringify!($of), ").")]
        pub fn $name(place: &dyn Place) {
            $of(place, $count, $size);
        }
    )*};
}

pages! {
    no_entries_in_pages: entries(0, 100),
    one_entry_in_pages: entries(1, 100),
    one_entry_in_pages_of_one: entries(1, 1),
    ten_entries_in_pages_of_one: entries(10, 1),
    ten_entries_in_pages_of_three: entries(10, 3),
    entries_99_in_pages_of_100: entries(99, 100),
    entries_100_in_pages_of_100: entries(100, 100),
    entries_101_in_pages_of_100: entries(101, 100),
    entries_1000_in_pages_of_100: entries(1000, 100),
    entries_1000_in_pages_of_99: entries(1000, 99),
    entries_1000_in_one_page: entries(1000, 1001),
    no_folders_in_pages: folders(0, 100),
    one_folder_in_pages: folders(1, 100),
    one_folder_in_pages_of_one: folders(1, 1),
    ten_folders_in_pages_of_one: folders(10, 1),
    folders_99_in_pages_of_100: folders(99, 100),
    folders_100_in_pages_of_100: folders(100, 100),
    folders_101_in_pages_of_100: folders(101, 100),
    folders_1000_in_pages_of_100: folders(1000, 100),
    folders_1000_in_one_page: folders(1000, 1001),
}

/// Goes on behind an entry that was deleted between two pages.
pub fn a_page_goes_on_behind_a_deleted_entry(place: &dyn Place) {
    let storage = place.open();
    fill(&storage, ["a", "b", "c", "d"]);
    let first = scan(&storage, &Scan::new("").limit(2));
    super::steps::delete(&storage, "b");
    assert_eq!(
        scan(&storage, &Scan::new("").after(first[1].as_str())),
        ["c", "d"]
    );
}

/// Finds in a later page what was added behind the earlier one.
pub fn a_later_page_sees_new_entries(place: &dyn Place) {
    let storage = place.open();
    fill(&storage, ["a", "b", "d"]);
    let first = scan(&storage, &Scan::new("").limit(2));
    fill(&storage, ["0", "c"]);
    assert_eq!(
        scan(&storage, &Scan::new("").after(first[1].as_str())),
        ["c", "d"]
    );
}
