//! Encrypting, decrypting, rewrapping, data keys.

use std::collections::HashSet;

use vaultcore::ErrorKind;
use vaultcore::transit::{Input, KeyType, KeyUpdate, MAX_PLAINTEXT, NewKey};

use super::{Bench, CIPHERS, refused};

#[test]
fn every_length_comes_back() {
    let bench = Bench::new();
    for kind in CIPHERS {
        bench.create(kind.name(), kind);
        for length in [0, 1, 15, 16, 17, 1_024, 70_000] {
            let plain = vec![0x5a; length];
            let text = bench.transit.encrypt(kind.name(), &plain).expect("text");
            assert!(text.starts_with("vault:v1:"), "{text}");
            let back = bench.transit.decrypt(kind.name(), &text).expect("plain");
            assert_eq!(back.expose(), plain);
        }
    }
}

#[test]
fn nothing_is_encrypted_twice_alike() {
    let bench = Bench::new();
    let text = |_| bench.transit.encrypt("k", b"same").expect("text");
    let texts: HashSet<_> = (0..2_000).map(text).collect();
    assert_eq!(texts.len(), 2_000);
}

#[test]
fn whatever_is_wrong_the_error_is_the_same() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    bench.create("other", KeyType::Aes256Gcm96);
    let bound = |text: &'static str| Input::new("plain").associated_data(text);
    let text = transit.encrypt("k", bound("aad")).expect("text");
    let body = text.strip_prefix("vault:v1:").expect("version 1");
    let with = |text: &str, aad: &str| {
        refused(transit.decrypt("k", Input::new(text).associated_data(aad)))
    };
    let mut errors = HashSet::from([with(&text, "axd"), with(&text, "")]);
    errors.insert(refused(
        transit.decrypt("other", Input::new(&text).associated_data("aad")),
    ));
    for changed in [
        format!("vault:v2:{body}"),
        format!(
            "vault:v1:{}{}",
            if body.starts_with('A') { 'B' } else { 'A' },
            &body[1..]
        ),
        format!("vault:v1:{}", &body[4..]),
        format!("vault:v1:{body}AAAA"),
        "vault:v1:".to_owned(),
        "vault:v1:AAAA".to_owned(),
        "vault:v1:*".to_owned(),
        body.to_owned(),
        String::new(),
    ] {
        errors.insert(with(&changed, "aad"));
    }
    transit.rotate("k").expect("rotated");
    let update = KeyUpdate::new().min_decryption_version(2);
    transit.configure("k", &update).expect("configured");
    errors.insert(with(&text, "aad"));
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_derived_key_asks_for_its_context_and_others_take_none() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in CIPHERS {
        let name = kind.name();
        bench.make(name, &NewKey::new(kind).derived(true));
        let given = |context: &'static str| Input::new("plain").context(context);
        let text = transit.encrypt(name, given("one")).expect("text");
        let open =
            |context: &'static str| transit.decrypt(name, Input::new(&text).context(context));
        assert_eq!(open("one").expect("plain").expose(), b"plain");
        refused(open("two"));
        refused(transit.encrypt(name, b"plain"));
        refused(transit.decrypt(name, &text));
    }
    bench.create("plain", KeyType::Aes256Gcm96);
    refused(transit.encrypt("plain", Input::new("x").context("c")));
}

#[test]
fn a_convergent_key_repeats_itself_for_the_same_three_inputs_only() {
    let bench = Bench::new();
    let transit = &bench.transit;
    for kind in CIPHERS {
        let name = kind.name();
        bench.make(name, &NewKey::new(kind).derived(true).convergent(true));
        let text = |plain: &'static str, context: &'static str, aad: &'static str| {
            let input = Input::new(plain).context(context).associated_data(aad);
            transit.encrypt(name, input).expect("text")
        };
        let first = text("p", "c", "a");
        assert_eq!(first, text("p", "c", "a"));
        let nonce = |text: &str| text[..9 + 16].to_owned();
        let others = [
            text("q", "c", "a"),
            text("p", "d", "a"),
            text("p", "c", "b"),
        ];
        let mut nonces = HashSet::from([nonce(&first)]);
        for other in others {
            // Under two associated data, too, so that no two texts share a nonce.
            assert!(nonces.insert(nonce(&other)), "{kind:?}");
        }
    }
    let convergent = NewKey::default().convergent(true);
    refused(transit.create("bad", &convergent));
    let signing = NewKey::new(KeyType::Ed25519).derived(true).convergent(true);
    refused(transit.create("bad", &signing));
    refused(transit.create("bad", &NewKey::new(KeyType::EcdsaP256).derived(true)));
}

