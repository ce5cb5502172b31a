//! Random histories of transit keys, played on a vault by two handles and on plain lists, which must
//! agree.

mod burst;
mod data;
mod keys;
mod model;
mod play;
mod reply;
mod rules;
mod step;
mod texts;

use proptest::collection::vec;
use proptest::strategy::Strategy;

use crate::histories;
use burst::burst;
use play::play;
use rules::Planted;
use step::Step;

/// Steps of one history, or bursts of some, after those that make some keys.
const STEPS: usize = 36;

fn history() -> impl Strategy<Value = Vec<Step>> {
    vec(burst(), 0..=STEPS).prop_map(|bursts| bursts.concat())
}

#[test]
fn three_hundred_histories_agree() {
    histories::agree(300, &history(), |steps| play(Planted::Nothing, &steps));
}

#[test]
fn every_planted_fault_is_found() {
    for planted in Planted::FAULTS {
        histories::find(600, &history(), planted, |steps| play(*planted, &steps));
    }
}
