//! Bad input: the right kind of error, nothing secret in it, and a storage that stays as it was.

use serde_json::{Value, json};
use vaultcore::kv::{Cas, Cursor, KvConfigUpdate, MetadataUpdate};
use vaultcore::{
    ErrorKind, MountTune, NewMount, NewSlot, Nonce, Result, SecretBytes, SecretString, Share,
    SlotId, Vault,
};

use crate::rig::{Rig, builder};
use crate::world::{CANARY, Caching, Template, World, share, texts, value};

use ErrorKind::{InvalidArgument, LimitExceeded, NotFound, TooLarge, UnsealFailed, Unsupported};

/// Calls with bad input. None may change an entry, its revision included.
struct Table {
    world: World,
    count: usize,
}

impl Table {
    fn new(world: World) -> Self {
        Self { world, count: 0 }
    }

    #[track_caller]
    fn refuses<T>(&mut self, what: &str, kind: ErrorKind, call: impl FnOnce(&World) -> Result<T>) {
        let before = self.world.rig.dump();
        let Err(error) = call(&self.world) else {
            panic!("{what} was taken");
        };
        let said = format!("{error} {error:?}");
        assert_eq!(error.kind(), kind, "{what}: {said}");
        assert!(!said.contains(CANARY), "{what}: {said}");
        assert!(
            said.len() < 1_000,
            "{what}: an error of {} bytes",
            said.len()
        );
        assert!(
            self.world.rig.dump() == before,
            "{what} changed the storage"
        );
        self.count += 1;
    }
}

fn paths() -> Vec<(&'static str, String, ErrorKind)> {
    vec![
        ("an empty path", String::new(), InvalidArgument),
        ("..", "canary/../x".into(), InvalidArgument),
        (".", "canary/.".into(), InvalidArgument),
        ("a double slash", "canary//x".into(), InvalidArgument),
        (
            "a slash at the beginning",
            "/canary".into(),
            InvalidArgument,
        ),
        ("NUL", "canary\0x".into(), InvalidArgument),
        (
            "a control character",
            "canary\u{1b}[2J".into(),
            InvalidArgument,
        ),
        ("not NFC", "canary-e\u{301}".into(), InvalidArgument),
        ("513 bytes", "c".repeat(513), TooLarge),
        ("33 segments", ["c"; 33].join("/"), TooLarge),
        ("10 MB", "canary".repeat(1_700_000), TooLarge),
    ]
}

#[test]
fn paths_that_cannot_be_are_refused_everywhere() {
    let mut table = Table::new(Template::new().world(Caching::On));
    let any = Cas::Any;
    let mut all = paths();
    all.push(("a slash at the end", "canary/".into(), InvalidArgument));
    for (what, path, kind) in &all {
        let (path, kind) = (path.as_str(), *kind);
        table.refuses(what, kind, |w| w.kv().put(path, &value(1), any));
        table.refuses(what, kind, |w| w.kv().put_json(path, b"{}", any));
        table.refuses(what, kind, |w| w.kv().patch(path, &value(1), any));
        table.refuses(what, kind, |w| w.kv().rollback(path, 1, any));
        table.refuses(what, kind, |w| w.kv().get::<Value>(path));
        table.refuses(what, kind, |w| w.kv().get_version::<Value>(path, 1));
        table.refuses(what, kind, |w| w.kv().get_json(path));
        table.refuses(what, kind, |w| w.kv().subkeys(path, 0, 0));
        table.refuses(what, kind, |w| w.kv().delete(path));
        table.refuses(what, kind, |w| w.kv().delete_versions(path, &[1]));
        table.refuses(what, kind, |w| w.kv().undelete(path, &[1]));
        table.refuses(what, kind, |w| w.kv().destroy(path, &[1]));
        table.refuses(what, kind, |w| w.kv().metadata(path));
        table.refuses(what, kind, |w| {
            w.kv().put_metadata(path, &MetadataUpdate::new())
        });
        table.refuses(what, kind, |w| {
            w.kv().patch_metadata(path, &MetadataUpdate::new())
        });
        table.refuses(what, kind, |w| w.kv().delete_metadata(path));
        table.refuses(what, kind, |w| {
            w.kv().transaction(|tx| tx.put(path, &value(1), any))
        });
        table.refuses(what, kind, |w| {
            w.kv().transaction(|tx| tx.delete(path, any))
        });
        table.refuses(what, kind, |w| w.one().put(path, &value(1)));
        table.refuses(what, kind, |w| w.one().get::<Value>(path));
        table.refuses(what, kind, |w| w.one().delete(path));
    }
    for (what, path, kind) in &paths() {
        let (path, kind) = (path.as_str(), *kind);
        table.refuses(what, kind, |w| w.sys().mount(path, NewMount::kv2()));
        table.refuses(what, kind, |w| w.sys().tune(path, &MountTune::new()));
        table.refuses(what, kind, |w| w.vault.owner()?.kv(path));
        table.refuses(what, kind, |w| w.vault.owner()?.kv_v1(path));
        if !path.is_empty() {
            table.refuses(what, kind, |w| w.kv().list(path));
            table.refuses(what, kind, |w| w.kv().list_recursive(path));
            table.refuses(what, kind, |w| w.kv().names(path, None, 5));
            table.refuses(what, kind, |w| w.one().list(path));
        }
    }
    println!("{} calls with bad paths", table.count);
    assert!(table.count > 300);
}

