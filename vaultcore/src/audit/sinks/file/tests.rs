use std::fs::File as Plain;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::audit::testing::{CHILDREN, LONG, SHORT, built_in, with_request};
use crate::audit::{AuditFinding as Finding, Broker};

/// What waits for a pipe that nobody reads would wait for ever, so that the limit may be far away.
const LIMIT: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().expect("folder")
}

fn file(path: &Path, check_every: Duration) -> File {
    let mut file = File::new(path.to_path_buf(), Some(0o600));
    file.check_every = check_every;
    file
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("exists").mode() & 0o7777
}

fn make_pipe(path: &Path) {
    let _alone = CHILDREN.write().unwrap_or_else(PoisonError::into_inner);
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success());
}

fn broker(path: &Path) -> Broker {
    with_timeout(path, LONG)
}

fn with_timeout(path: &Path, timeout: &str) -> Broker {
    let path = path.to_str().expect("text");
    Broker::new(vec![built_in("file", timeout, &[("file_path", path)])])
}

fn record(broker: &Broker, path: &str) -> bool {
    let begin = now();
    let recorded = with_request(path, |entry| broker.request(entry));
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    if let Err(error) = &recorded {
        assert_eq!(error.kind(), ErrorKind::AuditFailed);
    }
    recorded.is_ok()
}

#[test]
fn the_mode_is_what_was_asked_for() {
    let folder = folder();
    for (mode_of, name) in [(0o600, "a"), (0o666, "b"), (0o620, "c")] {
        let path = folder.path().join(name);
        // The usual umask takes 0o022 away from what a file is created with.
        File::new(path.clone(), Some(mode_of))
            .write(b"x\n")
            .expect("written");
        assert_eq!(mode(&path), mode_of);
    }
    let path = folder.path().join("old");
    fs::write(&path, "x\n").expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
    File::new(path.clone(), None)
        .write(b"y\n")
        .expect("written");
    assert_eq!(mode(&path), 0o644);
    File::new(path.clone(), Some(0o600))
        .write(b"z\n")
        .expect("written");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read(&path).expect("read"), b"x\ny\nz\n");
}

#[test]
fn a_rotated_file_is_left() {
    let folder = folder();
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let watched = file(&path, Duration::ZERO);
    watched.write(b"1\n").expect("written");
    fs::rename(&path, &old).expect("moved");
    watched.write(b"2\n").expect("written");
    assert_eq!(fs::read(&old).expect("read"), b"1\n");
    assert_eq!(fs::read(&path).expect("read"), b"2\n");
    assert_eq!(mode(&path), 0o600);
    // One that is not looked at yet is told.
    let told = file(&path, Duration::MAX);
    told.write(b"3\n").expect("written");
    fs::rename(&path, &old).expect("moved");
    told.write(b"4\n").expect("written");
    told.reopen().expect("opened");
    told.write(b"5\n").expect("written");
    assert_eq!(fs::read(&old).expect("read"), b"2\n3\n4\n");
    assert_eq!(fs::read(&path).expect("read"), b"5\n");
}

#[test]
fn no_line_is_lost_with_a_file_that_is_removed() {
    let folder = folder();
    let path = folder.path().join("log");
    let unwatched = file(&path, Duration::MAX);
    unwatched.write(b"1\n").expect("written");
    fs::remove_file(&path).expect("removed");
    unwatched.write(b"2\n").expect("written");
    assert_eq!(fs::read(&path).expect("read"), b"2\n");
    // Replaced by another.
    fs::write(folder.path().join("new"), "new\n").expect("written");
    fs::rename(folder.path().join("new"), &path).expect("moved");
    unwatched.write(b"3\n").expect("written");
    assert_eq!(fs::read(&path).expect("read"), b"new\n3\n");
}

#[test]
fn a_removed_folder_takes_nothing_until_it_is_back() {
    let folder = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("made");
    let broker = broker(&inner.join("log"));
    assert!(record(&broker, "p/1"));
    fs::remove_dir_all(&inner).expect("removed");
    assert!(!record(&broker, "p/2"));
    assert!(broker.reopen().is_err());
    fs::create_dir(&inner).expect("made");
    assert!(record(&broker, "p/3"));
    let log = fs::read_to_string(inner.join("log")).expect("read");
    assert!(log.contains("p/3") && log.lines().count() == 1, "{log}");
}

#[test]
fn a_piece_of_a_line_does_not_spoil_the_next() {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(&path, "{\"time\":\"20").expect("written");
    let file = file(&path, Duration::MAX);
    file.write(b"1\n").expect("written");
    file.write(b"2\n").expect("written");
    assert_eq!(fs::read(&path).expect("read"), b"{\"time\":\"20\n1\n2\n");
}

