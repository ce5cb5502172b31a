//! The SQLite backend: the suite, and what is its own: files, modes, locks, damage.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vaultcore::storage::conformance::Place;
use vaultcore::storage::{
    Batch, Create, Durability, EntryPath, Scan, Sqlite, SqliteOptions, Storage, StorageError,
};
use vaultcore::storage_conformance;

storage_conformance!(shared, Folder::new());
storage_conformance!(
    exclusive,
    Folder {
        exclusive: true,
        ..Folder::new()
    }
);

/// A folder in memory, if there is one, since a flush to a disk takes milliseconds.
pub(crate) struct Folder {
    folder: TempDir,
    exclusive: bool,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        Self {
            folder: folder.expect("a folder"),
            exclusive: false,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("test.vault")
    }

    /// Returns the names in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().expect("ASCII"))
            .collect();
        names.sort();
        names
    }
}

impl Place for Folder {
    fn open(&self) -> Arc<dyn Storage> {
        let options = SqliteOptions::new().durability(Durability::Normal);
        let opened = match self.exclusive {
            false => options.open(self.file()),
            true => options.exclusive(self.file()),
        };
        Arc::new(opened.expect("open"))
    }
}

pub(crate) fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("path")
}

fn put(storage: &dyn Storage, at: &str, value: &[u8]) {
    storage
        .commit(&Batch::new().put(path(at), value.to_vec()))
        .expect("put");
}

#[track_caller]
fn refused(opened: Result<Sqlite, StorageError>, text: &str) -> StorageError {
    let error = opened.expect_err("refused");
    assert!(error.to_string().contains(text), "{error}");
    error
}

/// Opens a file with `bytes` in it, which must be refused and left alone.
#[track_caller]
fn refuses_bytes(bytes: &[u8], text: &str) {
    let folder = Folder::new();
    fs::write(folder.file(), bytes).expect("write");
    for create in [Create::IfMissing, Create::Never] {
        let error = refused(
            SqliteOptions::new().create(create).open(folder.file()),
            text,
        );
        assert!(matches!(error, StorageError::Damaged(..)), "{error:?}");
    }
    assert_eq!(fs::read(folder.file()).expect("read"), bytes);
    assert_eq!(folder.names(), ["test.vault"]);
}

#[test]
fn a_file_that_is_no_vault_is_refused_and_left_alone() {
    refuses_bytes(b"x", "not a vault file");
    refuses_bytes(
        b"some text that is longer than the header of a database file is\n",
        "not a vault",
    );
    refuses_bytes(&[0; 100], "not a vault file");
    refuses_bytes(&vec![0xff; 10_000], "not a vault file");
}

fn raw(file: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(file).expect("raw open");
    connection.execute_batch(sql).expect("raw SQL");
}

#[test]
fn another_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    raw(
        &folder.file(),
        "CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')",
    );
    let before = fs::read(folder.file()).expect("read");
    refused(Sqlite::open(folder.file()), "not a vault file");
    assert_eq!(fs::read(folder.file()).expect("read"), before);
    assert_eq!(folder.names(), ["test.vault"]);
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let folder = Folder::new();
    drop(Sqlite::open(folder.file()).expect("create"));
    raw(&folder.file(), "PRAGMA user_version=2");
    let error = refused(Sqlite::open(folder.file()), "format 2");
    assert!(matches!(error, StorageError::Unsupported(_)), "{error:?}");
}

#[test]
fn a_planted_trigger_is_refused() {
    let folder = Folder::new();
    drop(Sqlite::open(folder.file()).expect("create"));
    raw(
        &folder.file(),
        "CREATE TRIGGER t AFTER UPDATE ON entry BEGIN DELETE FROM entry; END",
    );
    refused(Sqlite::open(folder.file()), "other tables");
}

#[test]
fn an_empty_file_is_taken_only_to_be_created() {
    let folder = Folder::new();
    fs::write(folder.file(), b"").expect("write");
    refused(
        SqliteOptions::new()
            .create(Create::Never)
            .open(folder.file()),
        "empty",
    );
    refused(
        SqliteOptions::new().create(Create::New).open(folder.file()),
        "exists already",
    );
    assert_eq!(fs::read(folder.file()).expect("read"), b"");
    let storage = Sqlite::open(folder.file()).expect("an empty file is as good as none");
    put(&storage, "a", b"x");
}

