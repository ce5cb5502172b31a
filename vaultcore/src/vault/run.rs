//! The one pipeline that every operation goes through.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::bearer::Bearer;
use super::config::{Config, Tables};
use super::known::Lesson;
use super::metrics::Event;
use super::open::OpenVault;
use super::trail::Trail;
use super::{Core, Owner, Vault};
use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::crypto::rng::random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{NamespaceId, TokenId};
use crate::mount::Class;
use crate::operation::{
    Actor, Admission, AuthMethod, Context, Engine, Handler, Operation, Registry, Space,
};
use crate::path::MountPath;
use crate::rights::{self, Rights};
use crate::secret::SecretString;
use crate::token::{self, Lookup, Presented, State, Token};
use crate::wire::Route;

/// Who asks, in which namespace, and from where.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    /// The path of the namespace: empty for the root, or ending in a slash.
    pub(crate) space: Arc<str>,
    /// Where the request comes from, if the host knows.
    pub(crate) remote: Option<IpAddr>,
}

/// Who asks, before anything of it is checked.
#[derive(Clone)]
pub(crate) enum Who {
    /// The embedding program.
    Owner,
    /// The vault itself, finishing what was allowed when it was begun. No session has it.
    System,
    /// Somebody without a token.
    Anonymous,
    /// Whoever presents this token.
    Token(Arc<Bearer>),
}

impl Caller {
    pub(crate) fn new(who: Who) -> Self {
        Self {
            who,
            space: Arc::from(""),
            remote: None,
        }
    }

    pub(super) fn secret(&self) -> Option<&SecretString> {
        match &self.who {
            Who::Token(bearer) => Some(bearer.secret()),
            _ => None,
        }
    }

    fn bearer(&self) -> Option<&Bearer> {
        match &self.who {
            Who::Token(bearer) => Some(bearer),
            _ => None,
        }
    }

    pub(crate) fn owner() -> Self {
        Self::new(Who::Owner)
    }

    pub(crate) fn system() -> Self {
        Self::new(Who::System)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.who {
            Who::Owner => "Owner",
            Who::System => "System",
            Who::Anonymous => "Anonymous",
            Who::Token(_) => "Token",
        })
    }
}

/// Where a request is answered.
pub(crate) struct Place {
    pub(crate) mount: MountPath,
    pub(crate) routes: &'static [Route<Handler>],
}

/// Lines of audit that are written before the head of their chain is stored.
const LINES_PER_HEAD: u64 = 256;

/// A stored token, by where it is.
type Stored = (NamespaceId, TokenId);

/// Whether an attempt takes a use of the caller's token. Whatever comes of it, it is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    None,
    Taken,
}

impl Vault {
    /// Runs one operation: authorized, performed and committed, again if it was overtaken.
    pub(crate) fn run<O: Operation>(&self, caller: &Caller, operation: &O) -> Result<O::Reply> {
        self.with_open(|open| self.run_on(open, caller, operation, &mut Lesson::none()))
    }

    pub(super) fn run_on<O: Operation>(
        &self,
        open: &OpenVault,
        caller: &Caller,
        operation: &O,
        lesson: &mut Lesson,
    ) -> Result<O::Reply> {
        let mut trail = Trail::new(caller);
        let mut taken = Use::None;
        let attempt = open.transact(|txn, config| {
            let notes = (&mut trail, &mut taken, &mut *lesson);
            self.attempt(txn, config, caller, operation, notes)
        });
        let (result, spent) = match attempt {
            Ok((reply, spent)) => (Ok(reply), spent),
            Err(error) => self.failed(open, caller, taken, error),
        };
        let result = result.and_then(|reply| self.beyond(open, (caller, taken), operation, reply));
        let result = self.answered(operation, &mut trail, result);
        self.count(operation.admission(), result.as_ref().err());
        if let Some((space, id)) = spent {
            // It was its last use. Should this fail, it runs out by itself within a minute.
            let _ = self.revoke_on(open, space, id);
        }
        open.commit_heads(LINES_PER_HEAD);
        result
    }

