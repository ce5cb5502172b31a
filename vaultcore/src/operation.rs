//! What the vault can do: typed operations, each with the access it needs beside what it does.

use std::any::Any;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, MountId, NamespaceId};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::token::Token;
use crate::wire::{Captures, Fields, Json, Object, Response, Route};

/// One thing the vault can do. The pipeline runs it, and runs it again if it was overtaken: it
/// keeps all its changes in the transaction.
pub(crate) trait Operation {
    /// What the caller gets.
    type Reply;

    /// Where the operation works.
    fn target(&self) -> Target<'_>;

    /// Returns who may ask at all.
    fn admission(&self) -> Admission {
        Admission::Token
    }

    /// Returns what the caller must be allowed to do. Decided before anything is performed.
    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>>;

    /// Returns, of an operation that mostly reads, what is done, in a word, and on what: those that are
    /// alike in both, in one mount, take the same access, and one at least. `None` if nothing is to be
    /// remembered of it, as of one that anybody may ask for, or that has something to do outside.
    fn likeness(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// Does it.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply>;

    /// Returns what is left to be done outside the vault once `perform` is committed. Only when that
    /// is done and committed, too, does the caller get the reply.
    fn outside<'r>(&'r self, _reply: &'r mut Self::Reply) -> Option<Box<dyn Outside + 'r>> {
        None
    }

    /// Returns for how long the reply is to be wrapped, if it is.
    fn wrap_ttl(&self) -> Option<Duration> {
        None
    }

    /// Returns the request's data in Vault's JSON: what audit records, and rules on parameters see.
    fn input(&self) -> Json;

    /// Returns the reply in Vault's shape: what audit records, and `api` answers. A reply may be
    /// that something failed, where an error would not commit what was done.
    fn output(&self, reply: &Self::Reply) -> Result<Response>;
}

/// What an operation does outside the vault, between two commits.
///
/// The first commit, that of `perform`, left a lease from which it can be undone; a crash leaves
/// that lease to the reaper.
pub(crate) trait Outside {
    /// Does it: once, in no transaction, and for no longer than the timeout of a driver.
    fn act(&mut self) -> Result<()>;

    /// Records that it is done. Run again if it was overtaken.
    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()>;

    /// Returns whether both are to be done once more, since it was found when the first was recorded that
    /// somebody else had done the like.
    fn again(&mut self) -> bool {
        false
    }

    /// Records that either of the two failed, if there is no lease: whatever `act` did, it does no more.
    fn abandon(&mut self, _: &mut Txn<'_>) -> Result<()> {
        Ok(())
    }

    /// Returns the lease that is ended if either of the two fails.
    fn lease(&mut self) -> Option<LeaseKey>;
}

/// An operation whose reply is in Vault's shape, whatever its own type.
pub(crate) trait Erased {
    fn target(&self) -> Target<'_>;
    fn admission(&self) -> Admission;
    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>>;
    fn respond(&self, cx: &mut Context<'_, '_>) -> Result<Replied>;
    fn outside<'r>(&'r self, replied: &'r mut Replied) -> Option<Box<dyn Outside + 'r>>;
    /// Answers. An answer may be an error too: one that comes of a reply, so that what was done is
    /// committed, as a login that is refused counts as tried.
    fn answer(&self, replied: &Replied) -> Answer;
}

/// The reply of an operation whose type is not known here.
pub(crate) struct Replied(Box<dyn Any>);

/// What is answered once all that was done is committed.
pub(crate) type Answer = Result<Response>;

impl<O: Operation<Reply: 'static>> Erased for O {
    fn target(&self) -> Target<'_> {
        Operation::target(self)
    }

    fn admission(&self) -> Admission {
        Operation::admission(self)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Operation::access(self, cx)
    }

    fn respond(&self, cx: &mut Context<'_, '_>) -> Result<Replied> {
        Ok(Replied(Box::new(self.perform(cx)?)))
    }

    fn outside<'r>(&'r self, replied: &'r mut Replied) -> Option<Box<dyn Outside + 'r>> {
        Operation::outside(self, replied.0.downcast_mut()?)
    }

    fn answer(&self, replied: &Replied) -> Answer {
        let foreign = || Error::invalid("a reply is answered by the operation that made it");
        self.output(replied.0.downcast_ref().ok_or_else(foreign)?)
    }
}

