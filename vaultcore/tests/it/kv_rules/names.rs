//! Names of secrets: lists, pages, and names at the edge of what is allowed.

use std::collections::BTreeSet;

use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Cursor, Kv, MetadataUpdate};

use crate::common::{World, data, kind, put};

fn with(names: &[&str]) -> Kv {
    let kv = World::new().kv();
    for (number, name) in names.iter().enumerate() {
        put(&kv, name, number as u64);
    }
    kv
}

/// Pages through a folder, `limit` names at a time.
fn pages(kv: &Kv, folder: &str, limit: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = kv.names(folder, cursor.as_ref(), limit).expect("page");
        assert!(page.names.len() <= limit);
        names.extend(page.names);
        match page.next {
            Some(next) => cursor = Some(Cursor::parse(next.as_str()).expect("cursor")),
            None => return names,
        }
    }
}

#[test]
fn a_list_shows_one_level_sorted_with_folders() {
    let kv = with(&["b", "a", "c/d", "B", "c/e/f", "e/f"]);
    assert_eq!(kv.list("").expect("list"), ["B", "a", "b", "c/", "e/"]);
    assert_eq!(kv.list("c").expect("list"), ["d", "e/"]);
    assert_eq!(kv.list("c/").expect("list"), ["d", "e/"]);
    assert_eq!(kv.list("c/e").expect("list"), ["f"]);
}

#[test]
fn a_folder_without_secrets_is_empty() {
    let kv = with(&["a"]);
    for folder in ["a", "b", "a/b"] {
        assert_eq!(kv.list(folder).expect("list"), Vec::<String>::new());
        assert_eq!(
            kv.list_recursive(folder).expect("list"),
            Vec::<String>::new()
        );
        assert!(kv.names(folder, None, 1).expect("page").names.is_empty());
    }
}

#[test]
fn deleted_secrets_are_listed_and_removed_ones_are_not() {
    let kv = with(&["a", "b", "f/c"]);
    kv.delete("a").expect("deleted");
    kv.destroy("a", &[1]).expect("destroyed");
    kv.put_metadata("m", &MetadataUpdate::new())
        .expect("metadata");
    assert_eq!(kv.list("").expect("list"), ["a", "b", "f/", "m"]);
    kv.delete_metadata("b").expect("removed");
    kv.delete_metadata("f/c").expect("removed");
    assert_eq!(kv.list("").expect("list"), ["a", "m"]);
}

#[test]
fn a_page_of_a_list_comes_after_a_name() {
    let kv = with(&["a", "b", "c", "c/x", "d"]);
    let page = |after: &str, limit| kv.list_page("", after, limit).expect("page");
    assert_eq!(page("", 2), ["a", "b"]);
    assert_eq!(page("b", 2), ["c", "c/"]);
    assert_eq!(page("c", 10), ["c/", "d"]);
    assert_eq!(page("c/", 10), ["d"]);
    assert_eq!(page("bb", 1), ["c"], "the name need not exist");
    assert_eq!(page("d", 10), Vec::<String>::new());
    assert_eq!(page("", usize::MAX), ["a", "b", "c", "c/", "d"]);
}

#[test]
fn a_recursive_list_shows_all_secrets_below() {
    let kv = with(&["a", "c", "c/d", "c/e/f", "c/e/g/h"]);
    let all = ["a", "c", "c/d", "c/e/f", "c/e/g/h"];
    assert_eq!(kv.list_recursive("").expect("list"), all);
    assert_eq!(kv.list_recursive("c").expect("list"), ["d", "e/f", "e/g/h"]);
    assert_eq!(kv.list_recursive("c/e/").expect("list"), ["f", "g/h"]);
}

#[test]
fn a_secret_and_a_folder_may_have_one_name() {
    let kv = with(&["a", "a/b", "a/b/c"]);
    assert_eq!(kv.list("").expect("list"), ["a", "a/"]);
    assert_eq!(kv.list("a").expect("list"), ["b", "b/"]);
    for (number, path) in ["a", "a/b", "a/b/c"].iter().enumerate() {
        assert_eq!(data(&kv, path)["n"], number);
    }
    kv.delete_metadata("a").expect("removed");
    assert_eq!(kv.list("").expect("list"), ["a/"]);
    assert_eq!(data(&kv, "a/b")["n"], 1);
}

#[test]
fn pages_of_every_size_name_everything_once() {
    let names: Vec<String> = (0..23).map(|number| format!("f/n{number}")).collect();
    let kv = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for folder in ["sub", "n1", "n2"] {
        put(&kv, &format!("f/{folder}/x"), 1);
        put(&kv, &format!("f/{folder}/y"), 1);
    }
    let mut expected = kv.list("f").expect("list");
    assert_eq!(expected.len(), 26);
    expected.sort();
    for limit in 1..=28 {
        let mut found = pages(&kv, "f", limit);
        found.sort();
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert!(pages(&kv, "", 1).iter().eq(["f/"].iter()));
}

#[test]
fn untouched_names_come_once_while_others_come_and_go() {
    for limit in 1..=7 {
        let kv = World::new().kv();
        let stay: BTreeSet<String> = (0..20).map(|number| format!("stay{number}")).collect();
        for name in stay
            .iter()
            .map(String::as_str)
            .chain(["go0", "go1", "go2", "go3"])
        {
            put(&kv, name, 1);
        }
        let (mut found, mut cursor, mut turn) = (Vec::new(), None, 0);
        loop {
            let page = kv.names("", cursor.as_ref(), limit).expect("page");
            found.extend(page.names);
            cursor = page.next;
            kv.delete_metadata(&format!("go{}", turn % 4))
                .expect("removed");
            put(&kv, &format!("new{turn}"), 1);
            turn += 1;
            if cursor.is_none() {
                break;
            }
        }
        let seen = |name: &&String| name.starts_with("stay");
        let untouched: Vec<&String> = found.iter().filter(seen).collect();
        assert_eq!(untouched.len(), stay.len(), "pages of {limit}");
        let distinct: BTreeSet<&String> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "pages of {limit}");
    }
}

