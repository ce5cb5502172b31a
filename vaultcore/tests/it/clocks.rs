//! What a clock that jumps does to what lives for a time: nothing that the boot clock denies.

use std::time::Duration;

use vaultcore::storage::{Batch, EntryPath, Scan};
use vaultcore::{ErrorKind, NewToken, SecretString, Timestamp, Vault};

use crate::common::{START, World, kind, kv_of, put};

const SECOND: i64 = 1;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const TEN_YEARS: i64 = 3_653 * DAY;
const JUMPS: [i64; 6] = [SECOND, -SECOND, HOUR, -HOUR, TEN_YEARS, -TEN_YEARS];

/// Issues a token that lives for `seconds`.
fn issue(vault: &Vault, seconds: u64) -> SecretString {
    let new = NewToken::new().policy("default");
    let new = new.ttl(Duration::from_secs(seconds));
    vault
        .owner()
        .expect("owner")
        .token()
        .create(&new)
        .expect("issued")
}

fn lives(vault: &Vault, token: &SecretString) -> bool {
    vault.login(token).is_ok()
}

/// Returns what the vault takes the time for, in seconds since the story began.
fn now(vault: &Vault) -> i64 {
    let created = put(&kv_of(vault), "clock", 0).created_time;
    let micros = i64::try_from(created.as_micros()).expect("a time");
    let start = i64::try_from(START.as_micros()).expect("a time");
    (micros - start) / 1_000_000
}

/// Counts the tokens that run out some day and are stored.
fn due(world: &World) -> usize {
    world.count("sys/token-due/")
}

#[test]
fn a_jump_moves_nothing_while_the_machine_runs() {
    for jump in JUMPS {
        let world = World::new();
        let token = issue(&world.vault, 60);
        world.advance(1);
        world.jump(jump);
        assert_eq!(world.vault.tick().expect("ticked"), 0, "{jump}");
        world.advance(58);
        assert!(lives(&world.vault, &token), "{jump}: a second is left");
        world.jump(jump);
        world.advance(1);
        assert!(!lives(&world.vault, &token), "{jump}");
        assert_eq!(world.vault.tick().expect("ticked"), 1, "{jump}");
        assert_eq!(due(&world), 0, "{jump}");
    }
}

#[test]
fn another_process_of_the_same_boot_goes_by_the_mark() {
    for jump in JUMPS {
        let world = World::new();
        let token = issue(&world.vault, 60);
        world.advance(20);
        world.vault.tick().expect("marked");
        world.vault.close().expect("closed");
        world.jump(jump);
        world.advance(39);
        let next = world.other();
        assert!(lives(&next, &token), "{jump}: a second is left");
        world.advance(1);
        assert!(!lives(&next, &token), "{jump}");
        assert_eq!(next.tick().expect("ticked"), 1, "{jump}");
    }
}

#[test]
fn processes_of_one_boot_come_to_agree() {
    let world = World::new();
    world.jump(HOUR); // before anybody left a mark
    let other = world.other();
    assert_eq!((now(&world.vault), now(&other)), (0, HOUR));
    world.advance(5);
    world.vault.tick().expect("ticked");
    other.tick().expect("ticked");
    assert_eq!((now(&world.vault), now(&other)), (5, 5));
}

#[test]
fn after_a_boot_the_time_goes_on_where_it_was_left_or_by_a_clock_that_is_ahead() {
    // The wall clock, how far it is off when the machine comes up, and what the vault makes of it.
    for (jump, expected) in [
        (0, 100),
        (-SECOND, 100),
        (-TEN_YEARS, 100),
        (SECOND, 101),
        (HOUR, 100 + HOUR),
        (DAY, 100 + DAY),
    ] {
        let world = World::new();
        let (short, long) = (issue(&world.vault, 50), issue(&world.vault, 3 * 24 * 3_600));
        world.advance(100);
        world.vault.tick().expect("marked");
        world.vault.close().expect("closed");
        world.reboot(2);
        world.jump(jump);
        let next = world.other();
        assert_eq!(now(&next), expected, "{jump}");
        assert!(!lives(&next, &short) && lives(&next, &long), "{jump}");
        next.tick().expect("ticked");
        world.advance(7);
        assert_eq!(now(&next), expected + 7, "{jump}");
    }
}

