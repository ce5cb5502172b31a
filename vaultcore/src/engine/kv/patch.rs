//! Operations that read a version to make another: merge patch, rollback; and the shape of one.

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::get::{live, no_secret};
use super::json::to_json;
use super::metadata::{Cas, Metadata};
use super::put::{SWEEP, Written, add_to, check_cas};
use super::{KIND_V2, api_path, data};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{MountPath, SecretPath};

/// A tree of JSON that wipes its text when dropped.
struct Tree(Value);

impl Tree {
    fn parse(json: &[u8]) -> Result<Self> {
        let parsed = serde_json::from_slice(json);
        parsed
            .map(Self)
            .map_err(|_| Error::corrupt("a version's data is not JSON"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => {
            for (mut key, mut value) in std::mem::take(map) {
                key.zeroize();
                wipe(&mut value);
            }
        }
        _ => {}
    }
}

/// Merges JSON into the newest version (RFC 7396) and writes the result as a new one.
pub(crate) struct Patch<'d> {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    /// Checked by [`super::check_object`].
    pub(crate) json: &'d [u8],
    pub(crate) cas: Cas,
}

impl Operation for Patch<'_> {
    type Reply = Written;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "data", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Patch)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Written> {
        let metadata = Metadata::load(cx, &self.path)?.ok_or_else(no_secret)?;
        check_cas(cx, &metadata, self.cas)?; // first, as in Vault: it tells that others wrote
        let json = read_live(cx, &metadata, None)?;
        let mut tree = Tree::parse(json.json())?;
        let mut patch = Tree::parse(self.json)?;
        merge(&mut tree.0, &mut patch.0);
        add_to(
            cx,
            &self.path,
            metadata,
            &to_json(&tree.0)?,
            self.cas,
            SWEEP,
        )
    }
}

/// Applies RFC 7396: null removes, objects merge, anything else replaces.
fn merge(target: &mut Value, patch: &mut Value) {
    let Value::Object(changes) = patch else {
        std::mem::swap(target, patch); // what was there is wiped with the patch
        return;
    };
    if !target.is_object() {
        wipe(target);
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (key, change) in changes.iter_mut() {
        if change.is_null() {
            if let Some(mut removed) = fields.remove(key) {
                wipe(&mut removed);
            }
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Writes an old version's data as a new version, without showing it to the caller.
pub(crate) struct Rollback {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) version: u64,
    pub(crate) cas: Cas,
}

impl Operation for Rollback {
    type Reply = Written;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "data", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Written> {
        let (metadata, json) = load_live(cx, &self.path, Some(self.version))?;
        add_to(cx, &self.path, metadata, json.json(), self.cas, SWEEP)
    }
}

/// Returns the JSON of a version with its keys alone: every leaf is null.
pub(crate) struct Subkeys {
    pub(crate) mount: MountPath,
    pub(crate) path: SecretPath,
    pub(crate) version: Option<u64>,
    /// Levels shown; 0: all.
    pub(crate) depth: usize,
}

impl Operation for Subkeys {
    type Reply = Zeroizing<Vec<u8>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "subkeys", self.path.as_str());
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let (_, json) = load_live(cx, &self.path, self.version)?;
        let mut tree = Tree::parse(json.json())?;
        let levels = if self.depth == 0 {
            usize::MAX
        } else {
            self.depth
        };
        keys_only(&mut tree.0, levels);
        to_json(&tree.0)
    }
}

fn keys_only(value: &mut Value, levels: usize) {
    match value {
        Value::Object(map) if levels > 0 => {
            for child in map.values_mut() {
                // An empty object has no keys to show: a leaf, as in Vault.
                let leaf = child.as_object().is_some_and(Map::is_empty);
                let deeper = if leaf { 0 } else { levels.saturating_sub(1) };
                keys_only(child, deeper);
            }
        }
        other => {
            wipe(other);
            *other = Value::Null;
        }
    }
}

/// Reads the metadata and the data of a version that is neither deleted nor destroyed.
fn load_live(
    cx: &mut Context<'_, '_>,
    path: &SecretPath,
    version: Option<u64>,
) -> Result<(Metadata, data::Plain)> {
    let metadata = Metadata::load(cx, path)?.ok_or_else(no_secret)?;
    let json = read_live(cx, &metadata, version)?;
    Ok((metadata, json))
}

fn read_live(
    cx: &mut Context<'_, '_>,
    metadata: &Metadata,
    version: Option<u64>,
) -> Result<data::Plain> {
    let version = live(metadata, version, cx.txn.now())?;
    let mount = cx.mount()?;
    data::load(cx, mount, metadata, &version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7396, appendix A, whose target is an object.
    #[test]
    fn merge_follows_the_rfc() {
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut tree: Value = serde_json::from_str(target).expect("json");
            merge(&mut tree, &mut serde_json::from_str(patch).expect("json"));
            assert_eq!(tree.to_string(), expected, "{target} {patch}");
        }
    }

    #[test]
    fn subkeys_show_no_value() {
        let mut tree: Value =
            serde_json::from_str(r#"{"a":{"b":"x","c":[1]},"d":"y"}"#).expect("json");
        let mut flat = tree.clone();
        keys_only(&mut tree, usize::MAX);
        assert_eq!(tree.to_string(), r#"{"a":{"b":null,"c":null},"d":null}"#);
        keys_only(&mut flat, 1);
        assert_eq!(flat.to_string(), r#"{"a":null,"d":null}"#);
    }
}
