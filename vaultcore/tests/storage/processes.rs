//! Two processes on one file. The test binary runs itself again as the second one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use vaultcore::storage::{Batch, Create, Durability, Scan, Sqlite, SqliteOptions};
use vaultcore::storage::{Storage, StorageError};

use crate::sqlite::{Folder, path};

const ROLE: &str = "VAULTCORE_TEST_ROLE";
const FILE: &str = "VAULTCORE_TEST_FILE";
const ROUNDS: u64 = 300;

/// What a second process does; in an ordinary run there is no role, and this does nothing.
#[test]
fn child() {
    let (Ok(role), Ok(file)) = (std::env::var(ROLE), std::env::var(FILE)) else {
        return;
    };
    let file = Path::new(&file);
    match role.as_str() {
        "increment" => increment(&Sqlite::open(file).expect("open"), ROUNDS),
        "read" => read_pairs(&Sqlite::open(file).expect("open")),
        "put" => put(&Sqlite::open(file).expect("open"), "other", b"x"),
        "open" => report(&Sqlite::open(file)),
        "exclusive" => report(&Sqlite::exclusive(file)),
        "create" => create(file),
        "hold" => hold(file),
        "fill" => fill_up(file),
        other => panic!("no role {other}"),
    }
}

/// Prepares a process with a role. `shell` runs before it, such as `umask 0`.
fn second(role: &str, file: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    let binary = std::env::current_exe().expect("this binary");
    let script = format!("{shell}; exec \"$0\" --exact processes::child --nocapture");
    command
        .arg("-c")
        .arg(script)
        .arg(binary)
        .env(ROLE, role)
        .env(FILE, file);
    command
}

fn start(role: &str, file: &Path) -> Child {
    second(role, file, ":")
        .stdout(Stdio::null())
        .spawn()
        .expect("a second process")
}

#[track_caller]
fn finish(mut child: Child) {
    assert!(
        child.wait().expect("a second process").success(),
        "the second process failed"
    );
}

