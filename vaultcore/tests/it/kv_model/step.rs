//! Steps of a history, and how they are drawn.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vaultcore::kv::{DeleteAfter, KvConfigUpdate, MetadataUpdate};

/// Where secrets are: folders and secrets of one name, and neighbours.
pub(crate) const PATHS: [&str; 6] = ["a", "a/b", "a/c/d", "b", "b/\u{e9}", "B"];
const FOLDERS: [&str; 5] = ["", "a", "a/c/", "b", "none"];

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Put(Path, Value, Expect),
    Patch(Path, Value, Expect),
    Rollback(Path, u64, Expect),
    Get(Path),
    GetVersion(Path, u64),
    Subkeys(Path, u64, usize),
    Delete(Path),
    DeleteVersions(Path, Vec<u64>),
    Undelete(Path, Vec<u64>),
    Destroy(Path, Vec<u64>),
    Metadata(Path),
    PutMetadata(Path, Update),
    PatchMetadata(Path, Update),
    DeleteMetadata(Path),
    Configure(ConfigChange),
    Config,
    List(&'static str),
    ListPage(&'static str, String, usize),
    ListRecursive(&'static str),
    /// All pages of a folder, of this size each.
    Names(&'static str, usize),
    Transaction(Vec<Change>),
    Advance(Duration),
    /// The wall clock is set back.
    SetBack(Duration),
    Rotate,
    RewrapAll,
    /// The work is stopped after its first page.
    RewrapStopped,
    SealAndUnseal,
    /// From here on the other handle is used.
    Switch,
    Tick,
}

pub(crate) type Path = &'static str;

/// Which version a write expects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    Any,
    Absent,
    /// The one that is the newest, this far off.
    Newest(i8),
}

/// A change in a transaction: a write, or the deletion of the newest version.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) path: Path,
    pub(crate) expect: Expect,
    pub(crate) data: Option<Value>,
}

/// A change of metadata.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) max_versions: Option<u32>,
    pub(crate) cas_required: Option<bool>,
    pub(crate) delete_after: Option<u64>,
    pub(crate) custom: Option<Vec<(&'static str, Option<String>)>>,
}

impl Update {
    pub(crate) fn public(&self) -> MetadataUpdate {
        let mut update = MetadataUpdate::new();
        if let Some(count) = self.max_versions {
            update = update.max_versions(count);
        }
        if let Some(required) = self.cas_required {
            update = update.cas_required(required);
        }
        if let Some(seconds) = self.delete_after {
            update = update.delete_version_after(Duration::from_secs(seconds));
        }
        if let Some(custom) = &self.custom {
            update = update.clear_custom();
            for (key, value) in custom {
                update = match value {
                    Some(value) => update.custom(*key, value),
                    None => update.remove_custom(*key),
                };
            }
        }
        update
    }
}

/// Draws a step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => writing(),
        15 => reading(),
        15 => deleting(),
        12 => describing(),
        12 => naming(),
        4 => vec(change(), 0..5).prop_map(Step::Transaction),
        12 => surrounding(),
    ]
}

fn writing() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (path(), data(), expect()).prop_map(|(p, d, e)| Step::Put(p, d, e)),
        3 => (path(), data(), expect()).prop_map(|(p, d, e)| Step::Patch(p, d, e)),
        1 => (path(), number(), expect()).prop_map(|(p, n, e)| Step::Rollback(p, n, e)),
    ]
}

fn reading() -> impl Strategy<Value = Step> {
    prop_oneof![
        path().prop_map(Step::Get),
        (path(), number()).prop_map(|(p, n)| Step::GetVersion(p, n)),
        (path(), number(), 0..4usize).prop_map(|(p, n, depth)| Step::Subkeys(p, n, depth)),
    ]
}

fn deleting() -> impl Strategy<Value = Step> {
    let numbers = || vec(number(), 0..4);
    prop_oneof![
        3 => path().prop_map(Step::Delete),
        3 => (path(), numbers()).prop_map(|(p, n)| Step::DeleteVersions(p, n)),
        5 => (path(), numbers()).prop_map(|(p, n)| Step::Undelete(p, n)),
        3 => (path(), numbers()).prop_map(|(p, n)| Step::Destroy(p, n)),
        2 => path().prop_map(Step::DeleteMetadata),
    ]
}

fn describing() -> impl Strategy<Value = Step> {
    prop_oneof![
        path().prop_map(Step::Metadata),
        (path(), update()).prop_map(|(p, u)| Step::PutMetadata(p, u)),
        (path(), update()).prop_map(|(p, u)| Step::PatchMetadata(p, u)),
        configuration().prop_map(Step::Configure),
        Just(Step::Config),
    ]
}

