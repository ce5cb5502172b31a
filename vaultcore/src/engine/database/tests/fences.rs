//! Rotations of two processes at once, of which one stands still: the stored password is the one in
//! force, or one of those that are known to be in doubt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{ChangeUser, Database, Driver, Fake, NewUser, Settings, StaticRole};
use super::{HOUR, World, connection};
use crate::clock::ManualClock;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Databases;
use crate::vault::Vault;

/// What happens while a process stands still, logged in already, before it changes a password.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// The fake under another name, whose sessions outlast a change of the password that they logged in by.
#[derive(Clone)]
struct Sticky {
    fake: Fake,
    meanwhile: Meanwhile,
}

impl Driver for Sticky {
    fn name(&self) -> &'static str {
        "sticky-plugin"
    }

    fn open(&self, settings: &Settings) -> Result<Arc<dyn Database>> {
        Ok(Arc::new(Session {
            sticky: self.clone(),
            inner: self.fake.open(settings)?,
        }))
    }
}

struct Session {
    sticky: Sticky,
    inner: Arc<dyn Database>,
}

impl Session {
    /// Does what is to happen meanwhile, if anything is; returns whether it was.
    fn stands_still(&self) -> bool {
        let meanwhile = self.sticky.meanwhile.lock().expect("lock").take();
        meanwhile.map(|meanwhile| meanwhile()).is_some()
    }
}

impl Database for Session {
    fn verify(&self) -> Result<()> {
        self.inner.verify()
    }

    fn create(&self, user: &NewUser<'_>) -> Result<()> {
        self.stands_still();
        self.inner.create(user)
    }

    fn change(&self, user: &ChangeUser<'_>) -> Result<()> {
        if !self.stands_still() {
            return self.inner.change(user);
        }
        let password = user.password.ok_or_else(|| Error::invalid("no password"))?;
        self.sticky.fake.add_user(user.name, password.expose());
        Ok(())
    }

    fn drop_user(&self, name: &str, statements: &[String]) -> Result<()> {
        self.inner.drop_user(name, statements)
    }
}

/// A world with a connection `sticky`, and another process that has its driver, too.
struct Two {
    world: World,
    other: Vault,
    meanwhile: Meanwhile,
}

impl Two {
    fn new() -> Self {
        let world = World::new();
        let sticky = Sticky {
            fake: world.fake.clone(),
            meanwhile: Arc::default(),
        };
        let meanwhile = Arc::clone(&sticky.meanwhile);
        let build = || {
            let builder = Vault::builder(Arc::clone(&world.storage)).clock(world.clock.clone());
            let builder = builder.database_driver(world.fake.clone());
            let vault = builder.database_driver(sticky.clone()).build();
            let vault = vault.expect("a vault");
            vault.unseal(&world.init.shares()[0]).expect("unsealed");
            vault
        };
        let (mine, other) = (build(), build());
        let world = World {
            vault: mine,
            ..world
        };
        let mut connection = connection();
        connection.plugin = Some("sticky-plugin".to_owned());
        world
            .database()
            .configure("sticky", &connection)
            .expect("configured");
        let role = super::Role::new("sticky").default_ttl(HOUR);
        world
            .database()
            .write_role("app-sticky", &role)
            .expect("a role");
        world
            .database()
            .rotate_root("sticky")
            .expect("the admin is known now");
        Self {
            world,
            other,
            meanwhile,
        }
    }

    fn other(&self) -> Databases {
        let owner = self.other.owner().expect("owner");
        owner.database("database").expect("facade")
    }

    fn during_the_next_change(&self, work: impl FnOnce(&Databases, &ManualClock) + Send + 'static) {
        let (other, clock) = (self.other(), Arc::clone(&self.world.clock));
        *self.meanwhile.lock().expect("lock") = Some(Box::new(move || work(&other, &clock)));
    }

    /// Has both processes change a static role, this one so late that what it sets is not what is stored.
    fn change_late(&self, role: &'static str) {
        self.during_the_next_change(move |other, clock| {
            clock.advance(LATER);
            other.rotate_static_role(role).expect("changed");
            other.rotate_static_role(role).expect("changed");
        });
        let late = self.world.database().rotate_static_role(role);
        late.expect("set, late");
        assert!(!true_to(self, role), "the fault is there, for a moment");
    }

    /// Writes the static role `app-s`, of the user `report`.
    fn with_static_role(self) -> Self {
        self.world.fake.add_user("report", "known to all");
        self.write_static_role();
        self
    }

    fn write_static_role(&self) {
        let role = StaticRole::new("sticky", "report").rotation_period(HOUR);
        let written = self.world.database().write_static_role("app-s", &role);
        written.expect("written");
    }

