//! The standard streams of the process, and nowhere.

use std::io::{self, Write};

use super::failed;
use crate::audit::AuditDevice;
use crate::error::Result;

/// One of the standard streams, or nowhere.
pub(super) enum Console {
    Stdout,
    Stderr,
    Discard,
}

impl AuditDevice for Console {
    fn write(&self, line: &[u8]) -> Result<()> {
        let written = match self {
            Self::Stdout => whole(&mut io::stdout().lock(), line),
            Self::Stderr => whole(&mut io::stderr().lock(), line),
            Self::Discard => Ok(()),
        };
        written.map_err(|source| failed("a standard stream can not be written", source))
    }

    /// A standard stream may be a pipe whose reader has stopped.
    fn may_block(&self) -> bool {
        !matches!(self, Self::Discard)
    }
}

fn whole(stream: &mut impl Write, line: &[u8]) -> io::Result<()> {
    stream.write_all(line)?;
    stream.flush()
}