fn naming() -> impl Strategy<Value = Step> {
    let after = prop_oneof![Just(""), Just("a"), Just("a/"), Just("b"), Just("zz")];
    prop_oneof![
        folder().prop_map(Step::List),
        (folder(), after, 0..4usize).prop_map(|(folder, after, limit)| Step::ListPage(
            folder,
            after.to_owned(),
            limit
        )),
        folder().prop_map(Step::ListRecursive),
        (folder(), 1..6usize).prop_map(|(folder, limit)| Step::Names(folder, limit)),
    ]
}

fn surrounding() -> impl Strategy<Value = Step> {
    let seconds = || (0..12u64).prop_map(Duration::from_secs);
    prop_oneof![
        6 => seconds().prop_map(Step::Advance),
        1 => seconds().prop_map(Step::SetBack),
        2 => Just(Step::Rotate),
        1 => Just(Step::RewrapAll),
        1 => Just(Step::RewrapStopped),
        1 => Just(Step::SealAndUnseal),
        4 => Just(Step::Switch),
        1 => Just(Step::Tick),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    prop::sample::select(&PATHS[..])
}

fn folder() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&FOLDERS[..])
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..9u64, 1 => Just(u64::MAX)]
}

fn expect() -> impl Strategy<Value = Expect> {
    prop_oneof![
        5 => Just(Expect::Any),
        1 => Just(Expect::Absent),
        4 => Just(Expect::Newest(0)),
        1 => (-1..=1i8).prop_map(Expect::Newest),
    ]
}

/// Draws an object, and now and then something that is none.
fn data() -> impl Strategy<Value = Value> {
    prop_oneof![
        20 => object(leaf()),
        10 => object(prop_oneof![leaf(), object(prop_oneof![leaf(), object(leaf())])]),
        1 => Just(json!([{}])),
    ]
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop::sample::select(&["k", "l", "m"][..]);
    vec((key, value), 0..4).prop_map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        Value::Object(fields.collect::<Map<_, _>>())
    })
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => any::<u64>().prop_map(Value::from),
        3 => "[a-z\"\\\\\u{e9}]{0,3}".prop_map(Value::from),
        2 => Just(Value::Null),
        1 => Just(json!([1, {"k": null}])),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let data = prop_oneof![3 => data().prop_map(Some), 1 => Just(None)];
    (path(), expect(), data).prop_map(|(path, expect, data)| Change { path, expect, data })
}

fn update() -> impl Strategy<Value = Update> {
    let key = prop_oneof![8 => prop::sample::select(&["x", "y"][..]), 1 => Just("")];
    let entry = (key, option::of("[a-z]{1,2}"));
    let after = prop::sample::select(&[0u64, 5, 10, 30][..]);
    let parts = (
        option::weighted(0.4, limit()),
        option::weighted(0.2, any::<bool>()),
        option::weighted(0.3, after),
        option::weighted(0.5, vec(entry, 0..3)),
    );
    parts.prop_map(
        |(max_versions, cas_required, delete_after, custom)| Update {
            max_versions,
            cas_required,
            delete_after,
            custom: custom.map(without_repeats),
        },
    )
}

/// Keeps the last entry of each key, as the public update does.
fn without_repeats(
    entries: Vec<(&'static str, Option<String>)>,
) -> Vec<(&'static str, Option<String>)> {
    let entries: std::collections::BTreeMap<_, _> = entries.into_iter().collect();
    entries.into_iter().collect()
}

fn limit() -> impl Strategy<Value = u32> {
    prop_oneof![12 => 0..6u32, 1 => Just(1_000), 1 => Just(1_001)]
}

/// A change of the mount's configuration: what is named.
#[derive(Clone, Debug)]
pub(crate) struct ConfigChange {
    pub(crate) count: Option<u32>,
    pub(crate) required: Option<bool>,
    pub(crate) after: Option<DeleteAfter>,
}

impl ConfigChange {
    pub(crate) fn update(&self) -> KvConfigUpdate {
        let mut update = KvConfigUpdate::new();
        if let Some(count) = self.count {
            update = update.max_versions(count);
        }
        if let Some(required) = self.required {
            update = update.cas_required(required);
        }
        if let Some(after) = self.after {
            update = update.delete_version_after(after);
        }
        update
    }
}

fn configuration() -> impl Strategy<Value = ConfigChange> {
    let seconds = prop::sample::select(&[0u64, 5, 10, 20][..]);
    let after = prop_oneof![
        3 => Just(DeleteAfter::Unset),
        3 => seconds.prop_map(|seconds| DeleteAfter::Duration(Duration::from_secs(seconds))),
        1 => Just(DeleteAfter::Never),
    ];
    let required = prop::option::of(prop::bool::weighted(0.1));
    let parts = (prop::option::of(limit()), required, prop::option::of(after));
    parts.prop_map(|(count, required, after)| ConfigChange {
        count,
        required,
        after,
    })
}
