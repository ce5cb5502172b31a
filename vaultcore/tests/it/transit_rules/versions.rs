//! Rotation, minimum versions, trimming, and rotation by itself.

use std::time::Duration;

use vaultcore::ErrorKind;
use vaultcore::transit::{Input, KeyType, KeyUpdate, NewKey};

use super::{Bench, refused};

#[test]
fn old_ciphertexts_decrypt_after_any_number_of_rotations() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    let mut texts = Vec::new();
    for version in 1..=20u32 {
        let plain = version.to_string();
        let text = transit.encrypt("k", &plain).expect("text");
        assert!(text.starts_with(&format!("vault:v{version}:")));
        texts.push((plain, text));
        assert_eq!(transit.rotate("k").expect("rotated"), version + 1);
    }
    for (plain, text) in texts {
        let back = transit.decrypt("k", &text).expect("plain");
        assert_eq!(back.expose(), plain.as_bytes());
    }
}

#[test]
fn minimum_versions_keep_old_ones_from_use_until_they_are_lowered() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    let first = transit.encrypt("k", b"x").expect("text");
    for _ in 0..3 {
        transit.rotate("k").expect("rotated");
    }
    let set = |update: KeyUpdate| transit.configure("k", &update);
    set(KeyUpdate::new().min_decryption_version(3)).expect("set");
    refused(transit.decrypt("k", &first));
    let shown = transit.read("k").expect("info").versions;
    assert_eq!(shown.iter().map(|v| v.version).collect::<Vec<_>>(), [3, 4]);
    refused(transit.encrypt("k", Input::new("x").version(2)));
    set(KeyUpdate::new().min_encryption_version(4)).expect("set");
    refused(transit.encrypt("k", Input::new("x").version(3)));
    set(KeyUpdate::new().min_decryption_version(1)).expect("lowered");
    assert_eq!(transit.decrypt("k", &first).expect("plain").expose(), b"x");
    refused(set(KeyUpdate::new().min_decryption_version(5)));
    refused(set(KeyUpdate::new().min_encryption_version(5)));
    refused(set(KeyUpdate::new()
        .min_decryption_version(3)
        .min_encryption_version(2)));
    let info = transit.read("k").expect("info");
    assert_eq!(
        (info.min_decryption_version, info.min_encryption_version),
        (1, 4)
    );
}

#[test]
fn trimming_is_for_good_and_asks_for_both_minimum_versions() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    let first = transit.encrypt("k", b"x").expect("text");
    for _ in 0..3 {
        transit.rotate("k").expect("rotated");
    }
    let third = transit
        .encrypt("k", Input::new("x").version(3))
        .expect("text");
    let set = |update: KeyUpdate| transit.configure("k", &update);
    refused(transit.trim("k", 2));
    set(KeyUpdate::new().min_decryption_version(3)).expect("set");
    refused(transit.trim("k", 2));
    set(KeyUpdate::new().min_encryption_version(3)).expect("set");
    refused(transit.trim("k", 4));
    transit.trim("k", 3).expect("trimmed");
    assert_eq!(transit.read("k").expect("info").min_available_version, 3);
    refused(set(KeyUpdate::new().min_decryption_version(2)));
    refused(transit.trim("k", 2));
    refused(transit.decrypt("k", &first));
    assert_eq!(transit.decrypt("k", &third).expect("plain").expose(), b"x");
    assert_eq!(transit.rotate("k").expect("rotated"), 5);
    let text = transit.encrypt("k", b"y").expect("text");
    assert!(text.starts_with("vault:v5:"));
}

#[test]
fn a_key_is_deleted_only_if_its_rules_allow_it() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    let text = transit.encrypt("k", b"x").expect("text");
    refused(transit.delete("k"));
    let update = KeyUpdate::new().deletion_allowed(true);
    transit.configure("k", &update).expect("allowed");
    transit.delete("k").expect("deleted");
    let gone = transit.decrypt("k", &text).expect_err("no key");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert_eq!(bench.world.count("ns/root/transit"), 0);
    bench.create("k", KeyType::Aes256Gcm96);
    refused(transit.decrypt("k", &text)); // another key of the same name
}

#[test]
fn a_soft_deleted_key_is_out_of_use_until_it_is_restored() {
    let bench = Bench::new();
    let transit = &bench.transit;
    let text = transit.encrypt("k", b"x").expect("text");
    transit.soft_delete("k").expect("deleted");
    refused(transit.encrypt("k", b"x"));
    refused(transit.decrypt("k", &text));
    refused(transit.rotate("k"));
    refused(transit.backup("k"));
    assert!(transit.read("k").expect("info").soft_deleted);
    transit.soft_restore("k").expect("restored");
    assert_eq!(transit.decrypt("k", &text).expect("plain").expose(), b"x");
}

#[test]
fn a_key_rotates_by_itself_when_it_is_due() {
    let bench = Bench::new();
    let (transit, world) = (&bench.transit, &bench.world);
    let hourly = NewKey::default().auto_rotate(Duration::from_secs(3_600));
    bench.make("k", &hourly);
    let latest = || transit.read("k").expect("info").latest_version;
    world.vault.tick().expect("ticked");
    assert_eq!(latest(), 1);
    world.advance(3_601);
    assert_eq!(world.vault.tick().expect("ticked"), 1);
    assert_eq!(world.vault.tick().expect("ticked"), 0);
    assert_eq!(latest(), 2);
    world.advance(3_599);
    transit.rotate("k").expect("rotated"); // the period begins anew
    world.advance(2);
    world.vault.tick().expect("ticked");
    assert_eq!(latest(), 3);
    let never = KeyUpdate::new().auto_rotate(Duration::ZERO);
    transit.configure("k", &never).expect("set");
    world.advance(1_000_000);
    world.vault.tick().expect("ticked");
    assert_eq!((latest(), world.count("sys/transit-due/")), (3, 0));
    let short = KeyUpdate::new().auto_rotate(Duration::from_secs(3_599));
    refused(transit.configure("k", &short));
    transit
        .configure(
            "k",
            &KeyUpdate::new().auto_rotate(Duration::from_secs(3_600)),
        )
        .expect("set");
    transit
        .configure("k", &KeyUpdate::new().deletion_allowed(true))
        .expect("set");
    transit.delete("k").expect("deleted");
    assert_eq!(world.count("sys/transit-due/"), 0);
}

#[test]
fn what_is_due_of_a_mount_that_is_gone_is_forgotten() {
    let bench = Bench::new();
    bench.make(
        "k",
        &NewKey::default().auto_rotate(Duration::from_secs(3_600)),
    );
    let sys = bench.world.owner().sys();
    sys.unmount("transit").expect("unmounted");
    bench.world.vault.tick().expect("ticked");
    bench.world.advance(4_000);
    bench.world.vault.tick().expect("ticked");
    assert_eq!(bench.world.count("sys/transit-due/"), 0);
    assert_eq!(bench.world.count("ns/root/transit"), 0);
}

#[test]
fn a_rotation_elsewhere_is_seen_at_once() {
    let bench = Bench::new();
    let other = bench.world.other();
    let theirs = other
        .owner()
        .expect("owner")
        .transit("transit")
        .expect("path");
    for version in 1..20 {
        let text = bench.transit.encrypt("k", b"x").expect("text");
        assert!(text.starts_with(&format!("vault:v{version}:")));
        assert_eq!(theirs.decrypt("k", &text).expect("plain").expose(), b"x");
        theirs.rotate("k").expect("rotated");
    }
}
