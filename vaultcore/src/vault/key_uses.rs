//! Keys that are used up: rotated at one limit, refused at the other, over all processes together.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Caller, Vault};
use crate::engine::sys::NewMount;
use crate::engine::transit::{Input, KeyName, NewKey, planted::Plant};
use crate::error::ErrorKind;
use crate::path::MountPath;
use crate::seal::NewSlot;
use crate::session::Transit;
use crate::storage::{Memory, Storage};

const ROTATE: u64 = 1 << 31;
const REFUSE: u64 = 1 << 32;

struct World {
    storage: Arc<dyn Storage>,
    init: super::Init,
}

impl World {
    fn new() -> Self {
        let storage: Arc<dyn Storage> = Arc::new(Memory::new());
        let vault = Vault::builder(Arc::clone(&storage)).build().expect("vault");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        let world = Self { storage, init };
        let owner = world.process().0.owner().expect("owner");
        let mounted = owner.sys().mount("transit", NewMount::transit());
        mounted.expect("mounted");
        world
    }

    /// Opens the vault once more, as another process does.
    fn process(&self) -> (Vault, Transit) {
        let builder = Vault::builder(Arc::clone(&self.storage));
        let vault = builder.build().expect("vault");
        vault.unseal(&self.init.shares()[0]).expect("unsealed");
        let owner = vault.owner().expect("owner");
        let transit = owner.transit("transit").expect("path");
        (vault, transit)
    }

    /// Opens the vault with a key `k` that was used so often, and may not rotate.
    fn with_imported(&self, uses: u64) -> (Vault, Transit) {
        let (vault, transit) = self.process();
        let made = transit.import("k", &NewKey::default(), &[7; 32]);
        made.expect("made");
        self.plant("k", uses);
        (vault, transit)
    }

    fn plant(&self, name: &str, uses: u64) {
        let plant = Plant {
            mount: &MountPath::new("transit").expect("path"),
            name: KeyName::new(name).expect("name"),
            uses,
        };
        let vault = self.process().0;
        vault.run(&Caller::owner(), &plant).expect("planted");
    }
}

/// Encrypts all items under `k`, and returns how many different texts they make.
fn distinct(transit: &Transit, items: &[Input<'_>]) -> usize {
    let texts = transit.encrypt_batch("k", items).expect("batch");
    let texts = texts.into_iter().map(|text| text.expect("text"));
    texts.collect::<HashSet<_>>().len()
}

#[test]
fn a_key_rotates_before_it_is_used_too_often() {
    let world = World::new();
    let (_vault, transit) = world.process();
    transit.create("k", &NewKey::default()).expect("made");
    world.plant("k", ROTATE - 300);
    let mut versions = Vec::new();
    for _ in 0..300 {
        let text = transit.encrypt("k", b"x").expect("text");
        let plain = transit.decrypt("k", &text).expect("plain");
        assert_eq!(plain.expose(), b"x");
        versions.push(text.as_bytes()["vault:v".len()]);
    }
    assert_eq!(
        versions.iter().filter(|version| **version == b'1').count(),
        256
    );
    assert_eq!(transit.read("k").expect("info").latest_version, 2);
    // Asked for by its number it still encrypts, up to the other limit.
    let old = Input::new("x").version(1);
    assert!(
        transit
            .encrypt("k", old)
            .expect("text")
            .starts_with("vault:v1:")
    );
}

#[test]
fn a_key_that_may_not_rotate_is_refused_and_still_decrypts() {
    let world = World::new();
    let (_vault, transit) = world.with_imported(REFUSE - 100);
    let texts: Vec<_> = (0..100).map(|_| transit.encrypt("k", b"x")).collect();
    let made: Vec<_> = texts.iter().flatten().collect();
    assert_eq!(made.len(), 64); // whole chunks only
    for text in made {
        assert_eq!(transit.decrypt("k", text).expect("plain").expose(), b"x");
    }
    let error = transit.encrypt("k", b"x").expect_err("used up");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let batch: Vec<_> = [b"x"; 3].map(Into::into).into();
    let error = transit.encrypt_batch("k", &batch).expect_err("used up");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_batch_that_names_a_version_takes_no_more_uses_than_it_has_items() {
    let world = World::new();
    let (_vault, transit) = world.with_imported(REFUSE - 2 * 4_096);
    let items = vec![Input::new("x").version(1); 4_096];
    for _ in 0..2 {
        assert_eq!(distinct(&transit, &items), items.len());
    }
    let error = transit.encrypt("k", b"x").expect_err("used up");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn one_block_serves_items_of_the_newest_version_and_those_that_name_it() {
    let world = World::new();
    let (_vault, transit) = world.with_imported(REFUSE - 256);
    let items: Vec<_> = (0..256).map(|n| Input::new("x").version(n % 2)).collect();
    assert_eq!(distinct(&transit, &items), items.len());
}

#[test]
fn a_version_that_is_used_up_fails_no_item_of_another() {
    let world = World::new();
    let (_vault, transit) = world.process();
    transit.create("k", &NewKey::default()).expect("made");
    world.plant("k", REFUSE);
    transit.rotate("k").expect("rotated");
    let items = [0, 1, 2].map(|version| Input::new("x").version(version));
    let texts = transit.encrypt_batch("k", &items).expect("batch");
    for (item, text) in [(0, &texts[0]), (2, &texts[2])] {
        let text = text.as_ref().expect("text");
        assert!(text.starts_with("vault:v2:"), "{item}");
    }
    let error = texts[1].as_ref().expect_err("used up");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn many_processes_together_never_pass_the_limit() {
    const LEFT: usize = 64 * 150;
    let world = World::new();
    let _first = world.with_imported(REFUSE - 64 * 150);
    let processes: Vec<_> = (0..16).map(|_| world.process()).collect();
    let made: usize = std::thread::scope(|scope| {
        let encrypt = |transit: &Transit| {
            let one = || transit.encrypt("k", b"x").ok();
            std::iter::from_fn(one).take(2_000).count()
        };
        let threads: Vec<_> = processes
            .iter()
            .map(|(_, transit)| scope.spawn(move || encrypt(transit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("encrypted"))
            .sum()
    });
    assert!(made <= LEFT && made > LEFT / 4, "{made} of {LEFT}");
}
