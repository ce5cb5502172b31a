//! What a token may do.

use super::{access, only_root};
use crate::auth::token::Subject;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response};

/// The most paths of one question.
const MAX_PATHS: usize = 1_000;

/// Tells what a token may do at some paths.
pub(crate) struct ReadCapabilities {
    pub(crate) subject: Subject,
    pub(crate) paths: Vec<String>,
}

impl Operation for ReadCapabilities {
    /// For each path the words, in the order of the paths.
    type Reply = Vec<Vec<&'static str>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = match self.subject {
            Subject::Own => "sys/capabilities-self",
            Subject::Secret(_) => "sys/capabilities",
            Subject::Accessor(_) => "sys/capabilities-accessor",
        };
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        if self.paths.is_empty() || self.paths.len() > MAX_PATHS {
            return Err(Error::invalid("name 1 to 1000 paths"));
        }
        let token = self.subject.find(cx)?;
        let mut all = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let path = path.trim_start_matches('/');
            let may = cx.judge.capabilities(cx.txn, &token, cx.space.path, path)?;
            all.push(may);
        }
        Ok(all)
    }

    fn input(&self) -> Json {
        let object = match &self.subject {
            Subject::Own => Object::new(),
            Subject::Secret(text) => Object::new().text("token", text),
            Subject::Accessor(accessor) => Object::new().text("accessor", accessor),
        };
        object.list("paths", &self.paths).finish()
    }

    fn output(&self, all: &Self::Reply) -> Result<Response> {
        Ok(access::capabilities(&self.paths, all))
    }
}

/// Asks for leave to see what the vault counts of itself.
pub(crate) struct ReadMetrics;

impl Operation for ReadMetrics {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        Ok(vec![Access::new("sys/metrics", Capability::Read)])
    }

    fn perform(&self, _: &mut Context<'_, '_>) -> Result<()> {
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Tells all that the caller may do, as user interfaces ask for it.
pub(crate) struct ResultantAcl;

impl Operation for ResultantAcl {
    type Reply = Json;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = "sys/internal/ui/resultant-acl";
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Json> {
        let token = cx.token()?;
        Ok(cx.judge.resultant(cx.txn, token)?.finish())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, json: &Json) -> Result<Response> {
        Ok(Response {
            data: Some(json.clone()),
            ..Response::default()
        })
    }
}