/// Returns JSON of exactly `size` bytes.
fn sized(size: usize) -> Value {
    json!({ "a": "x".repeat(size - 8) })
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("canary"), |inner, _| json!({ "a": inner }))
}

#[test]
fn data_beyond_the_limits_is_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
    let wide = json!({ "canary": vec![1; 10_001] });
    let cases = [
        ("1 MiB and a byte", sized(1_048_577), TooLarge),
        ("300 levels", nested(300), InvalidArgument),
        ("33 levels", nested(33), InvalidArgument),
        ("10,001 values", wide, InvalidArgument),
        ("an array", json!(["canary"]), InvalidArgument),
        ("a text", json!("canary"), InvalidArgument),
        ("null", Value::Null, InvalidArgument),
    ];
    for (what, data, kind) in &cases {
        let kind = *kind;
        table.refuses(what, kind, |w| w.kv().put("canary-plain", data, Cas::Any));
        table.refuses(what, kind, |w| w.kv().patch("canary-plain", data, Cas::Any));
        table.refuses(what, kind, |w| w.one().put("canary-one", data));
        table.refuses(what, kind, |w| {
            w.kv()
                .transaction(|tx| tx.put("canary-plain", data, Cas::Any))
        });
    }
    for text in [
        "",
        "{",
        "{}}",
        "{\"canary\":}",
        "{\"canary\":1,}",
        "\u{feff}{}",
        "{'a':1}",
    ] {
        table.refuses(text, InvalidArgument, |w| {
            w.kv().put_json("canary-plain", text.as_bytes(), Cas::Any)
        });
    }
    table.refuses("no UTF-8", InvalidArgument, |w| {
        w.kv()
            .put_json("canary-plain", b"{\"a\":\"\xff\"}", Cas::Any)
    });
    // What no reader takes is refused when it is written.
    for text in ["{\"canary\":1e999}", "{\"canary\":\"\\ud800\"}"] {
        table.refuses(text, InvalidArgument, |w| {
            w.kv().put_json("canary-odd", text.as_bytes(), Cas::Any)
        });
    }
    // The patch itself is small, and what it would make is not.
    let world = &table.world;
    world
        .kv()
        .put("canary-full", &sized(1_048_576), Cas::Any)
        .expect("1 MiB fits");
    table.refuses("a patch beyond 1 MiB", TooLarge, |w| {
        w.kv().patch("canary-full", &json!({ "b": 1 }), Cas::Any)
    });
    table.refuses("two of 1 MiB at once", TooLarge, |w| {
        w.kv().transaction(|tx| {
            tx.put("canary-1", &sized(1_048_576), Cas::Any)?;
            tx.put("canary-2", &sized(1_048_576), Cas::Any)
        })
    });
    table.refuses("data of another shape", InvalidArgument, |w| {
        w.kv().get::<Vec<u8>>("canary-plain")
    });
}

