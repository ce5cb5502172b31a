//! Commits that are counted and have not landed yet, while calls learn from each other who asks and what
//! is granted: what was true before the commit must not be believed after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vaultcore::storage::Memory;

use vaultcore::transit::{Input, KeyType, NewKey, Transit};
use vaultcore::{ErrorKind, NewMount, NewSlot, NewToken, Session, Vault};

use crate::hooked::{Event, Mode, Switch, hooked};

struct World {
    vault: Vault,
    owner: Session,
    hook: Switch,
}

impl World {
    fn new(mode: Mode, policy: &str) -> Self {
        let (storage, hook) = hooked(&Arc::new(Memory::new()), mode);
        let vault = Vault::builder(storage).build().unwrap();
        let init = vault.init([NewSlot::shamir(1, 1)]).unwrap();
        vault.unseal(&init.shares()[0]).unwrap();
        let owner = vault.owner().unwrap();
        owner.sys().mount("transit", NewMount::transit()).unwrap();
        owner.sys().put_policy("app", policy).unwrap();
        Self { vault, owner, hook }
    }

    fn keys(&self) -> Transit {
        self.owner.transit("transit").unwrap()
    }

    fn holder(&self) -> Transit {
        let token = self.owner.token().create(&NewToken::new().policy("app"));
        let token = token.unwrap();
        let session = self.vault.login(&token).unwrap();
        session.transit("transit").unwrap()
    }

    /// Does `work`, and `meanwhile` when the first commit of it is counted and has not landed.
    fn while_pending(&self, meanwhile: impl Fn() + Send + Sync + 'static, work: impl FnOnce()) {
        let done = AtomicBool::new(false);
        self.hook.set(move |event| {
            if matches!(event, Event::BeforeCommit(_)) && !done.swap(true, Ordering::SeqCst) {
                meanwhile();
            }
            None
        });
        work();
        self.hook.clear();
    }
}

fn kind<T>(result: vaultcore::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn rights_that_are_being_taken_are_not_known() {
    for mode in [Mode::Exclusive, Mode::Mark, Mode::Unknown] {
        rights_are_taken(mode);
    }
}

fn rights_are_taken(mode: Mode) {
    let world = World::new(mode, "path \"transit/+/k\" { capabilities = [\"update\"] }");
    world.keys().create("k", &NewKey::default()).unwrap();
    let transit = world.holder();
    transit.encrypt("k", "text").unwrap();
    let facade = transit.clone();
    let use_it = move || {
        for _ in 0..5 {
            facade.encrypt("k", "text").unwrap(); // they are still in force
        }
    };
    let take = || world.owner.sys().delete_policy("app").unwrap();
    world.while_pending(use_it, take);
    let after = transit.encrypt("k", "text");
    assert_eq!(kind(after), Some(ErrorKind::PermissionDenied));
}

/// What may be done with a key that is not there is not what may be done once it is.
#[test]
fn a_grant_on_a_key_that_is_being_made_is_not_known() {
    for mode in [Mode::Exclusive, Mode::Mark, Mode::Unknown] {
        a_key_is_made(mode);
    }
}

fn a_key_is_made(mode: Mode) {
    let policy = "path \"transit/encrypt/k\" { capabilities = [\"create\"] }
        path \"transit/encrypt/other\" { capabilities = [\"update\"] }";
    let world = World::new(mode, policy);
    world.keys().create("other", &NewKey::default()).unwrap();
    let transit = world.holder();
    transit.encrypt("other", "text").unwrap();
    let facade = transit.clone();
    let use_it = move || {
        for _ in 0..3 {
            facade.encrypt("other", "text").unwrap(); // who asks is known now
        }
        for _ in 0..3 {
            // A key of another version than the first is not made.
            let refused = facade.encrypt("k", Input::new("text").version(2));
            assert_eq!(kind(refused), Some(ErrorKind::InvalidArgument));
        }
    };
    let make = || {
        drop(
            world
                .keys()
                .create("k", &NewKey::new(KeyType::Ed25519))
                .unwrap(),
        )
    };
    world.while_pending(use_it, make);
    // It is found in the cache, and would not encrypt: that is not this caller's to know.
    world.keys().read("k").unwrap();
    let after = transit.encrypt("k", "text");
    assert_eq!(kind(after), Some(ErrorKind::PermissionDenied));
}
