//! Names of connections and roles.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::path::SecretPath;

/// The name of a connection or a role: letters, digits and `_`, and inside also `-` and `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Name(String);

impl Name {
    /// # Errors
    /// `InvalidArgument` for another text, `TooLarge` for one that is too long.
    pub(crate) fn new(text: &str) -> Result<Self> {
        SecretPath::new(text)?;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let inside = |byte: u8| word(byte) || byte == b'-' || byte == b'.';
        let ends = [text.bytes().next(), text.bytes().next_back()];
        if ends.into_iter().flatten().all(word) && text.bytes().all(inside) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "a name has letters, digits and _, and inside also - and .",
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Name([redacted])")
    }
}
