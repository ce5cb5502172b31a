//! Threads, handles, the change mark, and what stays when the storage is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Place;
use super::steps::{delete, entry, fill, increment, number, path, put, revision, scan, value};
use crate::storage::{Batch, Scan, Storage, StorageError};

const THREADS: usize = 4;
const ROUNDS: usize = 25;

/// Loses no update of writers that race for one entry.
pub fn racing_writers_lose_no_update(place: &dyn Place) {
    let storage = place.open();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| increment(&storage, "counter")));
        }
    });
    assert_eq!(number(&storage, "counter"), (THREADS * ROUNDS) as u64);
}

/// Loses no update of writers that race through two handles.
pub fn racing_handles_lose_no_update(place: &dyn Place) {
    let first = place.open();
    let second = place.open_again(&first);
    thread::scope(|scope| {
        for storage in [&first, &second] {
            scope.spawn(|| (0..ROUNDS).for_each(|_| increment(storage, "counter")));
        }
    });
    assert_eq!(number(&first, "counter"), (2 * ROUNDS) as u64);
}

/// Lets exactly one of many creators win, in each of several rounds.
pub fn one_creator_wins(place: &dyn Place) {
    let storage = place.open();
    for round in 0..10 {
        let at = path(&format!("once/{round}"));
        let create = Batch::new().expect(at.clone(), None).put(at, b"x".to_vec());
        let race = || storage.commit(&create).is_ok();
        let wins: usize = thread::scope(|scope| {
            let racers: Vec<_> = (0..THREADS).map(|_| scope.spawn(race)).collect();
            racers
                .into_iter()
                .map(|racer| usize::from(racer.join().expect("a racer")))
                .sum()
        });
        assert_eq!(wins, 1, "round {round}");
    }
}

/// Answers every one of many writers to different entries, and keeps what each wrote.
pub fn writers_of_different_entries_all_succeed(place: &dyn Place) {
    let storage = place.open();
    thread::scope(|scope| {
        for writer in 0..8 {
            let storage = &storage;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    put(storage, &format!("w{writer}/{round:02}"), &[round as u8]);
                }
            });
        }
    });
    for writer in 0..8 {
        assert_eq!(
            scan(&storage, &Scan::new(format!("w{writer}/"))).len(),
            ROUNDS
        );
        assert_eq!(value(&storage, &format!("w{writer}/07")), Some(vec![7]));
    }
}

/// Gives each of many writers its own answer: the revision of what it wrote, or its conflict.
pub fn every_writer_gets_its_own_answer(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "taken", b"x");
    thread::scope(|scope| {
        for writer in 0..8 {
            let storage = &storage;
            scope.spawn(move || answers_of_one_writer(storage, writer));
        }
    });
    assert_eq!(value(&storage, "taken").as_deref(), Some(&b"x"[..]));
}

fn answers_of_one_writer(storage: &dyn Storage, writer: usize) {
    let own = format!("own/{writer}");
    for round in 0..ROUNDS {
        if (round + writer).is_multiple_of(2) {
            let committed = put(storage, &own, &[round as u8]);
            assert_eq!(revision(storage, &own), Some(committed));
        } else {
            let refused = Batch::new()
                .expect(path("taken"), None)
                .put(path("taken"), Vec::new());
            let answer = storage.commit(&refused);
            assert!(matches!(answer, Err(StorageError::Conflict)), "{answer:?}");
        }
    }
}

/// Runs `write` again and again while `check` runs `rounds` times.
fn while_writing(rounds: usize, write: impl Fn(u64) + Sync, check: impl Fn()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                write(round);
            }
        });
        let finished = Finish(&stop);
        (0..rounds).for_each(|_| check());
        drop(finished);
    });
}

/// Stops the writer, also when a check panics.
struct Finish<'a>(&'a AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const PARTS: [&str; 6] = ["one/a", "one/b", "two/a", "two/b", "three", "four"];

fn put_all(storage: &dyn Storage, round: u64) {
    let put = |batch: Batch, at: &&str| batch.put(path(at), round.to_be_bytes().to_vec());
    storage
        .commit(&PARTS.iter().fold(Batch::new(), put))
        .expect("a commit");
}

/// Reads several entries as of one moment while a writer changes all of them together.
pub fn a_read_is_of_one_moment(place: &dyn Place) {
    let storage = place.open();
    put_all(&storage, 0);
    let paths = PARTS.map(path);
    while_writing(
        300,
        |round| put_all(&storage, round),
        || {
            let entries = storage.read(&paths).expect("a read");
            let first = entries[0].as_ref().expect("there");
            assert!(
                entries.iter().flatten().all(|entry| entry == first),
                "a torn read"
            );
        },
    );
}

