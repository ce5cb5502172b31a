//! Unseal shares, and the text that people keep them in.

use std::fmt;

use data_encoding::{
    BASE32_NOPAD, BASE32_NOPAD_NOCASE, BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER,
    HEXLOWER_PERMISSIVE,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{SecretBytes, SecretString};

/// The bytes of the only share there is: the raw key.
const WHOLE: usize = 32;
/// The bytes of a share of several: the y of each byte of the key, and x.
const PART: usize = 33;
/// Framed into the checksum first, so that it is one of nothing else.
const LABEL: &[u8] = b"vaultcore share vcs1";

/// Names the ceremony in which a set of shares was made. Prints as 16 hex digits.
///
/// ```
/// let id = vaultcore::CeremonyId::from_bytes([0xab; 8]);
/// assert_eq!(id.to_string(), "ab".repeat(8));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CeremonyId([u8; 8]);

impl CeremonyId {
    /// Creates the id from its 8 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Returns the 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An unseal share: wiped when dropped, hidden in `Debug`, never cloned.
///
/// It is printed as `vcs1-<number>-<ceremony>-<share>-<checksum>`: the number within its set, the
/// ceremony that made the set in hex, the bytes in base32, and the first 4 bytes of a SHA-256 over
/// all of it in hex. The checksum finds typing errors; it does not make a forged share a good one.
///
/// ```
/// use vaultcore::Share;
/// let text = "vcs1-3-0123456789abcdef-\
///     7px76yloeb2w443fmfwca23fpeqg6zraorugs4tupeqge6lumvzqo-8988dc10";
/// let share = Share::parse(text)?;
/// assert_eq!(share.number(), Some(3));
/// assert_eq!(format!("{share:?}"), "Share(3, [redacted])");
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Share {
    origin: Option<Origin>,
    bytes: SecretBytes,
}

/// What a printed share tells beside its bytes.
#[derive(Clone, Copy)]
struct Origin {
    number: u8,
    ceremony: CeremonyId,
}

impl Share {
    /// Creates the share with this `number`, from 1, of those that `ceremony` made.
    ///
    /// # Errors
    /// `InvalidArgument` if the number is 0 or no split makes such bytes.
    pub(crate) fn new(number: u8, ceremony: CeremonyId, bytes: SecretBytes) -> Result<Self> {
        if number == 0 {
            return Err(Error::invalid("shares are numbered from 1 to 255"));
        }
        Self::with(Some(Origin { number, ceremony }), bytes)
    }

    /// Parses `text`: a share as [`to_text`](Self::to_text) prints it, or one of Vault's.
    ///
    /// Letter case and surrounding white space do not matter in a printed share. Vault's own are
    /// 33 bytes in hex or base64, standard or URL-safe; if the share is the only one, it is the
    /// 32 bytes of the key. They have no checksum, so that a typing error is found only when the
    /// vault does not open.
    ///
    /// # Errors
    /// `InvalidArgument` if the text is no share or was mistyped, which says what is wrong with
    /// which share; `Unsupported` if a newer vaultcore printed it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        // A base64url share of Vault's may begin so too, but only one in a billion does.
        match printed_form(text) {
            Some((1, rest)) => parse_printed(rest),
            Some((form @ 2.., _)) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("a newer vaultcore printed this share: `vcs{form}-`, expected `vcs1-`"),
            )),
            _ => parse_raw(text),
        }
    }

    /// Prints the share: in its own form if its number and ceremony are known, else in hex.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let mut text = Zeroizing::new(String::with_capacity(96)); // the longest has 89
        match &self.origin {
            None => HEXLOWER.encode_append(self.expose(), &mut text),
            Some(origin) => self.print(origin, &mut text),
        }
        SecretString::copy_from(&text)
    }

    fn print(&self, origin: &Origin, text: &mut String) {
        text.push_str(&format!("vcs1-{}-{}-", origin.number, origin.ceremony));
        BASE32_NOPAD.encode_append(self.expose(), text);
        text.push('-');
        HEXLOWER.encode_append(&checksum(origin, self.expose()), text);
        text.make_ascii_lowercase();
    }

    /// Returns the number within the set, from 1, if the text told it.
    #[must_use]
    pub fn number(&self) -> Option<u8> {
        self.origin.map(|origin| origin.number)
    }

    /// Returns the ceremony that made the set, if the text told it.
    #[must_use]
    pub fn ceremony(&self) -> Option<CeremonyId> {
        self.origin.map(|origin| origin.ceremony)
    }

    /// Returns the bytes. What is copied out of them is no longer wiped.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.expose()
    }

    fn with(origin: Option<Origin>, bytes: SecretBytes) -> Result<Self> {
        match (bytes.len(), bytes.expose().last()) {
            (PART, Some(0)) => Err(Error::invalid(
                "the share is not valid: its last byte, x, is zero",
            )),
            (WHOLE | PART, _) => Ok(Self { origin, bytes }),
            _ => Err(Error::invalid(
                "a share has 33 bytes, or 32 if it is the only one",
            )),
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "Share({number}, [redacted])"),
            None => f.write_str("Share([redacted])"),
        }
    }
}

