//! Reading: single statements, and several of one moment.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row};

use super::connect::Target;
use super::failure::{failed, patiently};
use crate::storage::walk::{Step, Walk};
use crate::storage::{Batch, Entry, EntryPath, Revision, Scan, StorageError};

const ENTRY: &str = "SELECT revision, value FROM entry WHERE path = ?1";
const REVISION: &str = "SELECT revision FROM entry WHERE path = ?1";
const PATHS: &str = "SELECT path FROM entry WHERE path >= ?1 ORDER BY path";

/// The connections that nobody reads through at the moment.
#[derive(Default)]
pub(super) struct Readers(Mutex<Vec<Connection>>);

/// More readers than this are closed when they are done; a machine runs few at a time.
const IDLE: usize = 16;

/// What SQLite answers, or what the answer means for the caller.
type Rows<T> = rusqlite::Result<Result<T, StorageError>>;

impl Readers {
    pub(super) fn read(
        &self,
        target: &Target,
        paths: &[EntryPath],
    ) -> Result<Vec<Option<Entry>>, StorageError> {
        match paths {
            [] => Ok(Vec::new()),
            [path] => self.with(target, |connection| {
                Ok(entry(connection, path)?.map(|entry| vec![entry]))
            }),
            _ => self.with(target, |connection| {
                at_one_moment(connection, || {
                    let entries = paths.iter().map(|path| entry(connection, path));
                    entries.collect::<Rows<Vec<_>>>()
                })
            }),
        }
    }

    pub(super) fn scan(&self, target: &Target, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.with(target, |connection| match scan.delimiter {
            None => walk_all(connection, scan),
            Some(_) => at_one_moment(connection, || walk_all(connection, scan)),
        })
    }

    /// Checks every expectation of `batch`, all as of one moment.
    pub(super) fn check(&self, target: &Target, batch: &Batch) -> Result<(), StorageError> {
        let check = |connection: &Connection| {
            for (path, expected) in &batch.expect {
                match revision(connection, path)? {
                    Ok(found) if found == *expected => {}
                    Ok(_) => return Ok(Err(StorageError::Conflict)),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(()))
        };
        match batch.expect.len() {
            0 => Ok(()),
            1 => self.with(target, check),
            _ => self.with(target, |connection| {
                at_one_moment(connection, || check(connection))
            }),
        }
    }

    fn with<T>(
        &self,
        target: &Target,
        read: impl Fn(&Connection) -> Rows<T>,
    ) -> Result<T, StorageError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => target.connect()?,
        };
        let answer = patiently(target.timeout, || read(&connection));
        self.put_back(connection);
        answer.map_err(failed)?
    }

    /// Keeps `connection` for the next read, unless a transaction is stuck in it.
    fn put_back(&self, connection: Connection) {
        if connection.is_autocommit() {
            let mut idle = self.idle();
            if idle.len() < IDLE {
                idle.push(connection);
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `read` in one transaction, and so on one state of the file.
fn at_one_moment<T>(connection: &Connection, read: impl FnOnce() -> Rows<T>) -> Rows<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let answer = read();
    let ended = connection.prepare_cached("COMMIT")?.execute([]);
    let answer = answer?;
    ended?;
    Ok(answer)
}

fn entry(connection: &Connection, path: &EntryPath) -> Rows<Option<Entry>> {
    let mut statement = connection.prepare_cached(ENTRY)?;
    let mut rows = statement.query([path.as_str()])?;
    rows.next()?.map(decode).transpose().map(Ok).or_else(broken)
}

fn decode(row: &Row<'_>) -> Result<Entry, Broken> {
    let value = row.get_ref(1).map_err(Broken::Sqlite)?;
    let value = value.as_blob().map_err(|_| Broken::Row)?;
    Ok(Entry::new(value.to_vec(), decode_revision(row)?))
}

/// Returns the revision of the entry at `path`.
pub(super) fn revision(connection: &Connection, path: &EntryPath) -> Rows<Option<Revision>> {
    let mut statement = connection.prepare_cached(REVISION)?;
    let mut rows = statement.query([path.as_str()])?;
    rows.next()?
        .map(decode_revision)
        .transpose()
        .map(Ok)
        .or_else(broken)
}

fn decode_revision(row: &Row<'_>) -> Result<Revision, Broken> {
    let bytes = row.get_ref(0).map_err(Broken::Sqlite)?;
    let bytes = bytes.as_blob().ok().and_then(|bytes| bytes.try_into().ok());
    Ok(Revision::new(u128::from_be_bytes(
        bytes.ok_or(Broken::Row)?,
    )))
}

/// Folders are passed over row by row up to this many rows, then by a new search.
const STEPS_IN_FOLDER: usize = 8;

fn walk_all(connection: &Connection, scan: &Scan) -> Rows<Vec<String>> {
    let mut walk = Walk::new(scan);
    if walk.is_full() {
        return Ok(Ok(Vec::new()));
    }
    let mut statement = connection.prepare_cached(PATHS)?;
    let mut start = walk.start();
    loop {
        let mut rows = statement.query([start.as_str()])?;
        match walk_rows(&mut rows, &mut walk) {
            Ok(Step::InFolder) => start = walk.behind_folder(),
            Ok(_) => return Ok(Ok(walk.finish())),
            Err(error) => return broken(error),
        }
    }
}

fn walk_rows(rows: &mut rusqlite::Rows<'_>, walk: &mut Walk<'_>) -> Result<Step, Broken> {
    let mut in_folder = 0usize;
    while let Some(row) = rows.next().map_err(Broken::Sqlite)? {
        let path = row.get_ref(0).map_err(Broken::Sqlite)?;
        match walk.take(path.as_str().map_err(|_| Broken::Row)?) {
            Step::Next => in_folder = 0,
            Step::InFolder if in_folder < STEPS_IN_FOLDER => {
                in_folder = in_folder.saturating_add(1)
            }
            step => return Ok(step),
        }
    }
    Ok(Step::Done)
}

/// Why a row could not be used.
enum Broken {
    Sqlite(rusqlite::Error),
    Row,
}

fn broken<T>(error: Broken) -> Rows<T> {
    match error {
        Broken::Sqlite(error) => Err(error),
        Broken::Row => Ok(Err(StorageError::Damaged("a row is not an entry", None))),
    }
}
