//! What earlier calls leave to later ones is used, and is never more than what is true.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Init, Vault, VaultBuilder};
use crate::audit::AuditDevice;
use crate::auth::token::NewToken;
use crate::clock::{ManualClock, Timestamp};
use crate::engine::kv::Cas;
use crate::engine::sys::NewMount;
use crate::engine::transit::{Input, KeyType, KeyUpdate, NewKey};
use crate::error::{ErrorKind, Result};
use crate::seal::NewSlot;
use crate::secret::SecretString;
use crate::session::{NewAudit, Session, Transit};
use crate::storage::{Memory, Sqlite};

const POLICY: &str = "path \"transit/+/k\" { capabilities = [\"update\"] }
path \"team/transit/+/k\" { capabilities = [\"update\"] }";
const TTL: Duration = Duration::from_secs(3_600);

/// A vault on a file, with a token that may use one key.
struct World {
    vault: Vault,
    init: Init,
    clock: Arc<ManualClock>,
    lines: Arc<AtomicU64>,
    owner: Session,
    token: SecretString,
    transit: Transit,
    /// Of the first version.
    old: String,
    /// Last: a file that is deleted before it is closed gives its inode to the next one.
    _folder: tempfile::TempDir,
}

/// Counts what it is told.
struct Count(Arc<AtomicU64>);

impl AuditDevice for Count {
    fn write(&self, _: &[u8]) -> Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl World {
    /// On a file that is this process's alone, where its commits are counted.
    fn alone() -> Self {
        Self::new(|path| Vault::builder(Sqlite::exclusive(path).expect("storage")))
    }

    /// On a file that others may open, too, where the change mark is looked at.
    fn shared() -> Self {
        Self::new(|path| Vault::builder(Sqlite::open(path).expect("storage")))
    }

    fn new(build: impl Fn(PathBuf) -> VaultBuilder) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let builder = build(folder.path().join("vault"));
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1 << 50)));
        let lines = Arc::new(AtomicU64::new(0));
        let vault = builder
            .clock(Arc::clone(&clock))
            .audit_device("count", Count(Arc::clone(&lines)))
            .build()
            .expect("vault");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let owner = vault.owner().expect("owner");
        let (token, transit) = Self::holder(&vault, &owner, &NewToken::new());
        let old = transit.encrypt("k", "old").expect("encrypts");
        let keys = owner.transit("transit").expect("path");
        keys.rotate("k").expect("rotated");
        Self {
            vault,
            init,
            clock,
            lines,
            owner,
            token,
            transit,
            old,
            _folder: folder,
        }
    }

    fn holder(vault: &Vault, owner: &Session, new: &NewToken) -> (SecretString, Transit) {
        owner
            .sys()
            .mount("transit", NewMount::transit())
            .expect("mounted");
        owner.sys().put_policy("app", POLICY).expect("policy");
        let keys = owner.transit("transit").expect("path");
        keys.create("k", &NewKey::new(KeyType::Aes256Gcm96))
            .expect("made");
        let new = new.clone().policy("app").ttl(TTL);
        let token = owner.token().create(&new).expect("token");
        let transit = vault.login(&token).expect("session").transit("transit");
        (token, transit.expect("path"))
    }

    fn encrypt(&self) -> Result<String> {
        self.transit.encrypt("k", "text")
    }

    fn decrypt_old(&self) -> Result<()> {
        self.transit.decrypt("k", &self.old).map(drop)
    }

    /// Calls until what is found out is kept.
    fn warm(&self) {
        for _ in 0..5 {
            self.encrypt().expect("encrypts");
            self.decrypt_old().expect("decrypts");
        }
        assert_eq!(self.transit.memory().holds(), (true, true));
    }

    fn keys(&self) -> Transit {
        self.owner.transit("transit").expect("path")
    }

    fn change_key(&self, update: &KeyUpdate) {
        self.keys().configure("k", update).expect("changed");
    }
}

/// What is changed, and what is then seen. Whatever is seen wrongly is an error.
type Change = fn(&World) -> Result<(), String>;

fn refused<T>(result: Result<T>, kind: ErrorKind) -> Result<(), String> {
    match result {
        Ok(_) => Err(format!("was done, and should be {kind:?}")),
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(format!("{error}, and should be {kind:?}")),
    }
}

fn is(true_of: bool, what: &str) -> Result<(), String> {
    true_of.then_some(()).ok_or_else(|| what.to_owned())
}

