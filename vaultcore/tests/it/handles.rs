//! Several vault handles on one storage, as several processes would have.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, Kv, KvConfigUpdate};
use vaultcore::{Error, ErrorKind, MountTune, NewMount, NewSlot, SecretBytes, Vault};

use crate::rig::{Rig, builder};
use crate::world::{Caching, Template, World, contents, key, opens_with, share, texts, value};

const SECRET: &str = "canary-folder/app";

/// A world, and more handles on its storage, all open.
fn handles(count: usize) -> (World, Vec<Vault>) {
    let world = Template::new().world(Caching::On);
    let vaults = (0..count).map(|_| open(&world.rig)).collect();
    (world, vaults)
}

fn open(rig: &Rig) -> Vault {
    let vault = builder(rig).build().expect("builds");
    vault.unseal_key(&key()).expect("unseals");
    vault
}

fn kv(vault: &Vault) -> Kv {
    let owner = vault.owner().expect("owner");
    owner.kv("canary-secret").expect("kv")
}

fn all(vault: &Vault) -> Vec<String> {
    let mut lines = Vec::new();
    contents(vault, &mut lines).expect("reads");
    lines
}

/// Checks that every handle sees what the first one sees.
fn agree(world: &World, others: &[Vault]) {
    let seen = all(&world.vault);
    for other in others {
        assert_eq!(all(other), seen);
    }
}

#[test]
fn what_one_handle_does_the_others_see_at_once() {
    let (world, others) = handles(2);
    agree(&world, &others); // and everything is cached
    let sys = world.sys();
    sys.mount("fresh", NewMount::kv2()).expect("mounts");
    agree(&world, &others);
    sys.tune("fresh", &MountTune::new().description("tuned"))
        .expect("tunes");
    agree(&world, &others);
    world
        .kv()
        .configure(&KvConfigUpdate::new().cas_required(true))
        .expect("configures");
    for other in &others {
        let refused = kv(other)
            .put(SECRET, &value(1), Cas::Any)
            .expect_err("needs a version");
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    }
    agree(&world, &others);
    sys.rotate().expect("rotates");
    agree(&world, &others);
    sys.rewrap_all(|_| Ok(())).expect("rewraps");
    agree(&world, &others);
    let slot = NewSlot::key(SecretBytes::copy_from(&[9; 32]));
    sys.add_slot(&slot).expect("adds");
    agree(&world, &others);
    world.kv().delete_metadata(SECRET).expect("deletes");
    agree(&world, &others);
}

/// After another handle made a new root key, what a handle has in memory opens nothing.
fn is_sealed_and_opens_again(other: &Vault) {
    let error = kv(other).get::<Value>(SECRET).expect_err("sealed");
    assert_eq!(error.kind(), ErrorKind::Sealed);
    assert!(other.status().expect("status").sealed());
    other.unseal_key(&key()).expect("unseals");
}

#[test]
fn a_new_root_key_seals_the_others_until_they_unseal() {
    let (world, others) = handles(2);
    agree(&world, &others);
    world.sys().rotate_root().expect("rotates");
    others.iter().for_each(is_sealed_and_opens_again);
    agree(&world, &others);
    let rekey = world.sys().rekey(None, 3, 2).expect("rekey");
    agree(&world, &others); // a rekey that is not verified changes nothing
    let new = texts(rekey.shares());
    // One handle takes one share, and knows nothing of what others were given.
    for text in &new[..2] {
        world
            .sys()
            .rekey_verify(rekey.nonce(), &share(text))
            .expect("verifies");
    }
    others.iter().for_each(is_sealed_and_opens_again);
    agree(&world, &others);
    assert!(opens_with(&world.rig, &new) && !opens_with(&world.rig, &world.shares));
    // It goes round: each handle may be the one that does it.
    others[0]
        .owner()
        .expect("owner")
        .sys()
        .rotate_root()
        .expect("rotates");
    is_sealed_and_opens_again(&world.vault);
    is_sealed_and_opens_again(&others[1]);
    agree(&world, &others);
}

/// Shares that were given before a rekey are no part of the key that opens after it.
#[test]
fn a_rekey_in_the_middle_of_an_unseal_starts_it_over() {
    let (world, _) = handles(0);
    let sealed = builder(&world.rig).build().expect("builds");
    sealed
        .unseal(&share(&world.shares[0]))
        .expect("first old share");
    let rekey = world.sys().rekey(None, 3, 2).expect("rekey");
    for share in rekey.shares().iter().take(2) {
        world
            .sys()
            .rekey_verify(rekey.nonce(), share)
            .expect("verifies");
    }
    let old = sealed
        .unseal(&share(&world.shares[1]))
        .expect_err("an old share");
    assert_eq!(old.kind(), ErrorKind::UnsealFailed);
    let status = sealed.unseal(&rekey.shares()[0]).expect("first new share");
    assert_eq!((status.sealed(), status.progress()), (true, 1));
    let status = sealed.unseal(&rekey.shares()[1]).expect("second new share");
    assert!(!status.sealed());
}

