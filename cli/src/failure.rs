//! What went wrong, where, and the exit code that says so.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use vaultcore::Error;

/// The result of a command: how it ended, or why it did not.
pub(crate) type Result<T = Done> = std::result::Result<T, Failure>;

/// How a command ended that did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// All is well: 0.
    Well,
    /// The command looked at something local, and found fault: 1.
    Faulty,
    /// The vault is sealed, or what was looked for in it is not so: 2.
    No,
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        match done {
            Done::Well => Self::SUCCESS,
            Done::Faulty => Self::from(1),
            Done::No => Self::from(2),
        }
    }
}

/// Why a command failed. Its text holds no value, name, token, share or passphrase.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, a file or the terminal: 1.
    Local(String),
    /// Nobody reads what is printed: 1, and nothing more to say.
    Unread,
    /// The vault said no: 2, with its words.
    Vault(Vec<String>),
}

impl Failure {
    /// A failure on this side of the vault.
    pub(crate) fn local(text: impl Into<String>) -> Self {
        Self::Local(text.into())
    }

    /// A failure of the vault's.
    pub(crate) fn vault(text: impl Into<String>) -> Self {
        Self::Vault(vec![text.into()])
    }

    /// What is returned when something could not be written or read, without the text that the
    /// system has for it if that could hold a name.
    pub(crate) fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::Local(format!("{what}: {}", error.kind()))
    }

    /// Writes it to standard error. That nobody reads it changes nothing.
    pub(crate) fn show(&self) {
        let mut stderr = io::stderr().lock();
        match self {
            Self::Local(text) => drop(writeln!(stderr, "Error: {text}")),
            Self::Unread => {}
            Self::Vault(texts) => {
                for text in texts {
                    let _ = writeln!(stderr, "Error: {text}");
                }
            }
        }
    }

    pub(crate) fn code(&self) -> Done {
        match self {
            Self::Local(_) | Self::Unread => Done::Faulty,
            Self::Vault(_) => Done::No,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::vault(error.to_string())
    }
}

/// Says what is wrong with a command line, or prints the help that was asked for.
///
/// Clap's own messages quote what was typed, which may be a secret at the wrong place. What stands
/// here names flags, and nothing else of the line.
pub(crate) fn usage(error: &clap::Error) -> Result {
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return print(&error.render().to_string());
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let _ = write!(io::stderr(), "{}", error.render());
            return Ok(Done::Faulty);
        }
        ErrorKind::MissingRequiredArgument => match names(error, ContextKind::InvalidArg) {
            Some(names) => format!("not enough arguments: {names}"),
            None => "not enough arguments".to_owned(),
        },
        ErrorKind::UnknownArgument => unknown(error),
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        ErrorKind::ArgumentConflict => "these flags exclude each other".to_owned(),
        _ => match names(error, ContextKind::InvalidArg) {
            Some(names) => format!("this is no value for {names}"),
            None => "the command line is wrong".to_owned(),
        },
    };
    let hint = suggestion(error).unwrap_or_default();
    Err(Failure::Local(format!(
        "{text}{hint}; --help shows how it is used"
    )))
}

/// Names the flag that there is not, without the value behind its `=`.
fn unknown(error: &clap::Error) -> String {
    let given = names(error, ContextKind::InvalidArg).unwrap_or_default();
    match given.split('=').next() {
        Some(flag) if flag.starts_with("--") && flag.len() <= 32 => {
            format!("there is no flag {}", flag.escape_debug())
        }
        _ => "too many arguments".to_owned(),
    }
}

fn names(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => Some(names.join(" ")),
        _ => None,
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    let found = names(error, ContextKind::SuggestedArg)
        .or_else(|| names(error, ContextKind::SuggestedSubcommand))?;
    let best = found.rsplit(' ').next()?; // the likeliest comes last
    Some(format!(", did you mean {best}?"))
}

/// Writes `text` to standard output.
fn print(text: &str) -> Result {
    crate::output::Output::standard().write(text.as_bytes())?;
    Ok(Done::Well)
}
