//! Goals 12 to 15: what leases cost that are only there, and what their end and a token cost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::Connection as Rows;
use vaultcore::database::{ChangeUser, Connection, Database, Driver, NewUser, Role, Settings};
use vaultcore::storage::Sqlite;
use vaultcore::{
    Background, Clock, ClockReading, NewMount, NewToken, SecretString, Session, Share, SystemClock,
    Vault,
};

use super::Setting;
use super::open::idle_kib;
use crate::Result;
use crate::harness::{Extent, Ratio, Side, quantile, race};
use crate::raw;
use crate::report::{Goal, Row, duration};
use crate::world::Stored;

const HOUR: Duration = Duration::from_secs(3_600);
/// The groups that leases are revoked in, one after the other.
const GROUPS: usize = 7;
/// Leases that one transaction deletes by hand.
const BATCH: usize = 100;
/// Leases that fall due in one moment.
const TOGETHER: usize = 10_000;
/// What OpenBao takes for each lease of a revoke-prefix, in nanoseconds: 1.7 k/s.
const BAO_REVOKE: f64 = 1e9 / 1_700.0;
/// What it takes for a token with its lease, on disk, for one caller and for eight.
const BAO_TOKEN: [(u64, f64); 2] = [(1, 1e9 / 850.0), (8, 1e9 / 1_600.0)];

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let count = match setting.extent {
        Extent::Quick => 5_000,
        Extent::Usual => 100_000,
        Extent::Full => 1_000_000,
    };
    let mut rows = there(setting, count)?;
    rows.extend(revoked(setting)?);
    rows.push(together()?);
    rows.extend(tokens(setting)?);
    Ok(rows)
}

/// A database that does nothing, and notes when users were dropped.
#[derive(Clone)]
struct Idle {
    clock: Held,
    dropped: Arc<Mutex<Vec<Duration>>>,
}

impl Driver for Idle {
    fn name(&self) -> &'static str {
        "idle-plugin"
    }

    fn open(&self, _: &Settings) -> vaultcore::Result<Arc<dyn Database>> {
        Ok(Arc::new(self.clone()))
    }
}

impl Database for Idle {
    fn verify(&self) -> vaultcore::Result<()> {
        Ok(())
    }

    fn create(&self, _: &NewUser<'_>) -> vaultcore::Result<()> {
        Ok(())
    }

    fn change(&self, _: &ChangeUser<'_>) -> vaultcore::Result<()> {
        Ok(())
    }

    fn drop_user(&self, _: &str, _: &[String]) -> vaultcore::Result<()> {
        let since = SystemClock.read().since_boot;
        let late = since.saturating_sub(self.clock.released());
        self.dropped.lock().expect("not poisoned").push(late);
        Ok(())
    }
}

/// A clock that stands still until it is released, an hour later.
#[derive(Clone)]
struct Held {
    start: ClockReading,
    /// When it was released, in microseconds since boot; 0 while it is held.
    released: Arc<AtomicU64>,
}

impl Held {
    fn new() -> Self {
        Self {
            start: SystemClock.read(),
            released: Arc::default(),
        }
    }

    fn released(&self) -> Duration {
        Duration::from_micros(self.released.load(Ordering::SeqCst))
    }

    fn release(&self) {
        let now = SystemClock.read().since_boot.as_micros();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        self.released.store(now, Ordering::SeqCst);
    }
}

impl Clock for Held {
    fn read(&self) -> ClockReading {
        let passed = match self.released() {
            Duration::ZERO => Duration::ZERO,
            released => HOUR + SystemClock.read().since_boot.saturating_sub(released),
        };
        let wall = self.start.wall.saturating_add(passed);
        let since_boot = self.start.since_boot + passed;
        ClockReading::new(wall, since_boot, self.start.boot_id)
    }
}

/// A vault with users of a database.
struct Leased {
    stored: Stored,
    path: PathBuf,
    share: Share,
    idle: Idle,
}

impl Leased {
    /// Makes a vault with `groups` roles.
    fn new(groups: usize) -> Result<Self> {
        let stored = Stored::new()?;
        let [path, share] = stored.address();
        let idle = Idle {
            clock: Held::new(),
            dropped: Arc::default(),
        };
        let leased = Self {
            stored,
            path: PathBuf::from(path),
            share: Share::parse(&share)?,
            idle,
        };
        let session = leased.open(Background::Host)?;
        session.sys().mount("db", NewMount::new("database"))?;
        let database = session.database("db")?;
        let login = SecretString::copy_from("s3cr3t");
        let connection = Connection::new("idle-plugin", "idle://").login("admin", login);
        database.configure("idle", &connection.allowed_roles(["*"]))?;
        for group in 0..groups {
            let role = Role::new("idle").default_ttl(HOUR);
            database.write_role(&format!("app-{group}"), &role)?;
        }
        Ok(leased)
    }