    pub(super) fn count(&self, admission: Admission, error: Option<&Error>) {
        let counters = &self.core.counters;
        counters.count(Event::Operation);
        if admission == Admission::Anyone {
            counters.count(Event::Login);
        }
        match error.map(Error::kind) {
            Some(ErrorKind::PermissionDenied) => counters.count(Event::Denied),
            Some(ErrorKind::AuditFailed) => counters.count(Event::AuditFailed),
            _ => {}
        }
    }

    /// Records what came of a request, before anybody is told. A refusal is recorded only now: it
    /// was checked that it rests on one moment.
    fn answered<O: Operation>(
        &self,
        operation: &O,
        trail: &mut Trail<'_>,
        result: Result<O::Reply>,
    ) -> Result<O::Reply> {
        if !trail.is_on() {
            return result;
        }
        let now = self.now();
        let error = result.as_ref().err();
        trail.request(now, || operation.input(), error)?;
        let shown = match &result {
            Ok(reply) => Some(operation.output(reply)).transpose(),
            Err(_) => Ok(None),
        };
        // A reply may say that what was asked for failed, which is recorded as any other failure.
        let (response, error) = match &shown {
            Ok(response) => (response.as_ref(), error),
            Err(failed) => (None, Some(failed)),
        };
        trail.response(now, response, error)?;
        self.core.counters.count(Event::Audited);
        shown.and(result)
    }

    /// Takes the use of the token that a failed call costs, too, in a commit of its own: what the
    /// attempt wrote is gone. No use left then: the failure is not for this caller.
    fn failed<T>(
        &self,
        open: &OpenVault,
        caller: &Caller,
        taken: Use,
        error: Error,
    ) -> (Result<T>, Option<Stored>) {
        let Who::Token(secret) = &caller.who else {
            return (Err(error), None);
        };
        // Of unknown outcome: it may have been taken.
        if taken == Use::None || error.kind() == ErrorKind::Indeterminate {
            return (Err(error), None);
        }
        match open.transact(|txn, _| token::spend(txn, secret.expose())) {
            Ok(token) => (Err(error), last(&token)),
            Err(refused) => (Err(refused), None),
        }
    }

