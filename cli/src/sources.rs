//! Where input comes from: standard input, files, and people at a terminal.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The largest input that is read: a bit more than the largest request.
const LARGEST: u64 = 33_554_432;

/// Text that is wiped when it is dropped.
pub(crate) type Text = Zeroizing<String>;

/// Standard input, which can be read once.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    read: Cell<bool>,
}

impl Sources {
    /// Reads all of standard input.
    pub(crate) fn stdin(&self) -> Result<Text> {
        if self.read.replace(true) {
            return Err(Failure::local(
                "standard input was read already: `-` can be given once",
            ));
        }
        read(io::stdin().lock(), "standard input")
    }

    /// Reads a file, or standard input for `-`. `what` names it in an error; its path does not, for
    /// it may be a secret behind an `@`.
    pub(crate) fn file(&self, path: &Path, what: &str) -> Result<Text> {
        if path == Path::new("-") {
            return self.stdin();
        }
        let file = File::open(path);
        let file = file.map_err(|error| Failure::io(format!("{what} cannot be read"), &error))?;
        read(file, what)
    }

    /// Reads the lines of a file, or of standard input for `-`, that are not empty.
    pub(crate) fn lines(&self, path: &Path, what: &str) -> Result<Vec<Text>> {
        let text = self.file(path, what)?;
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        Ok(lines.map(|line| Text::new(line.to_owned())).collect())
    }

    /// Reads the first line of a file, or of standard input for `-`.
    pub(crate) fn first_line(&self, path: &Path, what: &str) -> Result<Text> {
        let text = self.file(path, what)?;
        let line = text.lines().next().unwrap_or_default();
        match line.is_empty() {
            true => Err(Failure::local(format!("{what} is empty"))),
            false => Ok(Text::new(line.to_owned())),
        }
    }

    /// Asks a person at the terminal, without echo. Not standard input: that may be a list that
    /// a script goes through. `otherwise` says how to do without a person.
    pub(crate) fn ask(&self, question: &str, otherwise: &str) -> Result<Text> {
        match rpassword::prompt_password(format!("{question}: ")) {
            Ok(answer) => Ok(Text::new(answer)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Failure::local("nothing was typed"))
            }
            Err(_) => Err(Failure::local(format!(
                "there is no terminal to ask at; {otherwise}"
            ))),
        }
    }

    /// Asks for something new, twice.
    pub(crate) fn ask_new(&self, question: &str, otherwise: &str) -> Result<Text> {
        let first = self.ask(question, otherwise)?;
        let second = self.ask(&format!("{question}, again"), otherwise)?;
        match first == second {
            true => Ok(first),
            false => Err(Failure::local("the two are not the same")),
        }
    }
}

fn read(from: impl Read, what: &str) -> Result<Text> {
    let mut bytes = Zeroizing::new(Vec::new());
    let failed = |error: io::Error| Failure::io(format!("{what} cannot be read"), &error);
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::local(format!(
            "{what} is larger than {LARGEST} bytes"
        )));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Text::new(text.to_owned())),
        Err(_) => Err(Failure::local(format!(
            "{what} is not UTF-8 text; what is not text is stored in base64"
        ))),
    }
}