/// Changes by a commit of what a call rests on.
const RIGHTS: [(&str, Change); 6] = [
    ("the token is revoked", |world| {
        world.owner.token().revoke(&world.token).expect("revoked");
        refused(world.encrypt(), ErrorKind::PermissionDenied)
    }),
    ("the policy allows less", |world| {
        let less = "path \"transit/decrypt/k\" { capabilities = [\"update\"] }";
        world.owner.sys().put_policy("app", less).expect("written");
        world.decrypt_old().map_err(|error| error.to_string())?;
        refused(world.encrypt(), ErrorKind::PermissionDenied)
    }),
    ("the policy is gone", |world| {
        world.owner.sys().delete_policy("app").expect("deleted");
        refused(world.decrypt_old(), ErrorKind::PermissionDenied)
    }),
    ("the policy has conditions", |world| {
        let condition = "path \"transit/+/k\" { capabilities = [\"update\"]
            denied_parameters = { \"key_version\" = [] } }";
        let sys = world.owner.sys();
        sys.put_policy("app", condition).expect("written");
        for _ in 0..5 {
            world.encrypt().map_err(|error| error.to_string())?;
        }
        let by_version = world.transit.encrypt("k", Input::new("text").version(1));
        refused(by_version, ErrorKind::PermissionDenied)
    }),
    ("the mount is moved", |world| {
        let sys = world.owner.sys();
        sys.remount("transit", "elsewhere").expect("moved");
        refused(world.encrypt(), ErrorKind::PermissionDenied)
    }),
    ("requests are recorded", |world| {
        let device = NewAudit::callback("count");
        world
            .owner
            .sys()
            .enable_audit("count", device)
            .expect("enabled");
        let before = world.lines.load(Ordering::Relaxed);
        for _ in 0..5 {
            world.encrypt().map_err(|error| error.to_string())?;
        }
        let told = world.lines.load(Ordering::Relaxed) - before;
        is(told == 10, &format!("{told} records of five calls"))
    }),
];

/// Changes of keys, which are not kept by those who use them.
const KEYS: [(&str, Change); 5] = [
    ("nothing is mounted", |world| {
        world.owner.sys().unmount("transit").expect("unmounted");
        refused(world.encrypt(), ErrorKind::PermissionDenied)
    }),
    ("another engine is mounted", |world| {
        let sys = world.owner.sys();
        sys.unmount("transit").expect("unmounted");
        sys.mount("transit", NewMount::transit()).expect("mounted");
        refused(world.decrypt_old(), ErrorKind::NotFound)
    }),
    ("the key is rotated", |world| {
        world.keys().rotate("k").expect("rotated");
        let made = world.encrypt().map_err(|error| error.to_string())?;
        is(made.starts_with("vault:v3:"), &made)
    }),
    ("old versions do not decrypt", |world| {
        world.change_key(&KeyUpdate::new().min_decryption_version(2));
        refused(world.decrypt_old(), ErrorKind::InvalidArgument)
    }),
    ("the key is deleted", |world| {
        world.change_key(&KeyUpdate::new().deletion_allowed(true));
        world.keys().delete("k").expect("deleted");
        // What is not there is created, which takes another capability.
        refused(world.encrypt(), ErrorKind::PermissionDenied)?;
        refused(world.decrypt_old(), ErrorKind::NotFound)
    }),
];

#[test]
fn whatever_is_written_counts_at_once() {
    for (what, change) in RIGHTS.into_iter().chain(KEYS) {
        for world in [World::alone(), World::shared()] {
            world.warm();
            if let Err(wrong) = change(&world) {
                panic!("{what}: {wrong}");
            }
        }
    }
}

#[test]
fn the_same_checks_find_what_is_taken_for_current() {
    for (what, change) in RIGHTS {
        for world in [World::alone(), World::shared()] {
            world.warm();
            let memory = world.transit.memory();
            memory.trusting.store(true, Ordering::Relaxed);
            assert!(change(&world).is_err(), "{what}");
        }
    }
}

/// The owner has no token that would be looked up: all there is to know is the mount.
#[test]
fn the_owner_finds_what_is_mounted_now() {
    let world = World::alone();
    let sys = world.owner.sys();
    let kv = world.owner.kv("secret").expect("path");
    let data = std::collections::BTreeMap::from([("password", "s3cr3t")]);
    sys.mount("secret", NewMount::kv2()).expect("mounted");
    kv.put("app", &data, Cas::Any).expect("written");
    for _ in 0..5 {
        kv.get_json("app").expect("there");
    }
    assert_eq!(kv.memory().holds(), (true, false));
    sys.remount("secret", "elsewhere").expect("moved");
    kv.memory().trusting.store(true, Ordering::Relaxed);
    kv.get_json("app").expect("the planted fault is found");
    kv.memory().trusting.store(false, Ordering::Relaxed);
    let now = kv.get_json("app");
    assert_eq!(refused(now, ErrorKind::NotFound), Ok(()));
}

/// What another process writes counts as soon as it is committed.
#[test]
fn another_process_takes_a_token() {
    let memory = Arc::new(Memory::new());
    let world = World::new(|_| Vault::builder(Arc::clone(&memory)));
    world.warm();
    let other = Vault::builder(Arc::clone(&memory)).build().expect("vault");
    other.unseal(&world.init.shares()[0]).expect("unsealed");
    let owner = other.owner().expect("owner");
    owner.token().revoke(&world.token).expect("revoked");
    assert_eq!(
        refused(world.encrypt(), ErrorKind::PermissionDenied),
        Ok(())
    );
}

#[test]
fn a_token_runs_out_without_any_commit() {
    let world = World::alone();
    world.warm();
    world.clock.advance(TTL - Duration::from_secs(1));
    world.encrypt().expect("a second is left");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        refused(world.encrypt(), ErrorKind::PermissionDenied),
        Ok(())
    );
}

