//! Where input comes from: standard input, files, and people at a terminal.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Failure, Result};
use crate::terminal::Terminal;

/// The largest input that is read, in bytes; no request is as large.
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
        read(self.take_stdin()?.lock(), "standard input")
    }

    /// Returns standard input, for whoever reads it bit by bit.
    pub(crate) fn take_stdin(&self) -> Result<io::Stdin> {
        match self.read.replace(true) {
            false => Ok(io::stdin()),
            true => Err(Failure::local(
                "standard input was read already: `-` can be given once",
            )),
        }
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
        self.person(otherwise)?.ask(question)
    }

    /// Asks for something new, twice.
    pub(crate) fn ask_new(&self, question: &str, otherwise: &str) -> Result<Text> {
        let person = self.person(otherwise)?;
        let first = person.ask(question)?;
        let second = person.ask(&format!("{question}, again"))?;
        match first == second {
            true => Ok(first),
            false => Err(Failure::local("the two are not the same")),
        }
    }

    /// Returns a person to be asked several questions.
    pub(crate) fn person(&self, otherwise: &str) -> Result<Person> {
        let absent = |_| Failure::local(format!("there is no terminal to ask at; {otherwise}"));
        Terminal::open().map(Person).map_err(absent)
    }
}

/// Somebody at the terminal.
pub(crate) struct Person(Terminal);

impl Person {
    /// Asks a question. What is answered is not shown.
    pub(crate) fn ask(&self, question: &str) -> Result<Text> {
        self.0.ask(question).map_err(|error| {
            Failure::local(match error.kind() {
                io::ErrorKind::UnexpectedEof => "nothing was typed".to_owned(),
                io::ErrorKind::Interrupted => "interrupted".to_owned(),
                kind => format!("the answer cannot be read: {kind}"),
            })
        })
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
