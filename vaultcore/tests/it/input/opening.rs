//! Bad slots, shares and keys, and storages that hold something else.

use vaultcore::{ErrorKind, NewSlot, Nonce, SecretBytes, SecretString, Share, SlotId, Vault};

use super::Table;
use crate::rig::{Rig, builder};
use crate::world::{Caching, Template, World, share, texts};

use ErrorKind::{InvalidArgument, LimitExceeded, NotFound, UnsealFailed, Unsupported};

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
    let taken: Vec<u8> = template.shares.iter().map(|text| raw(text)[32]).collect();
    let free = (1..=255).find(|x| !taken.contains(x));
    elsewhere[32] = free.expect("there are few shares");
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

#[test]
fn mistyped_shares_and_wrong_keys_are_refused() {
    let template = Template::new();
    let mut table = Table::new(template.sealed(Caching::On));
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
