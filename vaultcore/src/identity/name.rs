//! Names, each with one spelling.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::error::{Error, Result};

/// The longest name of an entity or a group, in bytes.
pub(super) const MAX_NAME: usize = 255;
/// The longest name of an alias, in bytes.
pub(super) const MAX_ALIAS_NAME: usize = 512;

/// Checks the name of an entity or a group. It is kept as it is written; whoever asks for it may
/// write it in upper or lower case.
///
/// # Errors
/// `InvalidArgument` for a text that may be taken for another one.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if has_one_spelling(name) && name.len() <= MAX_NAME && !name.contains('/') {
        return Ok(());
    }
    Err(Error::invalid(
        "a name has 1 to 255 bytes in Unicode normal form C, no slash, no control or invisible \
         characters, and no space but single ones inside",
    ))
}

/// Checks the name of an alias, whose case is up to the auth method. A slash is as good as any.
///
/// # Errors
/// `InvalidArgument` for a text that may be taken for another one.
pub(crate) fn check_alias_name(name: &str) -> Result<()> {
    if has_one_spelling(name) && name.len() <= MAX_ALIAS_NAME {
        return Ok(());
    }
    Err(Error::invalid(
        "the name of an alias has 1 to 512 bytes in Unicode normal form C, no control or invisible \
         characters, and no space but single ones inside",
    ))
}

/// Returns what is equal for the spellings of one name in upper and lower case.
///
/// # Errors
/// As [`check_name`].
pub(crate) fn folded(name: &str) -> Result<String> {
    check_name(name)?;
    let lower: String = name.chars().flat_map(char::to_lowercase).nfc().collect();
    if lower.len() > MAX_NAME.saturating_mul(2) {
        return Err(Error::invalid("a name is too long in lower case"));
    }
    Ok(lower)
}

fn has_one_spelling(name: &str) -> bool {
    let seen = |c: char| !c.is_control() && !is_invisible(c) && (c == ' ' || !c.is_whitespace());
    let spaced = name.trim() != name || name.contains("  ");
    !name.is_empty() && !spaced && name.chars().all(seen) && is_nfc(name)
}

/// Characters without a shape, which make a name that looks like another.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_but_for_case() {
        for same in ["Ann Lee", "ann lee", "ANN LEE"] {
            assert_eq!(folded(same).expect(same), "ann lee");
        }
        assert_eq!(folded("\u{c9}").expect("accent"), "\u{e9}");
        let long = "x".repeat(MAX_NAME + 1);
        let bad = [
            "",
            " ",
            "ann ",
            " ann",
            "ann  lee",
            "a/b",
            "a//b",
            "ann/",
            "/ann",
            "a\0",
            "a\nb",
            "a\tb",
            "e\u{301}",
            "\u{212a}",
            "a\u{200b}b",
            "a\u{a0}b",
            "a\u{3000}",
            "\u{feff}a",
            "a\u{7f}",
            "a\u{ad}b",
            &long,
        ];
        for bad in bad {
            assert!(folded(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_alias_keeps_case_and_slashes() {
        for good in ["Ann", "ann", "/staff/it", "cn=a,dc=b", "a@b"] {
            check_alias_name(good).expect(good);
        }
        for bad in [
            "",
            "a ",
            "e\u{301}",
            "a\0b",
            &"x".repeat(MAX_ALIAS_NAME + 1),
        ] {
            assert!(check_alias_name(bad).is_err(), "{bad:?}");
        }
    }

    /// Spellings of one name, made of what has been mistaken for nothing or for another letter.
    #[test]
    fn a_million_spellings_are_the_same_name_or_none() {
        let pieces = [
            "b", "B", "o", "O", "0", " ", "  ", "\t", "/", "//", ".", "%62", "\0", "\u{200b}",
            "\u{130}", "\u{131}", "\u{17f}", "\u{212a}", "e\u{301}", "\u{e9}", "\u{c9}", "\u{301}",
            "\u{ff42}", "\u{feff}", "\n", "\u{a0}", "\u{2028}", "\u{1e9e}", "\u{df}",
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
            let Ok(name) = folded(&text) else {
                continue;
            };
            names += 1;
            assert_eq!(text.trim(), text);
            assert!(!text.contains(['/', '\0', '\n', '\u{200b}']), "{text:?}");
            assert_eq!(folded(&name).expect("a name"), name, "{text:?}");
        }
        assert!(names > 10_000, "{names} are few");
    }
}
