//! What the fixture holds besides key-value secrets, a chapter a subject: how it was written, and
//! what a later version must read. A new subject is one more line in [`ALL`], and a new fixture.

use std::collections::BTreeMap;
use std::time::Duration;

use vaultcore::api::{ApiRequest, Method};
use vaultcore::approle::{NewSecretId, RoleOptions};
use vaultcore::transit::{HashType, Input, KeyType, NewKey, SignOptions};
use vaultcore::who::{AliasOptions, EntityOptions, GroupOptions};
use vaultcore::{NewAudit, NewMount, NewToken, Result, SecretString, Session, TokenOptions, Vault};

/// What the maker was told and the reader needs: tokens, ids, ciphertexts.
pub(crate) type Values = BTreeMap<String, String>;

/// A subject.
pub(crate) struct Chapter {
    pub(crate) write: fn(&Vault, &mut Values) -> Result<()>,
    pub(crate) check: fn(&Vault, &Values) -> Result<()>,
}

macro_rules! chapters {
    ($($name:ident)*) => {
        pub(crate) const ALL: &[Chapter] =
            &[$(Chapter { write: $name::write, check: $name::check }),*];
    };
}

chapters!(policies tokens users machines people keys namespaces hidden wrapped audited);

const MONTH: Duration = Duration::from_secs(30 * 86_400);
const POLICY: &str = "path \"secret/data/app\" { capabilities = [\"read\"] }";

fn secret(values: &Values, name: &str) -> SecretString {
    SecretString::copy_from(&values[name])
}