/// Runs a second process, and returns what it reported.
fn ask(role: &str, file: &Path, shell: &str) -> String {
    let output = second(role, file, shell)
        .output()
        .expect("a second process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = text.lines().find_map(|line| line.split_once("report: "));
    line.map(|(_, report)| report.to_owned())
        .unwrap_or_default()
}

fn report(opened: &Result<Sqlite, StorageError>) {
    match opened {
        Ok(_) => println!("\nreport: opened"),
        Err(error) => println!("\nreport: {error}"),
    }
}

fn put(storage: &dyn Storage, at: &str, value: &[u8]) {
    storage
        .commit(&Batch::new().put(path(at), value.to_vec()))
        .expect("put");
}

fn number(storage: &dyn Storage) -> u64 {
    let entry = storage.read(&[path("counter")]).expect("read").remove(0);
    entry.map_or(0, |entry| {
        u64::from_be_bytes(entry.value.try_into().expect("8 bytes"))
    })
}

fn increment(storage: &dyn Storage, rounds: u64) {
    let mut done = 0;
    while done < rounds {
        let entry = storage.read(&[path("counter")]).expect("read").remove(0);
        let found = entry.as_ref().map_or(0, |entry| {
            u64::from_be_bytes(entry.value.as_slice().try_into().expect("8 bytes"))
        });
        let batch = Batch::new()
            .expect(path("counter"), entry.map(|entry| entry.revision))
            .put(path("counter"), (found + 1).to_be_bytes().to_vec());
        match storage.commit(&batch) {
            Ok(_) => done += 1,
            Err(StorageError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn two_processes_lose_no_update() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    let child = start("increment", &folder.file());
    std::thread::scope(|scope| {
        scope.spawn(|| increment(&storage, ROUNDS));
        scope.spawn(|| increment(&storage, ROUNDS));
    });
    finish(child);
    assert_eq!(number(&storage), 3 * ROUNDS);
}

#[test]
fn two_processes_may_create_one_file() {
    for _ in 0..10 {
        let folder = Folder::new();
        let child = start("increment", &folder.file());
        increment(&Sqlite::open(folder.file()).expect("open"), 20);
        finish(child);
        assert_eq!(
            number(&Sqlite::open(folder.file()).expect("open")),
            ROUNDS + 20
        );
    }
}

fn read_pairs(storage: &dyn Storage) {
    let paths = [path("left"), path("right")];
    for _ in 0..2_000 {
        let entries = storage.read(&paths).expect("read");
        assert_eq!(entries[0], entries[1], "a torn read");
        assert_eq!(
            storage.scan(&Scan::new("")).expect("scan"),
            ["left", "right"]
        );
    }
}

#[test]
fn a_process_reads_whole_batches_while_another_writes() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    let write = |round: u64| {
        let value = round.to_be_bytes().to_vec();
        let batch = Batch::new()
            .put(path("left"), value.clone())
            .put(path("right"), value);
        storage.commit(&batch).expect("commit");
    };
    write(0);
    let mut child = start("read", &folder.file());
    let mut round = 0;
    while child.try_wait().expect("wait").is_none() {
        round += 1;
        write(round);
    }
    finish(child);
}

#[test]
fn the_mark_moves_when_another_process_writes() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    put(&storage, "own", b"x");
    for _ in 0..3 {
        let before = storage.change_mark().expect("mark");
        assert!(before.is_some());
        assert_eq!(storage.change_mark().expect("mark"), before);
        ask("put", &folder.file(), ":");
        assert_ne!(storage.change_mark().expect("mark"), before);
    }
}

#[test]
fn sharers_and_an_owner_keep_each_other_out() {
    let folder = Folder::new();
    let storage = Sqlite::open(folder.file()).expect("create");
    assert_eq!(ask("open", &folder.file(), ":"), "opened");
    let refused = ask("exclusive", &folder.file(), ":");
    assert!(
        refused.contains("another handle has the file open"),
        "{refused}"
    );
    drop(storage);
    let storage = Sqlite::exclusive(folder.file()).expect("exclusive");
    for role in ["open", "exclusive"] {
        let refused = ask(role, &folder.file(), ":");
        assert!(
            refused.contains("not available: another handle has"),
            "{refused}"
        );
    }
    put(&storage, "a", b"x");
    drop(storage);
    assert_eq!(ask("exclusive", &folder.file(), ":"), "opened");
}

fn hold(file: &Path) {
    let storage = Sqlite::exclusive(file).expect("exclusive");
    put(&storage, "held", b"x");
    println!("\nreport: holding");
    std::io::stdin()
        .read_line(&mut String::new())
        .expect("until the parent is done");
}

#[test]
fn a_killed_owner_leaves_the_file_free_and_whole() {
    let folder = Folder::new();
    let mut command = second("hold", &folder.file(), ":");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let output: ChildStdout = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output)
        .lines()
        .map(|line| line.expect("a line"));
    assert!(lines.any(|line| line == "report: holding"));
    assert!(Sqlite::open(folder.file()).is_err());
    child.kill().expect("kill");
    child.wait().expect("wait");
    let storage = Sqlite::open(folder.file()).expect("free");
    assert!(storage.read(&[path("held")]).expect("read")[0].is_some());
}

fn create(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let storage = SqliteOptions::new()
        .create(Create::New)
        .open(file)
        .expect("create");
    put(&storage, "a", b"x");
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let name = format!("{}{suffix}", file.display());
        let metadata = std::fs::metadata(&name).expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn files_are_private_under_any_umask() {
    for umask in ["umask 0", "umask 022", "umask 077", "umask 0777"] {
        ask("create", &Folder::new().file(), umask);
    }
}

/// Writes until an error, and checks that nothing but the failed commit is missing.
fn fill_up(file: &Path) {
    let options = SqliteOptions::new().durability(Durability::Normal);
    let storage = options.open(file).expect("open");
    let commit = |number: u32| {
        let at = path(&format!("fill/{number:04}"));
        storage.commit(
            &Batch::new()
                .expect(at.clone(), None)
                .put(at, vec![7; 20_000]),
        )
    };
    let failed = (0..1_000).find_map(|number| Some((number, commit(number).err()?)));
    let (number, error) = failed.expect("there is a limit");
    let found = storage
        .scan(&Scan::new("fill/"))
        .expect("a scan works without room");
    assert_eq!(
        found.len(),
        number as usize,
        "each commit before it, and no more"
    );
    assert!(storage.read(&[path("fill/0000")]).expect("a read")[0].is_some());
    println!("\nreport: {error}");
}

#[test]
fn a_file_at_its_size_limit_fails_typed_and_stays_whole() {
    let folder = Folder::new();
    // Without the trap the signal would end the process.
    let report = ask("fill", &folder.file(), "trap '' XFSZ; ulimit -f 1000");
    assert!(
        report.contains("did not say whether the commit happened"),
        "{report}"
    );
    let storage = Sqlite::open(folder.file()).expect("room again");
    let before = storage.scan(&Scan::new("fill/")).expect("scan").len();
    put(&storage, "fill/more", &[7; 20_000]);
    assert_eq!(
        storage.scan(&Scan::new("fill/")).expect("scan").len(),
        before + 1
    );
}

#[test]
fn a_full_disk_is_full_and_stays_whole() {
    let folder = Folder::new();
    let mount = folder.file().with_extension("mount");
    std::fs::create_dir(&mount).expect("a folder");
    // A mount of its own, which ends with the process.
    let script = "mount -t tmpfs -o size=1m none \"$1\" && exec \"$0\" --exact processes::child \
                  --nocapture";
    let binary = std::env::current_exe().expect("this binary");
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", script])
        .arg(binary)
        .arg(&mount);
    command
        .env(ROLE, "fill")
        .env(FILE, mount.join("test.vault"));
    let Ok(output) = command.output() else {
        return println!("SKIPPED: there is no unshare");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() && !text.contains("running 1 test") {
        return println!("SKIPPED: mounting a small file system is not allowed");
    }
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("report: the storage is full"), "{text}");
}

#[test]
fn a_writer_that_does_not_let_go_is_waited_for_and_reported() {
    let folder = Folder::new();
    let timeout = Duration::from_millis(5);
    let storage = SqliteOptions::new()
        .busy_timeout(timeout)
        .open(folder.file())
        .expect("create");
    put(&storage, "a", b"x");
    let other = rusqlite::Connection::open(folder.file()).expect("raw open");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the write lock");
    let batch = Batch::new().put(path("b"), b"x".to_vec());
    let error = storage.commit(&batch).expect_err("busy");
    assert!(matches!(error, StorageError::Unavailable(..)), "{error:?}");
    assert_eq!(storage.scan(&Scan::new("")).expect("reads go on"), ["a"]);
    other.execute_batch("ROLLBACK").expect("let go");
    storage.commit(&batch).expect("free");
}