#[test]
fn a_missing_key_is_made_unless_the_mount_forbids_it() {
    let bench = Bench::new();
    let transit = &bench.transit;
    transit.encrypt("plain", b"x").expect("made");
    assert!(!transit.read("plain").expect("there").derived);
    transit
        .encrypt("derived", Input::new("x").context("c"))
        .expect("made");
    assert!(transit.read("derived").expect("there").derived);
    transit.upsert(false).expect("forbidden");
    refused(transit.encrypt("third", b"x"));
    let none = transit.read("third").expect_err("not made");
    assert_eq!(none.kind(), ErrorKind::NotFound);
    transit.encrypt("plain", b"x").expect("it was there");
    transit.upsert(true).expect("allowed");
    transit.encrypt("third", b"x").expect("made");
}

#[test]
fn rewrapping_keeps_plaintext_context_and_associated_data() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make("k", &NewKey::default().derived(true));
    let bind = |input: Input<'static>| input.context("c").associated_data("a");
    let old = transit
        .encrypt("k", bind(Input::new("plain")))
        .expect("text");
    transit.rotate("k").expect("rotated");
    let given = Input::new(&old).context("c").associated_data("a");
    let new = transit.rewrap("k", given).expect("rewrapped");
    assert!(new.starts_with("vault:v2:"), "{new}");
    let open = |text: &str, aad: &str| {
        let input = Input::new(text).context("c").associated_data(aad);
        transit.decrypt("k", input)
    };
    assert_eq!(open(&new, "a").expect("plain").expose(), b"plain");
    refused(open(&new, "b"));
    refused(transit.rewrap("k", Input::new(&old).context("c")));
    let wanted = Input::new(&new)
        .context("c")
        .associated_data("a")
        .version(1);
    let down = transit.rewrap("k", wanted).expect("rewrapped");
    assert!(down.starts_with("vault:v1:"));
}

#[test]
fn data_keys_have_the_lengths_that_there_are() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    for (bits, length) in [(128, 16), (256, 32), (512, 64)] {
        let with = || Input::new("").associated_data("file");
        let (plain, wrapped) = transit.data_key("k", bits, with()).expect("key");
        assert_eq!(plain.len(), length);
        let given = Input::new(&wrapped).associated_data("file");
        assert_eq!(
            transit.decrypt("k", given).expect("plain").expose(),
            plain.expose()
        );
        let hidden = transit.wrapped_data_key("k", bits, with()).expect("key");
        assert_ne!(hidden, wrapped);
    }
    refused(transit.data_key("k", 192, Input::new("")));
    let missing = transit.data_key("none", 256, Input::new("")).err();
    assert_eq!(missing.expect("no key").kind(), ErrorKind::NotFound);
}

#[test]
fn plaintexts_are_bounded() {
    let bench = Bench::new();
    let plain = vec![0; MAX_PLAINTEXT + 1];
    let error = bench.transit.encrypt("k", &plain).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn a_batch_keeps_its_order_and_fails_item_by_item() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.create("k", KeyType::Aes256Gcm96);
    let plains: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let items: Vec<_> = plains.iter().map(Input::from).collect();
    let sealed = transit.encrypt_batch("k", &items).expect("batch");
    let texts: Vec<String> = sealed.into_iter().map(|text| text.expect("text")).collect();
    let mut items: Vec<_> = texts.iter().map(Input::from).collect();
    items[7] = Input::new("vault:v1:AAAA");
    let opened = transit.decrypt_batch("k", &items).expect("batch");
    for (index, opened) in opened.into_iter().enumerate() {
        match opened {
            Ok(plain) => assert_eq!(plain.expose(), plains[index].as_bytes()),
            Err(error) => {
                assert_eq!((index, error.kind()), (7, ErrorKind::InvalidArgument));
            }
        }
    }
    transit.rotate("k").expect("rotated");
    let again = transit.rewrap_batch("k", &items).expect("batch");
    assert_eq!(again.iter().filter(|text| text.is_err()).count(), 1);
    assert!(again[7].is_err());
    let versions = [
        Input::new("a").version(1),
        Input::new("b"),
        Input::new("c").version(9),
    ];
    let mixed = transit.encrypt_batch("k", &versions).expect("batch");
    assert!(mixed[0].as_ref().expect("text").starts_with("vault:v1:"));
    assert!(mixed[1].as_ref().expect("text").starts_with("vault:v2:"));
    assert!(mixed[2].is_err());
}

#[test]
fn a_batch_is_not_empty_and_has_contexts_for_all_or_for_none() {
    let bench = Bench::new();
    let transit = &bench.transit;
    bench.make("k", &NewKey::default().derived(true));
    refused(transit.encrypt_batch("k", &[]));
    let mixed = [Input::new("a").context("c"), Input::new("b")];
    refused(transit.encrypt_batch("k", &mixed));
    let many = vec![Input::new("a").context("c"); 10_001];
    let error = transit.encrypt_batch("k", &many).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn keys_that_sign_or_mac_do_not_encrypt() {
    let bench = Bench::new();
    for kind in [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::Hmac] {
        bench.create(kind.name(), kind);
        refused(bench.transit.encrypt(kind.name(), b"x"));
        refused(bench.transit.decrypt(kind.name(), "vault:v1:AAAA"));
    }
}
