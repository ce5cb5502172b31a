//! The file where `login` keeps the token for the commands after it.

use std::io;
use std::path::PathBuf;

use crate::args::Globals;
use crate::context::env;
use crate::failure::{Failure, Result};
use crate::private_file;
use crate::sources::{Sources, Text};

/// The name of the file in the home folder.
const NAME: &str = ".vaultcore-token";

/// The file, wherever it is.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: Option<PathBuf>,
}

impl TokenFile {
    pub(crate) fn new(globals: &Globals) -> Self {
        let named = globals.token_file.clone();
        let named = named.or_else(|| env("VAULTCORE_TOKEN_FILE").map(PathBuf::from));
        let home = || Some(std::env::home_dir()?.join(NAME));
        Self {
            path: named.or_else(home),
        }
    }

    /// Returns the token, if one is kept.
    pub(crate) fn read(&self, sources: &Sources) -> Result<Option<Text>> {
        let Some(path) = self.path.as_ref().filter(|path| path.exists()) else {
            return Ok(None);
        };
        let text = sources.file(path, "the token file")?;
        let token = text.trim();
        Ok((!token.is_empty()).then(|| Text::new(token.to_owned())))
    }

    /// Keeps a token instead of the one that was there.
    pub(crate) fn write(&self, token: &str) -> Result<()> {
        let path = self.path.as_ref().ok_or_else(|| {
            Failure::local("there is no home folder to keep the token in; give --token-file")
        })?;
        private_file::replace(path, token.as_bytes())
            .map_err(|error| Failure::io("the token file cannot be written", &error))
    }

    /// Forgets the token.
    pub(crate) fn clear(&self) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io("the token file cannot be removed", &error))
            }
            _ => Ok(()),
        }
    }
}