/// Returns a world whose machine came up with its clock `jump` ahead, and a token with a day to
/// live.
fn ahead(jump: i64) -> (World, Vault, SecretString) {
    let world = World::new();
    let token = issue(&world.vault, 24 * 3_600);
    world.vault.tick().expect("marked");
    world.vault.close().expect("closed");
    world.reboot(2);
    world.jump(jump);
    let next = world.other();
    (world, next, token)
}

#[test]
fn a_clock_far_ahead_ends_nothing_and_opens_nothing() {
    let (world, next, token) = ahead(TEN_YEARS);
    assert_eq!(kind(next.tick()), ErrorKind::ClockSuspect);
    assert!(!lives(&next, &token), "it may have run out");
    assert_eq!(due(&world), 1, "but it may not have");
    world.advance(599);
    assert_eq!(kind(next.tick()), ErrorKind::ClockSuspect);
    // Somebody sets the clock right: ten minutes have passed.
    world.jump(-TEN_YEARS);
    next.tick().expect("nothing is in doubt any more");
    assert_eq!(now(&next), 599);
    assert!(lives(&next, &token));
}

#[test]
fn a_clock_that_runs_evenly_for_ten_minutes_is_believed() {
    let (world, next, token) = ahead(30 * DAY);
    assert_eq!(kind(next.tick()), ErrorKind::ClockSuspect);
    world.advance(300);
    // Others wait no longer for coming later.
    let other = world.other();
    assert_eq!(kind(other.tick()), ErrorKind::ClockSuspect);
    world.advance(300);
    assert_eq!(other.tick().expect("believed"), 1);
    assert_eq!(due(&world), 0);
    next.tick().expect("believed by whoever else is there");
    assert_eq!(now(&next), 30 * DAY + 600);
    assert!(!lives(&next, &token));
}

#[test]
fn a_clock_that_jumps_on_waits_anew() {
    let (world, next, _) = ahead(30 * DAY);
    for _ in 0..4 {
        assert_eq!(kind(next.tick()), ErrorKind::ClockSuspect);
        world.advance(500);
        world.jump(DAY);
    }
    assert_eq!(kind(next.tick()), ErrorKind::ClockSuspect);
    assert_eq!(due(&world), 1);
}

#[test]
fn whoever_confirms_the_clock_is_believed_in_every_process() {
    let (world, next, _) = ahead(30 * DAY);
    let other = world.other();
    assert_eq!(kind(other.tick()), ErrorKind::ClockSuspect);
    let confirmed = next.owner().expect("owner").sys().confirm_clock();
    assert_eq!(confirmed.expect("confirmed"), world.now());
    assert_eq!(next.tick().expect("ticked"), 1);
    other.tick().expect("it is told");

    // Back, too: a year that nobody should have believed.
    world.jump(-29 * DAY);
    let confirmed = other.owner().expect("owner").sys().confirm_clock();
    confirmed.expect("confirmed");
    next.tick().expect("it is told");
    assert_eq!((now(&next), now(&other)), (DAY, DAY));
}

#[test]
fn times_at_the_end_of_time_do_no_harm() {
    let world = World::new();
    let last = Timestamp::from_micros(u64::MAX);
    world.set_wall(last);
    let token = issue(&world.vault, u64::MAX / 1_000_000_000);
    world.advance(1);
    world.vault.tick().expect("ticked");
    assert_eq!(put(&kv_of(&world.vault), "a", 1).created_time, last);
    assert!(!lives(&world.vault, &token), "no time is left to it");
}

#[test]
fn tokens_that_cannot_be_revoked_hold_up_no_others() {
    let world = World::new();
    for _ in 0..150 {
        issue(&world.vault, 10);
    }
    let last = issue(&world.vault, 20);
    let found = world
        .storage
        .scan(&Scan::new("sys/token-due/"))
        .expect("scan");
    let mut batch = Batch::new();
    for path in found.iter().take(120) {
        let path = EntryPath::new(path).expect("a path");
        batch = batch.put(path, b"no record".to_vec());
    }
    world.storage.commit(&batch).expect("planted");
    world.advance(21);
    assert_eq!(kind(world.vault.tick()), ErrorKind::Corrupt);
    assert_eq!(due(&world), 120, "all but the broken ones are gone");
    assert!(!lives(&world.vault, &last));
}
