//! Random histories of wrapped replies, played on a vault and on a plain list, which must agree.

mod model;
mod play;
mod rules;
mod step;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use play::play;
use rules::Planted;
use step::{Step, step};

/// Steps of one history, after those that wrap something.
const STEPS: usize = 24;

fn run(runner: &mut TestRunner, planted: Planted) -> Result<(), TestError<Vec<Step>>> {
    runner.run(&vec(step(), 0..=STEPS), |steps| play(planted, &steps))
}

fn config(cases: u32, max_shrink_iters: u32) -> Config {
    Config {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn four_hundred_histories_agree() {
    let mut runner = TestRunner::new(config(400, 500));
    run(&mut runner, Planted::Nothing).unwrap();
}

/// The same runner must find a model with one wrong rule. Its random source is fixed, so that it
/// finds it every time or never.
#[test]
fn every_planted_fault_is_found() {
    for planted in Planted::FAULTS {
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config(600, 0), random);
        match run(&mut runner, *planted) {
            Err(TestError::Fail(..)) => {}
            other => panic!("{planted:?} was not found: {other:?}"),
        }
    }
}