#[test]
fn the_create_policy_is_kept() {
    let folder = Folder::new();
    refused(
        SqliteOptions::new()
            .create(Create::Never)
            .open(folder.file()),
        "no such file",
    );
    assert!(folder.names().is_empty());
    drop(
        SqliteOptions::new()
            .create(Create::New)
            .open(folder.file())
            .expect("create"),
    );
    refused(
        SqliteOptions::new().create(Create::New).open(folder.file()),
        "exists already",
    );
    drop(
        SqliteOptions::new()
            .create(Create::Never)
            .open(folder.file())
            .expect("it exists"),
    );
}

#[test]
fn folders_links_and_missing_folders_are_refused() {
    let folder = Folder::new();
    let inside = |name: &str| folder.folder.path().join(name);
    refused(Sqlite::open(folder.folder.path()), "no folder");
    refused(Sqlite::open(inside("none/test.vault")), "does not exist");
    refused(Sqlite::open("/"), "ends in a name");
    drop(Sqlite::open(folder.file()).expect("create"));
    symlink(folder.file(), inside("link")).expect("link");
    refused(Sqlite::open(inside("link")), "symbolic link");
    symlink(inside("nowhere"), inside("dangling")).expect("link");
    refused(Sqlite::open(inside("dangling")), "symbolic link");
    assert!(!inside("nowhere").exists());
}

#[test]
fn one_file_has_one_handle_by_whatever_name() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    refused(Sqlite::open(folder.file()), "open already");
    refused(Sqlite::exclusive(folder.file()), "open already");
    let hard = folder.folder.path().join("hard");
    fs::hard_link(folder.file(), &hard).expect("hard link");
    refused(Sqlite::open(&hard), "open already");
    put(&storage, "a", b"x");
    drop(storage);
    drop(Sqlite::open(folder.file()).expect("free again"));
}

#[test]
fn all_files_are_private() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    put(&storage, "a", b"x");
    let names = folder.names();
    assert_eq!(
        names,
        [
            "test.vault",
            "test.vault-lock",
            "test.vault-shm",
            "test.vault-wal"
        ]
    );
    for name in names {
        let metadata = fs::metadata(folder.folder.path().join(&name)).expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_handle_that_closes_leaves_one_file_and_its_lock() {
    let folder = Folder::new();
    drop(Sqlite::open(folder.file()).expect("create"));
    assert_eq!(folder.names(), ["test.vault", "test.vault-lock"]);
}

#[test]
fn only_the_owner_is_exclusive() {
    let folder = Folder::new();
    assert!(!Sqlite::open(folder.file()).expect("open").exclusive());
    let owner = Sqlite::exclusive(folder.file()).expect("exclusive");
    assert!(owner.exclusive());
}

#[test]
fn debug_shows_no_path() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("open");
    assert_eq!(format!("{storage:?}"), "Sqlite(Shared)");
}

/// Every tenth byte of a small file, changed, gives an error or an answer and never a panic.
#[test]
fn a_damaged_file_never_panics() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    for number in 0..60 {
        put(&storage, &format!("a/{number:02}"), &[number; 200]);
    }
    drop(storage);
    let sound = fs::read(folder.file()).expect("read");
    let mut refusals = 0;
    for at in (0..sound.len()).step_by(61) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0xff;
        fs::write(folder.file(), &bytes).expect("write");
        refusals += usize::from(use_everything(&folder.file()).is_err());
    }
    for length in (0..sound.len()).step_by(997) {
        fs::write(folder.file(), &sound[..length]).expect("write");
        refusals += usize::from(use_everything(&folder.file()).is_err());
    }
    assert!(refusals > 10, "damage was noticed {refusals} times only");
}

fn use_everything(file: &Path) -> Result<(), StorageError> {
    let options = SqliteOptions::new()
        .create(Create::Never)
        .durability(Durability::Normal);
    let storage = options.open(file)?;
    let paths: Vec<EntryPath> = (0..60)
        .map(|number| path(&format!("a/{number:02}")))
        .collect();
    storage.scan(&Scan::new(""))?;
    storage.read(&paths)?;
    storage.commit(&Batch::new().put(path("a/30"), vec![1; 500]))?;
    storage.commit(&Batch::new().delete(path("a/31")))?;
    Ok(())
}

#[test]
fn a_handle_whose_file_was_replaced_connects_to_no_other() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    put(&storage, "a", b"x");
    let away = folder.folder.path().join("away");
    fs::rename(folder.file(), away).expect("rename");
    fs::write(folder.file(), b"").expect("write");
    let error = storage
        .read(&[path("a")])
        .expect_err("the first read connects");
    assert!(error.to_string().contains("moved or replaced"), "{error}");
}
