//! Bad input: the right kind of error, nothing secret in it, and a storage that stays as it was.

mod opening;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, Cursor, KvConfigUpdate, MetadataUpdate};
use vaultcore::{ErrorKind, MountTune, NewMount, Result};

use crate::world::{CANARY, Caching, Template, World, value};

use ErrorKind::{InvalidArgument, LimitExceeded, NotFound, TooLarge};

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
}

#[test]
fn texts_that_are_no_json_are_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
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
            w.kv().put_json("canary-plain", text.as_bytes(), Cas::Any)
        });
    }
}

#[test]
fn data_that_grows_beyond_the_limits_is_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
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
    let name = "canary-plain";
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
}

#[test]
fn metadata_that_cannot_be_is_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
    let long = "c".repeat(600);
    let name = "canary-plain";
    let update = MetadataUpdate::new;
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
}

#[test]
fn mounts_that_cannot_be_are_refused() {
    let mut table = Table::new(Template::new().world(Caching::On));
    let long = "c".repeat(600);
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
