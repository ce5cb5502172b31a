//! Random histories of one mount, played on a vault and on a plain map, which must agree.

mod model;
mod play;
mod reply;
mod rules;
mod secret;
mod step;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use vaultcore::storage::{Memory, Storage};

use play::play;
use rules::Planted;
use step::{Step, step};

/// Steps of one history.
const STEPS: usize = 60;

/// Plays `cases` histories, each on an empty storage, against a model with a fault or none.
fn run(
    runner: &mut TestRunner,
    planted: Planted,
    mut storage: impl FnMut() -> Arc<dyn Storage>,
) -> Result<(), TestError<Vec<Step>>> {
    let storage = std::cell::RefCell::new(&mut storage);
    runner.run(&vec(step(), 0..=STEPS), |steps| {
        let storage = (storage.borrow_mut())();
        play(storage, planted, &steps)
    })
}

fn config(cases: u32, max_shrink_iters: u32) -> Config {
    Config {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..Config::default()
    }
}

fn memory() -> Arc<dyn Storage> {
    Arc::new(Memory::new())
}

#[test]
fn two_thousand_histories_in_memory() {
    let mut runner = TestRunner::new(config(2_000, 2_000));
    run(&mut runner, Planted::Nothing, memory).unwrap();
}

#[cfg(feature = "sqlite")]
#[test]
fn two_hundred_histories_on_sqlite() {
    let base = if std::path::Path::new("/dev/shm").is_dir() {
        "/dev/shm".into()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::tempdir_in(base).expect("a folder");
    let mut number = 0;
    let storage = || -> Arc<dyn Storage> {
        number += 1;
        let file = folder.path().join(format!("{number}.db"));
        Arc::new(vaultcore::storage::Sqlite::open(file).expect("a file"))
    };
    let mut runner = TestRunner::new(config(200, 200));
    run(&mut runner, Planted::Nothing, storage).unwrap();
}

/// The same runner must find a model with one wrong rule. Its random source is fixed, so that it
/// finds it every time or never.
#[test]
fn every_planted_fault_is_found() {
    for planted in Planted::FAULTS {
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config(400, 0), random);
        match run(&mut runner, *planted, memory) {
            Err(TestError::Fail(..)) => {}
            other => panic!("{planted:?} was not found: {other:?}"),
        }
    }
}