#[test]
fn arguments_that_cannot_be_are_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
    let long = "c".repeat(600);
    let name = "canary-plain";
    let update = MetadataUpdate::new;
    table.refuses("51 changes", LimitExceeded, |w| {
        w.kv().transaction(|tx| {
            (0..51).try_for_each(|n| tx.put(&format!("canary-{n}"), &value(1), Cas::Any))
        })
    });
    table.refuses("a secret twice", InvalidArgument, |w| {
        w.kv().transaction(|tx| {
            tx.put(name, &value(1), Cas::Any)
                .and(tx.delete(name, Cas::Any))
        })
    });
    table.refuses("a closure that fails", NotFound, |w| {
        w.kv().transaction(|tx| {
            tx.put(name, &value(1), Cas::Any)?;
            Err(vaultcore::Error::new(NotFound, "of the caller"))
        })
    });
    table.refuses("no version", InvalidArgument, |w| w.kv().destroy(name, &[]));
    table.refuses("version 0", InvalidArgument, |w| {
        w.kv().rollback(name, 0, Cas::Any)
    });
    table.refuses("no such version", NotFound, |w| {
        w.kv().rollback(name, 99, Cas::Any)
    });
    table.refuses("a limit of 0", InvalidArgument, |w| {
        w.kv().names("", None, 0)
    });
    table.refuses("1,001 versions", InvalidArgument, |w| {
        w.kv().put_metadata(name, &update().max_versions(1_001))
    });
    table.refuses("an empty key", InvalidArgument, |w| {
        w.kv().put_metadata(name, &update().custom("", "canary"))
    });
    table.refuses("a control character", InvalidArgument, |w| {
        w.kv()
            .patch_metadata(name, &update().custom("canary", "a\nb"))
    });
    table.refuses("a long value", InvalidArgument, |w| {
        w.kv()
            .patch_metadata(name, &update().custom("canary", long.as_str()))
    });
    table.refuses("65 keys", LimitExceeded, |w| {
        let many = (0..65).fold(update(), |all, n| all.custom(format!("canary{n}"), "x"));
        w.kv().put_metadata(name, &many)
    });
    table.refuses("a mount with 1,001 versions", InvalidArgument, |w| {
        w.kv().configure(&KvConfigUpdate::new().max_versions(1_001))
    });
    for path in [
        "sys",
        "auth/x",
        "canary-secret",
        "canary-secret/below",
        "cubbyhole",
    ] {
        table.refuses(path, InvalidArgument, |w| {
            w.sys().mount(path, NewMount::kv2())
        });
    }
    for new in [
        NewMount::new("canary"),
        NewMount::new("kv").option("version", "3"),
        NewMount::kv2().option("version", "1"),
        NewMount::kv2().option("canary", "x"),
        NewMount::kv2().description(long.as_str()),
        NewMount::kv2().description("a\nb"),
    ] {
        table.refuses("a mount", InvalidArgument, |w| w.sys().mount("fresh", new));
    }
    table.refuses("no mount", NotFound, |w| {
        w.sys().tune("nowhere", &MountTune::new())
    });
    table.refuses("the wrong kind of mount", NotFound, |w| {
        w.vault.owner()?.kv("old")?.list("")
    });
    table.refuses("a wrong cursor", InvalidArgument, |_| {
        Cursor::parse("canary canary")
    });
}