    fn open(&self, background: Background) -> Result<Session> {
        let builder = Vault::builder(Sqlite::exclusive(&self.path)?)
            .clock(self.idle.clock.clone())
            .database_driver(self.idle.clone())
            .background(background);
        let vault = builder.build()?;
        vault.unseal(&self.share)?;
        Ok(vault.owner()?)
    }

    /// Makes `count` users of each role, by two callers.
    fn fill(&self, groups: usize, count: usize) -> Result {
        let session = self.open(Background::Host)?;
        let make = |share: usize| -> Result<(), String> {
            let database = session.database("db").map_err(|error| error.to_string())?;
            for group in 0..groups {
                for _ in 0..share {
                    let made = database.credentials(&format!("app-{group}"));
                    made.map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| make(count / 2));
            let own = make(count - count / 2);
            own.and(other.join().unwrap_or_else(|_| Err("a panic".into())))
        })?;
        Ok(())
    }
}

/// What leases cost that are only there: goals 12 and 13.
fn there(setting: &Setting, count: usize) -> Result<Vec<Row>> {
    let (full, empty) = (Leased::new(1)?, Leased::new(1)?);
    full.fill(1, count)?;
    let kept = idle_kib(&full.stored)?;
    let bare = idle_kib(&empty.stored)?;
    let bytes = kept.saturating_sub(bare) as f64 * 1_024.0 / count as f64;
    let ours = Side::new(|| drop(full.stored.open_plainly().expect("opened")));
    let theirs = Side::new(|| drop(empty.stored.open_plainly().expect("opened")));
    let found = race(setting.extent, &mut [ours, theirs]);
    let what = format!("open and unseal with {count} leases");
    let memory = format!("memory of an open vault for each of {count} leases (RssAnon)");
    Ok(vec![
        Row::new(12, "lease-open", &what)
            .times((found.nanos(0), found.nanos(1)), "the same without leases")
            .measured(found.ratio(|round| round[0] / round[1]))
            .goal(Goal::AtMost(1.2))
            .note("OpenBao takes 19 s for a million"),
        Row::new(13, "lease-memory", &memory)
            .figure(format!("{bytes:.2} B"), bytes / 16.0)
            .goal(Goal::AtMost(1.0))
            .note("of the allowed 16 bytes; OpenBao keeps 3.1 kB"),
    ])
}

/// What ending leases below a path costs: goal 14.
fn revoked(setting: &Setting) -> Result<Vec<Row>> {
    let each = setting.size(300, 2_000);
    let leased = Leased::new(GROUPS)?;
    leased.fill(GROUPS, each)?;
    let copy = leased.stored.copy("raw.db")?;
    let mut by_hand = raw::connect(&copy)?;
    let mut rows = lease_rows(&by_hand)?;
    let session = leased.open(Background::Host)?;
    let leases = session.leases();
    let mut times = Vec::new();
    for group in 0..GROUPS {
        let ours = timed(|| leases.revoke_prefix(&format!("db/creds/app-{group}")))?;
        let page = rows.split_off(rows.len().saturating_sub(each));
        let theirs = timed(|| delete(&mut by_hand, &page))?;
        times.push((ours / each as f64, theirs / each as f64));
    }
    let (ours, theirs): (Vec<f64>, Vec<f64>) = times.iter().copied().unzip();
    let ratios: Vec<f64> = times.iter().map(|(ours, theirs)| theirs / ours).collect();
    let ratio = Ratio {
        median: quantile(ratios.clone(), 0.5),
        low: quantile(ratios.clone(), 0.25),
        high: quantile(ratios, 0.75),
    };
    let (ours, theirs) = (quantile(ours, 0.5), quantile(theirs, 0.5));
    let faster = BAO_REVOKE / ours;
    Ok(vec![
        Row::new(14, "lease-revoke", "revoke-prefix, for each lease")
            .times(
                (ours, theirs),
                "their rows deleted by hand, 100 leases a batch",
            )
            .measured(ratio)
            .goal(Goal::AtLeast(0.5)),
        Row::new(14, "lease-revoke-openbao", "the same, against OpenBao")
            .times((ours, BAO_REVOKE), "OpenBao's revoke-prefix, 1.7 k/s")
            .figure(duration(ours), faster)
            .goal(Goal::AtLeast(10.0))
            .note("measured before, on raft in memory"),
    ])
}