/// Makes a request as the session, which must succeed, and returns the field of the reply.
fn ask(session: &Session, request: &ApiRequest, field: &str) -> String {
    let response = session.request(request);
    let text = String::from_utf8_lossy(response.body());
    assert!(response.status() < 300, "{}: {text}", response.status());
    let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    match body.pointer(field) {
        Some(serde_json::Value::String(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

mod policies {
    use super::*;

    pub(super) fn write(vault: &Vault, _: &mut Values) -> Result<()> {
        vault.owner()?.sys().put_policy("app", POLICY)
    }

    pub(super) fn check(vault: &Vault, _: &Values) -> Result<()> {
        assert_eq!(vault.owner()?.sys().policy("app")?, POLICY);
        Ok(())
    }
}

mod tokens {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let tokens = vault.owner()?.token();
        let parent = tokens.create(&NewToken::new().policy("app").period(MONTH))?;
        let batch = tokens.create(&NewToken::new().policy("app").ttl(MONTH).batch())?;
        values.insert("parent".to_owned(), parent.expose().to_owned());
        values.insert("batch".to_owned(), batch.expose().to_owned());
        let used = tokens.create(&NewToken::new().policy("app").num_uses(5).ttl(MONTH))?;
        values.insert("used".to_owned(), used.expose().to_owned());
        let role = ApiRequest::new(Method::Post, "auth/token/roles/jobs")
            .body(b"{\"allowed_policies\":\"app\",\"orphan\":true}");
        ask(&vault.owner()?, &role, "");
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let tokens = vault.owner()?.token();
        let parent = tokens.lookup(&secret(values, "parent"))?;
        assert_eq!(parent.policies, ["app", "default"]);
        assert_eq!(parent.period, Some(MONTH));
        assert_eq!(tokens.lookup_accessor(&parent.accessor)?.path, parent.path);
        assert_eq!(tokens.lookup(&secret(values, "used"))?.num_uses, 5);
        assert!(tokens.lookup(&secret(values, "batch"))?.batch);
        let sys = vault.owner()?.sys();
        for name in ["parent", "batch"] {
            let may = sys.capabilities(&secret(values, name), "secret/data/app")?;
            assert_eq!(may, ["read"], "{name}");
            let token = vault.login(&secret(values, name))?;
            assert!(token.kv("secret")?.get_json("app").is_ok());
        }
        let role = ApiRequest::new(Method::Get, "auth/token/roles/jobs");
        let role = ask(&vault.owner()?, &role, "/data/allowed_policies/0");
        assert_eq!(role, "app");
        tokens.revoke(&secret(values, "parent"))?;
        assert!(tokens.lookup(&secret(values, "parent")).is_err());
        Ok(())
    }
}

mod users {
    use super::*;

    fn password() -> SecretString {
        SecretString::copy_from("correct horse")
    }

    pub(super) fn write(vault: &Vault, _: &mut Values) -> Result<()> {
        let owner = vault.owner()?;
        owner
            .sys()
            .enable_auth("userpass", NewMount::new("userpass"))?;
        let options = TokenOptions::new().policies(["app"]).ttl(MONTH);
        owner
            .userpass("userpass")?
            .write("bob", Some(&password()), &options)
    }

    pub(super) fn check(vault: &Vault, _: &Values) -> Result<()> {
        let wrong = SecretString::copy_from("wrong");
        assert!(vault.login_userpass("userpass", "bob", &wrong).is_err());
        let token = vault.login_userpass("userpass", "bob", &password())?;
        let info = vault.owner()?.token().lookup(&token)?;
        assert_eq!(info.policies, ["app", "default"]);
        assert_eq!(vault.owner()?.userpass("userpass")?.list()?, ["bob"]);
        Ok(())
    }
}

mod machines {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let owner = vault.owner()?;
        owner
            .sys()
            .enable_auth("approle", NewMount::new("approle"))?;
        let roles = owner.approle("approle")?;
        let token = TokenOptions::new().policies(["app"]);
        roles.write(
            "web",
            &RoleOptions::new().secret_id_num_uses(1).token(token),
        )?;
        let issued = roles.create_secret_id("web", &NewSecretId::new().ttl(MONTH))?;
        values.insert("role_id".to_owned(), roles.role_id("web")?);
        values.insert("accessor".to_owned(), issued.accessor);
        values.insert("secret_id".to_owned(), issued.secret_id.expose().to_owned());
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let roles = vault.owner()?.approle("approle")?;
        assert_eq!(roles.secret_ids("web")?, [values["accessor"].clone()]);
        let (role_id, secret_id) = (&values["role_id"], secret(values, "secret_id"));
        vault.login_approle("approle", role_id, &secret_id)?;
        // Its one use was taken.
        assert!(vault.login_approle("approle", role_id, &secret_id).is_err());
        Ok(())
    }
}

/// Identity: bob of `userpass` is Ann, who is in a group with a policy of its own.
mod people {
    use super::*;

    pub(super) fn write(vault: &Vault, _: &mut Values) -> Result<()> {
        let owner = vault.owner()?;
        let rule = "path \"secret/data/staff\" { capabilities = [\"list\"] }";
        owner.sys().put_policy("staff", rule)?;
        let mounts = owner.sys().auth_mounts()?;
        let userpass = mounts.iter().find(|mount| mount.kind == "userpass");
        let accessor = userpass
            .map(|mount| mount.accessor.clone())
            .unwrap_or_default();
        let identity = owner.identity();
        let ann = EntityOptions::new().name("Ann").metadata("floor", "3");
        let ann = identity.create_entity(&ann)?;
        let alias = AliasOptions::new().name("bob").mount_accessor(&accessor);
        identity.add_alias(Some(ann), &alias)?;
        let inner = GroupOptions::new().name("team").members([ann]);
        let inner = identity.create_group(&inner)?;
        let staff = GroupOptions::new()
            .name("staff")
            .policies(["staff"])
            .groups([inner]);
        identity.create_group(&staff).map(drop)
    }

    pub(super) fn check(vault: &Vault, _: &Values) -> Result<()> {
        let owner = vault.owner()?;
        let identity = owner.identity();
        let ann = identity.entity_named("ann")?;
        assert_eq!(ann.metadata["floor"], "3");
        assert_eq!(ann.direct_groups, [identity.group_named("team")?.id]);
        let password = SecretString::copy_from("correct horse");
        let token = vault.login_userpass("userpass", "bob", &password)?;
        let info = owner.token().lookup(&token)?;
        assert_eq!(
            (info.entity, info.identity_policies),
            (Some(ann.id), vec!["staff".to_owned()])
        );
        let may = owner.sys().capabilities(&token, "secret/data/staff")?;
        assert_eq!(may, ["list"]);
        Ok(())
    }
}

mod keys {
    use super::*;

    const KINDS: [KeyType; 3] = [
        KeyType::Aes256Gcm96,
        KeyType::Aes128Gcm96,
        KeyType::ChaCha20Poly1305,
    ];

    fn plain() -> Input<'static> {
        Input::new("4111 1111").associated_data("row 42")
    }

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let owner = vault.owner()?;
        owner.sys().mount("transit", NewMount::transit())?;
        let transit = owner.transit("transit")?;
        for kind in KINDS {
            let name = kind.name();
            transit.create(name, &NewKey::new(kind))?;
            values.insert(name.to_owned(), transit.encrypt(name, plain())?);
            transit.rotate(name)?;
        }
        let derived = NewKey::new(KeyType::Aes256Gcm96)
            .derived(true)
            .convergent(true);
        transit.create("derived", &derived)?;
        let text = transit.encrypt("derived", Input::new("x").context("tenant 7"))?;
        values.insert("derived".to_owned(), text);
        transit.create("signer", &NewKey::new(KeyType::Ed25519))?;
        let signature = transit.sign("signer", SignOptions::new(), "text")?;
        values.insert("signature".to_owned(), signature);
        let mac = transit.hmac("signer", HashType::default(), "text")?;
        values.insert("mac".to_owned(), mac);
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let transit = vault.owner()?.transit("transit")?;
        for kind in KINDS {
            let name = kind.name();
            let input = Input::new(&values[name]).associated_data("row 42");
            assert_eq!(transit.decrypt(name, input)?.expose(), b"4111 1111");
            assert!(transit.encrypt(name, plain())?.starts_with("vault:v2:"));
        }
        let again = transit.encrypt("derived", Input::new("x").context("tenant 7"))?;
        assert_eq!(again, values["derived"]);
        let options = SignOptions::new();
        assert!(transit.verify("signer", options, "text", &values["signature"])?);
        assert!(transit.verify_hmac("signer", HashType::default(), "text", &values["mac"])?);
        assert!(!transit.verify("signer", options, "texT", &values["signature"])?);
        Ok(())
    }
}