/// Who may ask for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Whoever has a token whose policies allow it.
    Token,
    /// Anybody: what the request carries is the proof, as in a login.
    Anyone,
}

/// Where an operation works.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// On the vault itself, or in what is built in.
    System,
    /// In the engine mounted at this path, which must be of this kind.
    Mount(&'a MountPath, &'static str),
    /// In the auth method enabled at this path below `auth/`, which must be of this kind.
    Auth(&'a MountPath, &'static str),
}

/// Who asks.
pub(crate) enum Actor {
    /// The embedding program.
    Owner,
    /// The vault itself, finishing what was allowed when it was begun. No session has it.
    System,
    /// Nobody that is known.
    Anonymous,
    /// The holder of a token.
    Token(Box<Token>),
}

/// What an operation works with.
pub(crate) struct Context<'c, 'a> {
    pub(crate) txn: &'c mut Txn<'a>,
    pub(crate) actor: &'c Actor,
    /// The namespace of the request.
    pub(crate) space: Space<'c>,
    /// Where the request comes from, if the host knows.
    pub(crate) remote: Option<IpAddr>,
    /// The caller's token as it was presented.
    pub(crate) secret: Option<&'c SecretString>,
    /// Whether the caller has `sudo` on the path that is asked for; the owner has.
    pub(crate) sudo: bool,
    /// The engines and auth methods that there are.
    pub(crate) registry: &'c dyn Registry,
    pub(crate) judge: &'c dyn Judge,
    /// Where the operation keeps what it read for the next one that is like it, if there is such a place.
    pub(crate) kept: Option<&'c Kept>,
    mount: Option<Mounted<'c>>,
}

/// One thing that was read, ready for use, as long as the cache has it: what is deleted, replaced or
/// sealed is gone from here, too.
#[derive(Default)]
pub(crate) struct Kept(OnceLock<Weak<dyn Any + Send + Sync>>);

#[cfg(test)]
impl Kept {
    pub(crate) fn is_set(&self) -> bool {
        self.0.get().and_then(Weak::upgrade).is_some()
    }
}

/// What tokens may do, for operations that tell it.
pub(crate) trait Judge {
    /// Returns the names of what `token` may do at `path`, in the namespace `space`.
    fn capabilities(
        &self,
        txn: &mut Txn<'_>,
        token: &Token,
        space: &str,
        path: &str,
    ) -> Result<Vec<&'static str>>;

    /// Returns whether `token` may do anything at `path` or below it.
    fn reaches(&self, txn: &mut Txn<'_>, token: &Token, space: &str, path: &str) -> Result<bool>;

    /// Returns all that `token` may do, as user interfaces ask for it.
    fn resultant(&self, txn: &mut Txn<'_>, token: &Token) -> Result<Object>;

    /// Returns whether the namespace of `token`, and the auth method that it comes from, are there
    /// still: what is left of a token of one that is gone is nobody's.
    fn serves(&self, txn: &mut Txn<'_>, token: &Token) -> Result<bool>;

    /// Returns the policies that `token` has by who holds it.
    fn identity_policies(&self, txn: &mut Txn<'_>, token: &Token) -> Result<Vec<String>>;
}

/// The engines and auth methods of a vault, by their kinds.
pub(crate) trait Registry: Send + Sync {
    /// Returns the engine that is mounted as `kind`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    fn engine(&self, kind: &str) -> Result<&dyn Engine>;

    /// Returns the auth method that is enabled as `kind`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    fn method(&self, kind: &str) -> Result<&dyn AuthMethod>;
}

/// A namespace: its id, and its path, which is empty for the root or ends in a slash.
#[derive(Clone, Copy)]
pub(crate) struct Space<'c> {
    pub(crate) id: NamespaceId,
    pub(crate) path: &'c str,
}

/// The mount that an operation works in.
#[derive(Clone, Copy)]
pub(crate) struct Mounted<'c> {
    pub(crate) id: MountId,
    pub(crate) namespace: NamespaceId,
    /// Where it is mounted; below `auth/` for auth methods.
    pub(crate) path: &'c MountPath,
    pub(crate) kind: &'c str,
    /// Whether it is an auth method.
    pub(crate) auth: bool,
    pub(crate) accessor: &'c str,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) max_ttl: Option<Duration>,
    /// The fields that audit records in clear.
    pub(crate) plain_request_keys: &'c [String],
    pub(crate) plain_response_keys: &'c [String],
    /// The engine's own configuration of this mount, as the engine wrote it.
    pub(crate) config: &'c [u8],
}

impl<'c, 'a> Context<'c, 'a> {
    pub(crate) fn new(
        txn: &'c mut Txn<'a>,
        actor: &'c Actor,
        space: Space<'c>,
        (registry, judge): (&'c dyn Registry, &'c dyn Judge),
        mount: Option<Mounted<'c>>,
    ) -> Self {
        Self {
            txn,
            actor,
            space,
            remote: None,
            secret: None,
            sudo: false,
            registry,
            judge,
            kept: None,
            mount,
        }
    }

    /// Returns what [`keep`](Self::keep) was told by an operation like this one, on what is stored now.
    pub(crate) fn recall<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.kept?.0.get()?.upgrade()?.downcast().ok()
    }

    /// Keeps what was read, if it is known to be current until something is written.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, read: &Arc<T>) {
        if let Some(kept) = self.kept.filter(|_| self.txn.current_at().is_some()) {
            let read: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(read);
            let _ = kept.0.set(Arc::downgrade(&read)); // somebody else may have kept it
        }
    }