    /// Performs the operation, and says which token it took the last use of.
    fn attempt<O: Operation>(
        &self,
        txn: &mut Txn<'_>,
        config: &Config,
        caller: &Caller,
        operation: &O,
        (trail, taken, lesson): (&mut Trail<'_>, &mut Use, &mut Lesson),
    ) -> Result<(O::Reply, Option<Stored>)> {
        *taken = Use::None;
        lesson.begin();
        let space = config.namespaces.id(&caller.space);
        trail.begin(&config.broker, space, operation.target(), || {
            self.request_id()
        })?;
        let actor = self.actor(txn, config, caller, operation.admission(), taken)?;
        let space = self.space(config, caller, &actor)?;
        let tables = config.tables(txn, space.id)?;
        let mount = resolve(&tables, operation, &actor)?;
        let mut cx = Context::new(txn, &actor, space, (&*self.core, config), mount)
            .from(caller.remote)
            .presenting(caller.secret());
        let rights = self.authorize((config, caller), &mut cx, operation, trail)?;
        trail.request(cx.txn.now(), || operation.input(), None)?; // no record, no work
        let reply = operation.perform(&mut cx)?;
        if config.broker.is_empty() {
            lesson.note(&cx, &tables, rights, *taken);
        }
        let spent = match &actor {
            Actor::Token(token) if *taken == Use::Taken => last(token),
            _ => None,
        };
        Ok((reply, spent))
    }

    /// Finds out who asks, and takes a use of a token that has so many.
    pub(super) fn actor(
        &self,
        txn: &mut Txn<'_>,
        config: &Config,
        caller: &Caller,
        admission: Admission,
        taken: &mut Use,
    ) -> Result<Actor> {
        let presented = match &caller.who {
            Who::Owner if self.core.owner == Owner::Allowed => return Ok(Actor::Owner),
            Who::Owner => {
                return Err(Error::new(
                    ErrorKind::PermissionDenied,
                    "the owner's session is switched off",
                ));
            }
            Who::System => return Ok(Actor::System),
            Who::Anonymous => return Ok(Actor::Anonymous),
            Who::Token(presented) => presented,
        };
        let secret = presented.expose();
        let token = match token::authenticate(txn, presented)? {
            Lookup::Valid(token) => Some(token),
            // What anybody may ask takes no use of the token that happens to come with it.
            Lookup::Limited if admission == Admission::Anyone => token::find_secret(txn, secret)?,
            Lookup::Limited => {
                *taken = Use::Taken;
                Some(token::spend(txn, secret)?)
            }
            Lookup::Invalid => None,
        };
        match token {
            Some(token) if config.serves(txn, &token)? => {
                rights::check_address(&token, caller.remote)?;
                Ok(Actor::Token(Box::new(token)))
            }
            _ => Ok(Actor::Anonymous),
        }
    }

    /// Returns the namespace of the request, if the caller may know that it is there.
    pub(super) fn space<'c>(
        &self,
        config: &Config,
        caller: &'c Caller,
        actor: &Actor,
    ) -> Result<Space<'c>> {
        let path: &'c str = &caller.space;
        let id = config.namespaces.id(path);
        let hidden = match actor {
            Actor::Token(token) => id.is_none() || config.relative(token, path).is_none(),
            Actor::Anonymous => id.is_none(),
            Actor::Owner | Actor::System => false,
        };
        if hidden {
            return Err(rights::denied());
        }
        let missing = || Error::not_found("there is no such namespace");
        let id = id.ok_or_else(missing)?;
        Ok(Space { id, path })
    }

    /// Decides whether the caller may do what the operation needs, and returns the rights of a token that
    /// were asked for it.
    pub(super) fn authorize<O: Operation>(
        &self,
        (config, caller): (&Config, &Caller),
        cx: &mut Context<'_, '_>,
        operation: &O,
        trail: &mut Trail<'_>,
    ) -> Result<Option<Arc<Rights>>> {
        let nobody = matches!(cx.actor, Actor::Anonymous);
        let nobody = nobody && operation.admission() == Admission::Token;
        let access = match operation.access(cx) {
            Err(_) if nobody => return Err(rights::denied()),
            access => access?,
        };
        trail.note_request(cx, &access, operation.wrap_ttl());
        let token = match (cx.actor, operation.admission()) {
            (Actor::Owner | Actor::System, _) => {
                cx.sudo = true;
                return Ok(None);
            }
            (_, Admission::Anyone) => return Ok(None),
            (Actor::Anonymous, Admission::Token) => return Err(rights::denied()),
            (Actor::Token(token), Admission::Token) => token,
        };
        if access.is_empty() {
            return Err(rights::denied()); // what only the vault itself does
        }
        let rights = config.rights(cx, token, caller.bearer())?;
        trail.note_rights(cx, &rights);
        let prefix = config.relative(token, cx.space.path);
        let prefix = prefix.ok_or_else(rights::denied)?;
        for mut access in access {
            access.path.insert_str(0, prefix);
            let decision = rights.decide(&access, || operation.input(), operation.wrap_ttl());
            trail.note_decision(&decision);
            if !decision.is_allowed() {
                return Err(rights::denied());
            }
            cx.sudo = rights.sudo_by(&decision, &access.path);
        }
        Ok(Some(rights))
    }

    /// Returns the namespace that a request is for, and the rest of its path: of `header` and path
    /// together the longest that there is.
    pub(crate) fn split_namespace<'p>(
        &self,
        header: &str,
        path: &'p str,
    ) -> Result<(String, &'p str)> {
        let base = match header.trim_matches('/') {
            "" => String::new(),
            header => MountPath::new(header)?.as_str().to_owned(),
        };
        self.with_open(|open| open.transact(|_, config| Ok(config.namespaces.split(&base, path))))
    }

    /// Returns the mount that `path` lies in, with what it answers.
    pub(crate) fn place(&self, space: &str, class: Class, path: &str) -> Result<Option<Place>> {
        self.with_open(|open| {
            open.transact(|txn, config| {
                let Some(space) = config.namespaces.id(space) else {
                    return Ok(None);
                };
                let tables = config.tables(txn, space)?;
                let table = match class {
                    Class::Secret => &tables.secret,
                    Class::Auth => &tables.auth,
                };
                let Some(mount) = table.holding(path) else {
                    return Ok(None);
                };
                let routes = match class {
                    Class::Secret => self.core.engine(&mount.kind)?.routes(),
                    Class::Auth => self.core.method(&mount.kind)?.routes(),
                };
                let mount = mount.path.clone();
                Ok(Some(Place { mount, routes }))
            })
        })
    }

    /// Returns an id for a request: a random UUID.
    pub(crate) fn request_id(&self) -> Result<String> {
        let bytes: [u8; 16] = random(&*self.core.random)?;
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
        Ok([
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ]
        .join("-"))
    }

    /// Returns a one-time pad of the characters that tokens are made of.
    pub(crate) fn random_pad(&self) -> Result<Zeroizing<String>> {
        self.with_open(|open| {
            open.transact(|txn, _| {
                let text = token::random_text(txn, &[b"pad"])?;
                let more = token::random_text(txn, &[b"more"])?;
                let more = more.get(..4).unwrap_or_default();
                Ok(Zeroizing::new(format!("{}{more}", *text)))
            })
        })
    }

    /// Returns the present.
    pub(crate) fn now(&self) -> Timestamp {
        self.core.time.now()
    }

    /// Returns the path of the namespace of a token that is in force.
    pub(crate) fn home_of(&self, presented: &Presented) -> Result<String> {
        self.with_open(|open| {
            open.transact(|txn, config| {
                let token = match token::authenticate(txn, presented)? {
                    Lookup::Valid(token) => Some(token),
                    Lookup::Limited => token::find_secret(txn, presented.expose())?,
                    Lookup::Invalid => None,
                };
                let token = token.ok_or_else(rights::denied)?;
                if !config.serves(txn, &token)? {
                    return Err(rights::denied());
                }
                let home = config.namespaces.path(token.namespace);
                home.map(str::to_owned).ok_or_else(rights::denied)
            })
        })
    }

    /// Returns an error unless the owner may act.
    pub(crate) fn check_owner(&self) -> Result<()> {
        self.with_open(|_| match self.core.owner {
            Owner::Allowed => Ok(()),
            Owner::Refused => Err(Error::new(
                ErrorKind::PermissionDenied,
                "the owner's session is switched off",
            )),
        })
    }
}

