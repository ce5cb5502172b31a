//! Writing: one transaction for one batch, or for all that waited.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Params};

use super::connect::Target;
use super::failure::{commit_failed, failed, patiently};
use super::group::{Answer, Commit};
use super::mark::Mark;
use super::reads::revision;
use crate::crypto::rng::{OsRandom, random};
use crate::storage::{Batch, EntryPath, Revision, StorageError};

const PUT: &str = "INSERT INTO entry (path, revision, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (path) DO UPDATE SET revision = ?2, value = ?3";
const CREATE: &str = "INSERT INTO entry (path, revision, value) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (path) DO NOTHING";
const SWAP: &str = "UPDATE entry SET revision = ?2, value = ?3 WHERE path = ?1 AND revision = ?4";
const DELETE: &str = "DELETE FROM entry WHERE path = ?1";
const DELETE_IF: &str = "DELETE FROM entry WHERE path = ?1 AND revision = ?2";

/// The one connection that writes; none after an error that left its state unknown.
pub(super) struct Writer(Mutex<Option<Connection>>);

/// The writer and what it needs for a commit.
pub(super) struct Writing<'a> {
    pub(super) writer: &'a Writer,
    pub(super) target: &'a Target,
    pub(super) mark: &'a Mark,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Mutex::new(Some(connection)))
    }
}

impl Commit for Writing<'_> {
    fn one(&self, batch: &Batch) -> Answer {
        self.transact(|connection| apply(connection, batch))
    }

    fn all(&self, batches: &[&Batch]) -> Vec<Answer> {
        let together = self.transact(|connection| {
            let answers = batches.iter().map(|batch| match apply(connection, batch) {
                Ok(revision) => Ok(Ok(revision)),
                Err(StorageError::Conflict) => Ok(Err(StorageError::Conflict)),
                Err(error) => Err(error),
            });
            answers.collect::<Result<Vec<Answer>, _>>()
        });
        match together {
            Ok(answers) => answers,
            Err(StorageError::Indeterminate(reason, _)) => {
                let unknown = || Err(StorageError::Indeterminate(reason, None));
                batches.iter().map(|_| unknown()).collect()
            }
            // Nothing happened, and one of them is the cause: each learns its own answer.
            Err(_) => batches.iter().map(|batch| self.one(batch)).collect(),
        }
    }
}

impl Writing<'_> {
    /// Runs `work` in a transaction and commits, or rolls back if `work` fails.
    fn transact<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut slot = self.writer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.target.connect()?,
        };
        let answer = self.run(&connection, work);
        let unsure = matches!(answer, Err(StorageError::Indeterminate(..)));
        if !unsure && connection.is_autocommit() {
            *slot = Some(connection);
        }
        answer
    }

    fn run<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&Connection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let begin = || execute(connection, "BEGIN IMMEDIATE", []);
        patiently(self.target.timeout, begin).map_err(failed)?;
        let answer = work(connection).and_then(|answer| {
            let _running = self.mark.commit_runs();
            execute(connection, "COMMIT", []).map_err(commit_failed)?;
            Ok(answer)
        });
        if answer.is_err() && !connection.is_autocommit() {
            // Should it fail, the connection is dropped, which rolls back too.
            let _ = execute(connection, "ROLLBACK", []);
        }
        answer
    }
}

/// Applies `batch` within a transaction, or fails without having changed anything if an
/// expectation does not hold, so that a transaction shared with others goes on.
///
/// The first write of an expected entry is checked by the statement that writes it, which saves
/// a search; the other expectations are checked before.
fn apply(connection: &Connection, batch: &Batch) -> Answer {
    let first = batch.writes.iter().find_map(|(path, value)| {
        let (_, expected) = batch.expect.iter().find(|(expected, _)| expected == path)?;
        Some((path, value.as_deref(), *expected))
    });
    let first_path = first.map(|(path, ..)| path);
    for (path, expected) in batch
        .expect
        .iter()
        .filter(|(path, _)| Some(path) != first_path)
    {
        expect(connection, path, *expected)?;
    }
    let bytes = random::<16>(&OsRandom).map_err(no_randomness)?;
    if let Some((path, value, expected)) = first {
        swap(connection, path, value, expected, &bytes)?;
    }
    for (path, value) in batch
        .writes
        .iter()
        .filter(|(path, _)| Some(path) != first_path)
    {
        write(connection, path, value.as_deref(), &bytes).map_err(failed)?;
    }
    Ok(Revision::new(u128::from_be_bytes(bytes)))
}

fn expect(
    connection: &Connection,
    path: &EntryPath,
    expected: Option<Revision>,
) -> Result<(), StorageError> {
    if revision(connection, path).map_err(failed)?? == expected {
        Ok(())
    } else {
        Err(StorageError::Conflict)
    }
}

/// Writes or deletes the entry at `path` if it has the expected revision.
fn swap(
    connection: &Connection,
    path: &EntryPath,
    value: Option<&[u8]>,
    expected: Option<Revision>,
    new: &[u8; 16],
) -> Result<(), StorageError> {
    let at = path.as_str();
    let old = expected.map(|revision| revision.number().to_be_bytes());
    let changed = match (old, value) {
        (Some(old), Some(value)) => execute(connection, SWAP, (at, new, value, old)),
        (Some(old), None) => execute(connection, DELETE_IF, (at, old)),
        (None, Some(value)) => execute(connection, CREATE, (at, new, value)),
        (None, None) => return expect(connection, path, None),
    };
    match changed.map_err(failed)? {
        0 => Err(StorageError::Conflict),
        _ => Ok(()),
    }
}

fn write(
    connection: &Connection,
    path: &EntryPath,
    value: Option<&[u8]>,
    revision: &[u8; 16],
) -> rusqlite::Result<usize> {
    match value {
        Some(value) => execute(connection, PUT, (path.as_str(), revision, value)),
        None => execute(connection, DELETE, [path.as_str()]),
    }
}

fn execute(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}

fn no_randomness(error: crate::error::Error) -> StorageError {
    StorageError::Unavailable("the system's random source failed", Some(Box::new(error)))
}
