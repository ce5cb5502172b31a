//! What the tests of auth methods share: vaults on one storage, whose clock stands still until it
//! is moved, and requests as a route gets them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{ManualClock, Timestamp};
use crate::engine::sys::NewMount;
use crate::error::{Error, Result};
use crate::operation::{
    Access, Admission, Answer, AuthMethod, Call, Context, Erased, Operation, Target,
};
use crate::path::MountPath;
use crate::seal::NewSlot;
use crate::secret::SecretString;
use crate::session::Session;
use crate::storage::{Memory, Storage};
use crate::vault::{Caller, Init, Vault, Who};
use crate::wire::{Fields, Json, Response, Verb, find};

/// A vault in which an auth method is enabled under its own name.
pub(super) struct World {
    pub(super) vault: Vault,
    storage: Arc<dyn Storage>,
    clock: Arc<ManualClock>,
    init: Init,
    method: Box<dyn AuthMethod>,
    mount: MountPath,
}

impl World {
    pub(super) fn new(method: impl AuthMethod + 'static) -> Self {
        Self::on(Arc::new(Memory::new()), method)
    }

    pub(super) fn on(storage: Arc<dyn Storage>, method: impl AuthMethod + 'static) -> Self {
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let clock = Arc::new(ManualClock::new(start));
        let vault = build(&storage, &clock);
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let sys = vault.owner().expect("owner").sys();
        let new = NewMount::new(method.kind());
        sys.enable_auth(method.kind(), new).expect("enabled");
        Self {
            mount: MountPath::new(method.kind()).expect("a path"),
            vault,
            storage,
            clock,
            init,
            method: Box::new(method),
        }
    }

    /// Opens the same storage once more, as another process does.
    pub(super) fn other(&self) -> Vault {
        let other = build(&self.storage, &self.clock);
        other.unseal(&self.init.shares()[0]).expect("unsealed");
        other
    }

    pub(super) fn owner(&self) -> Session {
        self.vault.owner().expect("owner")
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Sends a request of the owner to a path below the mount.
    pub(super) fn send(&self, verb: Verb, path: &str, body: &str) -> Result<Response> {
        self.ask(&Caller::owner(), verb, path, body)
    }

    /// Sends a request of somebody without a token.
    pub(super) fn send_from(
        &self,
        remote: Option<&str>,
        verb: Verb,
        path: &str,
        body: &str,
    ) -> Result<Response> {
        self.ask(&anybody(remote), verb, path, body)
    }

    fn ask(&self, caller: &Caller, verb: Verb, path: &str, body: &str) -> Result<Response> {
        let fields = Fields::parse(body.as_bytes())?;
        let missing = || Error::not_found("no such route");
        let (route, captures) = find(self.method.routes(), path).ok_or_else(missing)?;
        let handler = route.verbs.iter().find(|(known, _)| *known == verb);
        let (_, handler) = handler.ok_or_else(|| Error::not_found("no such verb"))?;
        let call = Call {
            mount: &self.mount,
            captures: &captures,
            fields: &fields,
        };
        let operation = Boxed(handler(&call)?);
        self.vault.run(caller, &operation)?
    }

    /// Returns the data of a reply as JSON.
    pub(super) fn data(&self, verb: Verb, path: &str, body: &str) -> serde_json::Value {
        let response = self.send(verb, path, body).expect(path);
        let data = response.data.expect("data");
        serde_json::from_slice(&data).expect("JSON")
    }
}

pub(super) fn anybody(remote: Option<&str>) -> Caller {
    let mut caller = Caller::new(Who::Anonymous);
    caller.remote = remote.map(|text| text.parse::<IpAddr>().expect("an address"));
    caller
}

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::copy_from(text)
}

fn build(storage: &Arc<dyn Storage>, clock: &Arc<ManualClock>) -> Vault {
    let builder = Vault::builder(Arc::clone(storage)).clock(clock.clone());
    builder.build().expect("a vault")
}

/// An operation of a route, through the typed pipeline.
struct Boxed<'c>(Box<dyn Erased + 'c>);

impl Operation for Boxed<'_> {
    type Reply = Answer;

    fn target(&self) -> Target<'_> {
        self.0.target()
    }

    fn admission(&self) -> Admission {
        self.0.admission()
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.0.access(cx)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Answer> {
        let replied = self.0.respond(cx)?;
        Ok(self.0.answer(&replied))
    }

    fn input(&self) -> Json {
        Json::default()
    }

    fn output(&self, _: &Answer) -> Result<Response> {
        Ok(Response::empty())
    }
}
