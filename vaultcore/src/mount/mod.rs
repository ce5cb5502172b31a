//! The mount table: which engine answers where.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::barrier::{Txn, layout};
use crate::error::{Error, ErrorKind, Result};
use crate::id::MountId;
use crate::path::{EntryPath, MountPath};
use crate::record::Record;

/// First segments that are the vault's own.
const RESERVED: [&str; 5] = ["sys/", "auth/", "cubbyhole/", "identity/", "audit/"];
/// The most mounts of a namespace.
pub(crate) const MAX_MOUNTS: usize = 1_000;

/// One mount.
pub(crate) struct Mount {
    pub(crate) id: MountId,
    pub(crate) path: MountPath,
    pub(crate) kind: Zeroizing<String>,
    pub(crate) description: Zeroizing<String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) max_ttl: Option<Duration>,
    pub(crate) config: Vec<u8>,
}

/// All mounts of a namespace, by path.
#[derive(Default)]
pub(crate) struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Returns where the table is stored.
    pub(crate) fn entry() -> Result<EntryPath> {
        layout::area(layout::ROOT_NAMESPACE, "sys").entry("mounts")
    }

    /// Reads the stored table.
    pub(crate) fn load(txn: &mut Txn<'_>) -> Result<Self> {
        match txn.load::<StoredTable>(&Self::entry()?)? {
            Some(stored) => Self::from_stored(stored),
            None => Ok(Self::default()),
        }
    }

    /// Writes the table, and the epoch with it.
    pub(crate) fn store(&self, txn: &mut Txn<'_>) -> Result<()> {
        txn.store(Self::entry()?, &self.to_stored())?;
        txn.bump_epoch()
    }

    /// Returns the mount at `path`.
    pub(crate) fn at(&self, path: &MountPath) -> Option<&Mount> {
        let found = self
            .mounts
            .binary_search_by(|mount| mount.path.as_str().cmp(path.as_str()));
        found.ok().and_then(|index| self.mounts.get(index))
    }

    /// Returns the mount at `path`, to change it.
    pub(crate) fn at_mut(&mut self, path: &MountPath) -> Option<&mut Mount> {
        self.mounts.iter_mut().find(|mount| mount.path == *path)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// Adds a mount.
    ///
    /// # Errors
    /// `InvalidArgument` if the path is reserved, taken, above or below another mount.
    pub(crate) fn add(&mut self, mount: Mount) -> Result<()> {
        let path = mount.path.as_str();
        if RESERVED.iter().any(|reserved| path.starts_with(reserved)) {
            return Err(Error::invalid(
                "mounts at sys/, auth/, cubbyhole/ and so on are built in",
            ));
        }
        let overlaps = |other: &Mount| {
            let other = other.path.as_str();
            other.starts_with(path) || path.starts_with(other)
        };
        if self.mounts.iter().any(overlaps) {
            return Err(Error::invalid(
                "the path is in use by, above or below another mount",
            ));
        }
        if self.mounts.len() >= MAX_MOUNTS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a namespace has at most {MAX_MOUNTS} mounts"),
            ));
        }
        let index = self
            .mounts
            .partition_point(|other| other.path.as_str() < path);
        self.mounts.insert(index, mount);
        Ok(())
    }

    fn from_stored(stored: StoredTable) -> Result<Self> {
        let mounts = stored.mounts.into_iter().map(Mount::from_stored);
        let mounts: Vec<Mount> = mounts.collect::<Result<_>>()?;
        if !mounts.is_sorted_by(|left, right| left.path.as_str() < right.path.as_str()) {
            return Err(Error::corrupt("the stored mount table is out of order"));
        }
        Ok(Self { mounts })
    }

    fn to_stored(&self) -> StoredTable {
        StoredTable {
            mounts: self.mounts.iter().map(Mount::to_stored).collect(),
        }
    }
}

impl Mount {
    fn from_stored(stored: StoredMount) -> Result<Self> {
        Ok(Self {
            id: stored.id,
            path: MountPath::new(&stored.path)?,
            kind: stored.kind,
            description: stored.description,
            options: stored.options,
            default_ttl: stored.default_ttl.map(Duration::from_micros),
            max_ttl: stored.max_ttl.map(Duration::from_micros),
            config: stored.config,
        })
    }

    fn to_stored(&self) -> StoredMount {
        StoredMount {
            id: self.id,
            path: Zeroizing::new(self.path.as_str().to_owned()),
            kind: self.kind.clone(),
            description: self.description.clone(),
            options: self.options.clone(),
            default_ttl: self.default_ttl.map(micros),
            max_ttl: self.max_ttl.map(micros),
            config: self.config.clone(),
        }
    }
}

/// The longest TTL of a mount: what is stored are its microseconds, 584,942 years of them.
pub(crate) const MAX_TTL: Duration = Duration::from_micros(u64::MAX);

fn micros(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for MountTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MountTable({} mounts)", self.mounts.len())
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    mounts: Vec<StoredMount>,
}

impl Record for StoredTable {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "mount table";
}

#[derive(Serialize, Deserialize)]
struct StoredMount {
    id: MountId,
    #[serde(with = "crate::secret::wiped")]
    path: Zeroizing<String>,
    #[serde(with = "crate::secret::wiped")]
    kind: Zeroizing<String>,
    #[serde(with = "crate::secret::wiped")]
    description: Zeroizing<String>,
    options: BTreeMap<String, String>,
    default_ttl: Option<u64>, // microseconds
    max_ttl: Option<u64>,     // microseconds
    config: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(path: &str) -> Mount {
        Mount {
            id: MountId::from_bytes([1; 16]),
            path: MountPath::new(path).expect("path"),
            kind: Zeroizing::new("kv".into()),
            description: Zeroizing::new(String::new()),
            options: BTreeMap::new(),
            default_ttl: None,
            max_ttl: Some(Duration::from_secs(60)),
            config: vec![1],
        }
    }

    #[test]
    fn overlapping_and_reserved_paths_are_refused() {
        let mut table = MountTable::default();
        table.add(mount("b/c")).expect("added");
        for taken in ["b/c", "b", "b/c/d", "sys", "sys/x", "auth/token"] {
            assert!(table.add(mount(taken)).is_err(), "{taken}");
        }
        for free in ["b/cc", "a", "system"] {
            table.add(mount(free)).expect(free);
        }
        assert!(table.at(&MountPath::new("b/cc").expect("path")).is_some());
        assert!(table.at(&MountPath::new("b").expect("path")).is_none());
    }

    #[test]
    fn a_table_comes_back_whole() {
        let mut table = MountTable::default();
        table.add(mount("b")).expect("added");
        table.add(mount("a")).expect("added");
        let stored = table.to_stored().encode().expect("encodes");
        let back = MountTable::from_stored(StoredTable::decode(&stored).expect("decodes"));
        let paths: Vec<_> = back
            .expect("table")
            .iter()
            .map(|mount| mount.path.as_str().to_owned())
            .collect();
        assert_eq!(paths, ["a/", "b/"]);
    }
}
