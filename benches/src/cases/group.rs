//! Goal 7: callers that commit at the same time share a flush, and a lone one pays nothing for it.

use std::sync::Mutex;

use vaultcore::kv::Cas;
use vaultcore::storage::{Batch, EntryPath, Revision, Sqlite, Storage};

use super::Setting;
use crate::Result;
use crate::harness::{Race, Side, race};
use crate::raw::{COMMIT_PATHS, Commits};
use crate::report::{Goal, Row};
use crate::world::{self, Cached, Open, Secrets, Sharing, Stored, Values};

const LENGTH: usize = 1_024;
const CALLERS: [u64; 3] = [1, 16, 64];

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let secrets = Secrets::new(setting.size(1_024, 8_192), LENGTH).versions(10);
    let stored = Stored::filled(&secrets)?;
    let open = stored.open(Sharing::Exclusive, Cached::Everything)?;
    let callers = Callers::new(&secrets, &open);
    let mut sides = CALLERS.map(|count| {
        let callers = &callers;
        Side::threads(count, move |number| callers.put(number))
    });
    let found = race(setting.extent, &mut sides);
    let (at_16, at_64) = match setting.flush {
        0 => (Goal::AtLeast(2.5), Goal::None),
        _ => (Goal::AtLeast(6.0), Goal::AtLeast(20.0)),
    };
    Ok(vec![
        together(setting, &found, 1).goal(at_16),
        together(setting, &found, 2).goal(at_64),
        alone(setting)?,
    ])
}

fn together(setting: &Setting, found: &Race, side: usize) -> Row {
    let count = CALLERS[side];
    let what = format!("KV put of 1 KiB by {count} callers, distinct paths, each");
    let name = setting.name(&format!("group-{count}"));
    Row::new(7, &name, &what).speed(found, side, (0, "own single caller"))
}

/// Each thread has paths of its own.
struct Callers<'a> {
    open: &'a Open,
    paths: Vec<String>,
    values: Vec<Mutex<(usize, Values)>>,
}

impl<'a> Callers<'a> {
    fn new(secrets: &Secrets, open: &'a Open) -> Self {
        let each = |number| Mutex::new((0, Values::new(number, LENGTH)));
        Self {
            open,
            paths: secrets.paths(),
            values: (3_000..3_064).map(each).collect(),
        }
    }

    fn put(&self, thread: u64) {
        let mut own = self.values[thread as usize].lock().expect("unshared");
        let (turn, values) = &mut *own;
        *turn += 1;
        let share = self.paths.len() / self.values.len();
        let path = &self.paths[thread as usize * share + *turn % share];
        let json = values.next().get().as_bytes();
        self.open
            .kv
            .put_json(path, json, Cas::Any)
            .expect("written");
    }
}

/// A lone caller of the storage, against the same statements with no queue before them.
fn alone(setting: &Setting) -> Result<Row> {
    let folder = world::folder()?;
    let (ours, copy) = (
        folder.path().join("ours.vault"),
        folder.path().join("raw.db"),
    );
    let paths = COMMIT_PATHS.map(|path| EntryPath::new(path).expect("a path"));
    let seed = paths.iter().fold(Batch::new(), |batch, path| {
        batch.put(path.clone(), vec![0; LENGTH])
    });
    let seed = seed.expect(paths[0].clone(), None);
    let mut revision = Sqlite::exclusive(&ours)?.commit(&seed)?;
    let epoch = revision;
    std::fs::copy(&ours, &copy)?;
    let storage = Sqlite::exclusive(&ours)?;
    let mut commits = Commits::open(&copy)?;
    let mut values = [Bytes::new(1), Bytes::new(2)];
    let [our_values, raw_values] = &mut values;
    let ours = Side::new(|| {
        let value = our_values.next();
        let batch = batch(&paths, epoch, revision, value);
        revision = storage.commit(&batch).expect("committed");
    });
    let theirs = Side::new(|| commits.commit(raw_values.next()));
    let found = race(setting.extent, &mut [ours, theirs]);
    let what = "a lone commit of two entries of 1 KiB to the storage";
    Ok(Row::new(7, &setting.name("group-lone"), what)
        .speed(&found, 0, (1, "the same statements, no queue"))
        .goal(Goal::AtLeast(0.95)))
}

fn batch(paths: &[EntryPath; 3], epoch: Revision, meta: Revision, value: &[u8]) -> Batch {
    let [epoch_path, meta_path, data_path] = paths;
    Batch::new()
        .expect(epoch_path.clone(), Some(epoch))
        .expect(meta_path.clone(), Some(meta))
        .put(data_path.clone(), value.to_vec())
        .put(meta_path.clone(), value.to_vec())
}

/// Values that differ each time.
struct Bytes {
    dice: crate::harness::Dice,
    value: Vec<u8>,
}

impl Bytes {
    fn new(seed: u64) -> Self {
        let dice = crate::harness::Dice::new(seed);
        Self {
            dice,
            value: vec![0; LENGTH],
        }
    }

    fn next(&mut self) -> &[u8] {
        self.dice.fill(&mut self.value);
        &self.value
    }
}
