//! Properties of stored metadata and of JSON from outside, for any bytes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::Config;
use super::json::{check_object, to_json};
use super::merge::merge;
use super::metadata::{Metadata, Version};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::record::Record;

/// Reads stored metadata, writes it again, and adds versions to it.
pub fn metadata(bytes: &[u8]) {
    let Ok(mut metadata) = Metadata::decode(bytes) else {
        return;
    };
    let Ok(once) = metadata.encode() else {
        panic!("metadata that was read is not whole");
    };
    let again = Metadata::decode(&once).and_then(|metadata| metadata.encode());
    assert!(again.is_ok_and(|again| *again == *once), "not stable");
    let config = Config::default();
    for _ in 0..3 {
        let Ok(slot) = metadata.add_version(Timestamp::from_micros(1), [1; 16], &config) else {
            return;
        };
        let newest = metadata.newest().map(|version| version.slot);
        assert_eq!(newest, Some(Some(slot)), "the newest version is another");
        assert!(metadata.versions.len() <= 1_000, "too many versions stay");
        let _ = (metadata.oldest(), metadata.delete_after());
    }
}

/// Checks a JSON text, and two of them, with a NUL between, as a value and a patch of it.
pub fn json(bytes: &[u8]) {
    checked(bytes);
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(target), Some(patch)) = (parts.next(), parts.next()) else {
        return;
    };
    if check_object(target).is_err() || check_object(patch).is_err() {
        return;
    }
    let value = |json: &[u8]| serde_json::from_slice::<Value>(json);
    let (Ok(old), Ok(change)) = (value(target), value(patch)) else {
        panic!("what is taken is read by nobody");
    };
    let found = merge(target, patch).map(|json| value(&json));
    let right = matches!(found, Ok(Ok(found)) if found == merged(&old, &change));
    assert!(right, "the merge is not that of RFC 7396");
}

fn checked(bytes: &[u8]) {
    let parsed = serde_json::from_slice::<Value>(bytes);
    let accepted = check_object(bytes).is_ok();
    if accepted {
        assert!(str::from_utf8(bytes).is_ok());
        let raw = serde_json::from_slice::<&serde_json::value::RawValue>(bytes);
        assert!(raw.is_ok(), "taken, and not JSON");
        assert!(parsed.as_ref().map_or(true, Value::is_object));
    }
    let Ok(value) = parsed else { return };
    let brackets = bytes.iter().filter(|byte| b"{[".contains(byte)).count();
    let small = brackets <= 32 && bytes.len() <= 10_000;
    assert!(
        accepted || !small || !value.is_object(),
        "good JSON is refused"
    );
    if let (Ok(text), true) = (to_json(&value), accepted) {
        assert!(
            check_object(&text).is_ok(),
            "what it writes it does not take"
        );
    }
}

/// RFC 7396 as it is written there.
fn merged(target: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else {
        return patch.clone();
    };
    let mut fields = target.as_object().cloned().unwrap_or_default();
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            let old = fields.remove(name).unwrap_or(Value::Null);
            fields.insert(name.clone(), merged(&old, change));
        }
    }
    Value::Object(fields)
}

/// Returns the seeds of stored metadata.
pub(crate) fn seeds(now: Timestamp) -> Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let empty = || Metadata {
        key: [6; 16],
        created: now,
        updated: now,
        current: 0,
        max_versions: 0,
        cas_required: false,
        metadata_cas_required: false,
        delete_after: None,
        custom: BTreeMap::new(),
        revision: 0,
        versions: Vec::new(),
        doomed: Vec::new(),
    };
    let mut several = empty();
    for _ in 0..12 {
        several.add_version(now, [2; 16], &Config::default())?;
    }
    let mut noted = empty();
    noted.custom.insert("team".into(), "payments".into());
    noted.delete_after = Some(1_000_000);
    let mut full = empty();
    full.current = u64::MAX - 1;
    full.versions.push(destroyed_version(u64::MAX - 1, now));
    let mut destroyed = empty();
    destroyed.doomed = vec![0, 3];
    destroyed.current = 7;
    destroyed.versions.push(destroyed_version(7, now));
    Ok(vec![
        ("kv_metadata", "empty", empty().encode()?.to_vec()),
        ("kv_metadata", "several", several.encode()?.to_vec()),
        ("kv_metadata", "noted", noted.encode()?.to_vec()),
        ("kv_metadata", "full", full.encode()?.to_vec()),
        ("kv_metadata", "destroyed", destroyed.encode()?.to_vec()),
    ])
}

fn destroyed_version(number: u64, now: Timestamp) -> Version {
    Version {
        number,
        created: now,
        deletion: Some(now),
        deleted: true,
        destroyed: true,
        slot: None,
        mark: [3; 16],
    }
}