/// Returns where a token is whose last use was taken.
fn last(token: &Token) -> Option<Stored> {
    let spent = token.entry.state == State::Spent;
    token.id.filter(|_| spent).map(|id| (token.namespace, id))
}

/// Returns the mount that the operation works in. Whether there is one is told to those who may
/// know everything.
pub(super) fn resolve<'t, O: Operation>(
    tables: &'t Tables,
    operation: &O,
    actor: &Actor,
) -> Result<Option<crate::operation::Mounted<'t>>> {
    let known = tables.resolve(operation.target());
    match (known, actor) {
        (Err(error), Actor::Token(token)) if !token.is_root() => {
            Err(rights::denied().with_source(error))
        }
        (Err(_), Actor::Anonymous) => Err(rights::denied()),
        (known, _) => known,
    }
}

impl Registry for Core {
    fn engine(&self, kind: &str) -> Result<&dyn Engine> {
        let found = self.engines.iter().find(|engine| engine.kind() == kind);
        let kinds = self.engines.iter().map(|engine| engine.kind());
        found
            .map(|engine| &**engine)
            .ok_or_else(|| unknown("engine", kinds))
    }

    fn method(&self, kind: &str) -> Result<&dyn AuthMethod> {
        let found = self.methods.iter().find(|method| method.kind() == kind);
        let kinds = self.methods.iter().map(|method| method.kind());
        found
            .map(|method| &**method)
            .ok_or_else(|| unknown("auth method", kinds))
    }
}

fn unknown(what: &str, kinds: impl Iterator<Item = &'static str>) -> Error {
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    Error::invalid(format!(
        "there is no {what} of this kind; there are: {kinds}"
    ))
}
