//! Mounts of key-value engines.

use std::time::Duration;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, DeleteAfter, KvConfig, KvConfigUpdate};
use vaultcore::{ErrorKind, MountTune, NewMount, Sys};

use crate::common::{World, data, kind, put};

fn sys() -> Sys {
    World::new().owner().sys()
}

fn paths(sys: &Sys) -> Vec<String> {
    let mounts = sys.mounts().expect("mounts");
    mounts
        .iter()
        .map(|mount| mount.path.as_str().to_owned())
        .collect()
}

#[test]
fn kinds_have_the_names_that_vault_uses() {
    let sys = sys();
    let kinds = [
        ("a", NewMount::new("kv"), "kv-v1"),
        ("b", NewMount::new("kv").option("version", "1"), "kv-v1"),
        ("c", NewMount::new("kv").option("version", "2"), "kv-v2"),
        ("d", NewMount::new("kv-v2"), "kv-v2"),
        ("e", NewMount::new("kv-v1").option("version", "1"), "kv-v1"),
    ];
    for (path, new, _) in &kinds {
        sys.mount(path, new.clone()).expect("mounted");
    }
    let mounts = sys.mounts().expect("mounts");
    for (path, _, kind) in kinds {
        let found = mounts
            .iter()
            .find(|mount| mount.path.as_str() == format!("{path}/"));
        assert_eq!(found.expect("listed").kind, kind, "{path}");
    }
}

#[test]
fn what_can_not_be_mounted_is_refused() {
    let sys = sys();
    let kv2 = NewMount::kv2;
    let refused = |path: &str, new: NewMount| {
        assert_eq!(
            kind(sys.mount(path, new)),
            ErrorKind::InvalidArgument,
            "{path}"
        );
    };
    refused("a", NewMount::new("transmogrify"));
    refused("a", NewMount::new("kv").option("version", "3"));
    refused("a", NewMount::new("kv-v2").option("version", "1"));
    refused("a", kv2().option("color", "red"));
    refused("a", kv2().description("x".repeat(513)));
    refused("a", kv2().description("line\nbreak"));
    let hour = Duration::from_secs(3_600);
    refused("a", kv2().default_ttl(hour * 2).max_ttl(hour));
    for path in [
        "",
        "/",
        "a//b",
        "..",
        "sys",
        "sys/x",
        "auth",
        "cubbyhole",
        "identity",
        "audit",
    ] {
        refused(path, kv2());
    }
    for path in ["secret", "secret/", "secret/below"] {
        refused(path, kv2());
    }
    sys.mount("deep/down", kv2()).expect("mounted");
    refused("deep", kv2());
    assert_eq!(paths(&sys), ["deep/down/", "secret/"]);
}

#[test]
fn mounts_are_listed_as_they_were_made() {
    let sys = sys();
    let hour = Duration::from_secs(3_600);
    let new = NewMount::new("kv")
        .option("version", "2")
        .description("x".repeat(512))
        .default_ttl(hour)
        .max_ttl(hour);
    let id = sys.mount("team/web/", new).expect("mounted");
    let mounts = sys.mounts().expect("mounts");
    let info = mounts.last().expect("listed");
    assert_eq!((info.id, info.path.as_str()), (id, "team/web/"));
    assert_eq!((info.default_ttl, info.max_ttl), (Some(hour), Some(hour)));
    assert_eq!(info.description.len(), 512);
    assert_eq!(info.options["version"], "2");
}

#[test]
fn a_mount_keeps_its_secrets_to_itself() {
    let world = World::new();
    let owner = world.owner();
    owner
        .sys()
        .mount("team/a", NewMount::kv2())
        .expect("mounted");
    owner
        .sys()
        .mount("team/b", NewMount::kv2())
        .expect("mounted");
    let (a, b) = (
        owner.kv("team/a").expect("path"),
        owner.kv("team/b").expect("path"),
    );
    put(&a, "x", 1);
    put(&b, "x", 2);
    a.configure(&KvConfigUpdate::new().max_versions(3))
        .expect("set");
    assert_eq!(
        (data(&a, "x"), data(&b, "x")),
        (json!({"n": 1}), json!({"n": 2}))
    );
    a.delete_metadata("x").expect("removed");
    assert_eq!(data(&b, "x"), json!({"n": 2}));
    assert_eq!(b.config().expect("config"), KvConfig::default());
    assert_eq!(kind(world.kv().get::<Value>("x")), ErrorKind::NotFound);
}