fn slot(what: &'static str) -> (&'static str, NewSlot) {
    let slot = match what {
        "threshold 1 of 3" => NewSlot::shamir(3, 1),
        "0 of 0" => NewSlot::shamir(0, 0),
        "1 of 0" => NewSlot::shamir(0, 1),
        "0 of 1" => NewSlot::shamir(1, 0),
        "0 of 3" => NewSlot::shamir(3, 0),
        "4 of 3" => NewSlot::shamir(3, 4),
        "2 of 1" => NewSlot::shamir(1, 2),
        "an empty passphrase" => NewSlot::passphrase(SecretString::copy_from("")),
        "31 bytes" => NewSlot::key(SecretBytes::from(vec![b'c'; 31])),
        "33 bytes" => NewSlot::key(SecretBytes::from(vec![b'c'; 33])),
        _ => NewSlot::key(SecretBytes::from(Vec::new())),
    };
    (what, slot)
}

#[test]
fn slots_that_cannot_be_are_refused() {
    let all = || {
        [
            "threshold 1 of 3",
            "0 of 0",
            "1 of 0",
            "0 of 1",
            "0 of 3",
            "4 of 3",
            "2 of 1",
            "an empty passphrase",
            "31 bytes",
            "33 bytes",
            "no key",
        ]
        .map(slot)
    };
    let mut empty = Table::new(World::on(Rig::new(), Vec::new(), Caching::On));
    for (what, slot) in all() {
        empty.refuses(what, InvalidArgument, |w| w.vault.init([slot]));
    }
    empty.refuses("no slot", InvalidArgument, |w| w.vault.init([]));
    empty.refuses("33 slots", LimitExceeded, |w| {
        w.vault.init((0..33).map(|_| NewSlot::shamir(1, 1)))
    });
    let mut open = Table::new(Template::new().world(Caching::On));
    for (what, slot) in all() {
        open.refuses(what, InvalidArgument, |w| w.sys().add_slot(&slot));
    }
    for (shares, threshold) in [(0, 0), (1, 0), (0, 1), (3, 1), (3, 4), (255, 0)] {
        open.refuses("a rekey", InvalidArgument, |w| {
            w.sys().rekey(None, shares, threshold)
        });
    }
    let unknown = SlotId::from_bytes([3; 16]);
    open.refuses("no such slot", NotFound, |w| w.sys().remove_slot(unknown));
    open.refuses("no such slot", NotFound, |w| {
        w.sys().rekey(Some(unknown), 3, 2)
    });
    let nonce = Nonce::from_bytes([3; 16]);
    open.refuses("no rekey", NotFound, |w| {
        w.sys().rekey_verify(nonce, &share(&w.shares[0]))
    });
    open.world.sys().rekey(None, 3, 2).expect("rekey");
    open.refuses("another nonce", InvalidArgument, |w| {
        w.sys().rekey_verify(nonce, &share(&w.shares[0]))
    });
}

