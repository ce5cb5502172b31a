//! The mount tables of a namespace: which engine, and which auth method, answers where.

mod namespace;
mod wipe;

pub(crate) use namespace::{Namespace, NamespaceTable};
pub(crate) use wipe::Wipe;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::barrier::{Txn, layout};
use crate::crypto::framed;
use crate::crypto::hash::{Hash, hash};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::Mounted;
use crate::path::{EntryPath, MountPath};
use crate::record::Record;

/// First segments that are the vault's own.
const RESERVED: [&str; 5] = ["sys/", "auth/", "cubbyhole/", "identity/", "audit/"];
/// The one that is built in below `auth/`.
const RESERVED_AUTH: [&str; 1] = ["token/"];
/// The most mounts of a namespace.
pub(crate) const MAX_MOUNTS: usize = 1_000;

/// Which table a mount stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Engines.
    Secret,
    /// Auth methods, below `auth/`.
    Auth,
}

/// One mount.
#[derive(Clone)]
pub(crate) struct Mount {
    pub(crate) id: MountId,
    pub(crate) path: MountPath,
    pub(crate) kind: Zeroizing<String>,
    /// Names the mount to people and in policies, as `kv_0123abcd`.
    pub(crate) accessor: String,
    pub(crate) description: Zeroizing<String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) tuning: Tuning,
    pub(crate) config: Vec<u8>,
}

/// What may be tuned of a mount, whatever its engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    default_ttl: Option<u64>, // microseconds
    max_ttl: Option<u64>,     // microseconds
    /// Whether people without a token may see that it is there.
    pub(crate) listed: bool,
    pub(crate) plain_request_keys: Vec<String>,
    pub(crate) plain_response_keys: Vec<String>,
    pub(crate) request_headers: Vec<String>,
    pub(crate) response_headers: Vec<String>,
    /// What kind of tokens an auth method makes; empty: as its roles say.
    pub(crate) token_type: String,
}

impl Tuning {
    pub(crate) fn default_ttl(&self) -> Option<Duration> {
        self.default_ttl.map(Duration::from_micros)
    }

    pub(crate) fn max_ttl(&self) -> Option<Duration> {
        self.max_ttl.map(Duration::from_micros)
    }

    /// Sets the default TTL; zero: as the system says.
    pub(crate) fn set_default_ttl(&mut self, ttl: Duration) {
        self.default_ttl = Some(micros(ttl)).filter(|micros| *micros > 0);
    }

    /// Sets the longest TTL; zero: as the system says.
    pub(crate) fn set_max_ttl(&mut self, ttl: Duration) {
        self.max_ttl = Some(micros(ttl)).filter(|micros| *micros > 0);
    }
}

/// All mounts of one class in a namespace, by path.
pub(crate) struct MountTable {
    namespace: NamespaceId,
    class: Class,
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Creates a table without mounts.
    pub(crate) fn empty(namespace: NamespaceId, class: Class) -> Self {
        Self {
            namespace,
            class,
            mounts: Vec::new(),
        }
    }

    /// Returns where the table is stored.
    pub(crate) fn entry(namespace: NamespaceId, class: Class) -> Result<EntryPath> {
        let name = match class {
            Class::Secret => "mounts",
            Class::Auth => "auth",
        };
        layout::area(namespace, "sys").entry(name)
    }

    /// Reads the stored table.
    pub(crate) fn load(txn: &mut Txn<'_>, namespace: NamespaceId, class: Class) -> Result<Self> {
        let mut table = Self::empty(namespace, class);
        if let Some(stored) = txn.load::<StoredTable>(&Self::entry(namespace, class)?)? {
            table.mounts = read(stored)?;
        }
        Ok(table)
    }

    /// Writes the table, and the epoch with it.
    pub(crate) fn store(&self, txn: &mut Txn<'_>) -> Result<()> {
        let entry = Self::entry(self.namespace, self.class)?;
        txn.store(entry, &self.to_stored())?;
        txn.bump_epoch()
    }

