//! kill -9 of processes that make users: afterwards there is no user without a lease, and no lease
//! without a user.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use vaultcore::Background;

use crate::killed::{wait_for_words, whole_lines};
use crate::world::{Plant, Shifted, World, task};

/// How often a process is killed.
const KILLS: &str = "VAULTCORE_LEASE_KILLS";
/// How many leases are revoked at once: 1,000, or as many as this says.
const MANY: &str = "VAULTCORE_LEASE_MANY";
/// Longer than a lease may be pending, and than a claim lasts.
const LATER: Duration = Duration::from_secs(301);

/// The ends of the names of those whom a process revokes that it made.
const REVOKED: [char; 5] = ['0', '2', '4', '6', '8'];

#[test]
#[ignore = "run as a child by the other tests"]
fn child() {
    let Some((folder, clock, plant)) = task() else {
        return;
    };
    let folder = folder.as_path();
    let world = World {
        folder,
        clock,
        plant,
    };
    let mut outside = world.outside();
    outside.slow = Duration::from_millis(1);
    let vault = world.vault(Background::Host, &outside);
    let database = world.unsealed(&vault).database("db").unwrap();
    let acks = OpenOptions::new().append(true).open(folder.join("acks"));
    let mut acks = acks.unwrap();
    loop {
        match database.credentials("app") {
            Ok(user) => {
                let line = format!("{} {}\n", user.lease_id(), user.username());
                acks.write_all(line.as_bytes()).unwrap();
                if user.username().ends_with(REVOKED) {
                    user.revoke().unwrap();
                }
            }
            Err(_) => assert_ne!(plant, Plant::Nothing),
        }
    }
}

#[test]
#[ignore = "run as a child by the other tests"]
fn sweeper() {
    let Some((folder, clock, plant)) = task() else {
        return;
    };
    let folder = folder.as_path();
    let world = World {
        folder,
        clock,
        plant,
    };
    let mut outside = world.outside();
    outside.slow = Duration::from_millis(2); // it must not be done before it is killed
    let vault = world.vault(Background::Host, &outside);
    let leases = world.unsealed(&vault).leases();
    leases.revoke_prefix("db/creds").unwrap();
}

/// Kills `kills` processes, two at a time, and looks at what is left of their work each time.
/// Returns what was found wrong, and how many users were made.
fn kill_issuers(folder: &Path, kills: u64, plant: Plant) -> (Option<String>, usize) {
    let mut world = World {
        folder,
        clock: Shifted::default(),
        plant: Plant::Nothing,
    };
    world.prepare();
    let mut made = 0;
    for round in 0..kills / 2 {
        fs::write(folder.join("acks"), "").unwrap();
        world.plant = plant;
        let mut children = [0, 1].map(|_| world.spawn("kill::child"));
        match round % 4 {
            // While they start,
            0 => sleep(Duration::from_micros(round * 7_919 % 90_000)),
            // and from their first user on.
            _ => {
                wait_for_words(&folder.join("acks"));
                sleep(Duration::from_micros(round * 7_919 % 40_000));
            }
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
            sleep(Duration::from_micros(round * 3_571 % 9_000));
        }
        world.plant = Plant::Nothing;
        world.clock.advance(LATER);
        match look(&world) {
            Ok(acked) => made += acked,
            Err(found) => return (Some(found), made),
        }
    }
    (None, made)
}

/// Recovers, compares leases with users, and ends both. Returns how many users were acknowledged.
fn look(world: &World<'_>) -> Result<usize, String> {
    let outside = world.outside();
    let vault = world.vault(Background::Host, &outside);
    let session = world.unsealed(&vault);
    vault.tick().map_err(|error| format!("recovery: {error}"))?;
    let leases = session.leases();
    let live = leases.list("db/creds/app").unwrap();
    let users: BTreeSet<String> = outside.users().into_iter().collect();
    if live.len() != users.len() {
        let (leases, users) = (live.len(), users.len());
        return Err(format!("{leases} leases, {users} users"));
    }
    let dropped = outside.dropped();
    let dropped: BTreeSet<&str> = dropped.iter().map(|user| user.name.as_str()).collect();
    let acks = fs::read_to_string(world.folder.join("acks")).unwrap();
    let acks = whole_lines(&acks);
    for line in acks.lines() {
        let (lease, user) = line.split_once(' ').unwrap();
        let known = leases.lookup(lease).is_ok();
        // Whom the process did not revoke itself has a lease that lives on.
        let kept = !user.ends_with(REVOKED);
        if known != users.contains(user) || (!known && (kept || !dropped.contains(user))) {
            return Err(format!("an acknowledged user is lost, its lease: {known}"));
        }
    }
    leases.revoke_prefix("db").unwrap();
    match outside.users().len() {
        0 => Ok(acks.lines().count()),
        left => Err(format!("{left} users are left without a lease")),
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn a_killed_process_leaves_no_user_without_a_lease() {
    let kills = std::env::var(KILLS).map_or(200, |number| number.parse().unwrap());
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (found, made) = kill_issuers(folder.path(), kills, Plant::Nothing);
    eprintln!("{kills} kills, {made} users acknowledged, {found:?}");
    assert_eq!(found, None);
    assert!(made as u64 > kills, "they hardly worked");
}

#[test]
fn a_lease_that_is_not_durable_is_found() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (found, _) = kill_issuers(folder.path(), 60, Plant::Forgetful);
    assert!(found.is_some());
}

#[test]
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn a_revocation_of_many_that_is_killed_is_finished_by_others() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let folder = folder.path();
    let world = World {
        folder,
        clock: Shifted::default(),
        plant: Plant::Nothing,
    };
    world.prepare();
    let outside = world.outside();
    let vault = world.vault(Background::Host, &outside);
    let session = world.unsealed(&vault);
    let database = session.database("db").unwrap();
    let many = std::env::var(MANY).map_or(1_000, |number| number.parse().unwrap());
    for _ in 0..many {
        database.credentials("app").unwrap();
    }
    let mut sweeper = world.spawn("kill::sweeper");
    while outside.users().len() > many - many / 4 {
        sleep(Duration::from_millis(1));
    }
    sweeper.kill().unwrap();
    sweeper.wait().unwrap();
    let left = outside.users().len();
    assert!(left > 0, "it was done before it was killed");
    vault.tick().unwrap(); // what the dead one has claimed is its own until the claim ends
    world.clock.advance(LATER);
    vault.tick().unwrap();
    eprintln!(
        "killed with {left} of {many} left; {} then",
        outside.users().len()
    );
    assert_eq!(outside.users().len(), 0);
    assert_eq!(session.leases().count().unwrap(), 0);
}