    /// Whether both processes still reach the database.
    fn works(&self) -> bool {
        let made = [self.world.database(), self.other()].map(|database| {
            let credentials = database.credentials("app-sticky");
            credentials.is_ok_and(|credentials| credentials.revoke().is_ok())
        });
        made == [true, true]
    }
}

const LATER: Duration = Duration::from_secs(301);

#[test]
fn one_process_at_a_time_rotates_a_root() {
    let two = Two::new();
    two.during_the_next_change(|other, _| {
        let error = other.rotate_root("sticky").expect_err("under way");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        other.credentials("app-sticky").expect("by the old one");
    });
    two.world.database().rotate_root("sticky").expect("rotated");
    assert!(two.works());
    two.other().rotate_root("sticky").expect("free again");
    assert!(two.works());
}

#[test]
fn whoever_stood_still_for_too_long_is_noticed() {
    let two = Two::new();
    two.during_the_next_change(|other, clock| {
        clock.advance(LATER);
        // Once with the password of the one that stands still, and once with another one.
        other.rotate_root("sticky").expect("rotated");
        other.rotate_root("sticky").expect("rotated");
    });
    two.world
        .database()
        .rotate_root("sticky")
        .expect("set, late");
    assert!(two.works(), "what came last is known");
    two.other().rotate_root("sticky").expect("rotated");
    assert!(two.works());
    two.world.database().rotate_root("sticky").expect("rotated");
    assert!(two.works());
}

#[test]
fn a_late_change_upsets_a_rotation_under_way_and_is_noticed() {
    let two = Two::new();
    let inner = Arc::clone(&two.meanwhile);
    two.during_the_next_change(move |other, clock| {
        clock.advance(LATER);
        other.rotate_root("sticky").expect("rotated");
        other.rotate_root("sticky").expect("rotated");
        // A third one begins, and is interrupted in the middle.
        let third = other.clone();
        *inner.lock().expect("lock") = Some(Box::new(|| panic!("killed")));
        let killed = catch_unwind(AssertUnwindSafe(|| third.rotate_root("sticky")));
        assert!(
            killed.is_err(),
            "the third one died before it changed anything"
        );
    });
    two.world
        .database()
        .rotate_root("sticky")
        .expect("set, late");
    assert!(two.works());
    two.other()
        .rotate_root("sticky")
        .expect("the claim was dropped");
    assert!(two.works());
}

#[test]
fn a_process_that_dies_after_a_late_change_is_what_these_tests_would_see() {
    // The fault that the two above must find: the password in force is stored nowhere.
    let two = Two::new();
    two.during_the_next_change(|other, clock| {
        clock.advance(LATER);
        other.rotate_root("sticky").expect("rotated");
        other.rotate_root("sticky").expect("rotated");
    });
    two.world
        .database()
        .rotate_root("sticky")
        .expect("set, late");
    two.world
        .fake
        .add_user("admin", "set by nobody who is known");
    assert!(!two.works());
}

#[test]
fn a_new_password_by_hand_meanwhile_is_not_lost() {
    let two = Two::new();
    two.during_the_next_change(|other, _| {
        // The administrator sets one in the database, and tells the vault.
        let by_hand = connection().verify(false);
        let mut by_hand = by_hand.login("admin", "by hand".into_secret());
        by_hand.plugin = Some("sticky-plugin".to_owned());
        other.configure("sticky", &by_hand).expect("configured");
    });
    two.world
        .database()
        .rotate_root("sticky")
        .expect("set, late");
    assert!(two.works(), "either is tried");
    two.world.fake.add_user("admin", "by hand");
    assert!(two.works(), "either is tried");
}

trait IntoSecret {
    fn into_secret(self) -> crate::secret::SecretString;
}

impl IntoSecret for &str {
    fn into_secret(self) -> crate::secret::SecretString {
        crate::secret::SecretString::copy_from(self)
    }
}

/// Whether what a static role hands out lets its user in.
fn true_to(two: &Two, role: &str) -> bool {
    let credentials = two.world.database().static_credentials(role);
    let credentials = credentials.expect("credentials");
    let fake = &two.world.fake;
    fake.lets_in(&credentials.username, &credentials.password)
}

#[test]
fn one_process_at_a_time_changes_a_static_role() {
    let two = Two::new().with_static_role();
    let database = two.world.database();
    two.during_the_next_change(|other, _| {
        let error = other.rotate_static_role("app-s").expect_err("under way");
        assert_eq!(error.kind(), ErrorKind::Conflict);
    });
    database.rotate_static_role("app-s").expect("changed");
    assert!(true_to(&two, "app-s"));
    // Too late: the other one has changed it twice by then.
    two.change_late("app-s");
    two.other.tick().expect("ticked");
    assert!(true_to(&two, "app-s"), "and is mended by the next tick");
    two.world.pass(HOUR);
    two.world.vault.tick().expect("ticked");
    assert!(true_to(&two, "app-s"));
}