    /// Returns the mount at `path`.
    pub(crate) fn at(&self, path: &MountPath) -> Option<&Mount> {
        let found = self
            .mounts
            .binary_search_by(|mount| mount.path.as_str().cmp(path.as_str()));
        found.ok().and_then(|index| self.mounts.get(index))
    }

    /// Returns the mount that `path`, as a request has it, lies in.
    ///
    /// No mount lies within another, so there is one at most.
    pub(crate) fn holding(&self, path: &str) -> Option<&Mount> {
        let index = self
            .mounts
            .partition_point(|mount| mount.path.as_str() <= path);
        let mount = self.mounts.get(index.checked_sub(1)?)?;
        path.starts_with(mount.path.as_str()).then_some(mount)
    }

    /// Returns the mount at `path`, to change it.
    pub(crate) fn at_mut(&mut self, path: &MountPath) -> Option<&mut Mount> {
        self.mounts.iter_mut().find(|mount| mount.path == *path)
    }

    /// Returns the mount with this id.
    pub(crate) fn with_id(&self, id: MountId) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.id == id)
    }

    /// Returns the mount with this accessor.
    pub(crate) fn with_accessor(&self, accessor: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.accessor == accessor)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// Returns `mount` as operations see it.
    pub(crate) fn mounted<'m>(&self, mount: &'m Mount) -> Mounted<'m> {
        Mounted {
            id: mount.id,
            namespace: self.namespace,
            path: &mount.path,
            kind: &mount.kind,
            auth: self.class == Class::Auth,
            accessor: &mount.accessor,
            default_ttl: mount.tuning.default_ttl(),
            max_ttl: mount.tuning.max_ttl(),
            plain_request_keys: &mount.tuning.plain_request_keys,
            plain_response_keys: &mount.tuning.plain_response_keys,
            config: &mount.config,
        }
    }

    /// Adds a mount.
    ///
    /// # Errors
    /// `InvalidArgument` if the path is reserved, taken, above or below another mount.
    pub(crate) fn add(&mut self, mount: Mount) -> Result<()> {
        self.check_free(&mount.path)?;
        if self.mounts.len() >= MAX_MOUNTS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a namespace has at most {MAX_MOUNTS} mounts"),
            ));
        }
        let index = self
            .mounts
            .partition_point(|other| other.path.as_str() < mount.path.as_str());
        self.mounts.insert(index, mount);
        Ok(())
    }

    /// Takes the mount at `path` out.
    pub(crate) fn remove(&mut self, path: &MountPath) -> Option<Mount> {
        let index = self.mounts.iter().position(|mount| mount.path == *path)?;
        Some(self.mounts.remove(index))
    }

    /// Returns an error if the path is that of a mount which every namespace has.
    pub(crate) fn check_not_built_in(&self, path: &MountPath) -> Result<()> {
        let path = path.as_str();
        let reserved: &[&str] = match self.class {
            Class::Secret => &RESERVED,
            Class::Auth => &RESERVED_AUTH,
        };
        if reserved.iter().any(|reserved| path.starts_with(reserved)) {
            return Err(Error::invalid(
                "mounts at sys/, auth/, cubbyhole/ and so on are built in",
            ));
        }
        Ok(())
    }

    fn check_free(&self, path: &MountPath) -> Result<()> {
        self.check_not_built_in(path)?;
        let path = path.as_str();
        let overlaps = |other: &Mount| {
            let other = other.path.as_str();
            other.starts_with(path) || path.starts_with(other)
        };
        if self.mounts.iter().any(overlaps) {
            return Err(Error::invalid(
                "the path is already in use by, above or below another mount",
            ));
        }
        Ok(())
    }

    fn to_stored(&self) -> StoredTable {
        StoredTable {
            mounts: self.mounts.iter().map(Mount::to_stored).collect(),
        }
    }
}