#[test]
fn a_full_disk_takes_nothing() {
    let broker = broker(Path::new("/dev/full"));
    for _ in 0..3 {
        assert!(!record(&broker, "p"));
    }
    let status = broker.status();
    assert_eq!((status[0].written, status[0].failed), (0, 3));
}

#[test]
fn a_pipe_without_a_reader_takes_nothing() {
    let folder = folder();
    let path = folder.path().join("pipe");
    make_pipe(&path);
    let broker = with_timeout(&path, SHORT);
    assert!(!record(&broker, "p/1"));
    assert!(!record(&broker, "p/2"));
    // The thread waits for a reader, which lets it go.
    drop(broker);
    let mut late = Plain::open(&path).expect("opened");
    let mut lines = String::new();
    late.read_to_string(&mut lines).expect("read");
    assert!(lines.contains("p/1") && lines.contains("p/2"), "{lines}");
}

#[test]
fn a_pipe_whose_reader_has_stopped_takes_what_fits() {
    let folder = folder();
    let path = folder.path().join("pipe");
    make_pipe(&path);
    let reader = {
        let path = path.clone();
        thread::spawn(move || Plain::open(path).expect("opened"))
    };
    let broker = with_timeout(&path, SHORT);
    let config = config_of(&broker);
    let mut accepted = Vec::new();
    let mut refused = 0;
    for number in 0.. {
        let name = format!("p/{number}/");
        if record(&broker, &name) {
            accepted.push(name);
            refused = 0;
        } else {
            refused += 1;
        }
        if refused == 3 {
            break;
        }
    }
    assert!(accepted.len() > 10, "a pipe holds 64 KiB");
    let mut pipe = reader.join().expect("ends");
    drop(broker);
    let mut lines = String::new();
    pipe.read_to_string(&mut lines).expect("read");
    for name in &accepted {
        assert!(lines.contains(name.as_str()), "{name} was not written");
    }
    let report = config.verify(lines.as_bytes(), &[]).expect("read");
    assert!(report.is_whole(), "{report:?}");
}

#[test]
fn a_pipe_that_takes_the_place_of_a_file_does_not_stop_its_writer() {
    let folder = folder();
    let path = folder.path().join("log");
    let file = file(&path, Duration::ZERO);
    assert!(!file.may_block(), "the folder for temporary files is local");
    file.write(b"1\n").expect("written");
    fs::remove_file(&path).expect("removed");
    make_pipe(&path);
    let error = file.write(b"2\n").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[test]
fn what_is_not_a_local_file_has_a_thread() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    assert!(may_block(&pipe));
    assert!(may_block(Path::new("/dev/full")));
    assert!(may_block(Path::new("/proc/self/comm")));
    assert!(may_block(Path::new("/no/such/folder/log")));
    assert!(!may_block(&folder.path().join("log")));
}

fn config_of(broker: &Broker) -> crate::audit::DeviceConfig {
    broker.device(0).config().copy()
}

#[test]
fn several_processes_share_a_file() {
    let folder = folder();
    let path = folder.path().join("log");
    let first = broker(&path);
    let config = config_of(&first);
    let other = |_| {
        let sink = Arc::new(File::new(path.clone(), Some(0o600)));
        let source = &crate::crypto::rng::OsRandom;
        let device = crate::audit::device::Device::start(config.copy(), sink, source);
        Broker::new(vec![Arc::new(device.expect("starts"))])
    };
    let brokers: Vec<Broker> = std::iter::once(first).chain((0..2).map(other)).collect();
    // Each opens the file while nobody writes: half a line at its end would look torn.
    assert!(brokers.iter().all(|broker| record(broker, "p")));
    thread::scope(|scope| {
        for broker in &brokers {
            scope.spawn(|| (1..100).for_each(|_| assert!(record(broker, "p"))));
        }
    });
    let heads: Vec<_> = brokers.iter().flat_map(Broker::heads).collect();
    let log = fs::read(&path).expect("read");
    let report = config.verify(log.as_slice(), &heads).expect("read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.lines, report.runs.len()), (300, 3));
    assert!(report.runs.iter().all(|run| run.uncommitted() == 0));

    // The writes of one are torn, and another's line stands behind the piece.
    let half = log.len() - 200;
    let mut torn = log[..half].to_vec();
    let line_end = log.iter().position(|byte| *byte == b'\n').expect("line");
    torn.extend_from_slice(&log[..=line_end]);
    let report = config.verify(torn.as_slice(), &[]).expect("read");
    let line = 300;
    assert_eq!(report.findings[0], Finding::Piece { line });
    assert!(matches!(
        report.findings[1],
        Finding::Repeated {
            line: 300,
            seq: 1,
            ..
        }
    ));
}
