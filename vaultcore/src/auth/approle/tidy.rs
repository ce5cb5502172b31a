//! Deleting of secret ids that ran out. They are refused at once; here they go.

use super::secret_id::expire;
use super::{KIND, api_path};
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response, Shape};

/// Those that one commit deletes.
const PAGE: usize = 24;

/// Deletes the next secret ids that ran out, of whichever mount.
pub(crate) struct TidySecretIds<'p> {
    /// The mount at which somebody asked for it; `None`: the vault itself does it.
    pub(crate) mount: Option<&'p MountPath>,
}

impl Operation for TidySecretIds<'_> {
    /// How many were deleted; fewer than could be are the last.
    type Reply = usize;

    fn target(&self) -> Target<'_> {
        match self.mount {
            Some(mount) => Target::Auth(mount, KIND),
            None => Target::System,
        }
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        if self.mount.is_none() {
            return Ok(Vec::new());
        }
        let path = api_path(cx.mount()?, "tidy/secret-id");
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<usize> {
        expire(cx.txn, PAGE)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &usize) -> Result<Response> {
        let text = "Secret ids that ran out are being deleted; `tick` goes on with it.";
        let response = Response::empty().shaped(Shape::Accepted);
        Ok(response.warned(vec![text.into()]))
    }
}
