//! Group commit: who arrives while a commit runs is taken along by the next one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::storage::{Batch, Revision, StorageError};

/// What a commit answers.
pub(super) type Answer = Result<Revision, StorageError>;

/// Commits batches: one alone, or several in one transaction with an answer to each.
pub(super) trait Commit {
    fn one(&self, batch: &Batch) -> Answer;
    fn all(&self, batches: &[&Batch]) -> Vec<Answer>;
}

/// The callers that wait for the running commit to end.
///
/// A lone caller commits at once, in its own thread. Whoever arrives meanwhile waits; when the
/// commit ends, one of them leads: it takes everybody waiting into one transaction. That is the
/// last to come, which is the most likely to be awake still.
#[derive(Default)]
pub(super) struct Queue(Mutex<Line>);

#[derive(Default)]
struct Line {
    busy: bool,
    waiting: Vec<Arc<Ticket>>,
}

/// A caller that waits, with a copy of its batch, which the leader reads from another thread.
struct Ticket {
    batch: Batch,
    turn: Mutex<Turn>,
    called: Condvar,
}

/// How often a caller yields before it sleeps: a commit that need not wait for a disk is over
/// sooner than a sleeping thread is awake.
const YIELDS: usize = 4;

enum Turn {
    Waits,
    Leads,
    Answered(Answer),
}

impl Queue {
    /// Commits `batch`, alone or along with others.
    pub(super) fn submit(&self, batch: &Batch, commit: &dyn Commit) -> Answer {
        let Some(ticket) = self.line_up(batch) else {
            let _baton = Baton(self);
            return commit.one(batch);
        };
        match ticket.wait() {
            Some(answer) => answer,
            None => self.lead(&ticket, commit),
        }
    }

    /// Returns a ticket, or none if nobody is committing and the caller is now.
    fn line_up(&self, batch: &Batch) -> Option<Arc<Ticket>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.busy {
            line.busy = true;
            return None;
        }
        let ticket = Arc::new(Ticket::new(batch.clone()));
        line.waiting.push(Arc::clone(&ticket));
        Some(ticket)
    }

    fn lead(&self, own: &Ticket, commit: &dyn Commit) -> Answer {
        let _baton = Baton(self);
        let followers = Followers(self.take_waiting());
        if followers.0.is_empty() {
            return commit.one(&own.batch);
        }
        let others = followers.0.iter().map(|ticket| &ticket.batch);
        let batches: Vec<&Batch> = std::iter::once(&own.batch).chain(others).collect();
        let mut answers = commit.all(&batches).into_iter();
        let own = answers.next().unwrap_or_else(unanswered);
        for (ticket, answer) in followers.0.iter().zip(answers) {
            ticket.call(Turn::Answered(answer));
        }
        own
    }

    fn take_waiting(&self) -> Vec<Arc<Ticket>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut line.waiting)
    }
}

/// Held by the one caller that commits; the next one is called when it drops, in a panic too.
struct Baton<'a>(&'a Queue);

impl Drop for Baton<'_> {
    fn drop(&mut self) {
        let mut line = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match line.waiting.pop() {
            None => line.busy = false,
            Some(last) => last.call(Turn::Leads),
        }
    }
}

/// Those whose answer the leader owes. Should it panic, they learn that nobody knows.
struct Followers(Vec<Arc<Ticket>>);

impl Drop for Followers {
    fn drop(&mut self) {
        for ticket in &self.0 {
            ticket.call(Turn::Answered(unanswered()));
        }
    }
}

fn unanswered() -> Answer {
    let reason = "the thread that committed it stopped";
    Err(StorageError::Indeterminate(reason, None))
}

impl Ticket {
    fn new(batch: Batch) -> Self {
        Self {
            batch,
            turn: Mutex::new(Turn::Waits),
            called: Condvar::new(),
        }
    }

    /// Waits for the answer, or returns none when it is this caller's turn to lead.
    fn wait(&self) -> Option<Answer> {
        for _ in 0..YIELDS {
            if self.is_called() {
                break;
            }
            thread::yield_now();
        }
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match std::mem::replace(&mut *turn, Turn::Waits) {
                Turn::Waits => {}
                Turn::Leads => return None,
                Turn::Answered(answer) => return Some(answer),
            }
            turn = self
                .called
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_called(&self) -> bool {
        let turn = self.turn.try_lock();
        turn.is_ok_and(|turn| !matches!(*turn, Turn::Waits))
    }

    /// Gives the caller its turn, unless it has been answered.
    fn call(&self, next: Turn) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*turn, Turn::Waits) {
            *turn = next;
            drop(turn);
            self.called.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// Blocks the first commit until it is let go, and panics in a group if told to.
    struct Slow {
        entered: mpsc::SyncSender<()>,
        go: Mutex<mpsc::Receiver<()>>,
        groups: AtomicUsize,
        broken: bool,
    }

    impl Commit for Slow {
        fn one(&self, _: &Batch) -> Answer {
            self.entered.send(()).expect("watched");
            self.go.lock().expect("lock").recv().expect("let go");
            Ok(Revision::new(1))
        }

        fn all(&self, batches: &[&Batch]) -> Vec<Answer> {
            assert!(!self.broken, "planted");
            self.groups.fetch_add(1, Ordering::SeqCst);
            let answer = |(at, _)| Ok(Revision::new(100 + at as u128));
            batches.iter().enumerate().map(answer).collect()
        }
    }

    /// Lets three callers arrive while a fourth commits; returns their answers and the groups.
    fn three_behind_one(broken: bool) -> (Vec<thread::Result<Answer>>, usize) {
        let (entered, watch) = mpsc::sync_channel(0);
        let (let_go, go) = mpsc::channel();
        let go = Mutex::new(go);
        let slow = Slow {
            entered,
            go,
            groups: AtomicUsize::new(0),
            broken,
        };
        let (queue, batch) = (Queue::default(), Batch::new());
        let submit = || queue.submit(&batch, &slow);
        let waiting = || queue.0.lock().expect("lock").waiting.len();
        let answers = thread::scope(|scope| {
            let first = scope.spawn(submit);
            watch.recv().expect("the first commits");
            let others: Vec<_> = (0..3).map(|_| scope.spawn(submit)).collect();
            while waiting() < 3 {
                thread::yield_now();
            }
            let_go.send(()).expect("the first waits");
            assert!(first.join().expect("the first").is_ok());
            others.into_iter().map(|other| other.join()).collect()
        });
        assert!(
            !queue.0.lock().expect("lock").busy,
            "the line is free again"
        );
        (answers, slow.groups.into_inner())
    }

    #[test]
    fn who_waits_is_taken_along_and_gets_its_own_answer() {
        let (answers, groups) = three_behind_one(false);
        let answers = answers
            .into_iter()
            .map(|answer| answer.expect("no panic").expect("committed"));
        let mut numbers: Vec<u128> = answers.map(Revision::number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [100, 101, 102]);
        assert_eq!(groups, 1);
    }

    #[test]
    fn a_leader_that_panics_leaves_nobody_waiting() {
        let (answers, _) = three_behind_one(true);
        let panicked = answers.iter().filter(|answer| answer.is_err()).count();
        let unknown = |answer: &&thread::Result<Answer>| {
            matches!(answer, Ok(Err(StorageError::Indeterminate(..))))
        };
        assert_eq!((panicked, answers.iter().filter(unknown).count()), (1, 2));
    }
}