#[test]
fn a_cursor_goes_on_behind_a_name_that_was_removed() {
    let kv = with(&["a", "b", "c"]);
    let first = kv.names("", None, 1).expect("page");
    kv.delete_metadata(&first.names[0]).expect("removed");
    let rest = kv.names("", first.next.as_ref(), 10).expect("page");
    assert_eq!(rest.names.len(), 2);
    assert!(!rest.names.contains(&first.names[0]));
}

#[test]
fn cursors_and_limits_are_checked() {
    let kv = with(&["a"]);
    assert_eq!(kind(kv.names("", None, 0)), ErrorKind::InvalidArgument);
    for bad in ["", " ", "a b", "\u{e9}", "a\0", &"x".repeat(2_601)] {
        assert_eq!(kind(Cursor::parse(bad)), ErrorKind::InvalidArgument);
    }
    let foreign = Cursor::parse("zzzz").expect("letters");
    assert!(kv.names("", Some(&foreign), 5).expect("page").names.len() <= 1);
}

#[test]
fn a_cursor_holds_no_name() {
    let kv = with(&["password-of-the-king", "other"]);
    let page = kv.names("", None, 1).expect("page");
    let text = page.next.expect("more").as_str().to_owned();
    assert!(!text.contains("password") && !text.contains("other"));
}

#[test]
fn paths_of_32_segments() {
    let kv = World::new().kv();
    let path = |count: usize| vec!["s"; count].join("/");
    put(&kv, &path(31), 31);
    put(&kv, &path(32), 32);
    assert_eq!(data(&kv, &path(32))["n"], 32);
    assert_eq!(kv.list(&path(31)).expect("list"), ["s"]);
    assert_eq!(kv.list(&path(30)).expect("list"), ["s", "s/"]);
    assert_eq!(kv.list_recursive("").expect("list"), [path(31), path(32)]);
    assert_eq!(
        kind(kv.put(&path(33), &no_data(), Cas::Any)),
        ErrorKind::TooLarge
    );
}

#[test]
fn names_of_512_bytes() {
    let kv = World::new().kv();
    let deep = format!("{}{}", "s/".repeat(31), "e".repeat(450));
    let wide = "\u{4e2d}".repeat(170) + "ab";
    for path in [&"x".repeat(511), &"x".repeat(512), &deep, &wide] {
        assert!(path.len() <= 512);
        put(&kv, path, 7);
        assert_eq!(data(&kv, path)["n"], 7);
    }
    assert!(kv.list("").expect("list").contains(&"x".repeat(512)));
    assert!(pages(&kv, "", 1).contains(&wide));
    assert!(kv.list_recursive("").expect("list").contains(&deep));
    let long = kv.put(&"x".repeat(513), &no_data(), Cas::Any);
    assert_eq!(kind(long), ErrorKind::TooLarge);
}

#[test]
fn names_in_any_script() {
    let names = [
        "\u{43a}\u{43b}\u{44e}\u{447}",
        "\u{9375}",
        "\u{1f511}",
        "cl\u{e9}",
        "\u{5de}\u{5e4}\u{5ea}\u{5d7}",
        "a b",
        "%2e%2e",
        "...",
        "-",
        "a\\b",
        "\"quoted\"",
        "A",
    ];
    let kv = with(&names);
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(kv.list("").expect("list"), expected);
    for (number, name) in names.iter().enumerate() {
        assert_eq!(data(&kv, name)["n"], number, "{name}");
    }
    assert_eq!(
        kind(kv.get::<serde_json::Value>("a")),
        ErrorKind::NotFound,
        "case counts"
    );
}

#[test]
fn a_path_has_one_spelling() {
    let kv = World::new().kv();
    for bad in [
        "", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.", "a\0b", "a\nb", "\u{7f}",
        "e\u{301}",
    ] {
        assert_eq!(
            kind(kv.put(bad, &no_data(), Cas::Any)),
            ErrorKind::InvalidArgument,
            "{bad:?}"
        );
        assert_eq!(
            kind(kv.get::<serde_json::Value>(bad)),
            ErrorKind::InvalidArgument
        );
        assert_eq!(kind(kv.delete(bad)), ErrorKind::InvalidArgument);
        assert_eq!(kind(kv.destroy(bad, &[1])), ErrorKind::InvalidArgument);
        assert_eq!(kind(kv.metadata(bad)), ErrorKind::InvalidArgument);
        let update = MetadataUpdate::new();
        assert_eq!(
            kind(kv.put_metadata(bad, &update)),
            ErrorKind::InvalidArgument
        );
    }
    assert_eq!(kv.list("").expect("list"), Vec::<String>::new());
}

#[test]
fn a_folder_has_one_spelling() {
    let kv = with(&["a/b"]);
    for bad in ["/", "a//", "/a", "..", "a/./"] {
        assert_eq!(kind(kv.list(bad)), ErrorKind::InvalidArgument, "{bad:?}");
        assert_eq!(
            kind(kv.names(bad, None, 1)),
            ErrorKind::InvalidArgument,
            "{bad:?}"
        );
    }
}

fn no_data() -> serde_json::Value {
    serde_json::json!({})
}
