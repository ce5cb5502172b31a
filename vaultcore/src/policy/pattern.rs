//! The patterns of paths, and which of them is more specific.

use std::cmp::Ordering;

use unicode_normalization::is_nfc;

use crate::error::{Error, Result};

/// The longest path of a rule, in bytes: longer than any path that can be asked for.
pub(super) const MAX_PATTERN: usize = 2_048;

/// What a rule covers: one path, all that begins so (`*` at the end), or paths in which a segment
/// may be anything (`+`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    text: String,
    /// A segment stands for any. A plain `+` in a segment counts too as soon as it begins one, as
    /// in Vault: such a pattern is matched by segments, and comes after the exact ones.
    wild: bool,
    prefix: bool,
}

/// How specific a pattern is; the greatest one that matches decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Priority<'p> {
    /// Where the first wildcard stands, in bytes.
    first_wildcard: usize,
    prefix: bool,
    wild_segments: usize,
    literal: &'p str,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.contains("+*") {
            return Err(Error::invalid(
                "`+` is a whole segment, and no `*` follows it",
            ));
        }
        if text.len() > MAX_PATTERN {
            return Err(Error::invalid(format!(
                "the path of a rule has at most {MAX_PATTERN} bytes"
            )));
        }
        // No path that is asked for is in another form: a deny would cover nothing.
        if !is_nfc(text) {
            return Err(Error::invalid(
                "the path of a rule is in Unicode normal form C (NFC)",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            wild: text == "+" || text.contains("/+") || text.starts_with("+/"),
            prefix: text.ends_with('*'),
        })
    }

    /// The pattern of all that begins with `head`.
    pub(super) fn beginning(head: &str) -> Self {
        // A head that ends in `+` is cut back to the segments before it.
        let head = match head.ends_with('+') {
            true => head
                .get(..head.rfind('/').map_or(0, |slash| slash + 1))
                .unwrap_or_default(),
            false => head,
        };
        let text = format!("{head}*");
        Self {
            wild: text.contains("/+") || text.starts_with("+/"),
            text,
            prefix: true,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_exact(&self) -> bool {
        !self.wild && !self.prefix
    }

    pub(super) fn is_wild(&self) -> bool {
        self.wild
    }

    pub(super) fn is_prefix(&self) -> bool {
        self.prefix
    }

    /// The text without a `*` at its end.
    pub(super) fn literal(&self) -> &str {
        match self.prefix {
            true => self.text.strip_suffix('*').unwrap_or(&self.text),
            false => &self.text,
        }
    }

    pub(super) fn priority(&self) -> Priority<'_> {
        let literal = self.literal();
        let plus = if self.wild { literal.find('+') } else { None };
        Priority {
            first_wildcard: plus.unwrap_or(literal.len()),
            prefix: self.prefix,
            wild_segments: match self.wild {
                true => literal.split('/').filter(|segment| *segment == "+").count(),
                false => 0,
            },
            literal,
        }
    }

    /// Whether it covers all that `other` covers.
    pub(super) fn includes(&self, other: &Self) -> bool {
        // A `+` of the other is a segment that only a `+` or a `*` of this one covers, and so is
        // whatever comes behind its `*`: both are characters that no literal of this one can be.
        if other.prefix && !self.prefix {
            return false;
        }
        if !other.wild {
            return self.covers(other.literal());
        }
        let mut path = other.literal().split('/').map(|segment| match segment {
            "+" => "\0",
            segment => segment,
        });
        let first = path.next().unwrap_or_default().to_owned();
        self.covers(&path.fold(first, |path, segment| path + "/" + segment))
    }

    /// Whether it covers `path`; the slow way, segment by segment.
    pub(super) fn covers(&self, path: &str) -> bool {
        if !self.wild {
            return match self.prefix {
                true => path.starts_with(self.literal()),
                false => path == self.text,
            };
        }
        let mut segments = path.split('/');
        let mut wanted = self.literal().split('/').peekable();
        while let Some(want) = wanted.next() {
            let Some(segment) = segments.next() else {
                return false;
            };
            let last = wanted.peek().is_none();
            let fits = want == "+"
                || want == segment
                || (self.prefix && last && segment.starts_with(want));
            if !fits {
                return false;
            }
        }
        self.prefix || segments.next().is_none()
    }
}

/// What makes one pattern more specific than another, in the order in which it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advantage {
    LaterWildcard,
    NoStar,
    FewerPlus,
    Longer,
    Greater,
}

impl Priority<'_> {
    /// How the two compare in each respect.
    fn respects(&self, other: &Self) -> [(Ordering, Advantage); 5] {
        let first = self.first_wildcard.cmp(&other.first_wildcard);
        let segments = other.wild_segments.cmp(&self.wild_segments);
        let length = self.literal.len().cmp(&other.literal.len());
        [
            (first, Advantage::LaterWildcard),
            (other.prefix.cmp(&self.prefix), Advantage::NoStar),
            (segments, Advantage::FewerPlus),
            (length, Advantage::Longer),
            (self.literal.cmp(other.literal), Advantage::Greater),
        ]
    }

    /// Why this one is more specific than the other, if it is.
    pub(super) fn advantage(&self, other: &Self) -> Option<Advantage> {
        let mut respects = self.respects(other).into_iter();
        let (order, advantage) = respects.find(|(order, _)| order.is_ne())?;
        Some(advantage).filter(|_| order.is_gt())
    }
}

impl Ord for Priority<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let respects = self.respects(other).into_iter();
        respects.fold(Ordering::Equal, |order, (respect, _)| order.then(respect))
    }
}

impl PartialOrd for Priority<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
