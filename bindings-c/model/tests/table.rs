//! The table of handles keeps its promises in every order that loom tries, and a model fails if an
//! ordering is too weak for them.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

use vaultcore_model::Operation::{self, Close, Enter, Leave, Look, Open, Retry};
use vaultcore_model::{caught, models};

macro_rules! hold {
    ($($model:ident)*) => {
        $(#[test]
        fn $model() {
            models::$model();
        })*
    };
}

hold! {
    two_closers_and_a_user
    a_place_is_used_again
    a_place_goes_to_another_family
    a_member_comes_late
    a_family_with_users_is_closed
    a_handle_is_passed_on_relaxed
    a_reserved_place_is_given_back
}

/// How a model fails: loom finds two uses without an edge between them, or the model what it forbids.
const NO_EDGE: &str = "Causality violation";
const MIXED_UP: &str = "another family was closed";
const OUTLIVED: &str = "it outlived its vault";

/// A fault, the model that must see it, and how that fails.
type Planted = (Operation, Ordering, fn(), &'static str);

/// Each ordering of the table with what is next weaker, but for the release of `close`: whoever
/// closes leaves later, which releases as well.
const PLANTED: [Planted; 9] = [
    (Open, Relaxed, a_place_goes_to_another_family, NO_EDGE),
    (Enter, Release, a_handle_is_passed_on_relaxed, NO_EDGE),
    (Enter, Acquire, a_member_comes_late, OUTLIVED),
    (Retry, Relaxed, a_place_goes_to_another_family, MIXED_UP),
    (Look, Relaxed, a_place_goes_to_another_family, MIXED_UP),
    (Close, Release, a_member_comes_late, OUTLIVED),
    (Leave, Release, two_closers_and_a_user, NO_EDGE),
    (Leave, Acquire, a_family_with_users_is_closed, NO_EDGE),
    (Leave, Relaxed, a_place_is_used_again, NO_EDGE),
];

#[test]
fn every_planted_fault_is_seen() {
    for (operation, weak, model, wanted) in PLANTED {
        let failed = caught(operation, weak, model);
        let seen = failed.as_ref().is_some_and(|text| text.contains(wanted));
        assert!(seen, "{operation:?} as {weak:?} only: {failed:?}");
    }
}
