//! One secret of the model, and what is done to JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use vaultcore::Timestamp;

use super::reply::{Info, Metadata, Refused};
use super::rules::Planted;

#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) current: u64,
    pub(crate) max_versions: u32,
    pub(crate) cas_required: bool,
    pub(crate) delete_after: Option<Duration>,
    pub(crate) custom: BTreeMap<String, String>,
    pub(crate) revision: u64,
    pub(crate) versions: Vec<Version>,
}

#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) info: Info,
    pub(crate) data: Value,
}

impl Secret {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            created: now,
            updated: now,
            current: 0,
            max_versions: 0,
            cas_required: false,
            delete_after: None,
            custom: BTreeMap::new(),
            revision: 0,
            versions: Vec::new(),
        }
    }

    /// Returns a version; 0 is the newest.
    pub(crate) fn version(&self, number: u64) -> Result<&Version, Refused> {
        let number = if number == 0 { self.current } else { number };
        let mut versions = self.versions.iter();
        let found = versions.find(|version| version.info.version == number);
        found.ok_or(Refused::NOT_FOUND)
    }

    pub(crate) fn metadata(&self) -> Metadata {
        let versions: Vec<Info> = self.versions.iter().map(|version| version.info).collect();
        let oldest = versions.first().map_or(0, |info| info.version);
        Metadata {
            created: self.created,
            updated: self.updated,
            current: self.current,
            oldest: if oldest == 1 { 0 } else { oldest },
            max_versions: self.max_versions,
            cas_required: self.cas_required,
            delete_after: self.delete_after,
            custom: self.custom.clone(),
            revision: self.revision,
            versions,
        }
    }
}

/// Applies RFC 7396: null removes a field.
pub(crate) fn merge(target: &mut Value, patch: &Value, planted: Planted) {
    let (Some(fields), Some(changes)) = (target.as_object_mut(), patch.as_object()) else {
        *target = patch.clone();
        return;
    };
    for (key, change) in changes {
        if change.is_null() && planted != Planted::NullIsKept {
            fields.remove(key);
            continue;
        }
        let field = fields.entry(key.clone()).or_insert(Value::Null);
        if change.is_object() && !field.is_object() {
            *field = Value::Object(serde_json::Map::new());
        }
        merge(field, change, planted);
    }
}

/// Returns `value` with null for every leaf; 0 levels are all.
pub(crate) fn keys(value: &Value, levels: usize) -> Value {
    let Some(fields) = value.as_object() else {
        return Value::Null;
    };
    let below = |child: &Value| match child.as_object() {
        Some(inner) if !inner.is_empty() && levels != 1 => keys(child, levels.saturating_sub(1)),
        _ => Value::Null,
    };
    let fields = fields
        .iter()
        .map(|(key, child)| (key.clone(), below(child)));
    Value::Object(fields.collect())
}
