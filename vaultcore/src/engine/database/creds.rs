//! Credentials: a user is made for whoever asks, and taken away when the lease ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::driver::NewUser;
use super::pool::Opener;
use super::{Databases, GRACE, KIND, Name, Site, api_path, config, password, role, username};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::LeaseKey;
use crate::lease::{NewLease, Pending, begin};
use crate::operation::{Access, Actor, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::record::Record;
use crate::secret::SecretString;
use crate::wire::{self, Json, Object, Response};

/// What a lease keeps of a user that was made: all that it takes to undo it.
#[derive(Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) config: String,
    pub(super) role: String,
    pub(super) username: String,
    /// The statements of the role as it was: one that is changed or deleted later changes nothing.
    pub(super) revocation: Vec<String>,
}

impl Record for Made {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "leased database user";
}

/// Makes a user of a role for the caller.
pub(crate) struct IssueCredentials<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) role: Name,
}

/// Credentials that were made.
pub(crate) struct Issued {
    pub(crate) username: String,
    pub(crate) password: SecretString,
    pub(crate) lease: String,
    pub(crate) ttl: Duration,
    pub(crate) renewable: bool,
}

/// Credentials that are being made.
pub(crate) struct Issuing {
    pub(crate) issued: Issued,
    pending: Pending,
    opener: Opener,
    expires: Timestamp,
    creation: Vec<String>,
    rollback: Vec<String>,
}

impl Operation for IssueCredentials<'_> {
    type Reply = Issuing;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "creds", &self.role)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Issuing> {
        let site = Site::of(cx.mount()?);
        let unknown = || Error::invalid("there is no role of this name");
        let role = role::load(cx.txn, site, &self.role)?.ok_or_else(unknown)?;
        let config = config::known(cx.txn, site, &role.config)?;
        if !config.allows(&self.role) {
            return Err(config::not_allowed());
        }
        let databases = Databases::of(cx.registry)?;
        let names = username::Names {
            display: display_name(cx.actor),
            role: self.role.as_str(),
        };
        let driver = databases.driver(&config.plugin)?.as_ref();
        let template = config.username_template(driver);
        let username = username::render(cx.txn, template, names, driver.max_username())?;
        let password = password::generate(cx.txn, site, &config.password_policy, &username)?;
        let made = Made {
            config: role.config.clone(),
            role: self.role.as_str().to_owned(),
            username: username.clone(),
            revocation: role.revocation.clone(),
        };
        let pending = begin(
            cx,
            NewLease {
                path: &format!("creds/{}", self.role.as_str()),
                ttl: role.default_ttl(),
                max_ttl: role.max_ttl(),
                renewable: true,
                data: made.encode()?.to_vec(),
            },
        )?;
        Ok(Issuing {
            issued: Issued {
                username,
                password,
                lease: pending.id.clone(),
                ttl: pending.ttl,
                renewable: pending.renewable,
            },
            expires: pending.expires.saturating_add(GRACE),
            opener: databases.opener(site, config)?,
            pending,
            creation: role.creation,
            rollback: role.rollback,
        })
    }

    fn outside<'r>(&'r self, issuing: &'r mut Issuing) -> Option<Box<dyn Outside + 'r>> {
        Some(Box::new(Making(issuing)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, issuing: &Issuing) -> Result<Response> {
        let issued = &issuing.issued;
        let data = Object::new()
            .text("password", issued.password.expose())
            .text("username", &issued.username);
        Ok(Response {
            lease: Some(wire::Leased {
                id: issued.lease.clone(),
                renewable: issued.renewable,
                ttl: issued.ttl,
            }),
            ..Response::data(data)
        })
    }
}

/// Returns what the caller is called.
fn display_name(actor: &Actor) -> &str {
    match actor {
        Actor::Token(token) => &token.entry.display_name,
        Actor::Owner => "owner",
        Actor::System | Actor::Anonymous => "",
    }
}

struct Making<'r>(&'r mut Issuing);

impl Outside for Making<'_> {
    fn act(&mut self) -> Result<()> {
        let issuing = &*self.0;
        let mut user = NewUser::new(&issuing.issued.username, &issuing.issued.password);
        user.expires = Some(issuing.expires);
        user.statements = &issuing.creation;
        user.rollback = &issuing.rollback;
        issuing.opener.open()?.create(&user)
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        self.0.pending.activate(cx)
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        Some(self.0.pending.key)
    }
}