#[allow(
    clippy::disallowed_methods,
    reason = "what a bench measures is not the vault's time"
)]
fn timed<E: Into<Box<dyn std::error::Error>>>(work: impl FnOnce() -> Result<(), E>) -> Result<f64> {
    let begun = std::time::Instant::now();
    work().map_err(Into::into)?;
    Ok(begun.elapsed().as_nanos() as f64)
}

/// Returns the three rows of each lease; which ones belong together does not matter.
fn lease_rows(rows: &Rows) -> Result<Vec<[String; 3]>> {
    let folder = |prefix: &str| -> Result<Vec<String>> {
        let sql = "SELECT path FROM entry WHERE path >= ?1 AND path < ?1 || '~' ORDER BY path";
        let mut statement = rows.prepare(sql)?;
        let found = statement.query_map([prefix], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    };
    let entries = folder("sys/lease/")?;
    let due = folder("sys/lease-due/")?;
    let names = folder("ns/root/lease-in/")?;
    let all = entries.into_iter().zip(due).zip(names);
    Ok(all.map(|((entry, due), name)| [entry, due, name]).collect())
}

fn delete(rows: &mut Rows, leases: &[[String; 3]]) -> Result {
    for batch in leases.chunks(BATCH) {
        let change = rows.transaction()?;
        for path in batch.iter().flatten() {
            raw::execute(&change, "DELETE FROM entry WHERE path = ?1", [path]);
        }
        change.commit()?;
    }
    Ok(())
}

/// How late leases are ended that fall due in one moment: goal 14.
fn together() -> Result<Row> {
    let leased = Leased::new(1)?;
    leased.fill(1, TOGETHER)?;
    let session = leased.open(Background::Thread)?;
    leased.idle.clock.release();
    let dropped = || leased.idle.dropped.lock().expect("not poisoned").len();
    let patience = SystemClock.read().since_boot + Duration::from_secs(120);
    while dropped() < TOGETHER && SystemClock.read().since_boot < patience {
        thread::sleep(Duration::from_millis(20));
    }
    drop(session);
    let dropped = leased.idle.dropped.lock().expect("not poisoned");
    if dropped.len() != TOGETHER {
        return Err(format!("{} of {TOGETHER} leases were ended", dropped.len()).into());
    }
    let late = dropped.iter().map(|late| late.as_secs_f64());
    let late: Vec<f64> = late.collect();
    let (middle, most) = (quantile(late.clone(), 0.5), quantile(late, 0.99));
    let what = format!("{TOGETHER} leases due in one moment: lateness of 99 in 100");
    Ok(Row::new(14, "lease-late", &what)
        .figure(format!("{most:.2} s"), most)
        .goal(Goal::AtMost(1.0))
        .note(format!(
            "half of them within {middle:.2} s, by the vault's own thread"
        )))
}

/// What a token costs, durable: goal 15.
fn tokens(setting: &Setting) -> Result<Vec<Row>> {
    let stored = Stored::new()?;
    let [path, share] = stored.address();
    let vault = Vault::builder(Sqlite::exclusive(Path::new(&path))?).build()?;
    vault.unseal(&Share::parse(&share)?)?;
    let session = vault.owner()?;
    let mut rows = Vec::new();
    for (callers, bao) in BAO_TOKEN {
        let make = |_: u64| {
            let new = NewToken::new().policy("app").ttl(HOUR);
            drop(session.token().create(&new).expect("a token"));
        };
        // What one thread waits for others is left out only if it is the harness's own.
        let side = match callers {
            1 => Side::new(|| make(0)),
            _ => Side::threads(callers, make),
        };
        let found = race(setting.extent, &mut [side]);
        let what = format!("a token with its expiry, durable, {callers} callers");
        rows.push(
            Row::new(15, &setting.name(&format!("token-{callers}")), &what)
                .times((found.nanos(0), bao), "OpenBao on raft")
                .measured(found.ratio(|round| bao / round[0]))
                .goal(Goal::AtLeast(10.0))
                .note("measured before: 850 a second, and 1,600 with eight callers"),
        );
    }
    Ok(rows)
}
