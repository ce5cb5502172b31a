//! Names of users and roles, each with one spelling.

use crate::error::{Error, Result};
use crate::path::MAX_PATH;

/// Returns the one spelling of `name`: lower case.
///
/// As in Vault a name is of letters, digits, `_`, `-` and `.`, all ASCII, and begins and ends with
/// none of the last two. Nothing is trimmed or decoded: what is another text is another name, or
/// none.
///
/// # Errors
/// `InvalidArgument` for any other text.
pub(crate) fn canonical(name: &str) -> Result<String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| !b"-.".contains(&byte));
    let fits = name.len() <= MAX_PATH
        && name.bytes().all(inner)
        && outer(name.bytes().next())
        && outer(name.bytes().last());
    if fits {
        return Ok(name.to_ascii_lowercase());
    }
    Err(Error::invalid(
        "a name is of letters, digits, `_`, and inside `-` and `.`, at most 512 of them",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_or_is_refused() {
        for same in ["bob", "Bob", "BOB", "boB"] {
            assert_eq!(canonical(same).expect(same), "bob");
        }
        for good in ["a", "_", "a-b", "a.b_c", "0", &"x".repeat(MAX_PATH)] {
            assert_eq!(canonical(good).expect("a name"), good);
        }
        let long = "x".repeat(MAX_PATH + 1);
        let bad = [
            "",
            " ",
            "bob ",
            " bob",
            "b ob",
            "bob\t",
            "bob\0",
            "-a",
            "a-",
            ".a",
            "a.",
            "..",
            "a/b",
            "bob/",
            "/bob",
            "%62ob",
            "b%6fb",
            "a@b",
            "\u{e9}",
            "e\u{301}",
            "\u{212a}",
            "\u{ff42}ob",
            "bo\u{200b}b",
            "b\u{131}b",
            "bob\u{a0}",
            &long,
        ];
        for bad in bad {
            assert!(canonical(bad).is_err(), "{bad:?}");
        }
    }
}
