//! Goal 6: a durable write of a version, against the bare rows that it writes.

use serde_json::json;
use vaultcore::kv::Cas;

use super::Setting;
use crate::Result;
use crate::bao::Bao;
use crate::harness::{Dice, Race, Side, race};
use crate::raw::Raw;
use crate::report::{Goal, Row};
use crate::world::{Cached, Open, Secrets, Sharing, Stored, Values};

const LENGTH: usize = 1_024;
const VERSIONS: usize = 10;

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let secrets = Secrets::new(setting.size(500, 2_000), LENGTH).versions(VERSIONS);
    let stored = Stored::filled(&secrets)?;
    let mut raw = Raw::open(&stored.copy("raw.db")?)?;
    let open = stored.open(Sharing::Exclusive, Cached::Everything)?;
    let mut puts = Puts::new(&secrets, &open);
    puts.put_all();
    let mut turn = 0;
    let ours = Side::new(|| puts.put());
    let theirs = Side::new(|| {
        turn += 1;
        raw.put(turn);
    });
    let found = race(setting.extent, &mut [ours, theirs]);
    let goal = match setting.flush {
        0 => 0.75,
        _ => 0.95,
    };
    let what = "KV v2 put of 1 KiB, check-and-set, 10 versions kept";
    let row = Row::new(6, &setting.name("kv-put"), what)
        .speed(&found, 0, (1, "the same two rows upserted by hand"))
        .goal(Goal::AtLeast(goal));
    match setting.flush {
        0 => Ok(vec![row, openbao(setting, &mut puts), sqlcipher()]),
        _ => Ok(vec![row]),
    }
}

/// Puts of random secrets, each expecting the version before.
struct Puts<'a> {
    open: &'a Open,
    paths: Vec<String>,
    versions: Vec<u64>,
    values: Values,
    dice: Dice,
}

impl<'a> Puts<'a> {
    fn new(secrets: &Secrets, open: &'a Open) -> Self {
        Self {
            open,
            paths: secrets.paths(),
            versions: vec![secrets.versions as u64; secrets.count],
            values: Values::new(1_000, LENGTH),
            dice: Dice::new(1),
        }
    }

    /// Writes each secret once, so that the race begins in the middle of a vault's life.
    fn put_all(&mut self) {
        (0..self.paths.len()).for_each(|at| self.put_at(at));
    }

    fn put(&mut self) {
        let at = self.dice.below(self.paths.len());
        self.put_at(at);
    }

    fn put_at(&mut self, at: usize) {
        let cas = Cas::Version(self.versions[at]);
        let json = self.values.next().get().as_bytes();
        let written = self.open.kv.put_json(&self.paths[at], json, cas);
        self.versions[at] = written.expect("written").version;
    }
}

fn openbao(setting: &Setting, puts: &mut Puts<'_>) -> Row {
    let what = "the same, and OpenBao in memory, not durable, root token, 1 connection";
    let row = Row::new(6, "kv-put-openbao", what);
    row.against(against_openbao(setting, puts), "OpenBao dev server")
}

fn against_openbao(setting: &Setting, puts: &mut Puts<'_>) -> Result<Race> {
    let bao = Bao::start()?;
    let mut client = bao.root()?;
    let mut values = Values::new(2_000, LENGTH);
    let mut turn = 0;
    let theirs = Side::new(|| {
        turn += 1;
        let path = format!("secret/data/app/secret-{}", turn % 1_000);
        let body = json!({ "data": { "value": values.next().get() } });
        client.send("PUT", &path, &body.to_string()).expect("put");
    });
    let mut sides = [Side::new(|| puts.put()), theirs];
    Ok(race(setting.extent, &mut sides))
}

fn sqlcipher() -> Row {
    Row::new(6, "kv-put-sqlcipher", "the same rows in SQLCipher")
        .note("skipped: one program links one SQLite, and SQLCipher's build brings OpenSSL along")
}
