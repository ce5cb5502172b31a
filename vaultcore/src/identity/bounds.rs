//! How much of it there may be, and what policies may be attached.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};

/// The most entries of metadata.
const MAX_METADATA: usize = 64;
/// The longest key of metadata, in bytes.
const MAX_KEY: usize = 128;
/// The longest value of metadata, in bytes.
const MAX_VALUE: usize = 512;
/// The most policies of an entity or a group.
const MAX_POLICIES: usize = 256;
/// The longest name of a policy, in bytes.
const MAX_POLICY: usize = 128;
/// The most aliases of an entity.
pub(super) const MAX_ALIASES: usize = 16;
/// The most groups that an entity is a direct member of.
pub(super) const MAX_DIRECT: usize = 64;
/// The most groups that a group has as members, and the most that it is a member of.
pub(super) const MAX_LINKS: usize = 50;
/// The most groups that hold each other, from the outermost to the innermost.
pub(super) const MAX_DEPTH: usize = 16;
/// The most groups that an entity belongs to, by whatever way.
pub(super) const MAX_REACHED: usize = 1_000;
/// The most members of a group that one call changes.
pub(super) const MAX_CHANGES: usize = 50;
/// The merges that an entity or an alias remembers.
pub(super) const MAX_MERGED: usize = 64;

/// The policy that nobody has by who they are.
const ROOT: &str = "root";

pub(crate) fn limit(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::LimitExceeded, message.into())
}

/// Checks metadata, as what would be stored is bounded.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<()> {
    if metadata.len() > MAX_METADATA {
        let count = metadata.len();
        let text = format!("metadata has at most {MAX_METADATA} keys, this one has {count}");
        return Err(Error::invalid(text));
    }
    let key =
        |key: &String| (1..=MAX_KEY).contains(&key.len()) && !key.chars().any(char::is_control);
    if !metadata.keys().all(key) {
        return Err(Error::invalid(
            "a key of metadata has 1 to 128 bytes and no control characters",
        ));
    }
    if metadata.values().any(|value| value.len() > MAX_VALUE) {
        return Err(Error::invalid("a value of metadata has at most 512 bytes"));
    }
    Ok(())
}

/// Returns the policies `names` as they are stored: in lower case, sorted, each once.
///
/// # Errors
/// `InvalidArgument` for the root policy however it is spelt, and for what is no name;
/// `LimitExceeded`.
pub(crate) fn policy_names(names: &[String]) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let name = name.trim().to_lowercase();
        if name == ROOT {
            return Err(Error::invalid("policies cannot contain root"));
        }
        if name.len() > MAX_POLICY || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "the name of a policy has 1 to 128 bytes and no control characters",
            ));
        }
        if !name.is_empty() {
            found.push(name);
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.len() > MAX_POLICIES {
        let text =
            format!("at most {MAX_POLICIES} policies can be attached to one entity or group");
        return Err(limit(text));
    }
    Ok(found)
}

/// Returns whether stored policies are as [`policy_names`] makes them.
pub(super) fn sound_policies(names: &[String]) -> bool {
    names.len() <= MAX_POLICIES
        && names.is_sorted_by(|left, right| left < right)
        && !names.iter().any(|name| name == ROOT)
}

/// Returns whether `ids` are sorted, each once, and not more than `most`.
pub(super) fn sound_ids<I: Ord>(ids: &[I], most: usize) -> bool {
    ids.len() <= most && ids.is_sorted_by(|left, right| left < right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_root_by_who_they_are() {
        for root in ["root", "ROOT", " root ", "RoOt\t", "\nroot"] {
            let error = policy_names(&["a".to_owned(), root.to_owned()]).expect_err(root);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{root:?}");
        }
        let names = ["B", "a ", "", "b"].map(str::to_owned);
        assert_eq!(policy_names(&names).expect("names"), ["a", "b"]);
        assert!(!sound_policies(&["root".to_owned()]));
        let many: Vec<String> = (0..=MAX_POLICIES).map(|n| format!("p{n}")).collect();
        let error = policy_names(&many).expect_err("many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn metadata_is_bounded_exactly() {
        let one = |key: usize, value: usize| BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
        check_metadata(&one(MAX_KEY, MAX_VALUE)).expect("fits");
        check_metadata(&one(1, 0)).expect("fits");
        for bad in [one(0, 1), one(MAX_KEY + 1, 1), one(1, MAX_VALUE + 1)] {
            assert!(check_metadata(&bad).is_err());
        }
        let many = |count| {
            (0..count)
                .map(|n: usize| (n.to_string(), String::new()))
                .collect()
        };
        check_metadata(&many(MAX_METADATA)).expect("fits");
        assert!(check_metadata(&many(MAX_METADATA + 1)).is_err());
    }
}
