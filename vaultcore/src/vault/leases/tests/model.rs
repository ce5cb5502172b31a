//! Histories of leases, played against a model: whatever happens in whatever order, what is leased
//! is there as long as its lease is in force, and goes, once, when that is over.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::hotel::Trouble;
use super::{HOUR, World, guest};
use crate::api::{ApiRequest, Method};
use crate::clock::{Clock, Timestamp};
use crate::engine::sys::LeaseState;
use crate::error::ErrorKind;
use crate::secret::SecretString;
use crate::vault::Vault;

/// More than these are not rented in one history.
const MOST: usize = 10;
/// The maximum of the mount.
const MAX: Duration = Duration::from_secs(10 * 3_600);
/// How long the tokens live.
const TOKENS: Duration = Duration::from_secs(5 * 3_600);

#[derive(Clone, Debug)]
enum Step {
    /// By the root, or by one of two tokens; for so many minutes.
    Rent(usize, u64),
    Renew(usize, u64),
    Revoke(usize),
    RevokeAll,
    RevokeToken(usize),
    Pass(u64),
    Jump(bool),
    Tick,
    Trouble(Trouble),
    SealAndUnseal,
    /// Goes on in the other process.
    Switch,
}

/// What is wrong on purpose, so that the comparison must find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    Nothing,
    /// The hotel says that a room is given up, and leaves the guest in.
    Left,
    /// It says that a stay is prolonged, and forgets it.
    Forgotten,
    /// Nobody reaps.
    Idle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let minutes = || prop_oneof![Just(1u64), Just(30), Just(60), Just(240), Just(700)];
    let step = prop_oneof![
        5 => (0usize..3, minutes()).prop_map(|(who, ttl)| Step::Rent(who, ttl)),
        4 => (0..MOST, minutes()).prop_map(|(which, time)| Step::Renew(which, time)),
        3 => (0..MOST).prop_map(Step::Revoke),
        1 => Just(Step::RevokeAll),
        1 => (1usize..3).prop_map(Step::RevokeToken),
        5 => minutes().prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Jump),
        6 => Just(Step::Tick),
        2 => prop_oneof![
            2 => Just(Trouble::None),
            1 => Just(Trouble::Closed),
            1 => Just(Trouble::Lost),
        ].prop_map(Step::Trouble),
        1 => Just(Step::SealAndUnseal),
        2 => Just(Step::Switch),
    ];
    vec(step, 1..40)
}

/// A lease, as it ought to be.
struct Expected {
    id: String,
    room: String,
    who: usize,
    /// The model's time, in seconds.
    expires: u64,
    latest: u64,
    over: bool,
    ended: bool,
    /// It was tried to be ended in vain: when it is tried again is left to chance.
    failed: bool,
}

struct Play {
    world: World,
    handles: [Vault; 2],
    active: usize,
    tokens: [SecretString; 3],
    /// Which tokens are in force.
    alive: [bool; 3],
    leases: Vec<Expected>,
    now: u64,
    trouble: Trouble,
    plant: Plant,
}

impl Play {
    fn new(plant: Plant) -> Self {
        let world = World::new();
        let root = SecretString::copy_from(world.init.root_token().expose());
        let parent = world.token(&guest().ttl(TOKENS));
        let session = world.vault.login(&parent).expect("in force");
        let child = session.token().create(&guest().ttl(TOKENS));
        let handles = [world.vault.clone(), world.other()];
        world.hotel.state().plant = match plant {
            Plant::Left => Some("left"),
            Plant::Forgotten => Some("forgotten"),
            Plant::Nothing | Plant::Idle => None,
        };
        Self {
            tokens: [root, parent, child.expect("a child")],
            world,
            handles,
            active: 0,
            alive: [true; 3],
            leases: Vec::new(),
            now: 0,
            trouble: Trouble::None,
            plant,
        }
    }