#[test]
fn of_two_users_who_take_turns_a_late_change_is_mended_too() {
    let two = Two::new();
    for name in ["web_a", "web_b"] {
        two.world.fake.add_user(name, "known to all");
    }
    let role = StaticRole::dual("sticky", "web_a", "web_b", HOUR / 60);
    let database = two.world.database();
    database
        .write_static_role("app-web", &role.rotation_period(HOUR))
        .expect("written");
    two.world.pass(HOUR / 2);
    two.during_the_next_change(|other, clock| {
        for _ in 0..3 {
            clock.advance(LATER);
            other.rotate_static_role("app-web").expect("changed");
        }
    });
    database.rotate_static_role("app-web").expect("set, late");
    let before = database.static_credentials("app-web").expect("credentials");
    two.world.vault.tick().expect("ticked");
    assert!(true_to(&two, "app-web"));
    let after = database.static_credentials("app-web").expect("credentials");
    assert_eq!(before.username, after.username, "it was nobody's turn");
    two.world.pass(HOUR);
    two.world.vault.tick().expect("ticked");
    assert!(true_to(&two, "app-web"));
}

/// What is set late may be of a role that is gone, and has another one's name.
#[test]
fn a_late_change_leaves_a_role_alone_that_has_taken_the_name() {
    let two = Two::new();
    for name in ["web_a", "web_b", "report"] {
        two.world.fake.add_user(name, "known to all");
    }
    let database = two.world.database();
    let dual = || StaticRole::dual("sticky", "web_a", "web_b", HOUR / 60).rotation_period(HOUR);
    let single = |user| StaticRole::new("sticky", user).rotation_period(HOUR);
    for next in [single("report"), single("web_b"), dual()] {
        database
            .write_static_role("app-web", &dual())
            .expect("written");
        two.world.pass(HOUR / 2);
        database
            .rotate_static_role("app-web")
            .expect("the first one's turn");
        two.world.pass(HOUR / 2);
        two.during_the_next_change(move |other, _| {
            other.delete_static_role("app-web").expect("deleted");
            other.write_static_role("app-web", &next).expect("written");
        });
        let _ = database.rotate_static_role("app-web");
        two.world.vault.tick().expect("ticked");
        assert!(true_to(&two, "app-web"));
        two.world.pass(HOUR);
        two.world.vault.tick().expect("ticked");
        assert!(true_to(&two, "app-web"));
        database.delete_static_role("app-web").expect("deleted");
    }
}

/// To write a role again does not put off what is to be mended.
#[test]
fn a_password_in_doubt_is_set_anew_whatever_is_written_meanwhile() {
    let two = Two::new().with_static_role();
    two.change_late("app-s");
    two.write_static_role();
    two.other.tick().expect("ticked");
    assert!(true_to(&two, "app-s"));
}

#[test]
fn a_secret_says_no_more_than_its_lease_lives() {
    let two = Two::new();
    let clock = two.world.clock.clone();
    let slowly: Box<dyn FnOnce() + Send> = Box::new(move || clock.advance(HOUR / 3));
    *two.meanwhile.lock().expect("lock") = Some(slowly);
    let database = two.world.database();
    let mut credentials = database.credentials("app-sticky").expect("made");
    let leases = two.world.owner().leases();
    let lease = leases.lookup(credentials.lease_id()).expect("found");
    assert_eq!(credentials.expires(), lease.expires);
    assert_eq!(credentials.remaining(), HOUR - HOUR / 3);
    credentials.try_revoke().expect("revoked");
    assert!(credentials.is_over() && credentials.is_last());
}

#[test]
fn a_kept_secret_that_somebody_revokes_is_known_to_be_over() {
    let two = Two::new();
    let credentials = two
        .world
        .database()
        .credentials("app-sticky")
        .expect("made");
    let leases = two.other.owner().expect("owner").leases();
    leases.revoke(credentials.lease_id()).expect("revoked");
    assert!(!credentials.is_over(), "nobody has told it");
    two.world.clock.advance(HOUR * 5 / 6);
    let credentials = credentials.keep_alive().expect("kept");
    let mut spins = 0u64;
    while !credentials.is_over() {
        std::thread::yield_now();
        spins += 1;
        assert!(spins < 500_000_000, "never reached");
    }
}
