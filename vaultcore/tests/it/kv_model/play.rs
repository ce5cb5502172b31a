//! Plays a history on a vault, and compares every answer with the model's.

use std::sync::Arc;

use proptest::test_runner::TestCaseError;
use serde_json::Value;
use vaultcore::kv::{Cas, Cursor, Kv, KvTransaction};
use vaultcore::storage::Storage;
use vaultcore::{Error, ErrorKind, Timestamp, Vault};

use super::model::Model;
use super::reply::{Data, Info, Metadata, Outcome, Refused, Reply};
use super::rules::Planted;
use super::step::{Change, Expect, PATHS, Step};
use crate::common::{World, kv_of};

/// After so many steps everything that can be seen is compared.
const LOOK_ROUND: usize = 7;

/// Plays `steps` on an empty storage.
pub(crate) fn play(
    storage: Arc<dyn Storage>,
    planted: Planted,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let world = World::on(storage);
    let other = world.other();
    let mut stage = Stage {
        model: Model::new(planted, world.now()),
        handles: [world.vault.clone(), other],
        active: 0,
        world,
    };
    for (number, step) in steps.iter().enumerate() {
        stage.compare(step)?;
        if number % LOOK_ROUND == LOOK_ROUND - 1 {
            stage.look_round()?;
        }
    }
    stage.look_round()
}

/// The vault by two handles, and the model of it.
struct Stage {
    world: World,
    handles: [Vault; 2],
    active: usize,
    model: Model,
}

impl Stage {
    fn compare(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let found = self.perform(step);
        let expected = self.model.apply(step);
        if found == expected {
            return Ok(());
        }
        Err(TestCaseError::fail(format!(
            "{step:?}\n  vault: {found:?}\n  model: {expected:?}"
        )))
    }

    /// Compares everything that can be seen, and what the storage holds of it.
    fn look_round(&mut self) -> Result<(), TestCaseError> {
        self.compare(&Step::Config)?;
        self.compare(&Step::List(""))?;
        self.compare(&Step::ListRecursive(""))?;
        for path in PATHS {
            self.compare(&Step::Metadata(path))?;
            self.compare(&Step::Get(path))?;
            for number in self.model.numbers(path) {
                self.compare(&Step::GetVersion(path, number))?;
            }
        }
        let (found, expected) = (self.world.records(), self.model.records());
        if (found, self.world.work()) == (expected, 0) {
            return Ok(());
        }
        let message = format!("the storage holds {found} records, not {expected}, or work");
        Err(TestCaseError::fail(message))
    }

    fn vault(&self) -> &Vault {
        &self.handles[self.active]
    }

    fn perform(&mut self, step: &Step) -> Outcome {
        let done = |()| Reply::Done;
        match step {
            Step::Advance(duration) => {
                self.world.advance(duration.as_secs());
                self.model.now = self.world.now();
            }
            Step::SetBack(duration) => {
                let micros = u64::try_from(duration.as_micros()).unwrap_or(0);
                let wall = self.world.now().as_micros() - micros;
                self.set_wall(Timestamp::from_micros(wall));
            }
            Step::Switch => self.active = 1 - self.active,
            Step::SealAndUnseal => self.seal_and_unseal(),
            Step::Rotate => {
                let term = self.vault().owner()?.sys().rotate()?;
                return Ok(Reply::Count(u64::from(term)));
            }
            Step::RewrapAll => {
                let dropped = self.vault().owner()?.sys().rewrap_all(|_| Ok(()))?;
                return Ok(Reply::Count(dropped as u64));
            }
            Step::RewrapStopped => {
                let stop = |_| Err(Error::new(ErrorKind::Timeout, "stopped"));
                self.vault().owner()?.sys().rewrap_all(stop)?;
            }
            Step::Tick => return Ok(Reply::Count(self.vault().tick()? as u64)),
            Step::Transaction(changes) => return self.transaction(changes),
            Step::Put(path, data, expect) => {
                let info = self.kv().put(path, data, self.cas(path, *expect))?;
                return Ok(Reply::Info(info.into()));
            }
            Step::Patch(path, data, expect) => {
                let info = self.kv().patch(path, data, self.cas(path, *expect))?;
                return Ok(Reply::Info(info.into()));
            }
            Step::Rollback(path, version, expect) => {
                let info = self
                    .kv()
                    .rollback(path, *version, self.cas(path, *expect))?;
                return Ok(Reply::Info(info.into()));
            }
            Step::Configure(change) => {
                return Ok(self.kv().configure(&change.update()).map(done)?);
            }
            _ => return select(&self.kv(), step).or_else(|other| other),
        }
        Ok(Reply::Done)
    }