    fn vault(&self) -> &Vault {
        &self.handles[self.active]
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Rent(who, minutes) => self.rent(who, minutes * 60)?,
            Step::Renew(which, minutes) => self.renew(which, minutes * 60)?,
            Step::Revoke(which) => self.revoke(which)?,
            Step::RevokeAll => {
                let leases = self.vault().owner().expect("owner").leases();
                let failed = leases.revoke_prefix("hotel").is_err();
                self.leases.iter_mut().for_each(|lease| lease.over = true);
                prop_assert!(!failed || self.trouble != Trouble::None);
                self.tried(|_| true);
            }
            Step::RevokeToken(who) => self.revoke_token(who),
            Step::Pass(minutes) => self.pass(minutes * 60),
            Step::Jump(ahead) => {
                let day = 86_400_000_000;
                let wall = self.world.clock.read().wall.as_micros();
                let wall = if ahead { wall + day } else { wall - day };
                self.world.clock.set_wall(Timestamp::from_micros(wall));
            }
            Step::Tick => self.tick(),
            Step::Trouble(trouble) => {
                self.world.hotel.set(trouble);
                self.trouble = trouble;
            }
            Step::SealAndUnseal => {
                self.vault().seal().expect("sealed");
                let share = &self.world.init.shares()[0];
                self.vault().unseal(share).expect("unsealed");
            }
            Step::Switch => self.active = 1 - self.active,
        }
        self.compare()
    }

    fn pass(&mut self, seconds: u64) {
        self.world.pass(Duration::from_secs(seconds));
        self.now += seconds;
        let now = self.now;
        for lease in &mut self.leases {
            lease.over |= lease.expires <= now;
        }
    }

    fn tick(&mut self) {
        if self.plant == Plant::Idle {
            return;
        }
        self.vault().tick().expect("ticked");
        if self.now >= TOKENS.as_secs() {
            self.end_token(1);
            self.end_token(2);
        }
        self.tried(|lease| lease.over);
    }

    /// Notes that leases were tried to be ended.
    fn tried(&mut self, which: impl Fn(&Expected) -> bool) {
        let trouble = self.trouble != Trouble::None;
        for lease in self.leases.iter_mut().filter(|lease| which(lease)) {
            lease.failed |= trouble && !lease.ended;
            lease.ended |= !lease.failed;
        }
    }

    fn end_token(&mut self, who: usize) {
        self.alive[who] = false;
        for lease in self.leases.iter_mut().filter(|lease| lease.who == who) {
            lease.over = true;
        }
    }

    fn revoke_token(&mut self, who: usize) {
        let owner = self.vault().owner().expect("owner");
        let revoked = owner.token().revoke(&self.tokens[who]);
        if !self.alive[who] {
            return;
        }
        // One that ran out, and that nobody has reaped yet, is revoked like any other.
        revoked.expect("revoked");
        self.end_token(who);
        self.end_token(2); // the child of the other
        // What it leased, and what nobody has tried yet; nothing else that is due.
        self.tried(|lease| [who, 2].contains(&lease.who) && !lease.failed);
    }

    fn rent(&mut self, who: usize, seconds: u64) -> Result<(), TestCaseError> {
        if self.leases.len() >= MOST {
            return Ok(());
        }
        let body = format!(r#"{{"ttl":"{seconds}s"}}"#);
        let request = ApiRequest::new(Method::Post, "hotel/rooms/blue")
            .token(self.tokens[who].expose())
            .body(body.as_bytes());
        let response = self.vault().handle(&request);
        let in_force = self.alive[who] && (who == 0 || self.now < TOKENS.as_secs());
        let expected = match (in_force, self.trouble) {
            (false, _) => 403,
            (true, Trouble::Closed) => 503,
            (true, _) => 200,
        };
        prop_assert_eq!(response.status(), expected);
        if expected == 200 {
            let reply: serde_json::Value =
                serde_json::from_slice(response.body()).expect("a reply");
            let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
            let (latest, now) = (self.now + MAX.as_secs(), self.now);
            self.leases.push(Expected {
                id: text(&reply["lease_id"]),
                room: text(&reply["data"]["room"]),
                who,
                expires: (now + seconds).min(latest),
                latest,
                over: false,
                ended: false,
                failed: false,
            });
        }
        Ok(())
    }

    fn renew(&mut self, which: usize, seconds: u64) -> Result<(), TestCaseError> {
        let Some(lease) = self.leases.get(which) else {
            return Ok(());
        };
        let leases = self.vault().owner().expect("owner").leases();
        let renewed = leases.renew(&lease.id, Some(Duration::from_secs(seconds)));
        let (trouble, now, plant) = (self.trouble, self.now, self.plant);
        let lease = &mut self.leases[which];
        match renewed {
            Ok(ttl) => {
                prop_assert!(!lease.over && trouble == Trouble::None);
                let until = (now + seconds).min(lease.latest).max(lease.expires);
                lease.expires = until;
                prop_assert_eq!(ttl.as_secs(), until - now);
                let end = self.world.hotel.state().rooms.get(&lease.room).copied();
                let start = 1_700_000_000_000_000;
                let there = end.map(|end| (end.as_micros() - start) / 1_000_000);
                prop_assert!(there == Some(until), "{:?} {:?}", there, plant);
            }
            Err(error) => {
                let known = [ErrorKind::Expired, ErrorKind::InvalidArgument];
                let fits = match lease.over {
                    true => known.contains(&error.kind()),
                    false => trouble != Trouble::None && error.kind() == ErrorKind::Unavailable,
                };
                prop_assert!(fits, "{}", error);
            }
        }
        Ok(())
    }

    fn revoke(&mut self, which: usize) -> Result<(), TestCaseError> {
        let Some(lease) = self.leases.get_mut(which) else {
            return Ok(());
        };
        lease.over = true;
        let id = lease.id.clone();
        let revoked = self.vault().owner().expect("owner").leases().revoke(&id);
        prop_assert!(revoked.is_ok() || self.trouble != Trouble::None);
        self.tried(|lease| lease.id == id);
        Ok(())
    }

    /// Compares what is known of every lease, and what is outside.
    fn compare(&self) -> Result<(), TestCaseError> {
        let leases = self.vault().owner().expect("owner").leases();
        for lease in &self.leases {
            let info = leases.lookup(&lease.id).ok();
            let there = self.world.hotel.has(&lease.room);
            let times = self.world.hotel.state().ended.get(&lease.room).copied();
            prop_assert!(times.unwrap_or_default() <= 1, "ended {:?} times", times);
            if !lease.over {
                let info = info.as_ref();
                let state = info.map(|info| info.state);
                prop_assert!(there, "a room is gone before its lease");
                prop_assert_eq!(state, Some(LeaseState::Active));
                let ttl = info.map(|info| info.ttl.as_secs());
                prop_assert_eq!(ttl, Some(lease.expires - self.now));
            } else if lease.ended {
                prop_assert!(!there, "a room outlives its lease");
                prop_assert!(info.is_none(), "a lease is left");
                prop_assert_eq!(times, Some(1));
            }
        }
        Ok(())
    }

    /// Lets all end: whatever was in vain is tried again some day.
    fn end(&mut self) -> Result<(), TestCaseError> {
        self.step(&Step::Trouble(Trouble::None))?;
        for _ in 0..2 {
            self.pass(25 * HOUR.as_secs());
            self.tick();
        }
        let rooms = self.world.hotel.state().rooms.len();
        let leases = self.vault().owner().expect("owner").leases();
        prop_assert_eq!((rooms, leases.count().expect("counted")), (0, 0));
        for lease in &mut self.leases {
            lease.ended = true;
        }
        self.compare()
    }
}

/// Plays histories until one shows a difference.
fn play(cases: u32, plant: Plant) -> Result<(), String> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let played = TestRunner::new_with_rng(config, rng()).run(&steps(), |steps| {
        let mut play = Play::new(plant);
        steps.iter().try_for_each(|step| play.step(step))?;
        play.end()
    });
    played.map_err(|error| error.to_string())
}

/// Always the same histories, so that a planted fault is found each time.
fn rng() -> proptest::test_runner::TestRng {
    use proptest::test_runner::{RngAlgorithm, TestRng};
    TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32])
}

fn cases() -> u32 {
    let told = std::env::var("VAULTCORE_HISTORIES").ok();
    told.map_or(300, |number| number.parse().expect("a number"))
}

#[test]
fn leases_keep_to_the_model() {
    let played = play(cases(), Plant::Nothing);
    assert!(played.is_ok(), "{}", played.unwrap_err());
}

#[test]
fn planted_faults_are_found() {
    for plant in [Plant::Left, Plant::Forgotten, Plant::Idle] {
        assert!(play(300, plant).is_err(), "{plant:?}");
    }
}
