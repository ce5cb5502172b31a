//! A line of a log as `verify` finds it: anything, perhaps one of ours.

use super::chain::{ChainKey, Mac};
use crate::crypto::equal;
use crate::id::RunId;

/// How often a line of ours may begin inside of another: after each write that was torn.
const MAX_STARTS: usize = 16;

/// What the chain wrote at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) run: RunId,
    pub(super) seq: u64,
    /// `None` if there is no line before, or none that was formed.
    pub(super) prev: Option<Mac>,
    pub(super) failed: u64,
    pub(super) mac: Mac,
}

/// What a line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A line of this device, as it was written.
    Whole(Link),
    /// The same, behind a piece of another line.
    BehindPiece(Link),
    /// Nothing that this device wrote; what it says of itself, if it says something.
    Strange(Option<Link>),
}

/// Reads `line`, which has no newline.
pub(super) fn read(line: &[u8], key: &ChainKey) -> Found {
    let Some((link, covered)) = Link::parse(line) else {
        return Found::Strange(None);
    };
    let proves = |covered: &[u8]| equal(&key.sign(covered), &link.mac);
    if proves(covered) {
        return Found::Whole(link);
    }
    // Where another process had its write torn, ours stands behind the piece. The piece may hold
    // what a line begins with, so each such place is tried.
    let starts = covered.windows(key.begin().len()).enumerate().skip(1);
    let mut starts = starts
        .filter(|(_, text)| *text == key.begin())
        .take(MAX_STARTS);
    if starts.any(|(at, _)| covered.get(at..).is_some_and(proves)) {
        return Found::BehindPiece(link);
    }
    Found::Strange(Some(link))
}

impl Link {
    /// Reads the end of a line, and returns with it what its MAC covers. Only what the chain
    /// itself writes is read, from the end, so that nothing in front of it can be taken for it.
    pub(super) fn parse(line: &[u8]) -> Option<(Self, &[u8])> {
        let rest = line.strip_suffix(b"\"}")?;
        let (rest, mac) = hex(rest)?;
        let covered = rest.strip_suffix(b",\"mac\":\"")?;
        let (rest, failed) = match last_number(covered, b",\"failed\":") {
            Some((rest, failed)) => (rest, failed),
            None => (covered, 0),
        };
        let (rest, prev) = match rest.strip_suffix(b",\"prev\":null") {
            Some(rest) => (rest, None),
            None => {
                let (rest, prev) = hex(rest.strip_suffix(b"\"")?)?;
                (rest.strip_suffix(b",\"prev\":\"")?, Some(prev))
            }
        };
        let (rest, seq) = last_number(rest, b",\"seq\":")?;
        let (rest, run) = hex(rest.strip_suffix(b"\"")?)?;
        rest.strip_suffix(b",\"run\":\"")?;
        let link = Self {
            run: RunId::from_bytes(run),
            seq,
            prev,
            failed,
            mac,
        };
        Some((link, covered))
    }
}

/// Takes lower-case hex digits off the end.
fn hex<const N: usize>(text: &[u8]) -> Option<(&[u8], [u8; N])> {
    let (rest, digits) = text.split_at_checked(text.len().checked_sub(2 * N)?)?;
    let mut bytes = [0; N];
    let written = data_encoding::HEXLOWER
        .decode_mut(digits, &mut bytes)
        .ok()?;
    (written == N).then_some((rest, bytes))
}

/// Takes a number with `name` before it off the end; it is not zero, and has no leading zero.
fn last_number<'l>(text: &'l [u8], name: &[u8]) -> Option<(&'l [u8], u64)> {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let (rest, digits) = text.split_at_checked(text.len().checked_sub(digits.count())?)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let canonical = digits.first().is_some_and(|digit| *digit != b'0');
    canonical.then_some((rest.strip_suffix(name)?, number))
}
