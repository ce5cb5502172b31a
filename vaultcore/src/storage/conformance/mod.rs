//! The suite that every storage backend passes, ours and others'.
//!
//! Implement [`Place`] for somewhere that your backend can keep entries, and let
//! [`storage_conformance!`](crate::storage_conformance) make one test of each case:
//!
//! ```
//! use std::sync::Arc;
//! use vaultcore::storage::{Memory, Storage};
//! use vaultcore::storage_conformance;
//!
//! fn place() -> impl Fn() -> Arc<dyn Storage> {
//!     let memory: Arc<dyn Storage> = Arc::new(Memory::new());
//!     move || Arc::clone(&memory)
//! }
//!
//! storage_conformance!(memory, place());
//! # vaultcore::storage::conformance::reading::a_value_comes_back(&place());
//! ```
//!
//! A case panics where the backend breaks the contract of [`Storage`]. [`CASES`] lists them all,
//! for harnesses that are not made of `#[test]` functions.

// The suite runs in tests, where a failed expectation is to stop the case.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::sync::Arc;

use super::Storage;

pub mod committing;
pub mod limits;
pub mod paging;
pub mod reading;
pub mod scanning;
pub mod sharing;
mod steps;

/// Somewhere that one storage is kept, empty until the first commit.
///
/// A closure that returns the storage is a place.
///
/// ```
/// use std::sync::Arc;
/// use vaultcore::storage::{Memory, Storage, conformance};
/// let memory = || Arc::new(Memory::new()) as Arc<dyn Storage>;
/// conformance::committing::a_failed_last_expectation_stops_all(&memory);
/// ```
pub trait Place: Sync {
    /// Opens the storage; what was committed before is there again.
    fn open(&self) -> Arc<dyn Storage>;

    /// Opens it once more while `first` is open. A backend that has one handle in each process
    /// returns that one.
    fn open_again(&self, first: &Arc<dyn Storage>) -> Arc<dyn Storage> {
        Arc::clone(first)
    }
}

impl<F: Fn() -> Arc<dyn Storage> + Sync> Place for F {
    fn open(&self) -> Arc<dyn Storage> {
        self()
    }
}

