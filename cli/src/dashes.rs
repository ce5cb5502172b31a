//! Vault writes long flags with one dash, everybody else with two: both are taken here.

use std::ffi::{OsStr, OsString};

/// Returns `words` with two dashes before each long flag that has one.
///
/// What has one letter only stays a short flag, `-` and numbers stay values, and nothing behind a
/// `--` is changed.
pub(crate) fn doubled(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut verbatim = false;
    let double = |word: OsString| {
        verbatim |= word == "--";
        match !verbatim && is_long_with_one_dash(&word) {
            true => {
                let mut two = OsString::from("-");
                two.push(word);
                two
            }
            false => word,
        }
    };
    words.into_iter().map(double).collect()
}

fn is_long_with_one_dash(word: &OsStr) -> bool {
    let name = word.as_encoded_bytes().strip_prefix(b"-");
    let name = name.and_then(|name| name.split(|byte| *byte == b'=').next());
    match name {
        Some([first, _, ..]) => first.is_ascii_alphabetic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_flags_are_changed() {
        let doubled_word = |word: &str| {
            let words = doubled([OsString::from(word)]);
            words[0].to_str().expect("text").to_owned()
        };
        for (word, expected) in [
            ("-format=json", "--format=json"),
            ("-field", "--field"),
            ("--field", "--field"),
            ("-f", "-f"),
            ("-n=5", "-n=5"),
            ("-", "-"),
            ("--", "--"),
            ("-1", "-1"),
            ("-12h", "-12h"),
            ("-=x", "-=x"),
            ("a=-b", "a=-b"),
            ("", ""),
        ] {
            assert_eq!(doubled_word(word), expected, "{word}");
        }
    }

    #[test]
    fn nothing_behind_two_dashes_is_changed() {
        let words = ["-field", "--", "-field"].map(OsString::from);
        assert_eq!(doubled(words), ["--field", "--", "-field"]);
    }
}
