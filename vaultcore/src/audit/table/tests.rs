use super::*;
use crate::audit::testing::{config, config_in};

const TEAM: NamespaceId = NamespaceId::from_bytes([1; 16]);

fn path(text: &str) -> MountPath {
    MountPath::new(text).expect("path")
}

#[test]
fn a_table_comes_back_whole() {
    let mut table = AuditTable::default();
    table
        .add(config(
            "b",
            "file",
            &[("file_path", "/var/log/b"), ("log_raw", "true")],
        ))
        .expect("b");
    table.add(config("a", "syslog", &[])).expect("a");
    let stored = table.to_stored().encode().expect("encodes");
    let back = StoredTable::decode(&stored).expect("decodes");
    let back = AuditTable::from_stored(back).expect("table");
    assert_eq!(back.iter().len(), 2);
    for (left, right) in table.iter().zip(back.iter()) {
        assert!(left.is_same(right));
        assert_eq!(left.options(), right.options());
        assert_eq!(
            (left.description(), left.kind()),
            (right.description(), right.kind())
        );
        assert_eq!(
            left.format().hasher.hash(b"x"),
            right.format().hasher.hash(b"x")
        );
    }
    let first = back.iter().next().expect("device");
    assert_eq!(first.path(), &path("a"));
    assert!(!first.is_same(back.at(NamespaceId::ROOT, &path("b")).expect("b")));
}

#[test]
fn each_device_has_a_salt_of_its_own() {
    let (one, other) = (config("a", "stderr", &[]), config("a", "stderr", &[]));
    assert!(!one.is_same(&other));
    assert_ne!(
        one.format().hasher.hash(b"x"),
        other.format().hasher.hash(b"x")
    );
    assert_ne!(one.chain_key().sign(b"x"), other.chain_key().sign(b"x"));
    // The chain's key is not the one that values are hashed with.
    let hashed = one.format().hasher.hash(b"x");
    assert!(!hashed.contains(&data_encoding::HEXLOWER.encode(&one.chain_key().sign(b"x"))));
}

#[test]
fn paths_and_files_are_taken_once() {
    let mut table = AuditTable::default();
    table
        .add(config("a", "file", &[("file_path", "/var/log/x")]))
        .expect("added");
    let taken = table.add(config("a", "stderr", &[])).expect_err("taken");
    assert!(taken.to_string().contains("path is in use"));
    let same = table
        .add(config("b", "file", &[("path", "/var/log/x")]))
        .expect_err("same file");
    assert!(same.to_string().contains("same file"));
    table
        .remove(NamespaceId::ROOT, &path("a"))
        .expect("removed");
    assert!(table.remove(NamespaceId::ROOT, &path("a")).is_none());
    table
        .add(config("b", "file", &[("path", "/var/log/x")]))
        .expect("free again");
}

#[test]
fn namespaces_have_paths_of_their_own_and_no_file_of_another() {
    let mut table = AuditTable::default();
    let log = [("file_path", "/var/log/x")];
    table.add(config("a", "file", &log)).expect("added");
    table
        .add(config_in(TEAM, "a", "stderr", &[]))
        .expect("the path is free there");
    let same = table
        .add(config_in(TEAM, "b", "file", &log))
        .expect_err("same file");
    assert!(same.to_string().contains("same file"));
    assert_eq!(table.of(TEAM).count(), 1);
    assert_eq!(
        table.at(TEAM, &path("a")).expect("device").kind(),
        DeviceKind::Stderr
    );
    let back = StoredTable::decode(&table.to_stored().encode().expect("encodes"));
    let back = AuditTable::from_stored(back.expect("decodes")).expect("table");
    assert!(
        back.iter()
            .zip(table.iter())
            .all(|(one, other)| one.is_same(other))
    );
    assert_eq!(
        (table.remove_all(TEAM).len(), table.remove_all(TEAM).len()),
        (1, 0)
    );
    assert!(table.at(NamespaceId::ROOT, &path("a")).is_some());
}

#[test]
fn a_namespace_reaches_nothing_of_the_hosts_without_leave() {
    let new = |space, kind: &str, namespaces| {
        let options = [("file_path", "/x"), ("name", "x"), ("address", "x")];
        let wanted = |(name, _): &&(&str, &str)| match kind {
            "file" => *name == "file_path",
            "callback" => *name == "name",
            _ => *name == "address",
        };
        let given = options.iter().filter(wanted);
        let new = NewDevice {
            path: path("a"),
            kind: kind.to_owned(),
            description: String::new(),
            options: given
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            local: false,
        };
        let rules = AuditRules {
            prefix: false,
            namespaces,
        };
        DeviceConfig::new(
            AuditId::from_bytes([1; 16]),
            space,
            new,
            rules,
            &crate::crypto::rng::OsRandom,
        )
    };
    for kind in ["file", "syslog", "socket"] {
        let error = new(TEAM, kind, false).expect_err("refused");
        assert!(error.to_string().contains("callback"), "{error}");
        new(TEAM, kind, true).expect("allowed");
        new(NamespaceId::ROOT, kind, false).expect("not a namespace's");
    }
    new(TEAM, "callback", false).expect("the host's own");
}

#[test]
fn devices_are_bounded() {
    let mut table = AuditTable::default();
    for number in 0..MAX_DEVICES {
        table
            .add(config(&format!("d{number}"), "stderr", &[]))
            .expect("added");
    }
    let error = table
        .add(config("more", "stderr", &[]))
        .expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_stored_table_that_is_no_table_is_refused() {
    let mut table = AuditTable::default();
    table.add(config("a", "stderr", &[])).expect("added");
    table.add(config("b", "stderr", &[])).expect("added");
    let mut swapped = table.to_stored();
    swapped.devices.reverse();
    let error = AuditTable::from_stored(swapped).expect_err("out of order");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let mut twice = table.to_stored();
    twice.devices[1].path = twice.devices[0].path.clone();
    assert!(AuditTable::from_stored(twice).is_err());
}

#[test]
fn debug_shows_no_key_and_no_option() {
    let config = config("a", "file", &[("file_path", "/canary")]);
    let shown = format!("{config:?}");
    assert_eq!(shown, format!("DeviceConfig(file, {})", config.id()));
}