fn checksum(origin: &Origin, bytes: &[u8]) -> [u8; 4] {
    let number = [origin.number];
    let [a, b, c, d, ..] = digest::sha256(&[LABEL, &number, origin.ceremony.as_bytes(), bytes]);
    [a, b, c, d]
}

/// Returns the number of the printed form and what follows, for `vcs<number>-..`.
fn printed_form(text: &str) -> Option<(u8, &str)> {
    let (prefix, rest) = text.split_once('-')?;
    let (name, form) = prefix.split_at_checked(3)?;
    let form = parse_number(form)?;
    name.eq_ignore_ascii_case("vcs").then_some((form, rest))
}

/// Parses what follows the prefix.
fn parse_printed(text: &str) -> Result<Share> {
    let mut parts = text.split('-');
    let number = parts.next().and_then(parse_number).ok_or_else(|| {
        Error::invalid("the number of the share, after `vcs1-`, is not one from 1 to 255")
    })?;
    let (Some(ceremony), Some(body), Some(sum), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(damaged(number, "does not have five parts joined by `-`"));
    };
    let ceremony = decode(&HEXLOWER_PERMISSIVE, ceremony)
        .and_then(|bytes| bytes.expose().try_into().ok())
        .map(CeremonyId::from_bytes)
        .ok_or_else(|| damaged(number, "has a ceremony that is not 16 hex digits"))?;
    let bytes = decode(&BASE32_NOPAD_NOCASE, body)
        .ok_or_else(|| damaged(number, "has a fourth part that is not base32"))?;
    let found = checksum(&Origin { number, ceremony }, bytes.expose());
    if decode(&HEXLOWER_PERMISSIVE, sum).is_none_or(|sum| sum.expose() != found) {
        return Err(Error::invalid(format!(
            "the checksum of share {number} does not match: it was mistyped or cut"
        )));
    }
    Share::new(number, ceremony, bytes)
}

/// Parses a number as it is printed: no sign, no leading zero, not zero.
fn parse_number(text: &str) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    (number != 0 && number.to_string() == text).then_some(number)
}

fn damaged(number: u8, what: &str) -> Error {
    Error::invalid(format!("share {number} {what}: it was mistyped or cut"))
}

/// Parses a share of Vault's; the length tells the encoding.
fn parse_raw(text: &str) -> Result<Share> {
    let bare = match text.strip_suffix('=') {
        Some(bare) if bare.len() == 43 => bare,
        _ => text,
    };
    let url = bare.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    let (encoding, name) = match (bare.len(), url) {
        (64 | 66, _) => (&HEXLOWER_PERMISSIVE, "hex digits"),
        (43 | 44, false) => (&BASE64_NOPAD, "base64"),
        (43 | 44, true) => (&BASE64URL_NOPAD, "base64url"),
        _ => {
            return Err(Error::invalid(
                "this is no share: expected `vcs1-..`, 66 hex digits or 44 characters of base64",
            ));
        }
    };
    let bytes = decode(encoding, bare)
        .ok_or_else(|| Error::invalid(format!("the share has the length of {name} but is not")))?;
    Share::with(None, bytes)
}