    fn kv(&self) -> Kv {
        kv_of(self.vault())
    }

    fn cas(&self, path: &str, expect: Expect) -> Cas {
        match expect {
            Expect::Any => Cas::Any,
            Expect::Absent => Cas::Absent,
            Expect::Newest(off) => Cas::Version(self.model.newest(path, off)),
        }
    }

    fn set_wall(&mut self, wall: Timestamp) {
        self.world.set_wall(wall);
        for handle in &self.handles {
            let sys = handle.owner().expect("unsealed").sys();
            sys.confirm_clock().expect("confirmed");
        }
        self.model.now = wall;
    }

    /// A sealed handle answers `Sealed`, and works again after an unseal.
    fn seal_and_unseal(&self) {
        let kv = self.kv();
        self.vault().seal().expect("sealed");
        let answer = kv.get::<Value>(PATHS[0]).expect_err("sealed").kind();
        assert_eq!(answer, ErrorKind::Sealed);
        self.world.unseal(self.vault());
    }

    fn transaction(&self, changes: &[Change]) -> Outcome {
        let collect = |tx: &mut KvTransaction| {
            changes.iter().try_for_each(|change| {
                let cas = self.cas(change.path, change.expect);
                match &change.data {
                    Some(data) => tx.put(change.path, data, cas),
                    None => tx.delete(change.path, cas),
                }
            })
        };
        let infos = self.kv().transaction(collect)?;
        Ok(Reply::Infos(infos.into_iter().map(Info::from).collect()))
    }
}

/// Performs a step on versions or metadata; another step is for [`read`].
fn select(kv: &Kv, step: &Step) -> Result<Reply, Outcome> {
    let result = match step {
        Step::Delete(path) => kv.delete(path),
        Step::DeleteVersions(path, numbers) => kv.delete_versions(path, numbers),
        Step::Undelete(path, numbers) => kv.undelete(path, numbers),
        Step::Destroy(path, numbers) => kv.destroy(path, numbers),
        Step::PutMetadata(path, update) => kv.put_metadata(path, &update.public()),
        Step::PatchMetadata(path, update) => kv.patch_metadata(path, &update.public()),
        Step::DeleteMetadata(path) => kv.delete_metadata(path),
        other => return Err(read(kv, other)),
    };
    result
        .map(|()| Reply::Done)
        .map_err(|error| Err(error.into()))
}

/// Performs a step that only reads.
fn read(kv: &Kv, step: &Step) -> Outcome {
    Ok(match step {
        Step::Get(path) => Reply::Data(Data::from(kv.get(path)?)),
        Step::GetVersion(path, number) => Reply::Data(Data::from(kv.get_version(path, *number)?)),
        Step::Subkeys(path, number, depth) => {
            let json = kv.subkeys(path, *number, *depth)?;
            Reply::Keys(serde_json::from_slice(json.expose()).expect("json"))
        }
        Step::Metadata(path) => Reply::Metadata(Box::new(Metadata::from(kv.metadata(path)?))),
        Step::Config => Reply::Config(kv.config()?),
        Step::List(folder) => Reply::Names(kv.list(folder)?),
        Step::ListPage(folder, after, limit) => Reply::Names(kv.list_page(folder, after, *limit)?),
        Step::ListRecursive(folder) => Reply::Names(kv.list_recursive(folder)?),
        Step::Names(folder, limit) => Reply::Names(all_pages(kv, folder, *limit)?),
        other => panic!("{other:?} is performed elsewhere"),
    })
}

/// Returns the names of all pages, sorted, repeats included.
fn all_pages(kv: &Kv, folder: &str, limit: usize) -> Result<Vec<String>, Refused> {
    let (mut names, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let page = kv.names(folder, cursor.as_ref(), limit)?;
        names.extend(page.names);
        cursor = page.next;
        if cursor.is_none() {
            names.sort();
            return Ok(names);
        }
    }
}
