//! Templates of users' names, parsed: a part of what Go's templates can say.

use super::marked::Marked;
use super::{MAX_TEMPLATE, Source, layout, parse};
use crate::error::{Error, Result};

/// The longest text that a part of a template makes, in bytes: a name has a few dozen.
const MOST: usize = 4_096;

/// What a template takes of whom a user is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    DisplayName,
    RoleName,
}

/// A template: texts and actions, one after the other.
#[derive(Debug, PartialEq)]
pub(super) struct Template(pub(super) Vec<Expr>);

/// What makes a text.
#[derive(Debug, PartialEq)]
pub(super) enum Expr {
    Text(String),
    Field(Field),
    Random(usize),
    UnixTime,
    UnixTimeMillis,
    /// The time, by a layout as Go has it.
    Timestamp(String),
    Uuid,
    Joined(Vec<Expr>),
    Changed(Change, Box<Expr>),
}

/// What becomes of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Truncate(usize),
    TruncateSha256(usize),
    Uppercase,
    Lowercase,
    Replace { find: String, by: String },
    Sha256,
    Hex,
    Base64,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no template, or asks for what there is not.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_TEMPLATE {
            return Err(Error::invalid("a username_template has at most 4 KiB"));
        }
        parse::template(text)
    }

    /// Fills a template in.
    pub(super) fn render(&self, source: &dyn Source) -> Result<Marked> {
        joined(&self.0, source)
    }
}

fn joined(parts: &[Expr], source: &dyn Source) -> Result<Marked> {
    let mut text = Marked::default();
    for part in parts {
        text.push(part.render(source)?);
    }
    Ok(text)
}

impl Expr {
    fn render(&self, source: &dyn Source) -> Result<Marked> {
        let text = self.render_unbounded(source)?;
        if text.len() > MOST {
            return Err(Error::invalid(
                "a username template makes a text of more than 4 KiB on its way",
            ));
        }
        Ok(text)
    }

    fn render_unbounded(&self, source: &dyn Source) -> Result<Marked> {
        Ok(match self {
            Self::Text(text) => Marked::plain(text),
            Self::Field(field) => Marked::plain(&source.field(*field)),
            Self::Random(count) => Marked::drawn(&source.random(*count)?),
            Self::UnixTime => Marked::plain(&(source.micros() / 1_000_000).to_string()),
            Self::UnixTimeMillis => Marked::plain(&(source.micros() / 1_000).to_string()),
            Self::Timestamp(layout) => Marked::plain(&layout::format(layout, source.micros())?),
            Self::Uuid => Marked::drawn_hex(&uuid(source.bytes()?)),
            Self::Joined(parts) => joined(parts, source)?,
            Self::Changed(change, text) => change.of(text.render(source)?),
        })
    }
}

impl Change {
    fn of(&self, text: Marked) -> Marked {
        match self {
            Self::Truncate(max) => text.truncate(*max),
            Self::TruncateSha256(max) => text.truncate_sha256(*max),
            Self::Uppercase => text.cased(u8::to_ascii_uppercase),
            Self::Lowercase => text.cased(u8::to_ascii_lowercase),
            Self::Replace { find, by } => text.replace(find, by),
            Self::Sha256 => text.sha256(),
            Self::Hex => text.hex(),
            Self::Base64 => text.base64(),
        }
    }
}

/// Returns bytes as Vault writes a UUID.
fn uuid(bytes: [u8; 16]) -> String {
    let digits = data_encoding::HEXLOWER.encode(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts = parts.map(|part| digits.get(part).unwrap_or_default());
    parts.join("-")
}
