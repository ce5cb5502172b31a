//! The vault that the processes share, and the processes.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vaultcore::database::{Connection, Role};
use vaultcore::storage::{Batch, Entry, EntryPath, Revision, Scan, Sqlite, Storage, StorageError};
use vaultcore::{
    Background, Clock, ClockReading, NewMount, NewSlot, SecretBytes, SecretString, Session,
    SystemClock, Vault,
};

use crate::outside::{Outside, PLUGIN};

const TASK: &str = "VAULTCORE_LEASES_TASK";
/// The life of a lease.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The clock of the machine, moved; all who share a file see the same move, as if it were true.
#[derive(Clone, Default)]
pub(crate) struct Shifted(Arc<AtomicU64>);

impl Shifted {
    pub(crate) fn by(micros: u64) -> Self {
        Self(Arc::new(AtomicU64::new(micros)))
    }

    pub(crate) fn advance(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn shift(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for Shifted {
    fn read(&self) -> ClockReading {
        let reading = SystemClock.read();
        let shift = Duration::from_micros(self.shift());
        let wall = reading.wall.saturating_add(shift);
        ClockReading::new(wall, reading.since_boot + shift, reading.boot_id)
    }
}

/// What is wrong with a process on purpose, so that a search must find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// Its storage commits whatever others did meanwhile.
    Careless,
    /// Its storage drops every tenth commit, and answers that all went well.
    Forgetful,
}

const PLANTS: [Plant; 3] = [Plant::Nothing, Plant::Careless, Plant::Forgetful];

/// A folder with a vault, and with what is outside of it.
pub(crate) struct World<'w> {
    pub(crate) folder: &'w Path,
    pub(crate) clock: Shifted,
    pub(crate) plant: Plant,
}

fn key() -> SecretBytes {
    SecretBytes::copy_from(&[0x4b; 32])
}

impl World<'_> {
    pub(crate) fn outside(&self) -> Outside {
        Outside::new(self.folder, self.clock.clone())
    }

    /// Makes the vault, with a role whose users live for an hour.
    pub(crate) fn prepare(&self) {
        let vault = self.vault(Background::Host, &self.outside());
        vault.init([NewSlot::key(key())]).unwrap();
        let session = self.unsealed(&vault);
        let sys = session.sys();
        sys.mount("db", NewMount::new("database")).unwrap();
        let database = session.database("db").unwrap();
        let login = SecretString::copy_from("s3cr3t");
        let connection = Connection::new(PLUGIN, "folder://").login("admin", login);
        let connection = connection.allowed_roles(["app"]);
        database.configure("folder", &connection).unwrap();
        let role = Role::new("folder").default_ttl(HOUR);
        database.write_role("app", &role).unwrap();
    }

    pub(crate) fn vault(&self, background: Background, outside: &Outside) -> Vault {
        let storage = Faulty {
            inner: Sqlite::open(self.folder.join("vault")).unwrap(),
            plant: self.plant,
            commits: AtomicU64::new(0),
        };
        let builder = Vault::builder(storage).clock(self.clock.clone());
        let builder = builder.database_driver(outside.clone());
        builder.background(background).build().unwrap()
    }

    #[allow(clippy::unused_self, reason = "the vault is this world's")]
    pub(crate) fn unsealed(&self, vault: &Vault) -> Session {
        vault.unseal_key(&key()).unwrap();
        vault.owner().unwrap()
    }

    /// Starts another process, at `work`, one of the tests named `child`.
    pub(crate) fn spawn(&self, work: &str) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([work, "--exact", "--ignored", "--nocapture"]);
        let (folder, shift) = (self.folder.to_str().unwrap(), self.clock.shift());
        command.env(TASK, format!("{folder}\n{shift}\n{}", self.plant as u8));
        command.stdout(Stdio::null()).stdin(Stdio::piped());
        command.spawn().unwrap()
    }
}

/// Returns what this process was started for; nothing if it is no child.
pub(crate) fn task() -> Option<(PathBuf, Shifted, Plant)> {
    let task = std::env::var(TASK).ok()?;
    let mut lines = task.lines();
    let folder = PathBuf::from(lines.next().unwrap());
    let shift = lines.next().unwrap().parse().unwrap();
    let plant: usize = lines.next().unwrap().parse().unwrap();
    Some((folder, Shifted::by(shift), PLANTS[plant]))
}

/// Waits until the parent lets go.
pub(crate) fn wait_for_parent() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// A storage that does not keep its contract, if it is told so.
struct Faulty {
    inner: Sqlite,
    plant: Plant,
    commits: AtomicU64,
}

impl Faulty {
    fn tenth(&self) -> bool {
        self.commits.fetch_add(1, Ordering::SeqCst) % 10 == 9
    }
}

impl Storage for Faulty {
    fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
        self.inner.read(paths)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
        let mut batch = batch.clone();
        match self.plant {
            Plant::Careless => batch.expect.clear(),
            Plant::Forgetful if !batch.writes.is_empty() && self.tenth() => batch.writes.clear(),
            _ => {}
        }
        self.inner.commit(&batch)
    }
}