#[test]
fn without_a_mount_nothing_is_found() {
    let world = World::new();
    let kv = world.owner().kv("nowhere").expect("path");
    assert_eq!(kind(kv.put("a", &json!({}), Cas::Any)), ErrorKind::NotFound);
    assert_eq!(kind(kv.get::<Value>("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.delete("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.delete_metadata("a")), ErrorKind::NotFound);
    assert_eq!(kind(kv.list("")), ErrorKind::NotFound);
    assert_eq!(kind(kv.config()), ErrorKind::NotFound);
    assert_eq!(
        kind(kv.configure(&KvConfigUpdate::new())),
        ErrorKind::NotFound
    );
    let below = world.owner().kv("secret/below").expect("path");
    assert_eq!(kind(below.list("")), ErrorKind::NotFound);
}

#[test]
fn tuning_changes_what_it_names() {
    let world = World::new();
    let sys = world.owner().sys();
    put(&world.kv(), "a", 1);
    world
        .kv()
        .configure(&KvConfigUpdate::new().max_versions(4))
        .expect("set");
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    let tune = MountTune::new()
        .description("new")
        .default_ttl(minute)
        .max_ttl(hour);
    sys.tune("secret", &tune).expect("tuned");
    sys.tune("secret/", &MountTune::new())
        .expect("nothing to do");
    let info = sys.mounts().expect("mounts").remove(0);
    assert_eq!(info.description, "new");
    assert_eq!((info.default_ttl, info.max_ttl), (Some(minute), Some(hour)));
    sys.tune("secret", &MountTune::new().default_ttl(Duration::ZERO))
        .expect("tuned");
    let info = sys.mounts().expect("mounts").remove(0);
    assert_eq!((info.default_ttl, info.max_ttl), (None, Some(hour)));
    assert_eq!(world.kv().config().expect("config").max_versions, 4);
    assert_eq!(data(&world.kv(), "a"), json!({"n": 1}));
}

#[test]
fn tuning_is_checked() {
    let sys = sys();
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    assert_eq!(
        kind(sys.tune("nowhere", &MountTune::new())),
        ErrorKind::NotFound
    );
    let long = MountTune::new().description("x".repeat(513));
    assert_eq!(kind(sys.tune("secret", &long)), ErrorKind::InvalidArgument);
    sys.tune("secret", &MountTune::new().max_ttl(minute))
        .expect("tuned");
    let beyond = MountTune::new().default_ttl(hour);
    assert_eq!(
        kind(sys.tune("secret", &beyond)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(sys.mounts().expect("mounts")[0].default_ttl, None);
}

#[test]
fn a_configuration_comes_back() {
    let world = World::new();
    let kv = world.kv();
    assert_eq!(kv.config().expect("config"), KvConfig::default());
    let after = DeleteAfter::Duration(Duration::from_micros(1));
    let update = KvConfigUpdate::new()
        .max_versions(7)
        .cas_required(true)
        .delete_version_after(after);
    kv.configure(&update).expect("set");
    let config = kv.config().expect("config");
    assert_eq!((config.max_versions, config.cas_required), (7, true));
    assert_eq!(config.delete_version_after, after);
    let other = crate::common::kv_of(&world.other());
    assert_eq!(other.config().expect("config"), config);
    let none = KvConfigUpdate::new()
        .max_versions(0)
        .cas_required(false)
        .delete_version_after(DeleteAfter::Unset);
    kv.configure(&none).expect("set");
    assert_eq!(
        other.config().expect("config"),
        KvConfig::default(),
        "seen without a restart"
    );
}

/// As in Vault: what a write of the configuration does not name stays.
#[test]
fn configuring_changes_what_it_names() {
    let kv = World::new().kv();
    let set = |update: KvConfigUpdate| kv.configure(&update);
    let config = || {
        let config = kv.config().expect("config");
        let after = config.delete_version_after;
        (config.max_versions, config.cas_required, after)
    };
    let new = KvConfigUpdate::new;
    set(new().cas_required(true)).expect("set");
    set(new().max_versions(5)).expect("set");
    assert_eq!(config(), (5, true, DeleteAfter::Unset));
    set(new().delete_version_after(DeleteAfter::Never)).expect("set");
    set(new()).expect("nothing to do");
    assert_eq!(config(), (5, true, DeleteAfter::Never));
    let refused = set(new().max_versions(1_001).cas_required(false));
    assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    set(new().cas_required(false)).expect("set");
    assert_eq!(config(), (5, false, DeleteAfter::Never));
}

#[test]
fn a_ttl_is_kept_to_the_microsecond_or_refused() {
    let world = World::new();
    let sys = world.owner().sys();
    let ttls = [
        Duration::from_micros(500_001),
        Duration::from_micros(u64::MAX),
    ];
    let new = NewMount::kv2().default_ttl(ttls[0]).max_ttl(ttls[1]);
    sys.mount("short", new).expect("mounted");
    let other = world.other().owner().expect("unsealed").sys();
    let mounts = other.mounts().expect("mounts");
    let found = mounts.iter().find(|mount| mount.path.as_str() == "short/");
    let found = found.expect("the mount");
    assert_eq!([found.default_ttl, found.max_ttl], ttls.map(Some));
    for refused in [Duration::from_nanos(1_001), Duration::MAX] {
        let new = NewMount::kv2().max_ttl(refused);
        assert_eq!(kind(sys.mount("x", new)), ErrorKind::InvalidArgument);
        let tune = MountTune::new().max_ttl(refused);
        assert_eq!(kind(sys.tune("short", &tune)), ErrorKind::InvalidArgument);
    }
}