#[test]
fn wrong_shares_are_refused_and_the_right_ones_stay() {
    let template = Template::new();
    let other = Template::new();
    let old = template.world(Caching::On);
    let rekeyed = old.sys().rekey(None, 3, 2).expect("rekey");
    let replaced = template.sealed(Caching::On);
    let mut table = Table::new(replaced);
    let good = table
        .world
        .vault
        .unseal(&share(&template.shares[0]))
        .expect("first");
    assert_eq!(good.progress(), 1);
    let raw = |text: &str| share(text).expose().to_vec();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let mut wrong = raw(&template.shares[1]);
    wrong[5] ^= 1;
    let mut elsewhere = raw(&template.shares[1]);
    elsewhere[32] = 77;
    let unknown = [
        ("a share of another vault", share(&other.shares[1])),
        (
            "a raw share of another vault",
            share(&hex(&raw(&other.shares[1]))),
        ),
        (
            "a share of a rekey to come",
            share(&texts(rekeyed.shares())[1]),
        ),
        ("a raw share with a wrong byte", share(&hex(&wrong))),
        ("a raw share of no x", share(&hex(&elsewhere))),
        ("the 32 bytes of an only share", share(&hex(&wrong[..32]))),
    ];
    for (what, share) in &unknown {
        table.refuses(what, UnsealFailed, |w| w.vault.unseal(share));
        assert_eq!(
            table.world.vault.status().expect("status").progress(),
            1,
            "{what}"
        );
    }
    let text = &template.shares[1];
    let changed = text.replacen(
        &text[30..31],
        if &text[30..31] == "a" { "b" } else { "a" },
        1,
    );
    let bad = [
        "",
        "vcs1-",
        &text[..60],
        &changed,
        "vcs1-256-00-aa-00",
        &"0".repeat(66),
    ];
    for text in bad {
        table.refuses("a mistyped share", InvalidArgument, |_| Share::parse(text));
    }
    let newer = text.replacen("vcs1", "vcs2", 1);
    table.refuses("a newer share", Unsupported, |_| Share::parse(&newer));
    let wrong = SecretString::copy_from("canary wrong horse");
    table.refuses("a wrong passphrase", UnsealFailed, |w| {
        w.vault.unseal_passphrase(&wrong)
    });
    let empty = SecretString::copy_from("");
    table.refuses("no passphrase", UnsealFailed, |w| {
        w.vault.unseal_passphrase(&empty)
    });
    let key = |length| SecretBytes::from(vec![1; length]);
    table.refuses("a wrong key", UnsealFailed, |w| {
        w.vault.unseal_key(&key(32))
    });
    table.refuses("31 bytes", InvalidArgument, |w| {
        w.vault.unseal_key(&key(31))
    });
    let last = table
        .world
        .vault
        .unseal(&share(&template.shares[1]))
        .expect("last");
    assert!(
        !last.sealed(),
        "the share that was right counted all the time"
    );
}

/// Puts `header` in front of a vault.
fn headed(change: impl FnOnce(&mut Vec<u8>)) -> Vault {
    let rig = Template::new().rig;
    let mut header = rig.values()["sys/header"].clone();
    change(&mut header);
    rig.overwrite("sys/header", Some(header));
    builder(&rig).build().expect("builds")
}

#[test]
fn a_storage_that_holds_something_else_is_left_alone() {
    let kinds = |vault: &Vault| {
        let share = share(&"11".repeat(33));
        let status = vault.status().expect_err("status").kind();
        let unsealed = vault.unseal(&share).expect_err("unseal").kind();
        let init = vault
            .init([NewSlot::shamir(1, 1)])
            .expect_err("init")
            .kind();
        (status, unsealed, init)
    };
    let corrupt = ErrorKind::Corrupt;
    let foreign = headed(|header| *header = b"SQLite format 3\0".to_vec());
    assert_eq!(kinds(&foreign), (corrupt, corrupt, corrupt));
    let longer = headed(|header| header.push(0));
    assert_eq!(kinds(&longer), (corrupt, corrupt, corrupt));
    let newer = headed(|header| header[15] = 2);
    assert_eq!(kinds(&newer), (Unsupported, Unsupported, Unsupported));
    let said = newer.status().expect_err("newer").to_string();
    assert!(said.contains("format 2"), "{said}");
    for (bit, name) in [(0, "integrity index"), (5, "unknown")] {
        let feature = headed(|header| header[39] = 1 << bit);
        assert_eq!(kinds(&feature), (Unsupported, Unsupported, Unsupported));
        let said = feature.status().expect_err("feature").to_string();
        assert!(
            said.contains(&format!("feature {bit}")) && said.contains(name),
            "{said}"
        );
    }
    // A newer writer that this version can still read.
    let readable = headed(|header| header[13] = 2);
    assert!(readable.status().expect("status").initialized());
    // Nothing at all.
    let empty = builder(&Rig::new()).build().expect("builds");
    assert!(!empty.status().expect("status").initialized());
    let error = empty
        .unseal(&share(&"11".repeat(33)))
        .expect_err("no vault");
    assert_eq!(error.kind(), ErrorKind::NotInitialized);
}
