//! A vault on one storage by two handles, spoken to through the Vault-shaped door.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::storage::{Memory, Scan, Storage};
use vaultcore::{Clock, ClockReading, Init, ManualClock, NewMount, NewSlot, Timestamp, Vault};

/// When every story begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Status and body of a reply.
pub(crate) type Reply = (u16, Value);

/// A clock that the test keeps a hand on.
#[derive(Clone)]
pub(crate) struct SharedClock(Arc<ManualClock>);

impl SharedClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(ManualClock::new(START)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.advance(Duration::from_secs(seconds));
    }
}

impl Clock for SharedClock {
    fn read(&self) -> ClockReading {
        self.0.read()
    }
}

/// An open vault, by two handles that share nothing but the storage.
pub(crate) struct Stage {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: SharedClock,
    pub(crate) handles: [Vault; 2],
    pub(crate) active: usize,
    pub(crate) root: String,
    init: Init,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(Memory::new()))
    }

    /// Makes a vault on `storage`, which is empty, with versioned secrets at `secret`.
    pub(crate) fn on(storage: Arc<dyn Storage>) -> Self {
        let clock = SharedClock::new();
        let handles = [build(&storage, &clock), build(&storage, &clock)];
        let init = handles[0].init([NewSlot::shamir(1, 1)]).expect("init");
        for vault in &handles {
            vault.unseal(&init.shares()[0]).expect("unsealed");
        }
        let sys = handles[0].owner().expect("owner").sys();
        sys.mount("secret", NewMount::kv2()).expect("mounted");
        Self {
            storage,
            clock,
            handles,
            active: 0,
            root: init.root_token().expose().to_owned(),
            init,
        }
    }

    /// Opens the storage once more, as another process does.
    pub(crate) fn another(&self, storage: &Arc<dyn Storage>) -> Vault {
        let vault = build(storage, &self.clock);
        vault.unseal(&self.init.shares()[0]).expect("unsealed");
        vault
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.handles[self.active]
    }

    pub(crate) fn read(&self, token: &str, path: &str) -> Reply {
        call(self.vault(), token, Method::Get, path, &Value::Null)
    }

    pub(crate) fn write(&self, token: &str, path: &str, body: &Value) -> Reply {
        call(self.vault(), token, Method::Post, path, body)
    }

    /// Writes as root, which must work.
    pub(crate) fn set(&self, path: &str, body: &Value) -> Value {
        let (status, reply) = self.write(&self.root, path, body);
        assert!(matches!(status, 200 | 204), "{path}: {status} {reply}");
        reply
    }

    pub(crate) fn policy(&self, name: &str, text: &str) {
        let path = format!("sys/policies/acl/{name}");
        self.set(&path, &json!({ "policy": text }));
    }

    /// Makes a token as root, and returns its text.
    pub(crate) fn token(&self, new: &Value) -> String {
        text(&self.set("auth/token/create", new), "/auth/client_token")
    }

    /// Counts what the storage holds below `prefix`.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        count(&*self.storage, prefix)
    }
}

pub(crate) fn build(storage: &Arc<dyn Storage>, clock: &SharedClock) -> Vault {
    let builder = Vault::builder(Arc::clone(storage)).clock(clock.clone());
    builder.build().expect("a vault")
}

pub(crate) fn count(storage: &dyn Storage, prefix: &str) -> usize {
    storage.scan(&Scan::new(prefix)).expect("scan").len()
}

/// Sends one request.
pub(crate) fn send(vault: &Vault, request: &ApiRequest) -> Reply {
    let response = vault.handle(request);
    let body = match response.body() {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("a JSON body"),
    };
    (response.status(), body)
}

pub(crate) fn call(vault: &Vault, token: &str, method: Method, path: &str, body: &Value) -> Reply {
    let mut request = ApiRequest::new(method, path).token(token);
    if !body.is_null() {
        request = request.body(body.to_string().as_bytes());
    }
    send(vault, &request)
}

/// Returns the text at a place of a reply.
pub(crate) fn text(reply: &Value, place: &str) -> String {
    let found = reply.pointer(place).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{place} in {reply}"))
        .to_owned()
}
