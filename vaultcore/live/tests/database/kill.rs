//! kill -9 of processes that make users in PostgreSQL: afterwards there is no role without a live
//! lease, and no live lease without a role.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use vaultcore::storage::Sqlite;
use vaultcore::{
    Clock, ClockReading, NewMount, NewSlot, SecretBytes, SystemClock, Timestamp, Vault,
};

use crate::world::{Server, role, server};

const TASK: &str = "VAULTCORE_DATABASE_TASK";
const KILLS: &str = "VAULTCORE_DATABASE_KILLS";
/// Longer than a lease may be pending, and than a claim lasts.
const LATER: Duration = Duration::from_secs(301);

/// The clock of the machine, some time later.
struct Later(Duration);

impl Clock for Later {
    fn read(&self) -> ClockReading {
        let reading = SystemClock.read();
        let wall = Timestamp::from_micros(reading.wall.as_micros()).saturating_add(self.0);
        ClockReading::new(wall, reading.since_boot + self.0, reading.boot_id)
    }
}

fn open(folder: &Path, later: Duration) -> Vault {
    let storage = Sqlite::open(folder.join("vault")).unwrap();
    Vault::builder(storage).clock(Later(later)).build().unwrap()
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x4b; 32])
}

#[test]
#[ignore = "run as a child by the other tests"]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (folder, later) = task.split_once('\n').unwrap();
    let later = Duration::from_secs(later.parse().unwrap());
    let vault = open(Path::new(folder), later);
    vault.unseal_key(&key()).unwrap();
    let database = vault.owner().unwrap().database("database").unwrap();
    let mut out = std::io::stdout();
    for number in 0u32.. {
        let credentials = database.credentials("killer").unwrap();
        let _ = out.write_all(b"made\n").and_then(|()| out.flush()); // whoever listens, or nobody
        if number % 3 == 2 {
            credentials.revoke().unwrap();
        }
    }
}

/// Waits until the child has made its first user.
fn wait_for_user(out: ChildStdout) {
    let lines = BufReader::new(out).lines();
    let made = |line: &std::io::Result<String>| line.as_ref().is_ok_and(|line| line == "made");
    assert!(
        lines.into_iter().any(|line| made(&line)),
        "the child made no user"
    );
}

/// The roles that were made for the tests, and the names in live leases must be the same.
fn compare(server: &Server, vault: &Vault, prefix: &str) -> Result<usize, String> {
    let query = format!("SELECT rolname FROM pg_roles WHERE rolname LIKE '{prefix}%'");
    let rows = server.admin().query(query.as_str(), &[]).unwrap();
    let roles: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let leases = vault.owner().unwrap().leases();
    let live = leases.list("database/creds/killer").unwrap();
    match roles.len() == live.len() {
        true => Ok(roles.len()),
        false => Err(format!("{} roles, {} leases", roles.len(), live.len())),
    }
}

/// Makes the vault, with a role whose users live for an hour.
fn prepare(folder: &Path, server: &Server) {
    let vault = open(folder, Duration::ZERO);
    vault.init([NewSlot::key(key())]).unwrap();
    vault.unseal_key(&key()).unwrap();
    let session = vault.owner().unwrap();
    let sys = session.sys();
    sys.mount("database", NewMount::new("database")).unwrap();
    let database = session.database("database").unwrap();
    let connection = server.connection(&server.new_admin());
    database.configure("app", &connection).unwrap();
    database.write_role("killer", &role()).unwrap();
}

fn kill_issuers(server: &Server, kills: u64, orphan: bool) -> Result<usize, String> {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    prepare(folder.path(), server);
    let mut later = Duration::ZERO;
    let mut seen = 0;
    for round in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child", "--exact", "--ignored", "--nocapture"])
            .env(
                TASK,
                format!("{}\n{}", folder.path().display(), later.as_secs()),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        if !round.is_multiple_of(4) {
            wait_for_user(child.stdout.take().unwrap());
        }
        sleep(Duration::from_micros(round * 7_919 % 25_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if orphan && round == 3 {
            let plant = "CREATE ROLE \"v-owner-killer-planted\" LOGIN";
            server.admin().batch_execute(plant).unwrap();
        }
        later += LATER;
        let vault = open(folder.path(), later);
        vault.unseal_key(&key()).unwrap();
        vault.tick().map_err(|error| format!("recovery: {error}"))?;
        let compared = compare(server, &vault, "v-owner-killer-");
        if compared.is_err() && orphan {
            server
                .admin()
                .batch_execute("DROP ROLE \"v-owner-killer-planted\"")
                .unwrap();
        }
        seen += compared?;
        vault
            .owner()
            .unwrap()
            .leases()
            .revoke_prefix("database")
            .unwrap();
        if compare(server, &vault, "v-owner-killer-")? != 0 {
            return Err("roles are left".to_owned());
        }
        vault.close().unwrap();
    }
    Ok(seen)
}

#[test]
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn a_killed_process_leaves_no_role_without_a_lease() {
    let Some(server) = server("postgres_kill") else {
        return;
    };
    let kills = std::env::var(KILLS).map_or(200, |number| number.parse().unwrap());
    let seen = kill_issuers(&server, kills, false);
    eprintln!("{kills} kills, {seen:?} roles seen alive");
    assert!(seen.unwrap() as u64 > kills / 4, "they hardly worked");
    // In the same run, and not beside it: a role that no lease knows is found.
    assert!(kill_issuers(&server, 8, true).is_err());
}
