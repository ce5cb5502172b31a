//! The mounts that a caller may know of, as user interfaces and clients ask for them.

use super::builtin::{self, BuiltIn};
use super::mounts::MountInfo;
use super::{access, api};
use crate::error::{Error, ErrorKind, Result};
use crate::id::NamespaceId;
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Actor, Admission, Context, Operation, Target};
use crate::wire::{Json, Object, Response};

/// Lists the mounts that the caller may use anything of; without a token those that are shown to
/// anybody.
pub(crate) struct VisibleMounts;

/// Engines and auth methods that may be seen.
pub(crate) struct Visible {
    space: NamespaceId,
    /// Whether nobody in particular asks: then little is told.
    anonymous: bool,
    secret: Seen,
    auth: Seen,
}

/// The mounts of one class that may be seen.
struct Seen {
    built_in: Vec<&'static BuiltIn>,
    mounts: Vec<MountInfo>,
}

impl Operation for VisibleMounts {
    type Reply = Visible;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn admission(&self) -> Admission {
        Admission::Anyone
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access::visible("sys/internal/ui/mounts"))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Visible> {
        Ok(Visible {
            space: cx.space.id,
            anonymous: matches!(cx.actor, Actor::Anonymous),
            secret: visible(cx, Class::Secret)?,
            auth: visible(cx, Class::Auth)?,
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, visible: &Visible) -> Result<Response> {
        let group = |class, seen: &Seen| {
            let mut object = Object::new();
            for mount in &seen.built_in {
                object = object.object(mount.path, mount.object(visible.space));
            }
            for info in &seen.mounts {
                let shown = match visible.anonymous {
                    true => api::brief(class, info),
                    false => api::mount_object(class, info),
                };
                object = object.object(info.path.as_str(), shown);
            }
            object
        };
        Ok(Response::data(
            Object::new()
                .object("auth", group(Class::Auth, &visible.auth))
                .object("secret", group(Class::Secret, &visible.secret)),
        ))
    }
}

fn visible(cx: &mut Context<'_, '_>, class: Class) -> Result<Seen> {
    let mut built_in = Vec::new();
    for mount in builtin::all(class) {
        if may_use(cx, &full(class, mount.path))? {
            built_in.push(mount);
        }
    }
    let table = MountTable::load(cx.txn, cx.space.id, class)?;
    let mut found = Vec::new();
    for mount in table.iter() {
        let path = full(class, mount.path.as_str());
        if mount.tuning.listed || may_use(cx, &path)? {
            found.push(MountInfo::of(mount));
        }
    }
    Ok(Seen {
        built_in,
        mounts: found,
    })
}

fn full(class: Class, path: &str) -> String {
    match class {
        Class::Secret => path.to_owned(),
        Class::Auth => format!("auth/{path}"),
    }
}

fn may_use(cx: &mut Context<'_, '_>, path: &str) -> Result<bool> {
    match cx.actor {
        Actor::Token(token) => cx.judge.reaches(cx.txn, token, cx.space.path, path),
        Actor::Owner | Actor::System => Ok(true),
        Actor::Anonymous => Ok(false),
    }
}

/// A mount that was asked for by a path in it.
pub(crate) enum Located {
    BuiltIn(&'static BuiltIn, NamespaceId),
    Mount(Class, Box<MountInfo>),
}

/// Tells which mount a path is in, to whoever may use anything of that mount.
pub(crate) struct MountOf {
    pub(crate) path: String,
}

impl Operation for MountOf {
    type Reply = Located;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn admission(&self) -> Admission {
        Admission::Anyone
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("sys/internal/ui/mounts/{}", self.path);
        Ok(access::visible(&path))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let (class, path) = match self.path.strip_prefix("auth/") {
            Some(path) => (Class::Auth, path),
            None => (Class::Secret, self.path.as_str()),
        };
        let with_slash = format!("{path}/");
        let built_in = builtin::all(class).find(|mount| with_slash.starts_with(mount.path));
        if let Some(mount) = built_in
            && may_use(cx, &full(class, mount.path))?
        {
            return Ok(Located::BuiltIn(mount, cx.space.id));
        }
        let table = MountTable::load(cx.txn, cx.space.id, class)?;
        let found = table.holding(path);
        let found = found.or_else(|| table.holding(&with_slash));
        if let Some(mount) = found
            && may_use(cx, &full(class, mount.path.as_str()))?
        {
            return Ok(Located::Mount(class, Box::new(MountInfo::of(mount))));
        }
        Err(Error::new(
            ErrorKind::PermissionDenied,
            "preflight capability check returned 403, please ensure client's policies grant \
             access to the path",
        ))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, located: &Located) -> Result<Response> {
        let (object, path) = match located {
            Located::BuiltIn(mount, space) => (mount.object(*space), mount.path),
            Located::Mount(class, info) => (api::mount_object(*class, info), info.path.as_str()),
        };
        Ok(Response::data(object.text("path", path)))
    }
}
