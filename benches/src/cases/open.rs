//! Goal 20: from a file to an unsealed vault, and what an idle one keeps in memory.

use std::fs;
use std::process::{Command, ExitCode};

use rusqlite::Connection;

use super::Setting;
use crate::Result;
use crate::harness::{Side, race};
use crate::report::{Goal, Row, duration};
use crate::world::Stored;

/// The most that opening may take, in nanoseconds.
const OPEN_NANOS: f64 = 5e6;
/// The most that an idle vault may keep, in KiB.
const IDLE_KIB: f64 = 4_096.0;

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let stored = Stored::new()?;
    let copy = stored.copy("raw.db")?;
    let idle = idle_kib(&stored)?;
    let ours = Side::new(|| drop(stored.open_plainly().expect("opened")));
    let theirs = Side::new(|| {
        let connection = Connection::open(&copy).expect("opened");
        let count =
            connection.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, u32>(0));
        std::hint::black_box(count.expect("counted"));
    });
    let found = race(setting.extent, &mut [ours, theirs]);
    let raw = duration(found.nanos(1));
    Ok(vec![
        Row::new(
            20,
            "open",
            "open, unseal with one share of one, and close again",
        )
        .times((found.nanos(0), OPEN_NANOS), "the allowed 5 ms")
        .measured(found.ratio(|round| round[0] / OPEN_NANOS))
        .goal(Goal::AtMost(1.0))
        .note(format!("a bare connection with one query takes {raw}")),
        Row::new(
            20,
            "idle-memory",
            "memory of an idle vault over its host (RssAnon)",
        )
        .figure(format!("{idle} KiB"), idle as f64 / IDLE_KIB)
        .goal(Goal::AtMost(1.0))
        .note("of the allowed 4 MiB; OpenBao idles at 15.5 MB"),
    ])
}

/// Returns what an idle vault keeps, in a process that has done nothing else.
pub(super) fn idle_kib(stored: &Stored) -> Result<u64> {
    let mut child = Command::new(std::env::current_exe()?);
    child.arg("idle").args(stored.address());
    let done = child.output()?;
    let text = String::from_utf8(done.stdout)?;
    let number = text.trim().parse();
    number.map_err(|_| format!("the idle process failed: {}", done.status).into())
}

/// Opens the vault that `words` tell of, and prints what it keeps in memory.
pub(crate) fn idle(words: &[String]) -> Result<ExitCode> {
    let stored = Stored::at(words)?;
    let before = anonymous_kib()?;
    let open = stored.open_plainly()?;
    println!("{}", anonymous_kib()?.saturating_sub(before));
    drop(open);
    Ok(ExitCode::SUCCESS)
}

/// Returns what this process has in memory that is backed by no file.
fn anonymous_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.ok_or("no RssAnon in /proc/self/status")?.parse()?)
}
