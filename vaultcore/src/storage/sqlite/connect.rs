//! Connections to the file, and what makes a file a vault file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::{failed, patiently};
use super::file::identity;
use super::registry::Identity;
use super::{Create, Durability};
use crate::storage::StorageError;

/// `VLTC`, in the file's header.
const APPLICATION_ID: i32 = 0x564c_5443;
/// The format of the file, which is SQLite's `user_version`.
const FORMAT: i32 = 1;
/// The first SQLite without the WAL-reset bug, by which two writers could break a file.
const MIN_SQLITE: i32 = 3_051_003;

/// `path` is text for its faster comparison; the revision stands before the value, so that it is
/// read without the value's overflow pages.
const TABLE: &str = "CREATE TABLE entry (path TEXT NOT NULL UNIQUE, revision BLOB NOT NULL, \
                     value BLOB NOT NULL)";

/// How to connect to one file.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) durability: Durability,
    pub(super) timeout: Duration,
    pub(super) cache_kib: u32,
}

/// What a file turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Vault,
}

/// Refuses an SQLite that is known to damage files.
pub(super) fn check_version(number: i32) -> Result<(), StorageError> {
    if number >= MIN_SQLITE {
        return Ok(());
    }
    let found = format!(
        "{}.{}.{}",
        number / 1_000_000,
        number / 1_000 % 1_000,
        number % 1_000
    );
    Err(StorageError::Unsupported(format!(
        "SQLite {found} can damage files that are shared; 3.51.3 or later is needed"
    )))
}

impl Target {
    /// Opens one more connection to the same file.
    pub(super) fn connect(&self) -> Result<Connection, StorageError> {
        if identity(&self.path)? != Some(self.identity) {
            return Err(StorageError::Unavailable(
                "the file was moved or replaced",
                None,
            ));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        patiently(self.timeout, || self.configure(&connection)).map_err(failed)?;
        Ok(connection)
    }

    fn configure(&self, connection: &Connection) -> rusqlite::Result<()> {
        let synchronous = match self.durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        connection.busy_timeout(Duration::ZERO)?; // `patiently` waits
        connection.pragma_update(None, "page_size", 4_096)?; // of a file that is still empty
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "cache_size", -i64::from(self.cache_kib))?;
        connection.pragma_update(None, "trusted_schema", "OFF")
    }

    /// Checks that the file is a vault file, or empty if `create` allows that, without a change.
    pub(super) fn check(
        &self,
        connection: &mut Connection,
        create: Create,
    ) -> Result<(), StorageError> {
        let found = patiently(self.timeout, || {
            let moment = connection.transaction()?;
            inspect(&moment)
        });
        match found.map_err(failed)?? {
            Content::Nothing if is_stub(&self.path) => {
                Err(StorageError::Damaged("the file is not a vault file", None))
            }
            Content::Nothing if create == Create::Never => {
                let reason = "the file is empty, not a vault file";
                Err(StorageError::Damaged(reason, None))
            }
            _ => Ok(()),
        }
    }

    /// Makes an empty file a vault file, and puts it into WAL mode.
    pub(super) fn prepare(&self, connection: &mut Connection) -> Result<(), StorageError> {
        self.use_wal(connection)?;
        patiently(self.timeout, || fill(connection)).map_err(failed)?
    }

    fn use_wal(&self, connection: &Connection) -> Result<(), StorageError> {
        let mode = patiently(self.timeout, || {
            connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0))
        });
        if mode.map_err(failed)? == "wal" {
            return Ok(());
        }
        Err(StorageError::Unsupported(
            "the file system has no shared memory, which a write-ahead log needs".to_owned(),
        ))
    }
}

/// Returns whether the file has a few bytes, which SQLite takes for none.
fn is_stub(path: &Path) -> bool {
    let length = std::fs::metadata(path).map_or(0, |found| found.len());
    length > 0 && length < 512
}

/// Makes an empty file a vault file, unless another process was faster.
fn fill(connection: &mut Connection) -> rusqlite::Result<Result<(), StorageError>> {
    match inspect(connection)? {
        Ok(Content::Nothing) => {}
        found => return Ok(found.map(|_| ())),
    }
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match inspect(&change)? {
        Ok(Content::Nothing) => {}
        found => return Ok(found.map(|_| ())),
    }
    change.execute(TABLE, [])?;
    change.pragma_update(None, "application_id", APPLICATION_ID)?;
    change.pragma_update(None, "user_version", FORMAT)?;
    change.commit()?;
    Ok(Ok(()))
}

fn inspect(connection: &Connection) -> rusqlite::Result<Result<Content, StorageError>> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, format) = (number("application_id")?, number("user_version")?);
    let mut tables = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if application == 0 && format == 0 && tables.is_empty() {
        return Ok(Ok(Content::Nothing));
    }
    Ok(judge(application, format, &tables).map(|()| Content::Vault))
}

fn judge(application: i32, format: i32, tables: &[String]) -> Result<(), StorageError> {
    if application != APPLICATION_ID {
        let reason = "the file is an SQLite database, but not a vault file";
        return Err(StorageError::Damaged(reason, None));
    }
    if format != FORMAT {
        return Err(StorageError::Unsupported(format!(
            "the file has format {format}, and this version of vaultcore reads format {FORMAT}"
        )));
    }
    // Anything more, such as a trigger, would act on every write.
    if tables != [TABLE] {
        return Err(StorageError::Damaged(
            "the file holds other tables than a vault's",
            None,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlite_with_the_wal_reset_bug_is_refused() {
        assert!(check_version(rusqlite::version_number()).is_ok());
        assert!(check_version(3_051_003).is_ok());
        let error = check_version(3_051_002).expect_err("refused");
        assert!(error.to_string().contains("3.51.2"), "{error}");
    }
}
