//! Two processes that reap: each lease is ended by exactly one of them, and soon.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::{scope, sleep};
use std::time::Duration;

use vaultcore::{Background, Clock, SystemClock};

use crate::outside::Dropped;
use crate::world::{HOUR, Plant, Shifted, World, task, wait_for_parent};

/// How many leases fall due within ten seconds.
const LEASES: &str = "VAULTCORE_LEASES";
/// Threads that ask for them.
const CALLERS: u64 = 2;
/// How long the two may take.
const PATIENCE: Duration = Duration::from_secs(300);

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
    let vault = world.vault(Background::Thread, &world.outside());
    let session = world.unsealed(&vault);
    wait_for_parent();
    drop(session);
}

/// Lets `count` leases fall due one after the other, before two processes. Returns who was
/// dropped, what is left, and how long it took to make them: they fall due in as much.
fn fall_due(folder: &Path, count: u64, plant: Plant) -> (Vec<Dropped>, usize, Duration) {
    let mut world = World {
        folder,
        clock: Shifted::default(),
        plant: Plant::Nothing,
    };
    world.prepare();
    let outside = world.outside();
    let vault = world.vault(Background::Host, &outside);
    let session = world.unsealed(&vault);
    let now = || SystemClock.read().since_boot;
    let began = now();
    let issue = || {
        let database = session.database("db").unwrap();
        for _ in 0..count / CALLERS {
            database.credentials("app").unwrap();
        }
    };
    scope(|scope| {
        (0..CALLERS).for_each(|_| drop(scope.spawn(issue)));
    });
    let took = now() - began;
    // Two seconds before the first is due; what took longer to issue than ten seconds is due in more.
    // For the plant all are due at once: processes that tick in turn, with little to do each time,
    // would not meet.
    let ahead = match plant {
        Plant::Careless => Duration::ZERO,
        _ => took + Duration::from_secs(2),
    };
    world.clock.advance(HOUR - ahead);
    world.plant = plant;
    let children = [0, 1].map(|_| world.spawn("share::child"));
    let ends = now() + PATIENCE;
    while outside.dropped().len() < usize::try_from(count).unwrap() && now() < ends {
        sleep(Duration::from_millis(100));
    }
    for mut child in children {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    let left = session.leases().count().unwrap();
    let users = outside.users().len();
    let left = users + usize::try_from(left).unwrap();
    (outside.dropped(), left, took)
}

/// Returns how many users were dropped more than once.
fn again(dropped: &[Dropped]) -> usize {
    let mut times = BTreeMap::<&str, u32>::new();
    for user in dropped {
        *times.entry(&user.name).or_default() += 1;
    }
    times.values().filter(|times| **times > 1).count()
}

#[test]
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn each_lease_is_ended_by_exactly_one_process() {
    let count = std::env::var(LEASES).map_or(10_000, |number| number.parse().unwrap());
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (dropped, left, took) = fall_due(folder.path(), count, Plant::Nothing);
    let mut late: Vec<u64> = dropped.iter().map(|user| user.late / 1_000).collect();
    late.sort_unstable();
    let mut shares = BTreeMap::<u32, usize>::new();
    for user in &dropped {
        *shares.entry(user.process).or_default() += 1;
    }
    let at = |part: usize| late[late.len() * part / 100];
    let shares: Vec<usize> = shares.into_values().collect();
    let (middle, most) = (at(50), at(99));
    eprintln!(
        "{count} leases due in {:.1} s, ended by {shares:?}; late by {middle} ms, 99 of 100 by \
         {most} ms at most",
        took.as_secs_f64()
    );
    assert_eq!((dropped.len() as u64, again(&dropped), left), (count, 0, 0));
    assert_eq!(shares.len(), 2, "both had their share");
}

#[test]
fn processes_that_do_not_heed_each_other_are_found() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (dropped, ..) = fall_due(folder.path(), 2_000, Plant::Careless);
    assert!(again(&dropped) > 0, "{} were dropped", dropped.len());
}