    pub(crate) fn from(mut self, remote: Option<IpAddr>) -> Self {
        self.remote = remote;
        self
    }

    pub(crate) fn presenting(mut self, secret: Option<&'c SecretString>) -> Self {
        self.secret = secret;
        self
    }

    /// Returns the mount; operations on the system have none.
    pub(crate) fn mount(&self) -> Result<Mounted<'c>> {
        self.mount
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no engine is mounted there"))
    }

    /// Returns the caller's token.
    ///
    /// # Errors
    /// `InvalidArgument` if the caller has none: the owner is nobody's parent, and has no cubbyhole.
    pub(crate) fn token(&self) -> Result<&'c Token> {
        match self.actor {
            Actor::Token(token) => Ok(token),
            _ => Err(Error::invalid("this takes a caller with a token")),
        }
    }
}

/// A path as policies name it, and what is done there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) path: String,
    pub(crate) capability: Capability,
    /// Whether the path is protected: it takes the capability `sudo` besides.
    pub(crate) sudo: bool,
}

impl Access {
    pub(crate) fn new(path: impl Into<String>, capability: Capability) -> Self {
        Self {
            path: path.into(),
            capability,
            sudo: false,
        }
    }

    pub(crate) fn sudo(mut self) -> Self {
        self.sudo = true;
        self
    }
}

/// What a policy may grant on a path; the words are Vault's.
///
/// ```
/// use vaultcore::policy::Capability;
/// assert_eq!(Capability::parse("patch"), Some(Capability::Patch));
/// assert_eq!(Capability::Sudo.as_str(), "sudo");
/// assert_eq!(Capability::parse("write"), None); // no such word
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Writing what is not there yet.
    Create,
    /// Reading.
    Read,
    /// Writing what is there.
    Update,
    /// Changing a part of what is there.
    Patch,
    /// Deleting.
    Delete,
    /// Listing a folder.
    List,
    /// Listing a folder and all below it; OpenBao's word.
    Scan,
    /// Calling a path that is protected beyond its capability.
    Sudo,
}

impl Capability {
    /// Every capability.
    pub const ALL: &'static [Self] = &[
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::List,
        Self::Scan,
        Self::Sudo,
    ];

    /// Returns the word that policies use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Scan => "scan",
            Self::Sudo => "sudo",
        }
    }

    /// Returns the capability of this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == word)
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request that a route has to make an operation of.
pub(crate) struct Call<'c> {
    /// Where the engine is mounted; below `auth/` for auth methods.
    pub(crate) mount: &'c MountPath,
    pub(crate) captures: &'c Captures,
    /// The body, or for reads the query.
    pub(crate) fields: &'c Fields<'c>,
}