/// Reads several entries as of one moment through another handle.
pub fn a_read_through_another_handle_is_of_one_moment(place: &dyn Place) {
    let storage = place.open();
    let other = place.open_again(&storage);
    put_all(&storage, 0);
    let paths = PARTS.map(path);
    while_writing(
        100,
        |round| put_all(&storage, round),
        || {
            let entries = other.read(&paths).expect("a read");
            assert!(
                entries.windows(2).all(|pair| pair[0] == pair[1]),
                "a torn read"
            );
        },
    );
}

/// Sees two entries that take turns to exist exactly one at a time.
pub fn a_read_sees_no_half_batch(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "left", b"x");
    let (from, to) = (path("left"), path("right"));
    let turn = |round: u64| {
        let (from, to) = if round % 2 == 1 {
            (&from, &to)
        } else {
            (&to, &from)
        };
        let batch = Batch::new()
            .delete(from.clone())
            .put(to.clone(), b"x".to_vec());
        storage.commit(&batch).expect("a turn");
    };
    while_writing(300, turn, || {
        let entries = storage.read(&[from.clone(), to.clone()]).expect("a read");
        assert_eq!(entries.iter().flatten().count(), 1, "half a batch");
    });
}

/// Checks all expectations as of one moment, also without a write.
pub fn a_check_is_of_one_moment(place: &dyn Place) {
    let storage = place.open();
    put_all(&storage, 0);
    let paths = PARTS.map(path);
    let agreed = AtomicBool::new(false);
    while_writing(
        300,
        |round| put_all(&storage, round),
        || {
            let first = revision(&storage, PARTS[0]);
            let last = revision(&storage, PARTS[5]);
            let check = Batch::new()
                .expect(paths[0].clone(), first)
                .expect(paths[5].clone(), last);
            match storage.commit(&check) {
                Ok(_) => assert_eq!(first, last, "two moments in one check"),
                Err(error) => assert!(matches!(error, StorageError::Conflict), "{error}"),
            }
            agreed.fetch_or(first == last, Ordering::Relaxed);
        },
    );
}

/// Finds every entry that stays, while others come and go around it.
pub fn a_scan_misses_nothing_that_stays(place: &dyn Place) {
    let storage = place.open();
    let stay: Vec<String> = (0..50).map(|number| format!("s/{number:02}")).collect();
    fill(&storage, &stay);
    let blink = |round: u64| {
        let at = format!("s/{:02}x", round % 50);
        put(&storage, &at, b"x");
        delete(&storage, &at);
    };
    while_writing(100, blink, || {
        let found = scan(&storage, &Scan::new("s/"));
        assert!(found.is_sorted(), "out of order");
        assert!(
            stay.iter().all(|at| found.contains(at)),
            "an entry that stays was missed"
        );
    });
}

/// Shows a commit to every read, scan and check that begins after it.
pub fn a_finished_commit_is_seen_by_all_threads(place: &dyn Place) {
    let storage = place.open();
    for round in 0..ROUNDS {
        let at = format!("seen/{round:02}");
        let committed = put(&storage, &at, b"x");
        let seen = thread::scope(|scope| {
            scope
                .spawn(|| (revision(&storage, &at), scan(&storage, &Scan::new("seen/"))))
                .join()
        });
        let (found, listed) = seen.expect("a reader");
        assert_eq!(found, Some(committed));
        assert_eq!(listed.len(), round + 1);
    }
}

/// Shows through one handle what another wrote.
pub fn handles_see_each_other(place: &dyn Place) {
    let first = place.open();
    let second = place.open_again(&first);
    for round in 0..ROUNDS as u8 {
        let committed = put(&first, "a", &[round]);
        assert_eq!(revision(&second, "a"), Some(committed));
        assert_eq!(value(&second, "a"), Some(vec![round]));
    }
}

/// Refuses through one handle a revision that another overwrote.
pub fn handles_refuse_each_others_old_revisions(place: &dyn Place) {
    let first = place.open();
    let second = place.open_again(&first);
    let before = put(&first, "a", b"1");
    put(&second, "a", b"2");
    let swap = Batch::new()
        .expect(path("a"), Some(before))
        .put(path("a"), b"3".to_vec());
    super::steps::refused_as_conflict(&first, &swap);
}

fn mark(storage: &dyn Storage) -> Option<u64> {
    storage.change_mark().expect("a change mark")
}

fn moves<T>(storage: &dyn Storage, change: impl FnOnce() -> T) {
    let before = mark(storage);
    change(); // only what it does counts
    if before.is_some() {
        assert_ne!(before, mark(storage), "the change mark stood still");
    }
}

/// Moves the change mark with a put, a rewrite of the same bytes, a swap and a delete.
pub fn the_mark_moves_with_every_write(place: &dyn Place) {
    let storage = place.open();
    moves(&storage, || put(&storage, "a", b"1"));
    moves(&storage, || put(&storage, "a", b"1"));
    moves(&storage, || increment(&storage, "counter"));
    moves(&storage, || delete(&storage, "a"));
}