#[test]
fn a_sealed_vault_leaves_nothing_behind() {
    let world = World::alone();
    world.warm();
    world.vault.seal().expect("sealed");
    assert_eq!(world.transit.memory().holds(), (false, false));
    assert_eq!(refused(world.encrypt(), ErrorKind::Sealed), Ok(()));
    world
        .vault
        .unseal(&world.init.shares()[0])
        .expect("unsealed");
    world.warm();
    world.vault.close().expect("closed");
    assert_eq!(world.transit.memory().holds(), (false, false));
}

#[test]
fn a_key_that_is_deleted_is_kept_by_nobody() {
    let world = World::alone();
    world.warm();
    world.change_key(&KeyUpdate::new().deletion_allowed(true));
    world.keys().delete("k").expect("deleted");
    // The facade is idle; it knows of old times, and has no key.
    assert_eq!(world.transit.memory().holds(), (true, false));
}

#[test]
fn a_token_that_is_stored_nowhere_is_looked_at_each_time() {
    let world = World::alone();
    let parent = NewToken::new().policy("app");
    let parent = world.owner.token().create(&parent).expect("token");
    let session = world.vault.login(&parent).expect("session");
    let batch = world
        .owner
        .token()
        .create(&NewToken::new().policy("app").batch());
    let batch = world.vault.login(&batch.expect("token")).expect("session");
    for (session, kept) in [(session, true), (batch, false)] {
        let transit = session.transit("transit").expect("path");
        for _ in 0..10 {
            transit.encrypt("k", "text").expect("encrypts");
        }
        assert_eq!(transit.memory().holds(), (kept, kept));
    }
}

#[test]
fn each_use_of_a_token_is_taken() {
    let world = World::alone();
    let new = NewToken::new().policy("app").num_uses(4);
    let token = world.owner.token().create(&new).expect("token");
    let session = world.vault.login(&token).expect("session");
    let transit = session.transit("transit").expect("path");
    for _ in 0..4 {
        transit.encrypt("k", "text").expect("a use is left");
    }
    let fifth = transit.encrypt("k", "text");
    assert_eq!(refused(fifth, ErrorKind::PermissionDenied), Ok(()));
    assert_eq!(transit.memory().holds(), (false, false));
}

/// A call that begins after a revocation has returned is refused, whatever was under way before.
fn outlived(new: fn() -> World, trusting: bool) -> usize {
    let mut outlived = 0;
    for _ in 0..if trusting { 3 } else { 30 } {
        let world = new();
        world.warm();
        world
            .transit
            .memory()
            .trusting
            .store(trusting, Ordering::Relaxed);
        let (revoked, late) = (AtomicBool::new(false), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let after = revoked.load(Ordering::SeqCst);
                        let done = world.decrypt_old(); // takes no nonce, and so never a commit
                        if after {
                            *late.lock().expect("lock") += usize::from(done.is_ok());
                            break;
                        }
                    }
                });
            }
            world.owner.token().revoke(&world.token).expect("revoked");
            revoked.store(true, Ordering::SeqCst);
        });
        outlived += late.into_inner().expect("lock");
    }
    outlived
}

#[test]
fn no_call_outlives_a_revocation() {
    assert_eq!(outlived(World::alone, false), 0);
    assert_eq!(outlived(World::shared, false), 0);
    let planted = outlived(World::alone, true);
    assert!(planted > 0, "the planted fault was not found");
}
