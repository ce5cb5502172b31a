//! The model of a versioned secret, for porcupine.

use std::time::Duration;

use porcupine_rs::{CheckResult, Model, Operation, check_operations_timeout};

use crate::history::{Call, Op, Reply};
use crate::worker::KEPT;

const PATIENCE: Duration = Duration::from_secs(60);

/// One key, as every process must see it.
#[derive(Clone, Debug)]
struct Secret;

/// The newest version, and those that are kept, oldest first: id and whether it is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    current: u64,
    kept: Vec<(u64, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    key: u64,
    op: Op,
    reply: Option<Reply>,
}

impl State {
    fn put(&self, id: u64) -> Self {
        let mut next = self.clone();
        next.current += 1;
        next.kept.push((id, false));
        if next.kept.len() > KEPT {
            next.kept.remove(0);
        }
        next
    }

    fn with_newest(&self, deleted: bool) -> Self {
        let mut next = self.clone();
        if let Some(newest) = next.kept.last_mut() {
            newest.1 = deleted;
        }
        next
    }

    fn undelete(&self, version: u64) -> Self {
        let mut next = self.clone();
        let back = self.current.checked_sub(version);
        let place = back.and_then(|back| next.kept.len().checked_sub(1 + back as usize));
        if let Some(place) = place {
            next.kept[place].1 = false;
        }
        next
    }

    fn read(&self) -> Reply {
        match self.kept.last() {
            Some((id, false)) => Reply::Data {
                version: self.current,
                id: *id,
            },
            _ => Reply::Nothing,
        }
    }

    fn metadata(&self) -> Reply {
        if self.current == 0 {
            return Reply::Nothing;
        }
        let deleted = self.kept.iter().rev();
        Reply::Metadata {
            version: self.current,
            deleted: deleted.fold(0, |bits, one| bits << 1 | u64::from(one.1)),
        }
    }
}

impl Model for Secret {
    type State = State;
    type Op = Event;
    type Metadata = ();

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        let keys = history.iter().map(|one| one.op.key).max().unwrap_or(0);
        let of = |key| history.iter().filter(move |one| one.op.key == key).cloned();
        (0..=keys).map(|key| of(key).collect()).collect()
    }

    fn init() -> State {
        State::default()
    }

    /// What nobody heard of may have happened or not: if it never did, it comes last in the order,
    /// where nobody looks.
    fn step(state: &State, event: &Event) -> (bool, State) {
        let (said, next) = match event.op {
            Op::Get => (state.read(), state.clone()),
            Op::Metadata => (state.metadata(), state.clone()),
            Op::Put { cas, id } if cas == state.current => (Reply::Written(cas + 1), state.put(id)),
            Op::Put { .. } => (Reply::Conflict(state.current), state.clone()),
            Op::Delete => (Reply::Done, state.with_newest(true)),
            Op::Undelete { version } => (Reply::Done, state.undelete(version)),
        };
        (event.reply.is_none_or(|reply| reply == said), next)
    }
}

/// Looks for an order of all calls that the model allows.
pub(crate) fn judge(history: &[Call]) -> Result<(), String> {
    let operations: Vec<Operation<Secret>> = history
        .iter()
        .map(|call| Operation {
            client_id: u32::try_from(call.client).ok(),
            call_time: call.called,
            return_time: call.returned.map_or(i64::MAX, |(time, _)| time),
            op: Event {
                key: call.key,
                op: call.op,
                reply: call.returned.map(|(_, reply)| reply),
            },
            metadata: None,
        })
        .collect();
    match check_operations_timeout::<Secret>(&operations, PATIENCE) {
        CheckResult::Ok => Ok(()),
        CheckResult::Illegal => Err("no order of the calls explains the replies".to_owned()),
        CheckResult::Unknown => Err("no answer within a minute".to_owned()),
    }
}