/// Never returns to an earlier change mark.
pub fn the_mark_never_comes_back(place: &dyn Place) {
    let storage = place.open();
    let mut seen = std::collections::HashSet::new();
    for round in 0..200u8 {
        put(&storage, "a", &[round]);
        assert!(
            mark(&storage).is_none_or(|mark| seen.insert(mark)),
            "round {round}"
        );
    }
}

/// Rests while nothing is written, whatever is read, checked or refused.
pub fn the_mark_rests_while_nothing_is_written(place: &dyn Place) {
    let storage = place.open();
    let of_a = put(&storage, "a", b"1");
    let before = mark(&storage);
    for _ in 0..10 {
        assert_eq!(value(&storage, "a").as_deref(), Some(&b"1"[..]));
        assert_eq!(scan(&storage, &Scan::new("")), ["a"]);
        storage
            .commit(&Batch::new().expect(path("a"), Some(of_a)))
            .expect("it holds");
    }
    assert_eq!(mark(&storage), before);
}

/// Moves the change mark of one handle when another writes.
pub fn the_mark_moves_with_other_handles(place: &dyn Place) {
    let first = place.open();
    let second = place.open_again(&first);
    for round in 0..ROUNDS as u8 {
        moves(&first, || put(&second, "a", &[round]));
        moves(&second, || put(&first, "a", &[round]));
    }
}

/// Returns one change mark to all threads while nothing is written.
pub fn threads_agree_on_the_mark(place: &dyn Place) {
    let storage = place.open();
    for round in 0..ROUNDS as u8 {
        put(&storage, "a", &[round]);
        let here = mark(&storage);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(mark(&storage), here));
            }
        });
    }
}

/// Returns an equal mark twice only if what was read in between still stands.
pub fn an_equal_mark_proves_a_read_fresh(place: &dyn Place) {
    let storage = place.open();
    put(&storage, "a", b"0");
    let write = |round: u64| {
        put(&storage, "a", &round.to_be_bytes());
    };
    while_writing(300, write, || {
        let before = mark(&storage);
        let read = entry(&storage, "a");
        let again = entry(&storage, "a");
        let after = mark(&storage);
        let unmoved = before.is_some() && before == after;
        assert!(
            !unmoved || read == again,
            "a commit came in between two equal marks"
        );
    });
}

/// Keeps everything when it is closed and opened again.
pub fn reopening_keeps_every_entry(place: &dyn Place) {
    let storage = place.open();
    fill(&storage, (0..150).map(|number| format!("kept/{number:03}")));
    delete(&storage, "kept/007");
    let before = scan(&storage, &Scan::new(""));
    drop(storage);
    let storage = place.open();
    assert_eq!(scan(&storage, &Scan::new("")), before);
    assert_eq!(value(&storage, "kept/008").as_deref(), Some(&b"x"[..]));
    assert_eq!(entry(&storage, "kept/007"), None);
}

/// Keeps revisions, so that an expectation holds across a reopening.
pub fn reopening_keeps_revisions(place: &dyn Place) {
    let storage = place.open();
    let before = put(&storage, "a", b"1");
    drop(storage);
    let storage = place.open();
    assert_eq!(revision(&storage, "a"), Some(before));
    let swap = Batch::new()
        .expect(path("a"), Some(before))
        .put(path("a"), b"2".to_vec());
    storage.commit(&swap).expect("the revision still holds");
}

/// Gives out no revision anew that was given out before it was closed.
pub fn reopening_repeats_no_revision(place: &dyn Place) {
    let mut seen = std::collections::HashSet::new();
    for round in 0..5 {
        let storage = place.open();
        for _ in 0..5 {
            assert!(seen.insert(put(&storage, "a", b"x")), "round {round}");
            delete(&storage, "a");
        }
    }
}

/// Keeps large values when it is closed.
pub fn reopening_keeps_large_values(place: &dyn Place) {
    let bytes: Vec<u8> = (0..1_000_000).map(|at| (at % 249) as u8).collect();
    let storage = place.open();
    put(&storage, "a", &bytes);
    drop(storage);
    assert!(value(&place.open(), "a") == Some(bytes));
}

/// Works through a box, a reference and a shared pointer alike.
pub fn pointers_to_a_storage_are_storages(place: &dyn Place) {
    let shared: Arc<dyn Storage> = place.open();
    let boxed: Box<dyn Storage> = Box::new(Arc::clone(&shared));
    let committed = put(&&boxed, "a", b"1");
    assert_eq!(revision(&shared, "a"), Some(committed));
    assert!(!shared.exclusive(), "others may hold it as well");
    assert!(!boxed.exclusive(), "it holds the shared pointer");
}
