//! Where a secret is: its mount, the path in it, and the version of the engine.

use clap::Args;
use vaultcore::api::{ApiRequest, Method};

use crate::commands::logical::clean;
use crate::context::{Context, request};
use crate::failure::{Failure, Result};

/// A secret or a folder, as it is named on the command line.
#[derive(Args)]
pub(crate) struct Named {
    /// The mount; the path is then within it
    #[arg(long, value_name = "MOUNT")]
    mount: Option<String>,
    /// The path
    path: String,
}

/// Where it is.
pub(crate) struct Place {
    mount: String,
    path: String,
    versioned: bool,
}

impl Named {
    /// Asks the vault which mount the path is in.
    pub(crate) fn find(&self, context: &Context) -> Result<Place> {
        let path = clean(&self.path);
        let whole = match &self.mount {
            Some(mount) => format!("{}/{path}", mount.trim_matches('/')),
            None => path.to_owned(),
        };
        let reply = context.look(&format!("sys/internal/ui/mounts/{whole}"))?;
        let told = |path: &[&str]| reply.text(path).map(|text| text.to_string());
        if told(&["data", "type"]).as_deref() != Some("kv") {
            return Err(Failure::local("this is no mount of key-value secrets"));
        }
        let mount = told(&["data", "path"]).unwrap_or_default();
        let rest = whole.strip_prefix(&mount).unwrap_or_default();
        let versioned = told(&["data", "options", "version"]).as_deref() == Some("2");
        Ok(Place {
            path: rest.to_owned(),
            mount,
            versioned,
        })
    }
}

impl Place {
    /// Returns whether secrets have versions.
    pub(crate) fn versioned(&self) -> bool {
        self.versioned
    }

    /// Returns the path in the API: with `part` behind the mount, if secrets have versions.
    pub(crate) fn path(&self, part: &str) -> String {
        match self.versioned {
            true => format!("{}{part}/{}", self.mount, self.path),
            false => format!("{}{}", self.mount, self.path),
        }
    }

    pub(crate) fn request(&self, method: Method, part: &str) -> Result<ApiRequest> {
        request(method, &self.path(part))
    }

    /// Refuses what only secrets with versions have.
    pub(crate) fn need_versions(&self) -> Result<()> {
        match self.versioned {
            true => Ok(()),
            false => Err(Failure::local(
                "the secrets of this mount have no versions: it is of version 1",
            )),
        }
    }
}
