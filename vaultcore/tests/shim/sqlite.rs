//! SQLite under the shim: the log must tell all that reached the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;

use crate::shim::disk::{Disk, Image, write_image};
use crate::shim::log::{Op, Record, acks, parse};
use crate::shim::{Flush, Logged, Shim, skipped};

/// Where the child works; without it `child` is no test.
const FOLDER: &str = "VAULTCORE_SHIM_TEST_FOLDER";
/// The child's `PRAGMA synchronous`.
const LEVEL: &str = "VAULTCORE_SHIM_TEST_LEVEL";
const ROWS: u32 = 40;

/// Runs only in a process that [`run_child`] started.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let level = std::env::var(LEVEL).unwrap();
    // Two rounds: closing the last connection removes the log file, and opening makes it anew.
    for round in 0..2 {
        let connection = open(&folder.join("db"), &level);
        for row in round * ROWS / 2..(round + 1) * ROWS / 2 {
            insert(&connection, row);
            fs::write(folder.join("ack"), row.to_string()).unwrap();
        }
        connection
            .execute("DELETE FROM t WHERE id = -1", [])
            .unwrap();
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        insert(&connection, 1000 + round);
    }
    fs::write(folder.join("draft"), "text").unwrap();
    fs::rename(folder.join("draft"), folder.join("final")).unwrap();
}

fn open(path: &Path, level: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    connection
        .pragma_update(None, "synchronous", level)
        .unwrap();
    let table = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)";
    connection.execute(table, []).unwrap();
    connection
}

fn insert(connection: &Connection, row: u32) {
    let value = vec![row as u8; 100 + row as usize * 13];
    connection
        .execute("INSERT INTO t VALUES (?1, ?2)", (row, value))
        .unwrap();
}

fn run_child(shim: &Shim, folder: &Path, level: &str) -> Vec<Record> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "sqlite::child"]);
    child.env(FOLDER, folder).env(LEVEL, level);
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
    let done = child.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
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
    let records = run_child(&shim, folder.path(), "FULL");
    let start = Image::new();
    let mut disk = Disk::new(&start);
    for record in &records {
        disk.play(record).unwrap();
    }
    let mut real = Image::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        real.insert(path.clone(), fs::read(&path).unwrap());
    }
    real.remove(&folder.path().join("ack")); // Acks are marks, not contents.
    let told = disk.everything();
    for name in ["db", "final"] {
        assert!(real.contains_key(&folder.path().join(name)), "{name}");
    }
    assert!(told == real, "{:?} {:?}", told.keys(), real.keys());
    assert_eq!(acks(&records).count(), ROWS as usize);
    let removed = records.iter().filter(|record| record.op == Op::Unlink);
    assert!(removed.count() >= 2, "both rounds removed the -wal file");
}

/// Cuts the power at every ack, and returns how many acknowledged rows were lost.
fn lost_rows(records: &[Record], folder: &Path) -> usize {
    let start = Image::new();
    let mut disk = Disk::new(&start);
    let mut lost = 0;
    for (at, record) in records.iter().enumerate() {
        disk.play(record).unwrap();
        if let Op::Ack { data } = &record.op {
            let row: u32 = std::str::from_utf8(data).unwrap().parse().unwrap();
            for seed in 0..4 {
                let image = disk.crash(at as u64 * 64 + seed);
                lost += usize::from(!holds_all(&image, folder, row));
            }
        }
    }
    lost
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
        let records = run_child(&shim, folder.path(), level);
        assert_eq!(
            lost_rows(&records, folder.path()) > 0,
            loses,
            "synchronous={level}"
        );
    }
}

#[test]
fn a_flush_takes_the_time_it_is_given() {
    let Some(shim) = shim_for("shim-flush") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "sqlite::child"]);
    child.env(FOLDER, folder.path()).env(LEVEL, "FULL");
    shim.flush(&mut child, Duration::from_millis(5), Flush::Pretended);
    let begun = fs::metadata(folder.path()).unwrap().modified().unwrap();
    assert!(child.output().unwrap().status.success());
    let ended = fs::metadata(folder.path()).unwrap().modified().unwrap();
    // One flush a row at the least; the folder's own stamps bracket the work.
    assert!(ended.duration_since(begun).unwrap() >= Duration::from_millis(5) * ROWS);
}
