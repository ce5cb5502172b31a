//! Random histories, which a vault and a model of it must agree about.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestError, TestRng, TestRunner};

fn config(cases: u32, max_shrink_iters: u32) -> Config {
    Config {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Plays `cases` histories, with a model that has no wrong rule.
pub(crate) fn agree<S: Strategy>(
    cases: u32,
    history: &S,
    play: impl Fn(S::Value) -> TestCaseResult,
) {
    let mut runner = TestRunner::new(config(cases, 500));
    runner.run(history, play).unwrap();
}

/// The same must find a model with the wrong rule `planted` in at most `cases` histories. The random
/// source is fixed, so that it finds it every time or never.
pub(crate) fn find<S: Strategy>(
    cases: u32,
    history: &S,
    planted: impl Debug,
    play: impl Fn(S::Value) -> TestCaseResult,
) where
    S::Value: Debug,
{
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config(cases, 0), random);
    match runner.run(history, play) {
        Err(TestError::Fail(..)) => {}
        other => panic!("{planted:?} was not found: {other:?}"),
    }
}
