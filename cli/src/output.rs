//! Standard output, the only place where a secret is printed.

use std::io::{self, IsTerminal, Write};

use crate::args::Format;
use crate::failure::{Failure, Result};
use crate::{json, yaml};

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output(());

impl Output {
    pub(crate) const fn standard() -> Self {
        Self(())
    }

    /// Writes `bytes` as they are.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::io("standard output cannot be written", &error),
        })
    }

    /// Writes `text` and a line end.
    pub(crate) fn line(self, text: &str) -> Result<()> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes JSON, laid out as programs want it.
    pub(crate) fn laid_out(self, format: Format, json: &str) -> Result<()> {
        match format {
            Format::Yaml => self.line(&yaml::of_json(json)),
            Format::Json | Format::Table => self.line(&json::pretty(json)),
        }
    }

    /// Writes one value: with a line end for people, as it is for programs.
    pub(crate) fn value(self, text: &str) -> Result<()> {
        self.write(text.as_bytes())?;
        match io::stdout().is_terminal() {
            true => self.write(b"\n"),
            false => Ok(()),
        }
    }
}

/// Writes a line for people to standard error: a warning, or what a prompt is about. That nobody
/// reads it changes nothing.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
