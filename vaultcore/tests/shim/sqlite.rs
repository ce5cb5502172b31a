//! SQLite under the shim: the log must tell all that reached the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::shim::disk::{Disk, Image, write_image};
use crate::shim::log::{Op, Record, acks, parse};
use crate::shim::{Flush, Logged, Shim, skipped};

/// Where the child works; without it `child` is no test.
const FOLDER: &str = "VAULTCORE_SHIM_TEST_FOLDER";
/// The child's `PRAGMA synchronous`.
const LEVEL: &str = "VAULTCORE_SHIM_TEST_LEVEL";
/// The first row that the child inserts.
const FIRST: &str = "VAULTCORE_SHIM_TEST_FIRST";
const ROWS: u32 = 40;

/// Runs only in a process that `start_child` started.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let level = std::env::var(LEVEL).unwrap();
    let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
    // Two rounds: closing the last connection removes the -wal file, and opening makes it anew.
    for round in 0..2 {
        let connection = open(&folder.join("db"), &level);
        for row in round * ROWS / 2..(round + 1) * ROWS / 2 {
            insert(&connection, first + row);
            fs::write(folder.join("ack"), (first + row).to_string()).unwrap();
        }
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        insert(&connection, first + 500 + round);
    }
    change_names(&folder, first);
}

/// Removes and renames files in the ways that the standard library has.
fn change_names(folder: &Path, first: u32) {
    let [draft, last, inner] = ["draft", "final", "inner"].map(|name| format!("{name}-{first}"));
    fs::write(folder.join(&draft), "text").unwrap();
    fs::rename(folder.join(draft), folder.join(last)).unwrap();
    let inner = folder.join(inner);
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("file"), "text").unwrap();
    fs::remove_dir_all(inner).unwrap();
}

fn open(path: &Path, level: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    connection
        .pragma_update(None, "synchronous", level)
        .unwrap();
    connection
}

fn insert(connection: &Connection, row: u32) {
    let value = vec![row as u8; 100 + row as usize % 500 * 13];
    connection
        .execute("INSERT INTO t VALUES (?1, ?2)", (row, value))
        .unwrap();
}

/// Makes the table in a file that is there before the log begins.
fn prepare(folder: &Path) -> Image {
    let connection = open(&folder.join("db"), "FULL");
    connection
        .execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)", [])
        .unwrap();
    drop(connection);
    files_in(folder)
}

fn files_in(folder: &Path) -> Image {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

fn command(folder: &Path, level: &str, first: u32) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "sqlite::child"])
        .stdout(Stdio::null());
    child
        .env(FOLDER, folder)
        .env(LEVEL, level)
        .env(FIRST, first.to_string());
    child
}

/// Runs one child for each first row, all at the same time, and returns what they did.
fn run_logged(shim: &Shim, folder: &Path, level: &str, firsts: &[u32]) -> Vec<Record> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let start = |first: &u32| {
        let mut child = command(folder, level, *first);
        // Only the log counts here, not the disk of this machine.
        shim.flush(&mut child, Duration::ZERO, Flush::Pretended);
        shim.log(
            &mut child,
            &Logged {
                log: log.path(),
                folder,
                ack: &folder.join("ack"),
            },
        );
        child.spawn().unwrap()
    };
    let children: Vec<_> = firsts.iter().map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    parse(&fs::read(log.path()).unwrap()).unwrap()
}

fn shim_for(test: &str) -> Option<Shim> {
    Shim::find()
        .inspect_err(|reason| skipped(test, reason))
        .ok()
}

#[test]
fn the_whole_log_gives_the_very_bytes() {
    let Some(shim) = shim_for("shim-log") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let start = prepare(folder.path());
    let records = run_logged(&shim, folder.path(), "FULL", &[0, 1000]);
    let mut disk = Disk::new(&start);
    for record in &records {
        disk.play(record).unwrap();
    }
    let mut real = files_in(folder.path());
    real.remove(&folder.path().join("ack")); // Acks are marks, not contents.
    // Two that close at one moment leave theirs, which is memory they shared.
    real.retain(|path, _| !path.as_os_str().as_encoded_bytes().ends_with(b"-shm"));
    for name in ["db", "final-0", "final-1000"] {
        assert!(real.contains_key(&folder.path().join(name)), "{name}");
    }
    let told = disk.everything();
    assert!(told == real, "{:?} {:?}", told.keys(), real.keys());
    assert_eq!(acks(&records).count(), 2 * ROWS as usize);
}

/// Cuts the power at every ack, and returns how many of the disks lack an acknowledged row.
fn lossy_disks(records: &[Record], start: &Image, folder: &Path) -> usize {
    let mut disk = Disk::new(start);
    let mut lossy = 0;
    for (at, record) in records.iter().enumerate() {
        disk.play(record).unwrap();
        if let Op::Ack { data } = &record.op {
            let row: u32 = std::str::from_utf8(data).unwrap().parse().unwrap();
            for seed in 0..4 {
                let image = disk.crash(at as u64 * 64 + seed);
                lossy += usize::from(!holds_all(&image, folder, row));
            }
        }
    }
    lossy
}

/// Returns whether every row up to `last` is there; a damaged file is a failure at once.
fn holds_all(image: &Image, folder: &Path, last: u32) -> bool {
    let copy = tempfile::tempdir().unwrap();
    write_image(image, folder, copy.path()).unwrap();
    let connection = Connection::open(copy.path().join("db")).unwrap();
    let count = "SELECT count(*) FROM t WHERE id <= ?1";
    let rows: rusqlite::Result<u32> = connection.query_row(count, [last], |row| row.get(0));
    let check = "PRAGMA integrity_check";
    let sound: String = connection.query_row(check, [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    rows.is_ok_and(|rows| rows == last + 1)
}

#[test]
fn full_loses_no_acknowledged_row_and_normal_does() {
    let Some(shim) = shim_for("shim-power-loss") else {
        return;
    };
    for (level, loses) in [("FULL", false), ("NORMAL", true)] {
        let folder = tempfile::tempdir().unwrap();
        let start = prepare(folder.path());
        let records = run_logged(&shim, folder.path(), level, &[0]);
        let lossy = lossy_disks(&records, &start, folder.path());
        assert_eq!(
            lossy > 0,
            loses,
            "synchronous={level}: {lossy} disks lost a row"
        );
    }
}

#[test]
fn a_flush_takes_the_time_it_is_given() {
    let Some(shim) = shim_for("shim-flush") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let mut child = command(folder.path(), "FULL", 0);
    shim.flush(&mut child, Duration::from_millis(5), Flush::Pretended);
    let begun = fs::metadata(folder.path()).unwrap().modified().unwrap();
    assert!(child.status().unwrap().success());
    let ended = fs::metadata(folder.path()).unwrap().modified().unwrap();
    // One flush a row at the least; the folder's own stamps bracket the work.
    assert!(ended.duration_since(begun).unwrap() >= Duration::from_millis(5) * ROWS);
}
