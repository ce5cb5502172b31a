//! What the tests of this module share.

use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

use super::device::Device;
use super::entry::{RequestBlock, RequestEntry};
use super::sinks::Hosts;
use super::table::NewDevice;
use super::{AuditDevice, AuditRules, DeviceConfig, sinks};
use crate::clock::Timestamp;
use crate::crypto::rng::OsRandom;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AuditId, NamespaceId};
use crate::path::MountPath;

pub(super) const TIME: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);

/// Returns the configuration of a device at `path`, whose first byte also makes its id.
pub(super) fn config(path: &str, kind: &str, options: &[(&str, &str)]) -> DeviceConfig {
    config_in(NamespaceId::ROOT, path, kind, options)
}

/// As [`config`], for a namespace.
pub(super) fn config_in(
    space: NamespaceId,
    path: &str,
    kind: &str,
    options: &[(&str, &str)],
) -> DeviceConfig {
    let options = options.iter();
    let options = options.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let new = NewDevice {
        path: MountPath::new(path).expect("path"),
        kind: kind.to_owned(),
        description: "for tests".to_owned(),
        options: options.collect(),
        local: false,
    };
    let id = AuditId::from_bytes([path.as_bytes()[0]; 16]);
    let rules = AuditRules {
        prefix: true,
        namespaces: true,
    };
    DeviceConfig::new(id, space, new, rules, &OsRandom).expect("config")
}

/// A child has all descriptors until it is another program. Who starts one writes, and who needs that
/// what it closes is closed at once reads.
pub(super) static CHILDREN: RwLock<()> = RwLock::new(());

/// The timeout of a device that is to fail by it.
pub(super) const SHORT: &str = "100ms";
/// The timeout of a device that is not to fail by it, on however busy a machine.
pub(super) const LONG: &str = "60s";

/// Returns a device that writes to `toy`.
pub(super) fn device(path: &str, toy: &Arc<Toy>) -> Arc<Device> {
    let options = [("name", "x"), ("write_timeout", toy.timeout)];
    let config = config(path, "callback", &options);
    Arc::new(Device::start(config, Arc::clone(toy) as _, &OsRandom).expect("starts"))
}

/// Returns a device of one of the kinds that are built in.
pub(super) fn built_in(kind: &str, timeout: &str, options: &[(&str, &str)]) -> Arc<Device> {
    let options = [options, &[("write_timeout", timeout)]].concat();
    let config = config("x", kind, &options);
    let sink = sinks::open(&config, &Hosts::default());
    Arc::new(Device::start(config, sink, &OsRandom).expect("starts"))
}

/// Hands `work` a request for `path`.
pub(super) fn with_request<T>(path: &str, work: impl FnOnce(&RequestEntry<'_>) -> T) -> T {
    with_request_in("", path, work)
}

/// Hands `work` a request for `path` in the namespace `space`.
pub(super) fn with_request_in<T>(
    space: &str,
    path: &str,
    work: impl FnOnce(&RequestEntry<'_>) -> T,
) -> T {
    let request = RequestBlock {
        operation: "read",
        namespace_path: space,
        path,
        data: br#"{"value":"canary"}"#,
        ..RequestBlock::default()
    };
    work(&RequestEntry {
        time: TIME,
        auth: None,
        request: &request,
        error: "",
    })
}

/// Collects what it is given, fails, or hangs, as it is told.
pub(super) struct Toy {
    state: Mutex<State>,
    changed: Condvar,
    may_block: bool,
    timeout: &'static str,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    behaviour: Behaviour,
    hanging: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Behaviour {
    #[default]
    Take,
    Fail,
    /// Writes half of the line, and fails.
    Tear,
    /// Takes the line, and fails all the same.
    TakeAndFail,
    Panic,
    Hang,
}

impl Toy {
    pub(super) fn new(may_block: bool) -> Arc<Self> {
        Self::with_timeout(may_block, LONG)
    }

    /// Returns one whose device gives up soon, for those that are told to hang.
    pub(super) fn hasty(may_block: bool) -> Arc<Self> {
        Self::with_timeout(may_block, SHORT)
    }

    fn with_timeout(may_block: bool, timeout: &'static str) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            may_block,
            timeout,
        })
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("state").behaviour = behaviour;
        self.changed.notify_all();
    }

    pub(super) fn lines(&self) -> Vec<u8> {
        self.state.lock().expect("state").lines.clone()
    }

    /// Waits until somebody hangs.
    pub(super) fn wait_for_hang(&self) {
        let state = self.state.lock().expect("state");
        let waited = self.changed.wait_while(state, |state| state.hanging == 0);
        drop(waited.expect("state"));
    }
}

impl AuditDevice for Toy {
    fn write(&self, line: &[u8]) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = || Err(Error::new(ErrorKind::Unavailable, "told to fail"));
        state.hanging += 1;
        self.changed.notify_all();
        let hangs = |state: &mut State| state.behaviour == Behaviour::Hang;
        state = self.changed.wait_while(state, hangs).expect("state");
        state.hanging -= 1;
        match state.behaviour {
            Behaviour::Take | Behaviour::Hang => state.lines.extend_from_slice(line),
            Behaviour::Fail => return failed(),
            Behaviour::Tear => {
                state.lines.extend_from_slice(&line[..line.len() / 2]);
                state.lines.push(b'\n');
                return failed();
            }
            Behaviour::TakeAndFail => {
                state.lines.extend_from_slice(line);
                return failed();
            }
            Behaviour::Panic => {
                drop(state); // not poisoned
                panic!("told to panic");
            }
        }
        Ok(())
    }

    fn may_block(&self) -> bool {
        self.may_block
    }
}