/// Decodes into memory that is wiped, also if the text turns out bad half way.
fn decode(encoding: &Encoding, text: &str) -> Option<SecretBytes> {
    let length = encoding.decode_len(text.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    let written = encoding.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    bytes.get(..written).map(SecretBytes::copy_from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CEREMONY: CeremonyId =
        CeremonyId::from_bytes([1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    const RAW: [u8; 33] = *b"\xfb\xef\xffan unseal key of thirty bytes\x07";

    fn printed() -> String {
        share(3, &RAW).to_text().expose().to_owned()
    }

    fn share(number: u8, bytes: &[u8]) -> Share {
        Share::new(number, CEREMONY, SecretBytes::copy_from(bytes)).expect("share")
    }

    fn refusal(text: &str) -> String {
        let error = Share::parse(text).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    }

    fn is_same(found: &Share, expected: &Share) -> bool {
        (found.number(), found.ceremony(), found.expose())
            == (expected.number(), expected.ceremony(), expected.expose())
    }

    #[test]
    fn the_printed_form_never_changes() {
        // Made by a few lines of Python, from the description alone.
        let expected = "vcs1-3-0123456789abcdef-\
            7px76yloeb2w443fmfwca23fpeqg6zraorugs4tupeqge6lumvzqo-8988dc10";
        assert_eq!(printed(), expected);
        let whole = share(255, &RAW[..32]).to_text();
        let expected = "vcs1-255-0123456789abcdef-\
            7px76yloeb2w443fmfwca23fpeqg6zraorugs4tupeqge6lumvzq-4f5f9b65";
        assert_eq!(whole.expose(), expected);
        assert!(whole.expose().len() < 96);
    }

    #[test]
    fn letter_case_and_white_space_do_not_matter() {
        for text in [printed().to_uppercase(), format!(" \n{}\r\n\t", printed())] {
            assert!(is_same(
                &Share::parse(&text).expect("parses"),
                &share(3, &RAW)
            ));
        }
    }

    #[test]
    fn every_raw_form_is_read() {
        let base64 = [
            data_encoding::BASE64,
            data_encoding::BASE64URL,
            BASE64_NOPAD,
            BASE64URL_NOPAD,
        ];
        for bytes in [&RAW[..], &RAW[..32]] {
            let mut texts: Vec<String> = base64.iter().map(|form| form.encode(bytes)).collect();
            texts.push(HEXLOWER.encode(bytes));
            texts.push(data_encoding::HEXUPPER.encode(bytes));
            for text in texts {
                let share = Share::parse(&format!(" {text}\n")).expect("parses");
                assert_eq!((share.number(), share.ceremony()), (None, None));
                assert_eq!(share.expose(), bytes);
                assert_eq!(share.to_text().expose(), HEXLOWER.encode(bytes));
            }
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let (text, original) = (printed(), share(3, &RAW));
        let check = |changed: &str| match Share::parse(changed) {
            Ok(found) => {
                assert!(changed.trim().eq_ignore_ascii_case(&text), "{changed:?}");
                assert!(is_same(&found, &original));
            }
            Err(error) => assert!(!changed.trim().eq_ignore_ascii_case(&text), "{error}"),
        };
        for place in 0..text.len() {
            let (before, after) = (&text[..place], &text[place + 1..]);
            check(&format!("{before}{after}"));
            check(before);
            for other in (0u8..=127)
                .map(char::from)
                .chain(['\u{e9}', '\u{212a}', '\u{17f}'])
            {
                check(&format!("{before}{other}{after}"));
                check(&format!("{}{other}{}", before, &text[place..]));
            }
        }
    }

    #[test]
    fn neighbours_that_changed_places_are_noticed() {
        let text = printed();
        for place in 0..text.len() - 1 {
            let mut swapped = text.clone().into_bytes();
            swapped.swap(place, place + 1);
            let swapped = String::from_utf8(swapped).expect("ASCII");
            assert!(
                swapped == text || Share::parse(&swapped).is_err(),
                "{place}"
            );
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_nothing_else() {
        let text = printed();
        let (head, body) = text.split_at(24);
        let mistyped = if body.contains('q') {
            body.replacen('q', "r", 1)
        } else {
            body.replacen('a', "b", 1)
        };
        let sum = "the checksum of share 3 does not match: it was mistyped or cut";
        assert_eq!(refusal(&format!("{head}{mistyped}")), sum);
        assert_eq!(refusal(&text[..text.len() - 1]), sum);
        assert!(refusal(&text[..60]).starts_with("share 3 does not have five parts"));
        assert!(refusal(&text.replacen('0', "o", 1)).contains("16 hex digits"));
        assert!(refusal(&format!("{head}0{}", &body[1..])).contains("not base32"));
        for number in ["0", "03", "+3", "256", "three", ""] {
            let text = text.replacen("-3-", &format!("-{number}-"), 1);
            assert!(refusal(&text).contains("from 1 to 255"), "{number}");
        }
        assert!(refusal("").contains("no share"));
        assert!(refusal("vcs0-1").contains("no share"));
        assert!(refusal(&"g".repeat(66)).contains("hex digits but is not"));
        assert!(refusal(&"!".repeat(44)).contains("base64 but is not"));
        assert!(refusal(&"00".repeat(33)).contains("x, is zero"));
    }

    #[test]
    fn a_newer_form_is_named() {
        let error = Share::parse(&printed().replacen("vcs1", "VCS2", 1)).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`vcs2-`"));
    }

    #[test]
    fn a_share_that_no_split_makes_is_refused() {
        let new =
            |number, bytes: &[u8]| Share::new(number, CEREMONY, SecretBytes::copy_from(bytes));
        assert!(new(0, &RAW).is_err());
        assert!(new(1, &RAW[..31]).is_err());
        assert!(new(1, &[0; 34]).is_err());
        assert!(new(1, &[0; 33]).is_err());
        assert!(new(1, &[0; 32]).is_ok());
    }

    #[test]
    fn debug_shows_the_number_alone() {
        assert_eq!(format!("{:?}", share(3, &RAW)), "Share(3, [redacted])");
        let raw = Share::parse(&HEXLOWER.encode(&RAW)).expect("parses");
        assert_eq!(format!("{raw:?}"), "Share([redacted])");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(
            number in 1..=255u8,
            ceremony: [u8; 8],
            bytes in proptest::collection::vec(any::<u8>(), 32..=33),
        ) {
            prop_assume!(bytes.len() == WHOLE || bytes.last() != Some(&0));
            let bytes = SecretBytes::from(bytes);
            let share = Share::new(number, CeremonyId::from_bytes(ceremony), bytes).expect("share");
            let found = Share::parse(share.to_text().expose()).expect("parses");
            prop_assert!(is_same(&found, &share));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "(vcs1-)?[ -~\u{e9}]{0,90}") {
            let _ = Share::parse(&text);
        }
    }
}
