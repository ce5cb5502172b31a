//! Namespaces: each with mounts, policies, tokens and identities of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::barrier::{Txn, layout};
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::path::MountPath;
use crate::record::Record;

/// The most namespaces of a vault.
pub(crate) const MAX_NAMESPACES: usize = 1_000;
/// Names that a path below a namespace may begin with.
const RESERVED: [&str; 6] = ["root", "sys", "audit", "auth", "cubbyhole", "identity"];

/// One namespace; the root is none of these.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) id: NamespaceId,
    /// From the root: `team/`, `team/app/`.
    pub(crate) path: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// All namespaces of a vault, by path.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct NamespaceTable {
    spaces: Vec<Namespace>,
}

impl Record for NamespaceTable {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "table of namespaces";

    fn is_sound(&self) -> bool {
        self.spaces
            .is_sorted_by(|left, right| left.path < right.path)
    }
}

impl NamespaceTable {
    /// Reads the stored table.
    pub(crate) fn load(txn: &mut Txn<'_>) -> Result<Self> {
        let stored = txn.load(&layout::namespaces()?)?;
        Ok(stored.unwrap_or_default())
    }

    /// Writes the table, and the epoch with it.
    pub(crate) fn store(&self, txn: &mut Txn<'_>) -> Result<()> {
        txn.store(layout::namespaces()?, self)?;
        txn.bump_epoch()
    }

    /// Returns the id of the namespace at `path`: empty, or segments that each end in a slash.
    pub(crate) fn id(&self, path: &str) -> Option<NamespaceId> {
        if path.is_empty() {
            return Some(NamespaceId::ROOT);
        }
        self.at(path).map(|space| space.id)
    }

    pub(crate) fn at(&self, path: &str) -> Option<&Namespace> {
        let found = self
            .spaces
            .binary_search_by(|space| space.path.as_str().cmp(path));
        found.ok().and_then(|index| self.spaces.get(index))
    }

    pub(crate) fn at_mut(&mut self, path: &str) -> Option<&mut Namespace> {
        self.spaces.iter_mut().find(|space| space.path == path)
    }

    /// Returns the path of a namespace; `None` if it is none any more.
    pub(crate) fn path(&self, id: NamespaceId) -> Option<&str> {
        if id == NamespaceId::ROOT {
            return Some("");
        }
        let found = self.spaces.iter().find(|space| space.id == id);
        found.map(|space| space.path.as_str())
    }

    /// Returns the namespaces below `path`, all of them.
    pub(crate) fn below<'t>(&'t self, path: &'t str) -> impl Iterator<Item = &'t Namespace> {
        let below = move |space: &&Namespace| space.path != path && space.path.starts_with(path);
        self.spaces.iter().filter(below)
    }

    /// Returns the namespace that a request's path begins with, and the rest of the path.
    ///
    /// `base` is the namespace that the request names otherwise.
    pub(crate) fn split<'p>(&self, base: &str, path: &'p str) -> (String, &'p str) {
        let (mut space, mut rest) = (base.to_owned(), path);
        while let Some((segment, behind)) = rest.split_once('/') {
            let longer = format!("{space}{segment}/");
            if self.at(&longer).is_none() {
                break;
            }
            space = longer;
            rest = behind;
        }
        (space, rest)
    }

    /// Adds a namespace named `name` below `parent`.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is reserved, taken or more than one segment;
    /// `LimitExceeded`.
    pub(crate) fn add(
        &mut self,
        id: NamespaceId,
        parent: &str,
        name: &str,
        metadata: BTreeMap<String, String>,
    ) -> Result<&Namespace> {
        let name = MountPath::new(name)?;
        let bare = name.as_str().trim_end_matches('/');
        if bare.contains('/') || RESERVED.contains(&bare) {
            return Err(Error::invalid(
                "the name of a namespace is one segment, and not a reserved word",
            ));
        }
        // Policies name paths by `+` and `*`, and people by words.
        if bare.contains(['+', '*']) || bare.contains(char::is_whitespace) {
            return Err(Error::invalid(
                "the name of a namespace holds no space and no wildcard",
            ));
        }
        let path = format!("{parent}{}", name.as_str());
        MountPath::new(&path)?; // the whole is bounded as any path is
        if self.spaces.len() >= MAX_NAMESPACES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a vault has at most {MAX_NAMESPACES} namespaces"),
            ));
        }
        let index = self.spaces.partition_point(|space| space.path < path);
        if self.at(&path).is_some() {
            return Err(Error::invalid("there is such a namespace already"));
        }
        self.spaces.insert(index, Namespace { id, path, metadata });
        let missing = || Error::corrupt("a namespace that was added is missing");
        self.spaces.get(index).ok_or_else(missing)
    }

    /// Takes the namespace at `path` out.
    pub(crate) fn remove(&mut self, path: &str) -> Option<Namespace> {
        let index = self.spaces.iter().position(|space| space.path == path)?;
        Some(self.spaces.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> NamespaceTable {
        let mut table = NamespaceTable::default();
        for (number, (parent, name)) in [("", "team"), ("team/", "app"), ("", "other")]
            .into_iter()
            .enumerate()
        {
            let number = u8::try_from(number + 1).expect("small");
            let id = NamespaceId::from_bytes([number; 16]);
            table.add(id, parent, name, BTreeMap::new()).expect("added");
        }
        table
    }

    #[test]
    fn paths_are_split_at_the_longest_namespace() {
        let table = table();
        let split = |base, path| table.split(base, path);
        assert_eq!(
            split("", "team/app/secret/x"),
            ("team/app/".into(), "secret/x")
        );
        assert_eq!(
            split("team/", "app/secret/x"),
            ("team/app/".into(), "secret/x")
        );
        assert_eq!(split("", "secret/x"), (String::new(), "secret/x"));
        assert_eq!(split("", "team"), (String::new(), "team"));
        assert_eq!(split("other/", "team/x"), ("other/".into(), "team/x"));
    }

    #[test]
    fn names_are_one_segment_and_not_reserved() {
        let mut table = table();
        let id = NamespaceId::from_bytes([9; 16]);
        for bad in ["team", "sys", "a/b", "", "root", ".."] {
            assert!(table.add(id, "", bad, BTreeMap::new()).is_err(), "{bad}");
        }
        let below: Vec<_> = table
            .below("team/")
            .map(|space| space.path.as_str())
            .collect();
        assert_eq!(below, ["team/app/"]);
        assert_eq!(table.path(NamespaceId::ROOT), Some(""));
        assert!(table.remove("other/").is_some() && table.id("other/").is_none());
    }
}
