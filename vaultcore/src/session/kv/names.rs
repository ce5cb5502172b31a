//! Names of secrets.

use super::Kv;
use crate::engine::kv::{Cursor, List, Name, NamePage, Names, Recursion};
use crate::error::Result;
use crate::path::FolderPath;

impl Kv {
    /// Lists the names in a folder, sorted; subfolders end in a slash. The mount's root is `""`.
    ///
    /// # Errors
    /// `NotFound` without a mount; `Corrupt` if the storage was changed.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.names_of(folder, Recursion::One)
    }

    /// Lists at most `limit` names of a folder that come after `after` in the alphabet.
    ///
    /// As in OpenBao, and at the cost of a pass over the folder; see [`names`](Self::names).
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_page(&self, folder: &str, after: &str, limit: usize) -> Result<Vec<String>> {
        let mut names = self.names_of(folder, Recursion::One)?;
        let start = names.partition_point(|name| name.as_str() <= after);
        names.drain(..start);
        names.truncate(limit);
        Ok(names)
    }

    /// Lists the names of all secrets below a folder, sorted, relative to it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_recursive(&self, folder: &str) -> Result<Vec<String>> {
        self.names_of(folder, Recursion::All)
    }

    fn names_of(&self, folder: &str, recursion: Recursion) -> Result<Vec<String>> {
        let (mount, folder) = (self.mount.clone(), FolderPath::new(folder)?);
        let names = self.vault.run(
            &self.caller,
            &List {
                mount,
                folder,
                recursion,
                page: None,
            },
        )?;
        Ok(plain(names))
    }

    /// Returns one page of a folder's names in the order of storage: cheap at any size.
    ///
    /// # Errors
    /// `InvalidArgument` for a limit of 0; as [`list`](Self::list).
    pub fn names(&self, folder: &str, cursor: Option<&Cursor>, limit: usize) -> Result<NamePage> {
        let (mount, folder) = (self.mount.clone(), FolderPath::new(folder)?);
        let operation = Names {
            mount,
            folder,
            cursor,
            limit,
        };
        let (names, next) = self.vault.run(&self.caller, &operation)?;
        let names = plain(names);
        Ok(NamePage { names, next })
    }
}

/// Hands names over to the caller, whose they are to wipe from now on.
pub(in crate::session) fn plain(names: Vec<Name>) -> Vec<String> {
    let take = |mut name: Name| std::mem::take(&mut *name);
    names.into_iter().map(take).collect()
}
