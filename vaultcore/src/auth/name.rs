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

    /// Spellings of one name, made of what has been mistaken for nothing or for another letter.
    #[test]
    fn a_million_spellings_are_the_same_name_or_none() {
        let pieces = [
            "b", "B", "o", "O", "0", " ", "\t", "/", "//", ".", "..", "-", "_", "%62", "%2e",
            "%00", "\0", "\u{200b}", "\u{130}", "\u{131}", "\u{17f}", "\u{212a}", "e\u{301}",
            "\u{e9}", "\u{ff42}", "\u{feff}", "\n", "\u{a0}", "@", "+",
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % 1_000_003).expect("small") % bound
        };
        let (mut text, mut names) = (String::new(), 0);
        for _ in 0..1_000_000 {
            text.clear();
            for _ in 0..=next(4) {
                text.push_str(pieces[next(pieces.len())]);
            }
            let Ok(name) = canonical(&text) else {
                continue;
            };
            names += 1;
            assert!(name.eq_ignore_ascii_case(&text), "{text:?}");
            assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()));
            assert_eq!(canonical(&name).expect("a name"), name);
        }
        assert!(names > 10_000, "{names} are few");
    }
}