#[test]
fn no_handle_shows_a_value_older_than_an_acknowledged_write() {
    let (_world, vaults) = handles(3);
    let kvs: Vec<Kv> = vaults.iter().map(kv).collect();
    for number in 0..300 {
        let (writer, reader) = (&kvs[number % 3], &kvs[(number + 1) % 3]);
        let written = writer
            .put(SECRET, &json!({ "n": number }), Cas::Any)
            .expect("puts");
        for kv in [reader, writer, &kvs[(number + 2) % 3]] {
            let found = kv.get::<Value>(SECRET).expect("reads");
            assert_eq!(
                (found.version, &found.data["n"]),
                (written.version, &json!(number))
            );
        }
    }
}

#[test]
fn racing_increments_over_three_handles_lose_none() {
    const THREADS: usize = 8;
    const EACH: u64 = 25;
    let (_world, vaults) = handles(3);
    kv(&vaults[0])
        .put("counter", &json!({ "n": 0 }), Cas::Absent)
        .expect("puts");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let kv = kv(&vaults[number % 3]);
            scope.spawn(move || (0..EACH).for_each(|_| increment(&kv)));
        }
    });
    for vault in &vaults {
        let found = kv(vault).get::<Value>("counter").expect("reads");
        let expected = THREADS as u64 * EACH;
        assert_eq!(
            (found.version, &found.data["n"]),
            (expected + 1, &json!(expected))
        );
    }
}

fn increment(kv: &Kv) {
    loop {
        let found = kv.get::<Value>("counter").expect("reads");
        let next = found.data["n"].as_u64().expect("number") + 1;
        match kv.put(
            "counter",
            &json!({ "n": next }),
            Cas::Version(found.version),
        ) {
            Ok(_) => return,
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the terms that the stored records stand in, and how many do.
fn terms(rig: &Rig) -> Vec<u32> {
    let own = ["sys/header", "sys/slots", "sys/keyring"];
    let values = rig.values();
    let records = values
        .iter()
        .filter(|(path, _)| !own.contains(&path.as_str()));
    records
        .map(|(_, value)| u32::from_be_bytes(value[1..5].try_into().expect("a record")))
        .collect()
}

#[test]
fn a_rewrap_while_others_write_leaves_no_old_term() {
    let (world, vaults) = handles(3);
    for number in 0..60 {
        let name = format!("many/{number}");
        world
            .kv()
            .put(&name, &value(number), Cas::Any)
            .expect("puts");
    }
    agree(&world, &vaults);
    let target = world.sys().rotate().expect("rotates");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for (number, vault) in vaults.iter().skip(1).enumerate() {
            let (kv, stop) = (kv(vault), &stop);
            scope.spawn(move || {
                for count in 0.. {
                    let name = format!("many/{}", (count * 7 + number as u64) % 60);
                    kv.put(&name, &value(count), Cas::Any)
                        .expect("puts while it rewraps");
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        let sys = vaults[0].owner().expect("owner").sys();
        let rewrapped = sys.rewrap_all(|_| Ok(()));
        stop.store(true, Ordering::SeqCst);
        rewrapped.expect("rewraps");
    });
    assert!(terms(&world.rig).iter().all(|term| *term == target));
    let status = world.sys().key_status().expect("status");
    assert_eq!((status.term, status.terms), (target, 1));
    agree(&world, &vaults); // the first was open all the time, and cached old records
}

#[test]
fn a_rewrap_that_was_stopped_is_finished_by_another() {
    let (world, vaults) = handles(2);
    for number in 0..100 {
        let name = format!("many/{number}");
        world
            .kv()
            .put(&name, &value(number), Cas::Any)
            .expect("puts");
    }
    agree(&world, &vaults);
    let target = world.sys().rotate().expect("rotates");
    let stop = || Error::new(ErrorKind::Timeout, "enough for now");
    let sys = world.sys();
    let mut first = 0;
    let stopped = sys.rewrap_all(|done| {
        first = done;
        Err(stop())
    });
    assert_eq!(stopped.expect_err("stopped").kind(), ErrorKind::Timeout);
    let before = terms(&world.rig);
    assert!(before.contains(&target) && before.iter().any(|term| *term < target));
    assert!(
        sys.key_status().expect("status").terms > 1,
        "nothing is dropped yet"
    );
    agree(&world, &vaults);
    let mut seen = Vec::new();
    let other = vaults[0].owner().expect("owner").sys();
    let dropped = other.rewrap_all(|done| {
        seen.push(done);
        Ok(())
    });
    assert_eq!(dropped.expect("finishes"), 2);
    assert!(
        first > 0 && seen[0] > first,
        "it goes on where the first one stopped"
    );
    assert!(terms(&world.rig).iter().all(|term| *term == target));
    agree(&world, &vaults);
}
