//! Random histories of a tree of tokens, played on a vault and on a plain list, which must agree.

mod birth;
mod model;
mod play;
mod rules;
mod step;

use proptest::collection::vec;
use proptest::strategy::Strategy;

use crate::histories;
use play::play;
use rules::Planted;
use step::{Step, step};

/// Steps of one history, after those that plant the tree.
const STEPS: usize = 24;

fn history() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..=STEPS)
}

#[test]
fn four_hundred_histories_agree() {
    histories::agree(400, &history(), |steps| play(Planted::Nothing, &steps));
}

#[test]
fn every_planted_fault_is_found() {
    for planted in Planted::FAULTS {
        histories::find(1_000, &history(), planted, |steps| play(*planted, &steps));
    }
}
