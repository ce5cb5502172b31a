//! Threads that get, close and replace the same objects.

use std::sync::atomic::AtomicUsize;

use super::tests::kind;
use super::*;

#[test]
fn an_object_is_dropped_when_the_last_that_uses_it_leaves() {
    let drops = AtomicUsize::new(0);
    let table = Table::new();
    let counted = Counted {
        number: 0,
        drops: &drops,
    };
    let place = table.insert(0, counted).expect("place");
    let user = table.get(place).expect("there");
    drop(table.remove(place).expect("open"));
    assert_eq!(kind(table.get(place)), Some(ErrorKind::Closed));
    assert_eq!((user.object.number, drops.load(Ordering::Relaxed)), (0, 0));
    drop(user);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

/// An object that counts how often it is dropped.
struct Counted<'c> {
    number: usize,
    drops: &'c AtomicUsize,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

const THREADS: usize = 8;
const ROUNDS: usize = if cfg!(miri) { 30 } else { 20_000 };
/// How many places the threads fight for.
const SHARED: usize = 3;

type Get = for<'t, 'c> fn(&'t Table<Counted<'c>>, Place) -> Result<InUse<'t, Counted<'c>>>;

/// A thread of the race: it gets, closes and replaces what all know of, and gets what it closed
/// before. Returns how often an object was another one than was asked for, or dropped already.
fn contend<'c>(
    (table, get): (&Table<Counted<'c>>, Get),
    board: &[Mutex<(Place, usize)>],
    (thread, drops): (usize, &'c [AtomicUsize]),
) -> usize {
    let (mut wrong, mut old) = (0, None);
    for round in 0..ROUNDS {
        let shared = &board[(thread + round) % board.len()];
        let (place, number) = *shared.lock().expect("whole");
        for (place, number) in [(place, number), old.unwrap_or((place, number))] {
            if let Ok(found) = get(table, place) {
                let dropped = drops[number].load(Ordering::Relaxed) != 0;
                wrong += usize::from(found.object.number != number || dropped);
            }
        }
        if (thread + round) % 3 != 0 {
            continue;
        }
        let Ok(closed) = table.remove(place) else {
            continue;
        };
        wrong += usize::from(closed.object.number != number);
        drop(closed);
        old = Some((place, number));
        let number = thread * ROUNDS + round + SHARED;
        let counted = Counted {
            number,
            drops: &drops[number],
        };
        let place = table.insert(number as u64 % 2, counted).expect("place");
        *shared.lock().expect("whole") = (place, number);
    }
    wrong
}

/// Lets threads contend, then closes what is left, and returns what went wrong.
fn race(get: Get) -> usize {
    let count = THREADS * ROUNDS + SHARED;
    let drops: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
    let table = Table::new();
    let put = |number: usize| {
        let drops = &drops[number];
        let place = table.insert(0, Counted { number, drops }).expect("place");
        Mutex::new((place, number))
    };
    let board: Vec<_> = (0..SHARED).map(put).collect();
    let wrong: usize = std::thread::scope(|scope| {
        let (table, board, drops) = (&table, &board, &drops);
        let start = |thread| scope.spawn(move || contend((table, get), board, (thread, drops)));
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        let ended = threads.into_iter().map(|one| one.join().expect("no panic"));
        ended.sum()
    });
    let left = table.remove_family(0).len() + table.remove_family(1).len();
    assert_eq!(left, SHARED);
    let made = drops.iter().map(|drops| drops.load(Ordering::Relaxed));
    assert!(made.clone().all(|drops| drops <= 1), "dropped twice");
    let replaced = made.sum::<usize>() - SHARED;
    assert!(replaced > ROUNDS / THREADS, "{replaced} were replaced");
    wrong + made_but_kept(&table)
}

fn made_but_kept<T>(table: &Table<T>) -> usize {
    let count = table.lock().fresh;
    let words = (0..count).filter_map(|index| table.slot(index));
    words
        .filter(|slot| slot.word.load(Ordering::Relaxed) & (OPEN | USERS) != 0)
        .count()
}

#[test]
fn threads_see_no_object_of_another_generation() {
    assert_eq!(race(|table, place| table.get(place)), 0);
}

/// What the race would find if a table did not look at generations.
#[test]
fn the_race_sees_a_planted_fault() {
    let any = race(|table, place| {
        let word = table
            .slot(place.index)
            .expect("there")
            .word
            .load(Ordering::Relaxed);
        let generation = generation_of(word);
        table.get(Place {
            generation,
            ..place
        })
    });
    assert!(any > 0, "no object of another generation was seen");
}

/// The members of a family that come while it leaves are found, or find it gone.
#[test]
fn who_comes_late_finds_its_family_gone() {
    for _ in 0..if cfg!(miri) { 10 } else { 2_000 } {
        let (heads, members) = (Table::new(), Table::new());
        let head = heads.insert(0, ()).expect("place");
        let left = std::thread::scope(|scope| {
            let come = scope.spawn(|| {
                let place = members.insert(7, ()).expect("place");
                heads.get(head).is_ok().then_some(place)
            });
            let held = heads.remove(head).expect("open");
            drop(members.remove_family(7));
            drop(held);
            come.join().expect("no panic")
        });
        if let Some(place) = left {
            assert_eq!(kind(members.get(place)), Some(ErrorKind::Closed));
        }
    }
}
