//! Goals 8 and 9: reading a secret, from the cache and from the file.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde_json::json;

use super::Setting;
use crate::Result;
use crate::bao::Bao;
use crate::harness::{Dice, Race, Ratio, Side, race};
use crate::raw::Raw;
use crate::report::{Goal, Row, duration};
use crate::seal::{OVERHEAD, Sealer};
use crate::world::{Cached, Open, Secrets, Sharing, Stored, Values};

/// The length of the JSON of a secret.
const LENGTH: usize = 220;
/// What a version's record holds before the JSON.
const RECORD_HEADER: usize = 41;
const COUNT: usize = 10_000;

/// A vault of 10,000 secrets, opened in one way.
struct Vault {
    open: Open,
    paths: Vec<String>,
    _stored: Stored,
}

impl Vault {
    fn new(secrets: &Secrets, sharing: Sharing, cached: Cached) -> Result<Self> {
        let stored = Stored::filled(secrets)?;
        let vault = Self {
            open: stored.open(sharing, cached)?,
            paths: secrets.paths(),
            _stored: stored,
        };
        (0..secrets.count).for_each(|at| vault.get(at));
        Ok(vault)
    }

    fn get(&self, at: usize) {
        let secret = self.open.kv.get_json(&self.paths[at]).expect("read");
        assert_eq!(std::hint::black_box(secret.data.len()), LENGTH);
    }

    fn side(&self) -> Side<'_> {
        let mut dice = Dice::new(4);
        Side::new(move || self.get(dice.below(self.paths.len())))
    }

    /// Threads that read through different numbers in the same order.
    fn threads(&self, count: u64) -> Side<'_> {
        let turns: Vec<_> = (0..count).map(Turn::new).collect();
        Side::threads(count, move |thread| {
            self.get(turns[thread as usize].next(self.paths.len()));
        })
    }
}

/// Random numbers of one thread, on a cache line of their own.
#[repr(align(128))]
struct Turn(std::sync::Mutex<Dice>);

impl Turn {
    fn new(seed: u64) -> Self {
        Self(std::sync::Mutex::new(Dice::new(seed + 50)))
    }

    fn next(&self, bound: usize) -> usize {
        self.0.lock().expect("unshared").below(bound)
    }
}

/// The limit: a cache, the derivation of the record's key, its schedule, the decryption.
struct Bare {
    cache: Cache<Arc<str>, Arc<Vec<u8>>>,
    keys: Vec<Arc<str>>,
    sealer: Sealer,
}

impl Bare {
    fn new(secrets: &Secrets) -> Self {
        let (cache, sealer) = (Cache::new(secrets.count * 2), Sealer::new());
        // As long as a stored path of a version's record.
        let key = |number| Arc::from(format!("{number:0>90}"));
        let keys: Vec<Arc<str>> = (0..secrets.count).map(key).collect();
        let plain = vec![b'x'; LENGTH + RECORD_HEADER];
        for key in &keys {
            let record = sealer.seal(key, &plain, [9; 28]);
            assert_eq!(record.len(), plain.len() + OVERHEAD);
            cache.insert(Arc::clone(key), Arc::new(record));
        }
        Self {
            cache,
            keys,
            sealer,
        }
    }

    fn get(&self, at: usize) {
        let key = &self.keys[at];
        let record = self.cache.get(key).expect("cached");
        std::hint::black_box(self.sealer.open(key, &record));
    }

    fn side(&self) -> Side<'_> {
        let mut dice = Dice::new(5);
        Side::new(move || self.get(dice.below(self.keys.len())))
    }

    fn threads(&self, count: u64) -> Side<'_> {
        let turns: Vec<_> = (0..count).map(Turn::new).collect();
        Side::threads(count, move |thread| {
            self.get(turns[thread as usize].next(self.keys.len()));
        })
    }
}

pub(super) fn hot(setting: &Setting) -> Result<Vec<Row>> {
    let secrets = Secrets::new(COUNT, LENGTH);
    let own = Vault::new(&secrets, Sharing::Exclusive, Cached::Everything)?;
    let shared = Vault::new(&secrets, Sharing::Shared, Cached::Everything)?;
    let bare = Bare::new(&secrets);
    let mut rows = one_thread(setting, &own, &shared, &bare);
    rows.push(
        Row::new(
            8,
            "kv-get-plain",
            "(c) KV get with plaintext cached in locked memory",
        )
        .note("not built yet"),
    );
    rows.push(two_threads(setting, &own, &bare));
    rows.push(openbao(setting, &secrets, &own));
    rows.push(
        Row::new(8, "kv-get-rusty-vault", "the same in rusty_vault").note(
            "skipped: it has KV version 1 only, and its tree of 386 crates builds for minutes",
        ),
    );
    Ok(rows)
}