/// Makes an operation of a request.
pub(crate) type Handler = for<'c> fn(&Call<'c>) -> Result<Box<dyn Erased + 'c>>;

/// A kind of engine that can be mounted.
pub(crate) trait Engine: Any + Send + Sync {
    /// Returns the name by which it is mounted.
    fn kind(&self) -> &'static str;

    /// Checks the options of a mount, and returns the engine's configuration of it, encoded.
    fn configure(&self, options: &[(String, String)]) -> Result<Vec<u8>>;

    /// Returns the areas of storage that hold what a mount keeps.
    fn areas(&self) -> &'static [&'static str];

    /// Returns the paths that are answered, below the mount.
    fn routes(&self) -> &'static [Route<Handler>];

    /// Prepares to end what a lease of this engine stands for. Whoever does it may have done it
    /// before and not know: ending what has ended succeeds.
    ///
    /// # Errors
    /// `Unsupported` if the engine leases nothing.
    fn revoke(&self, _: &mut Txn<'_>, _: &Leased<'_>) -> Result<Act> {
        Err(leases_nothing())
    }

    /// Returns whether this process has what it takes to end what a lease stands for, such as a driver.
    /// One that has not leaves it to others, who may have it.
    fn is_able(&self, _: &mut Txn<'_>, _: &Leased<'_>) -> Result<bool> {
        Ok(true)
    }

    /// Prepares to let what a lease of this engine stands for last until `until`.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    fn renew(&self, _: &mut Txn<'_>, _: &Leased<'_>, _until: Timestamp) -> Result<Act> {
        Err(leases_nothing())
    }

    /// Lets go of what this process holds outside by what is stored no more, such as connections.
    fn tidy(&self, _: &mut Txn<'_>) -> Result<()> {
        Ok(())
    }

    /// Lets go of all that this process holds outside: the vault is sealed.
    fn close(&self) {}
}

fn leases_nothing() -> Error {
    Error::new(ErrorKind::Unsupported, "the engine leases nothing")
}

/// What an engine leased, as it is asked to end or to prolong it.
pub(crate) struct Leased<'l> {
    pub(crate) namespace: NamespaceId,
    pub(crate) mount: MountId,
    /// What the engine left in the lease.
    pub(crate) data: &'l [u8],
}

/// Something to be done outside the vault, in no transaction and for no longer than the timeout of a
/// driver.
pub(crate) struct Act {
    peer: Option<String>,
    work: Box<dyn FnOnce() -> std::result::Result<(), Failure> + Send>,
}

impl Act {
    pub(crate) fn new(
        work: impl FnOnce() -> std::result::Result<(), Failure> + Send + 'static,
    ) -> Self {
        Self {
            peer: None,
            work: Box::new(work),
        }
    }

    /// Names who has to answer, such as one database: if it does not, other acts of the same peer wait.
    pub(crate) fn by(mut self, peer: String) -> Self {
        self.peer = Some(peer);
        self
    }

    pub(crate) fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    pub(crate) fn run(self) -> std::result::Result<(), Failure> {
        (self.work)()
    }
}

/// Why something outside did not happen.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may happen if it is tried again.
    Passing(Error),
    /// It never will.
    Lasting(Error),
    /// It was not tried: who has to answer did not answer others.
    Untried(Error),
}

impl Failure {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Passing(error) | Self::Lasting(error) | Self::Untried(error) => error,
        }
    }
}

/// A way to log in that can be enabled below `auth/`.
pub(crate) trait AuthMethod: Send + Sync {
    /// Returns the name by which it is enabled.
    fn kind(&self) -> &'static str;

    /// Returns the areas of storage that hold what a mount keeps.
    fn areas(&self) -> &'static [&'static str];

    /// Returns the paths that are answered, below `auth/` and the mount.
    fn routes(&self) -> &'static [Route<Handler>];

    /// Returns an error if a token of a login in `mount` may not be renewed.
    fn renew(&self, _: &mut Context<'_, '_>, _mount: Mounted<'_>, _token: &Token) -> Result<()> {
        Ok(())
    }
}
