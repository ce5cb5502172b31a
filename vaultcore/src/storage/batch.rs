//! What is committed at once, and how large it may be.

use std::collections::BTreeSet;
use std::fmt;

use super::{EntryPath, Revision, StorageError};

/// The most expectations in a batch; etcd's limit.
pub const MAX_EXPECTATIONS: usize = 128;
/// The most writes in a batch; etcd's limit.
pub const MAX_WRITES: usize = 128;
/// The most bytes in a batch: all paths and values, 1.25 MiB.
pub const MAX_BATCH: usize = 1_310_720;
/// The most bytes in one value: 1 MiB and room for what encryption and framing add.
pub const MAX_VALUE: usize = 1_048_576 + 4_096;

/// Writes that are applied all together, if all expectations hold.
///
/// ```
/// use vaultcore::storage::{Batch, EntryPath};
/// let path = EntryPath::new("sys/header")?;
/// let batch = Batch::new().expect(path.clone(), None).put(path, b"value".to_vec());
/// assert!(batch.check().is_ok());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The revision each path must have; `None`: there is no entry.
    pub expect: Vec<(EntryPath, Option<Revision>)>,
    /// The value each path gets; `None`: the entry is deleted.
    pub writes: Vec<(EntryPath, Option<Vec<u8>>)>,
}

impl Batch {
    /// Creates an empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects that the entry at `path` has `revision`, or that there is none.
    #[must_use]
    pub fn expect(mut self, path: EntryPath, revision: Option<Revision>) -> Self {
        self.expect.push((path, revision));
        self
    }

    /// Writes `value` at `path`.
    #[must_use]
    pub fn put(mut self, path: EntryPath, value: Vec<u8>) -> Self {
        self.writes.push((path, Some(value)));
        self
    }

    /// Deletes the entry at `path`; not an error if there is none.
    #[must_use]
    pub fn delete(mut self, path: EntryPath) -> Self {
        self.writes.push((path, None));
        self
    }

    /// Checks the limits, which are the same for every backend, and that no path is expected
    /// twice or written twice.
    ///
    /// # Errors
    /// `TooLarge` beyond a limit, `Invalid` for a path named twice.
    pub fn check(&self) -> Result<(), StorageError> {
        if self.expect.len() > MAX_EXPECTATIONS {
            return Err(StorageError::TooLarge(
                "a batch has at most 128 expectations",
            ));
        }
        if self.writes.len() > MAX_WRITES {
            return Err(StorageError::TooLarge("a batch has at most 128 writes"));
        }
        let value_size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        if self
            .writes
            .iter()
            .any(|(_, value)| value_size(value) > MAX_VALUE)
        {
            return Err(StorageError::TooLarge(
                "a stored value has at most 1 MiB and 4 KiB",
            ));
        }
        let expected: usize = self
            .expect
            .iter()
            .map(|(path, _)| path.as_str().len())
            .sum();
        let written: usize = self
            .writes
            .iter()
            .map(|(path, value)| path.as_str().len() + value_size(value))
            .sum();
        if expected.saturating_add(written) > MAX_BATCH {
            return Err(StorageError::TooLarge("a batch has at most 1.25 MiB"));
        }
        let paths = self.expect.iter().map(|(path, _)| path);
        if repeats(paths) || repeats(self.writes.iter().map(|(path, _)| path)) {
            return Err(StorageError::Invalid("a batch names no path twice"));
        }
        Ok(())
    }
}

/// Returns whether a path comes twice. Batches are nearly always tiny.
fn repeats<'a>(paths: impl Iterator<Item = &'a EntryPath> + Clone) -> bool {
    if paths.clone().count() <= 8 {
        let mut rest = paths;
        while let Some(path) = rest.next() {
            if rest.clone().any(|other| other == path) {
                return true;
            }
        }
        return false;
    }
    let mut seen = BTreeSet::new();
    paths.into_iter().any(|path| !seen.insert(path))
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Batch({} expected, {} written)",
            self.expect.len(),
            self.writes.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(number: usize) -> EntryPath {
        EntryPath::new(&format!("test/{number}")).expect("path")
    }

    #[test]
    fn limits_are_exact() {
        let mut batch = Batch::new();
        for number in 0..MAX_WRITES {
            batch = batch
                .expect(path(number), None)
                .put(path(number), Vec::new());
        }
        assert!(batch.check().is_ok());
        let more_writes = batch.clone().delete(path(999));
        assert!(matches!(
            more_writes.check(),
            Err(StorageError::TooLarge(_))
        ));
        let more_expectations = batch.expect(path(999), None);
        assert!(matches!(
            more_expectations.check(),
            Err(StorageError::TooLarge(_))
        ));
        assert!(
            Batch::new()
                .put(path(0), vec![0; MAX_VALUE])
                .check()
                .is_ok()
        );
        assert!(
            Batch::new()
                .put(path(0), vec![0; MAX_VALUE + 1])
                .check()
                .is_err()
        );
        let large = Batch::new()
            .put(path(0), vec![0; MAX_VALUE])
            .put(path(1), vec![0; MAX_VALUE]);
        assert!(matches!(large.check(), Err(StorageError::TooLarge(_))));
    }

    #[test]
    fn a_path_named_twice_is_refused() {
        for count in [2, 20] {
            let mut batch = Batch::new().put(path(0), Vec::new());
            for number in 0..count {
                batch = batch.put(path(number), Vec::new());
            }
            assert!(matches!(batch.check(), Err(StorageError::Invalid(_))));
        }
    }
}