fn read(stored: StoredTable) -> Result<Vec<Mount>> {
    let mounts = stored.mounts.into_iter().map(Mount::from_stored);
    let mounts: Vec<Mount> = mounts.collect::<Result<_>>()?;
    if !mounts.is_sorted_by(|left, right| left.path.as_str() < right.path.as_str()) {
        return Err(Error::corrupt("the stored mount table is out of order"));
    }
    Ok(mounts)
}

impl Mount {
    fn from_stored(stored: StoredMount) -> Result<Self> {
        Ok(Self {
            id: stored.id,
            path: MountPath::new(&stored.path)?,
            kind: stored.kind,
            accessor: stored.accessor,
            description: stored.description,
            options: stored.options,
            tuning: stored.tuning,
            config: stored.config,
        })
    }

    fn to_stored(&self) -> StoredMount {
        StoredMount {
            id: self.id,
            path: Zeroizing::new(self.path.as_str().to_owned()),
            kind: self.kind.clone(),
            accessor: self.accessor.clone(),
            description: self.description.clone(),
            options: self.options.clone(),
            tuning: self.tuning.clone(),
            config: self.config.clone(),
        }
    }
}

/// Makes the accessor of a mount: the kind, and the beginning of the id; as in Vault those of auth
/// methods begin with `auth_`.
pub(crate) fn accessor(class: Class, kind: &str, id: MountId) -> String {
    let prefix = if class == Class::Auth { "auth_" } else { "" };
    let kind = kind.split('-').next().unwrap_or(kind);
    let digits = id.to_string();
    format!("{prefix}{kind}_{}", digits.get(..8).unwrap_or(&digits))
}

/// Returns what names a mount that every namespace has among all mounts of the vault. It is stored
/// nowhere, so that the id is worked out.
pub(crate) fn built_in_id(space: NamespaceId, kind: &str) -> MountId {
    let named = framed(&[b"built-in", space.as_bytes(), kind.as_bytes()]);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(hash(Hash::Sha256, &named)) {
        *to = from;
    }
    MountId::from_bytes(id)
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
    accessor: String,
    #[serde(with = "crate::secret::wiped")]
    description: Zeroizing<String>,
    options: BTreeMap<String, String>,
    tuning: Tuning,
    config: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> MountTable {
        MountTable::empty(NamespaceId::ROOT, Class::Secret)
    }

    fn mount(path: &str) -> Mount {
        let mut tuning = Tuning::default();
        tuning.set_max_ttl(Duration::from_secs(60));
        Mount {
            id: MountId::from_bytes([1; 16]),
            path: MountPath::new(path).expect("path"),
            kind: Zeroizing::new("kv".into()),
            accessor: accessor(Class::Secret, "kv-v2", MountId::from_bytes([1; 16])),
            description: Zeroizing::new(String::new()),
            options: BTreeMap::new(),
            tuning,
            config: vec![1],
        }
    }

    #[test]
    fn overlapping_and_reserved_paths_are_refused() {
        let mut table = table();
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
    fn a_request_finds_its_mount() {
        let mut table = table();
        for path in ["a", "b/c", "b-", "bz"] {
            table.add(mount(path)).expect(path);
        }
        let found = |path| table.holding(path).map(|mount| mount.path.as_str());
        assert_eq!(found("b/c/data/x"), Some("b/c/"));
        assert_eq!(found("b/c/"), Some("b/c/"));
        assert_eq!(found("a/b/c/"), Some("a/"));
        for none in ["b/c", "b/", "b/d", "", "zz", "A/x", "sys/mounts"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn a_table_comes_back_whole() {
        let mut table = table();
        table.add(mount("b")).expect("added");
        table.add(mount("a")).expect("added");
        let stored = table.to_stored().encode().expect("encodes");
        let back = read(StoredTable::decode(&stored).expect("decodes")).expect("table");
        let paths: Vec<_> = back.iter().map(|mount| mount.path.as_str()).collect();
        assert_eq!(paths, ["a/", "b/"]);
        assert_eq!(back[0].accessor, "kv_01010101");
        assert_eq!(back[0].tuning, table.mounts[0].tuning);
    }
}
