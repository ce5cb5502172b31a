//! The tree that both spellings of a policy are read into, and the bounds of it.

use std::fmt;

use serde_json::Number;

use crate::error::{Error, ErrorKind, Result};

/// The longest text of a policy, in bytes.
pub const MAX_POLICY: usize = 64 * 1024;
/// The most rules that one policy may have.
pub const MAX_RULES: usize = 1_000;
/// How deep objects and lists may stand in each other.
pub const MAX_DEPTH: usize = 16;

/// Where something stands in the text: line and column, both from 1. JSON has no columns that its
/// parser would keep; there it is the number of the rule, and `column` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { line: 0, .. } => f.write_str("policy"),
            Self { line, column: 0 } => write!(f, "rule {line}"),
            Self { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

impl At {
    pub(super) fn error(self, message: impl fmt::Display) -> Error {
        Error::invalid(format!("{self}: {message}"))
    }

    pub(super) fn unsupported(self, message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{self}: {message}"))
    }
}

/// `key "name" = value` or `key "name" { .. }`.
pub(super) struct Item {
    pub(super) at: At,
    pub(super) keys: Vec<String>,
    /// Written with `=`: an attribute, which may stand only once; a block may be repeated.
    pub(super) assigned: bool,
    pub(super) value: Value,
    /// The comments before and in it; of items at the top only.
    pub(super) notes: Vec<String>,
}

pub(super) enum Value {
    Text(String),
    Number(Number),
    Bool(bool),
    List(Vec<Value>),
    Object(Vec<Item>),
}

pub(super) fn check_size(text: &str) -> Result<()> {
    if text.len() > MAX_POLICY {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "a policy has at most {MAX_POLICY} bytes, this one has {}",
                text.len()
            ),
        ));
    }
    Ok(())
}

pub(super) fn too_deep(at: At) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("{at}: blocks and lists stand at most {MAX_DEPTH} deep in each other"),
    )
}