/// One clause of the contract: its name, and the function that panics if it is broken.
pub type Case = (&'static str, fn(&dyn Place));

macro_rules! list_cases {
    (() $($group:ident: $($case:ident)*;)*) => {
        /// Every case of the suite.
        pub const CASES: &[Case] = &[
            $($((concat!(stringify!($group), "::", stringify!($case)), $group::$case),)*)*
        ];
    };
}

/// Makes a module `$name` with one test for each case of the suite. `$place` is evaluated anew
/// for each, and gives an empty [`Place`](crate::storage::conformance::Place).
#[macro_export]
macro_rules! storage_conformance {
    ($name:ident, $place:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::__storage_cases!(($crate::__storage_tests) $place);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __storage_tests {
    (($place:expr) $($group:ident: $($case:ident)*;)*) => {
        $(mod $group {
            #[allow(unused_imports)]
            use super::*;

            $crate::__storage_tests!(@each ($place) $group $($case)*);
        })*
    };
    (@each ($place:expr) $group:ident $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::storage::conformance::$group::$case(&$place);
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __storage_cases {
    (($($then:tt)+) $($given:tt)*) => {
        $($then)+! { ($($given)*)
            committing:
                an_expected_revision_lets_write
                an_old_revision_is_refused
                a_foreign_revision_is_refused
                a_revision_of_nothing_is_refused
                a_revision_belongs_to_its_entry
                expected_absence_lets_create
                expected_absence_refuses_an_entry
                an_empty_value_is_not_absent
                a_deleted_entry_is_absent
                an_expected_revision_lets_delete
                an_old_revision_does_not_delete
                the_revision_of_a_deleted_entry_is_refused
                deleting_nothing_is_no_error
                expected_absence_does_not_delete
                an_unwritten_entry_may_be_expected
                unwritten_absence_may_be_expected
                an_expectation_changes_nothing
                a_blind_put_needs_no_expectation
                a_batch_is_applied_whole
                a_failed_first_expectation_stops_all
                a_failed_last_expectation_stops_all
                a_failed_unwritten_expectation_stops_all
                a_refused_batch_may_be_tried_again
                a_full_batch_is_applied_whole
                a_full_batch_is_refused_whole
                a_batch_without_writes_checks
                a_batch_without_writes_sees_changes
                a_batch_without_writes_changes_nothing
                an_empty_batch_succeeds
                the_same_bytes_get_a_new_revision
                revisions_of_an_entry_never_repeat
                revisions_never_come_back_after_a_delete
                an_entry_created_anew_is_another
                revisions_outlive_the_last_entry
                an_applied_batch_is_refused_when_submitted_again
                a_path_expected_twice_is_invalid
                a_path_written_twice_is_invalid;
            limits:
                the_most_writes_are_taken
                one_write_more_is_refused
                the_most_expectations_are_taken
                one_expectation_more_is_refused
                the_most_of_both_is_taken
                the_largest_value_is_taken
                one_byte_more_in_a_value_is_refused
                the_largest_batch_is_taken
                one_byte_more_in_a_batch_is_refused
                expected_paths_count_into_the_size
                a_refusal_leaves_the_storage_in_order;
            paging:
                no_entries_in_pages
                one_entry_in_pages
                one_entry_in_pages_of_one
                ten_entries_in_pages_of_one
                ten_entries_in_pages_of_three
                entries_99_in_pages_of_100
                entries_100_in_pages_of_100
                entries_101_in_pages_of_100
                entries_1000_in_pages_of_100
                entries_1000_in_pages_of_99
                entries_1000_in_one_page
                no_folders_in_pages
                one_folder_in_pages
                one_folder_in_pages_of_one
                ten_folders_in_pages_of_one
                folders_99_in_pages_of_100
                folders_100_in_pages_of_100
                folders_101_in_pages_of_100
                folders_1000_in_pages_of_100
                folders_1000_in_one_page
                a_page_goes_on_behind_a_deleted_entry
                a_later_page_sees_new_entries;
            reading:
                an_empty_storage_holds_nothing
                no_paths_give_no_entries
                a_value_comes_back
                a_read_shows_the_revision_of_the_commit
                a_revision_rests_while_nobody_writes
                the_last_value_stands
                a_deleted_entry_is_gone
                a_delete_leaves_its_neighbours
                an_empty_value_is_kept
                a_nul_byte_is_kept
                nul_bytes_inside_are_kept
                every_byte_is_kept
                invalid_utf8_is_kept
                values_around_a_page_are_kept
                a_mebibyte_is_kept
                a_value_shrinks_and_grows
                answers_come_in_the_order_asked
                present_and_absent_paths_mix
                a_path_asked_twice_is_answered_twice
                many_paths_are_read_at_once
                case_is_kept
                no_character_is_a_pattern
                an_entry_may_be_a_folder_too
                a_number_is_a_path_like_others
                the_longest_paths_are_kept;
            scanning:
                an_empty_storage_scans_empty
                paths_come_in_byte_order
                order_ignores_no_case
                a_path_comes_before_its_extensions
                a_prefix_limits_the_scan
                a_prefix_need_not_end_at_a_slash
                the_prefix_itself_is_found
                an_unknown_prefix_is_empty
                a_prefix_is_no_pattern
                a_strange_prefix_is_empty
                a_prefix_of_the_last_letter_is_complete
                a_limit_cuts_the_end
                a_limit_of_zero_gives_nothing
                the_greatest_limit_is_no_limit
                after_is_exclusive
                after_the_last_is_nothing
                after_need_not_exist
                after_before_the_prefix_changes_nothing
                after_behind_the_prefix_is_nothing
                after_keeps_extensions
                prefix_after_and_limit_combine
                a_folder_is_returned_once
                a_large_folder_is_returned_once
                many_folders_are_returned_once_each
                an_entry_and_its_folder_are_both_returned
                folders_are_ordered_with_their_slash
                a_delimiter_in_the_prefix_does_not_count
                a_folder_begins_within_a_part
                a_prefix_without_its_slash_gives_the_folder
                the_delimiter_may_be_another_byte
                an_unused_delimiter_cuts_nothing
                after_a_folder_skips_it
                after_inside_a_folder_skips_it
                after_an_entry_keeps_its_folder
                a_folder_counts_once_against_the_limit
                an_emptied_folder_is_gone
                a_scan_sees_finished_commits
                a_scan_sees_no_leftovers
                a_rewritten_entry_is_found_once
                the_longest_paths_are_scanned;
            sharing:
                racing_writers_lose_no_update
                racing_handles_lose_no_update
                one_creator_wins
                writers_of_different_entries_all_succeed
                every_writer_gets_its_own_answer
                a_read_is_of_one_moment
                a_read_through_another_handle_is_of_one_moment
                a_read_sees_no_half_batch
                a_check_is_of_one_moment
                a_scan_misses_nothing_that_stays
                a_finished_commit_is_seen_by_all_threads
                handles_see_each_other
                handles_refuse_each_others_old_revisions
                the_mark_moves_with_every_write
                the_mark_never_comes_back
                the_mark_rests_while_nothing_is_written
                the_mark_moves_with_other_handles
                threads_agree_on_the_mark
                an_equal_mark_proves_a_read_fresh
                reopening_keeps_every_entry
                reopening_keeps_revisions
                reopening_repeats_no_revision
                reopening_keeps_large_values
                pointers_to_a_storage_are_storages;
        }
    };
}

crate::__storage_cases!((list_cases));
