//! The raw sides: the same rows in the same SQLite with the same pragmas, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use crate::Result;
use crate::harness::Dice;
use crate::seal::{OVERHEAD, Sealer};

const UPSERT: &str = "INSERT INTO entry (path, revision, value) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (path) DO UPDATE SET revision = ?2, value = ?3";
const VALUE: &str = "SELECT revision, value FROM entry WHERE path = ?1";
const REVISION: &str = "SELECT revision FROM entry WHERE path = ?1";
const SWAP: &str = "UPDATE entry SET revision = ?2, value = ?3 WHERE path = ?1 AND revision = ?4";
const RANGE: &str = "SELECT path FROM entry WHERE path >= ?1 AND path < ?2 ORDER BY path";

/// The rows of a copied vault file.
pub(crate) struct Raw {
    connection: Connection,
    /// The metadata row of each secret, and the rows of one secret's versions.
    secrets: Vec<(Line, Vec<Line>)>,
    dice: Dice,
}

/// A stored path and how long its value is.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) path: String,
    length: usize,
}

impl Raw {
    /// Opens a copy of a vault file as the vault does.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        let secrets = secrets(&connection)?;
        let dice = Dice::new(99);
        Ok(Self {
            connection,
            secrets,
            dice,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.secrets.len()
    }

    /// Writes one row of data and one of metadata, as a put does, with new bytes.
    pub(crate) fn put(&mut self, turn: usize) {
        let (meta, data) = &self.secrets[self.dice.below(self.secrets.len())];
        let data = &data[turn % data.len()];
        execute(&self.connection, "BEGIN IMMEDIATE", []);
        for line in [data, meta] {
            let (mut revision, mut value) = ([0; 16], vec![0; line.length]);
            self.dice.fill(&mut revision);
            self.dice.fill(&mut value);
            execute(&self.connection, UPSERT, (&line.path, revision, value));
        }
        execute(&self.connection, "COMMIT", []);
    }

    /// Reads a row and decrypts it, of the kind that `pick` chooses.
    pub(crate) fn read(&self, line: &Line, sealer: &Sealer) -> usize {
        let mut statement = self.connection.prepare_cached(VALUE).expect("prepares");
        let mut rows = statement.query([&line.path]).expect("queries");
        let row = rows.next().expect("reads").expect("a row");
        let revision = row.get_ref(0).expect("a column").as_blob().expect("bytes");
        std::hint::black_box(revision);
        let value = row.get_ref(1).expect("a column").as_blob().expect("bytes");
        sealer.open(&line.path, value).len()
    }

    /// Returns the metadata row and the first data row of a secret.
    pub(crate) fn lines(&self, secret: usize) -> (&Line, &Line) {
        let (meta, data) = &self.secrets[secret];
        (meta, &data[0])
    }

    /// Encrypts every row anew, so that `read` can decrypt it. Lengths stay.
    pub(crate) fn reseal(&mut self, sealer: &Sealer) -> Result {
        let (secrets, dice) = (&self.secrets, &mut self.dice);
        let change = self.connection.unchecked_transaction()?;
        let lines = secrets
            .iter()
            .flat_map(|(meta, data)| data.iter().chain([meta]));
        for line in lines {
            let mut plain = vec![0; line.length.saturating_sub(OVERHEAD)];
            dice.fill(&mut plain);
            let mut fresh = [0; 28];
            dice.fill(&mut fresh);
            let sealed = sealer.seal(&line.path, &plain, fresh);
            let sql = "UPDATE entry SET value = ?2 WHERE path = ?1";
            change.prepare_cached(sql)?.execute((&line.path, sealed))?;
        }
        change.commit()?;
        Ok(())
    }

    /// Returns the stored prefix of the folder of metadata rows that has `count` of them.
    pub(crate) fn folder_of(&self, count: usize) -> Option<String> {
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for (meta, _) in &self.secrets {
            *folders.entry(parent(&meta.path)).or_default() += 1;
        }
        let found = folders.into_iter().find(|(_, found)| *found == count);
        found.map(|(folder, _)| folder.to_owned())
    }

    /// Returns every stored path below `folder`.
    pub(crate) fn range(&self, folder: &str) -> Vec<String> {
        let end = format!("{}0", folder.trim_end_matches('/')); // the character behind the slash
        let mut statement = self.connection.prepare_cached(RANGE).expect("prepares");
        let mut rows = statement.query([folder, &end]).expect("queries");
        let mut found = Vec::new();
        while let Some(row) = rows.next().expect("reads") {
            let path = row.get_ref(0).expect("a column").as_str().expect("text");
            found.push(path.to_owned());
        }
        found
    }
}

fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// One commit as the storage makes it, by hand: an expectation, a swap and an upsert.
pub(crate) struct Commits {
    connection: Connection,
    dice: Dice,
    revision: [u8; 16],
}

/// The paths that a commit of the storage is measured with.
pub(crate) const COMMIT_PATHS: [&str; 3] = ["sys/epoch", "kv/meta", "kv/data"];

impl Commits {
    /// Opens a copy of a file that holds `COMMIT_PATHS`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        let revision = connection.query_row(REVISION, [COMMIT_PATHS[1]], |row| row.get(0))?;
        let dice = Dice::new(98);
        Ok(Self {
            connection,
            dice,
            revision,
        })
    }

    /// Commits `value` twice, as `Sqlite::commit` does for a batch that expects two entries.
    pub(crate) fn commit(&mut self, value: &[u8]) {
        let connection = &self.connection;
        let [epoch, meta, data] = COMMIT_PATHS;
        let mut fresh = [0; 16];
        self.dice.fill(&mut fresh);
        execute(connection, "BEGIN IMMEDIATE", []);
        let mut statement = connection.prepare_cached(REVISION).expect("prepares");
        let found = statement.query_row([epoch], |row| row.get::<_, [u8; 16]>(0));
        std::hint::black_box(found.optional().expect("reads"));
        let changed = execute(connection, SWAP, (meta, fresh, value, self.revision));
        assert_eq!(changed, 1);
        execute(connection, UPSERT, (data, fresh, value));
        execute(connection, "COMMIT", []);
        self.revision = fresh;
    }
}

pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", 4_096)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

pub(crate) fn execute(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> usize {
    let mut statement = connection.prepare_cached(sql).expect("prepares");
    statement.execute(params).expect("runs")
}

/// Puts each metadata row together with the version rows of some secret: which one it is cannot
/// be told without the keys, and does not matter.
fn secrets(connection: &Connection) -> Result<Vec<(Line, Vec<Line>)>> {
    let mut statement = connection.prepare("SELECT path, length(value) FROM entry")?;
    let lines = statement.query_map([], |row| {
        let length: u32 = row.get(1)?;
        Ok(Line {
            path: row.get(0)?,
            length: length as usize,
        })
    })?;
    let mut metas = Vec::new();
    let mut datas: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in lines {
        let line = line?;
        if line.path.contains("/kv-meta/") {
            metas.push(line);
        } else if line.path.contains("/kv-data/") {
            let key = parent(&line.path).to_owned();
            datas.entry(key).or_default().push(line);
        }
    }
    if metas.len() != datas.len() {
        return Err("the file holds other rows than a vault's secrets".into());
    }
    Ok(metas.into_iter().zip(datas.into_values()).collect())
}