fn one_thread(setting: &Setting, own: &Vault, shared: &Vault, bare: &Bare) -> Vec<Row> {
    let twice = {
        let mut dice = Dice::new(6);
        Side::new(move || {
            bare.get(dice.below(bare.keys.len()));
            bare.get(dice.below(bare.keys.len()));
        })
    };
    let mut sides = [own.side(), shared.side(), bare.side(), twice];
    let found = race(setting.extent, &mut sides);
    let limit = "cache read + key derivation + schedule + decryption";
    let first = Row::new(
        8,
        "kv-get-hot",
        "(a) KV get of 220 B among 10,000, the file ours alone",
    )
    .speed(&found, 0, (2, limit))
    .goal(Goal::AtLeast(0.8))
    .note("owner's session; no policy of 201 rules until policies exist");
    let second = Row::new(8, "kv-get-hot-2", "(a) as above").speed(
        &found,
        0,
        (3, "the limit twice: a secret has two records"),
    );
    let third = Row::new(
        8,
        "kv-get-shared",
        "(b) the same, the file shared, freshness checked",
    )
    .speed(&found, 1, (0, "(a)"))
    .goal(Goal::AtLeast(0.6));
    vec![first, second, third]
}

fn two_threads(setting: &Setting, own: &Vault, bare: &Bare) -> Row {
    let mut sides = [
        own.threads(2),
        own.threads(1),
        bare.threads(2),
        bare.threads(1),
    ];
    let found = race(setting.extent, &mut sides);
    let Ratio { median, .. } = found.speed(2, 3);
    Row::new(8, "kv-get-2-threads", "(a) by two threads, each operation")
        .speed(&found, 0, (1, "own single thread"))
        .goal(Goal::AtLeast(1.7))
        .note(format!(
            "the limit itself scales by {median:.2} in this run"
        ))
}

fn openbao(setting: &Setting, secrets: &Secrets, own: &Vault) -> Row {
    let row = Row::new(
        8,
        "kv-get-openbao",
        "(a) against OpenBao in memory, token with one policy",
    )
    .goal(Goal::AtLeast(300.0));
    row.against(against_openbao(setting, secrets, own), "OpenBao dev server")
}

fn against_openbao(setting: &Setting, secrets: &Secrets, own: &Vault) -> Result<Race> {
    let bao = Bao::start()?;
    let (mut root, mut client) = (bao.root()?, bao.with_policy()?);
    let mut values = Values::new(7, LENGTH);
    let paths: Vec<String> = secrets.paths();
    let paths: Vec<String> = paths
        .iter()
        .take(setting.size(1_000, COUNT))
        .map(|path| format!("secret/data/{path}"))
        .collect();
    for path in &paths {
        root.call("PUT", path, &json!({ "data": values.next() }))?;
    }
    let mut dice = Dice::new(8);
    let theirs = Side::new(|| {
        let path = &paths[dice.below(paths.len())];
        std::hint::black_box(client.send("GET", path, "").expect("read"));
    });
    Ok(race(setting.extent, &mut [own.side(), theirs]))
}

pub(super) fn cold(setting: &Setting) -> Result<Vec<Row>> {
    let secrets = Secrets::new(setting.size(10_000, 100_000), LENGTH);
    let stored = Stored::filled(&secrets)?;
    let mut raw = Raw::open(&stored.copy("raw.db")?)?;
    let sealer = Sealer::new();
    raw.reseal(&sealer)?;
    let (open, paths) = (
        stored.open(Sharing::Exclusive, Cached::Nothing)?,
        secrets.paths(),
    );
    let mut dice = Dice::new(9);
    let ours = Side::new(|| {
        let secret = open.kv.get_json(&paths[dice.below(paths.len())]);
        assert_eq!(secret.expect("read").data.len(), LENGTH);
    });
    let mut dice = Dice::new(10);
    let single = Side::new(|| {
        let (_, data) = raw.lines(dice.below(raw.count()));
        std::hint::black_box(raw.read(data, &sealer));
    });
    let mut dice = Dice::new(11);
    let both = Side::new(|| {
        let (meta, data) = raw.lines(dice.below(raw.count()));
        std::hint::black_box(raw.read(meta, &sealer) + raw.read(data, &sealer));
    });
    let found = race(setting.extent, &mut [ours, single, both]);
    let what = format!("KV get of 220 B among {}, caches off", secrets.count);
    let times = duration(found.nanos(2));
    Ok(vec![
        Row::new(9, "kv-get-cold", &what)
            .speed(&found, 0, (1, "one raw read + decryption"))
            .goal(Goal::AtLeast(0.85))
            .note(format!("the two rows that a secret has take {times} raw")),
        Row::new(9, "kv-get-cold-2", &what).speed(&found, 0, (2, "both raw rows + decryptions")),
    ])
}
