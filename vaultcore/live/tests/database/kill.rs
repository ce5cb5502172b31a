//! kill -9 of processes that make users in PostgreSQL and in MariaDB: afterwards there is no user
//! without a live lease, and no live lease without a user.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use vaultcore::database::{Connection, Role};
use vaultcore::storage::Sqlite;
use vaultcore::{
    Clock, ClockReading, NewMount, NewSlot, SecretBytes, SecretString, SystemClock, Timestamp,
    Vault,
};

use crate::{mariadb, world};

const TASK: &str = "VAULTCORE_DATABASE_TASK";
/// How often a process is killed, for each of the two.
const KILLS: &str = "VAULTCORE_DATABASE_KILLS";
/// Longer than a lease may be pending, and than a claim lasts.
const LATER: Duration = Duration::from_secs(301);
/// How the names of those who are made begin.
const PREFIX: &str = "v-owner-killer-";

/// The clock of the machine, some time later.
struct Later(Duration);

impl Clock for Later {
    fn read(&self) -> ClockReading {
        let reading = SystemClock.read();
        let wall = Timestamp::from_micros(reading.wall.as_micros()).saturating_add(self.0);
        ClockReading::new(wall, reading.since_boot + self.0, reading.boot_id)
    }
}

/// A server, as this test needs it.
trait Place {
    /// How the vault reaches it, and makes users there.
    fn reached(&self) -> (Connection, Role);
    /// How many users there are whose names begin so.
    fn count(&self, prefix: &str) -> usize;
    /// Makes a user of whom no vault knows.
    fn plant(&self, name: &str);
    fn unplant(&self, name: &str);
    /// Waits until the server has ended what it was asked for by whoever is gone.
    fn settle(&self);
}

impl Place for world::Server {
    fn reached(&self) -> (Connection, Role) {
        (self.connection(&self.new_admin()), world::role())
    }

    fn count(&self, prefix: &str) -> usize {
        let query = format!("SELECT rolname FROM pg_roles WHERE rolname LIKE '{prefix}%'");
        self.admin().query(query.as_str(), &[]).unwrap().len()
    }

    fn plant(&self, name: &str) {
        let plant = format!("CREATE ROLE \"{name}\" LOGIN");
        self.admin().batch_execute(&plant).unwrap();
    }

    fn unplant(&self, name: &str) {
        let drop = format!("DROP ROLE \"{name}\"");
        self.admin().batch_execute(&drop).unwrap();
    }

    fn settle(&self) {} // the driver's lock on the user lasts as long
}

impl Place for mariadb::Server {
    fn reached(&self) -> (Connection, Role) {
        let boss = boss();
        for statement in [
            format!("CREATE USER IF NOT EXISTS '{boss}'@'%' IDENTIFIED BY 'boss'"),
            format!("GRANT ALL PRIVILEGES ON *.* TO '{boss}'@'%' WITH GRANT OPTION"),
        ] {
            self.execute(&statement);
        }
        let password = SecretString::copy_from("boss");
        let connection = self.connection(None).login(boss, password);
        (connection, mariadb::role())
    }

    fn count(&self, prefix: &str) -> usize {
        self.users(prefix)
    }

    fn plant(&self, name: &str) {
        self.execute(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'planted'"));
    }

    fn unplant(&self, name: &str) {
        self.execute(&format!("DROP USER '{name}'@'%'"));
    }

    fn settle(&self) {
        for _ in 0..10_000 {
            if self.sessions_of(&boss()) == 0 {
                return;
            }
            sleep(Duration::from_millis(1));
        }
        panic!("the server goes on for a client that is gone");
    }
}

/// The login of these vaults alone.
fn boss() -> String {
    format!("killer_boss_{}", std::process::id())
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

/// The users that were made for the test, and the live leases must be as many.
fn compare(server: &dyn Place, vault: &Vault) -> Result<usize, String> {
    let users = server.count(PREFIX);
    let leases = vault.owner().unwrap().leases();
    let live = leases.list("database/creds/killer").unwrap().len();
    match users == live {
        true => Ok(users),
        false => Err(format!("{users} users, {live} leases")),
    }
}

/// Makes the vault, with a role whose users live for an hour.
fn prepare(folder: &Path, server: &dyn Place) {
    let vault = open(folder, Duration::ZERO);
    vault.init([NewSlot::key(key())]).unwrap();
    vault.unseal_key(&key()).unwrap();
    let session = vault.owner().unwrap();
    let sys = session.sys();
    sys.mount("database", NewMount::new("database")).unwrap();
    let database = session.database("database").unwrap();
    let (connection, role) = server.reached();
    database.configure("app", &connection).unwrap();
    database.write_role("killer", &role).unwrap();
}

fn kill_issuers(server: &dyn Place, kills: u64, orphan: bool) -> Result<usize, String> {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    prepare(folder.path(), server);
    let planted = format!("{PREFIX}planted");
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
            server.plant(&planted);
        }
        later += LATER;
        server.settle();
        let vault = open(folder.path(), later);
        vault.unseal_key(&key()).unwrap();
        vault.tick().map_err(|error| format!("recovery: {error}"))?;
        let compared = compare(server, &vault);
        if compared.is_err() && orphan {
            server.unplant(&planted);
        }
        seen += compared?;
        let leases = vault.owner().unwrap().leases();
        leases.revoke_prefix("database").unwrap();
        if compare(server, &vault)? != 0 {
            return Err("users are left".to_owned());
        }
        vault.close().unwrap();
    }
    Ok(seen)
}

#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn kill(server: &dyn Place, name: &str) {
    let kills = std::env::var(KILLS).map_or(100, |number| number.parse().unwrap());
    let seen = kill_issuers(server, kills, false);
    eprintln!("{name}: {kills} kills, {seen:?} users seen alive");
    assert!(seen.unwrap() as u64 > kills / 4, "they hardly worked");
    // In the same run, and not beside it: a user whom no lease knows is found.
    assert!(kill_issuers(server, 8, true).is_err());
}

#[test]
fn a_killed_process_leaves_no_role_without_a_lease() {
    if let Some(server) = world::server("postgres_kill") {
        kill(&server, "PostgreSQL");
    }
}

#[test]
fn a_killed_process_leaves_no_user_without_a_lease() {
    if let Some(server) = mariadb::server("mariadb_kill") {
        kill(&server, "MariaDB");
    }
}
