//! Whether what several processes see of one vault can be told as one story.
//!
//! Four processes of two threads each, and one more that is killed, work on a few keys of one
//! SQLite file; each call is stamped before and after with CLOCK_MONOTONIC, which is one clock for
//! all processes of a machine (`rustix` reads it; the standard library's `Instant` does not say
//! what it holds). Two judges look at the history: porcupine-rs, which searches for an order of
//! all calls that the model of a versioned secret allows, and a simple one for lost updates and
//! stale reads. Planted faults have to be found by both, in the same run.
#![cfg(target_os = "linux")]

mod history;
mod model;
mod worker;

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use history::Call;
use rustix::process::{Pid, Signal, kill_process};
use worker::{Dice, Plant, Task};

const OPERATIONS: &str = "VAULTCORE_LINEAR_OPERATIONS";
const PROCESSES: u64 = 4;
/// The number of the process that is killed.
const VICTIM: u64 = PROCESSES;

/// Runs the processes and returns what they did, with how long that took.
fn run(folder: &Path, operations: u64, plant: Plant) -> Vec<Call> {
    let file = folder.join("db");
    worker::prepare(&file);
    let start = |number| {
        let task = Task {
            file: file.clone(),
            log: folder.join(format!("log-{number}")),
            number,
            operations: operations / PROCESSES / worker::THREADS,
            plant,
        };
        task.command().spawn().unwrap()
    };
    let mut victim = start(VICTIM);
    let mut children: Vec<Child> = (0..PROCESSES).map(start).collect();
    disturb(&mut children, &mut victim);
    let logs = (0..=VICTIM).map(|number| folder.join(format!("log-{number}")));
    logs.flat_map(|log| history::read(&log)).collect()
}

/// Stops processes for a moment and kills the victim, until the others have ended.
fn disturb(children: &mut Vec<Child>, victim: &mut Child) {
    let mut dice = Dice(5);
    let mut rounds = 0;
    while !children.is_empty() {
        let chosen = dice.below(children.len() as u64) as usize;
        signal(&children[chosen], Signal::STOP);
        std::thread::sleep(Duration::from_millis(1 + dice.below(30)));
        signal(&children[chosen], Signal::CONT);
        std::thread::sleep(Duration::from_millis(dice.below(60)));
        rounds += 1;
        if rounds == 8 {
            victim.kill().unwrap();
        }
        children.retain_mut(|child| match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "a worker failed");
                false
            }
            None => true,
        });
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
}

/// Sends a signal to a child that was not waited for yet, so that its number is its own.
fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).unwrap();
}

fn operations() -> u64 {
    std::env::var(OPERATIONS).map_or(20_000, |number| number.parse().unwrap())
}

#[test]
fn what_processes_see_is_one_story() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let begun = worker::now();
    let history = run(folder.path(), operations(), Plant::Nothing);
    let ended = worker::now();
    let unknown = history
        .iter()
        .filter(|call| call.returned.is_none())
        .count();
    let verdict = model::judge(&history);
    let took = (worker::now() - ended) / 1_000_000;
    let ran = (ended - begun) / 1_000_000;
    let calls = history.len();
    println!("{calls} calls, {unknown} of unknown outcome, in {ran} ms, judged in {took} ms");
    println!("{}", history::census(&history));
    assert_eq!(history::judge(&history), Ok(()));
    assert_eq!(verdict, Ok(()));
    assert!(calls as u64 >= operations());
}

#[test]
fn planted_faults_are_found() {
    for plant in [Plant::StaleRead, Plant::LostUpdate] {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let history = run(folder.path(), 2_000, plant);
        let (simple, porcupine) = (history::judge(&history), model::judge(&history));
        println!("{plant:?}: {simple:?}, {porcupine:?}");
        assert!(simple.is_err(), "{plant:?} by the simple judge");
        assert!(porcupine.is_err(), "{plant:?} by porcupine");
    }
}
