//! kill -9 of two writers, over and over.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use vaultcore::storage::Durability;

use crate::killed::wait_for_words;
use crate::ledger::Ledger;
use crate::writer::{Dice, Plant, Task, prepare};

/// How often writers are killed, on all places together.
const KILLS: &str = "VAULTCORE_KILLS";
/// Kills after which a planted fault must have been found.
const PATIENCE: u64 = 60;

/// What a run came to.
struct Tally {
    kills: u64,
    acks: usize,
    finding: Option<String>,
}

/// Kills writers in pairs until there were `kills`, or until something was found.
fn kill_writers(folder: &Path, kills: u64, seed: u64, plant: Plant) -> Tally {
    let (file, acks) = (folder.join("db"), folder.join("acks"));
    prepare(&file);
    let (mut ledger, mut dice) = (Ledger::new(), Dice(seed));
    let mut tally = Tally {
        kills: 0,
        acks: 0,
        finding: None,
    };
    while tally.kills < kills && tally.finding.is_none() {
        fs::write(&acks, "").unwrap();
        kill_pair(&file, &acks, &mut dice, plant);
        tally.kills += 2;
        let said = fs::read_to_string(&acks).unwrap();
        let checked = ledger.take(&said).and_then(|()| ledger.check(&file));
        tally.finding = checked.err().map(|finding| finding.to_string());
        tally.acks = ledger.acks;
    }
    tally
}

/// Starts two writers and kills each at a moment of its own.
fn kill_pair(file: &Path, acks: &Path, dice: &mut Dice, plant: Plant) {
    let mut start = |number| {
        let task = Task {
            file,
            acks,
            number,
            seed: dice.next(),
            steps: u64::MAX,
            durability: Durability::Full,
            plant,
        };
        task.command().spawn().unwrap()
    };
    let mut writers = [start(0), start(1)];
    // From the opening of the file on, and mostly from the first thing said on, whatever the time until
    // then; the survivor goes on beside what the first one left.
    if dice.below(4) > 0 {
        wait_for_words(acks);
    }
    sleep(Duration::from_micros(5_000 + dice.below(120_000)));
    let first = dice.below(2) as usize;
    kill(&mut writers[first]);
    sleep(Duration::from_micros(dice.below(20_000)));
    kill(&mut writers[1 - first]);
}

/// Sends SIGKILL. A writer that ended by itself has said why in its acks.
fn kill(writer: &mut Child) {
    writer.kill().unwrap();
    writer.wait().unwrap();
}

fn kills() -> u64 {
    std::env::var(KILLS).map_or(200, |number| number.parse().unwrap())
}

fn nothing_is_lost(place: &str, folder: &Path, kills: u64, seed: u64) {
    let tally = kill_writers(folder, kills, seed, Plant::Nothing);
    let lost = usize::from(tally.finding.is_some());
    report(place, &tally, lost);
    assert!(tally.finding.is_none(), "{:?}", tally.finding);
    assert!(tally.acks > kills as usize, "the writers hardly worked");
}

#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn report(place: &str, tally: &Tally, lost: usize) {
    let Tally { kills, acks, .. } = tally;
    let found = tally.finding.as_deref().unwrap_or("");
    eprintln!("{place}: {kills} kills, {acks} acks, {lost} losses {found}");
}

#[test]
fn nothing_acknowledged_is_lost_in_shared_memory() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    nothing_is_lost("/dev/shm", folder.path(), kills() / 2, 1);
}

#[test]
fn nothing_acknowledged_is_lost_on_a_disk() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    nothing_is_lost("disk", folder.path(), kills() / 2, 2);
}

#[test]
fn planted_losses_are_found() {
    for plant in [Plant::EarlyAck, Plant::LostCommit] {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let tally = kill_writers(folder.path(), PATIENCE, 3, plant);
        report(
            &format!("{plant:?}"),
            &tally,
            usize::from(tally.finding.is_some()),
        );
        assert!(tally.finding.is_some(), "{plant:?}");
    }
}