mod namespaces {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let owner = vault.owner()?;
        owner.sys().create_namespace("team")?;
        let team = owner.namespace("team")?;
        team.sys().mount("secret", NewMount::kv2())?;
        team.sys().put_policy("app", POLICY)?;
        let data = BTreeMap::from([("value", "of the team")]);
        team.kv("secret")?
            .put("app", &data, vaultcore::kv::Cas::Absent)?;
        let token = team
            .token()
            .create(&NewToken::new().policy("app").ttl(MONTH))?;
        values.insert("team".to_owned(), token.expose().to_owned());
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let team = vault.login(&secret(values, "team"))?;
        let team = team.namespace("team")?;
        let read = team.kv("secret")?.get::<BTreeMap<String, String>>("app")?;
        assert_eq!(read.data["value"], "of the team");
        assert_eq!(vault.owner()?.sys().namespaces()?.len(), 1);
        Ok(())
    }
}

/// The cubbyhole of a token.
mod hidden {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let token = vault
            .owner()?
            .token()
            .create(&NewToken::new().policy("default").ttl(MONTH))?;
        let put = ApiRequest::new(Method::Post, "cubbyhole/mine").body(b"{\"a\":\"kept\"}");
        ask(&vault.login(&token)?, &put, "");
        values.insert("hider".to_owned(), token.expose().to_owned());
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let session = vault.login(&secret(values, "hider"))?;
        let get = ApiRequest::new(Method::Get, "cubbyhole/mine");
        assert_eq!(ask(&session, &get, "/data/a"), "kept");
        Ok(())
    }
}

/// A wrapped reply.
mod wrapped {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let get = ApiRequest::new(Method::Get, "secret/data/app").wrap_ttl("720h");
        let token = ask(&vault.owner()?, &get, "/wrap_info/token");
        values.insert("wrapping".to_owned(), token);
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let session = vault.login(&secret(values, "hider"))?;
        let body = format!("{{\"token\":\"{}\"}}", values["wrapping"]);
        let unwrap = ApiRequest::new(Method::Post, "sys/wrapping/unwrap").body(body.as_bytes());
        assert_eq!(ask(&session, &unwrap, "/data/data/value"), "also a folder");
        assert!(session.request(&unwrap).status() >= 400, "unwrapped twice");
        Ok(())
    }
}

/// Audit devices, the last chapter: what comes after it is recorded.
mod audited {
    use super::*;

    pub(super) fn write(vault: &Vault, values: &mut Values) -> Result<()> {
        let sys = vault.owner()?.sys();
        sys.enable_audit("null", NewAudit::file("discard").description("nowhere"))?;
        values.insert("hash".to_owned(), sys.audit_hash("null", "canary")?);
        Ok(())
    }

    pub(super) fn check(vault: &Vault, values: &Values) -> Result<()> {
        let sys = vault.owner()?.sys();
        let devices = sys.audit_devices()?;
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].description, "nowhere");
        assert_eq!(sys.audit_hash("null", "canary")?, values["hash"]);
        Ok(())
    }
}
