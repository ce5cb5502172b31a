//! What identity does, a test a clause.

mod api;
mod groups;
mod names;

use vaultcore::approle::RoleOptions;
use vaultcore::who::{AliasOptions, EntityOptions, GroupOptions, Identity};
use vaultcore::{EntityId, ErrorKind, NewMount, NewToken, SecretString, Session, Vault};

use crate::common::World;

/// A vault with two auth methods, in which `ann` and `ben` log in by roles of their names.
pub(crate) struct People {
    pub(crate) vault: Vault,
    pub(crate) owner: Session,
    /// The accessors of `one` and `two`.
    pub(crate) accessors: [String; 2],
}

impl People {
    pub(crate) fn new() -> Self {
        let world = World::new();
        Self::on(world.vault.clone())
    }

    /// Takes a vault that is open and empty.
    pub(crate) fn on(vault: Vault) -> Self {
        let owner = vault.owner().expect("owner");
        for mount in ["one", "two"] {
            let new = NewMount::new("approle");
            owner.sys().enable_auth(mount, new).expect("enabled");
            let roles = owner.approle(mount).expect("a path");
            for name in ["ann", "ben"] {
                let role = RoleOptions::new().role_id(name);
                roles.write(name, &role).expect("a role");
            }
        }
        for name in ["p", "q", "r", "s"] {
            let text = format!("path \"x/{name}\" {{ capabilities = [\"read\"] }}");
            owner.sys().put_policy(name, &text).expect("a policy");
        }
        Self::of(vault)
    }

    /// Takes a vault that holds all that already.
    pub(crate) fn of(vault: Vault) -> Self {
        let owner = vault.owner().expect("owner");
        let mounts = owner.sys().auth_mounts().expect("mounts");
        let accessor = |path: &str| {
            let found = mounts.iter().find(|mount| mount.path.as_str() == path);
            found.expect("a mount").accessor.clone()
        };
        let accessors = [accessor("one/"), accessor("two/")];
        Self {
            vault,
            owner,
            accessors,
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.owner.identity()
    }

    pub(crate) fn login(&self, mount: &str, name: &str) -> vaultcore::Result<SecretString> {
        let roles = self.owner.approle(mount).expect("a path");
        let new = vaultcore::approle::NewSecretId::new();
        let secret = roles.create_secret_id(name, &new).expect("a secret id");
        self.vault.login_approle(mount, name, &secret.secret_id)
    }

    /// Returns which of the paths of policies a token may read.
    pub(crate) fn may(&self, token: &SecretString) -> Vec<&'static str> {
        let may = |name: &&str| {
            let path = format!("x/{name}");
            let sys = self.owner.sys();
            matches!(sys.capabilities(token, &path), Ok(words) if words == ["read"])
        };
        ["p", "q", "r", "s"]
            .into_iter()
            .filter(|name| may(name))
            .collect()
    }

    pub(crate) fn entity(&self, token: &SecretString) -> EntityId {
        let found = self.owner.token().lookup(token).expect("a token");
        found.entity.expect("an entity")
    }
}

pub(crate) fn kind<T>(result: vaultcore::Result<T>) -> ErrorKind {
    result.err().expect("refused").kind()
}

#[test]
fn whoever_logs_in_gets_an_entity_once() {
    let people = People::new();
    let first = people.entity(&people.login("one", "ann").expect("a login"));
    let again = people.entity(&people.login("one", "ann").expect("a login"));
    let other = people.entity(&people.login("two", "ann").expect("a login"));
    assert_eq!(first, again);
    assert_ne!(first, other, "a name of another method is somebody else");
    let info = people.identity().entity(first).expect("an entity");
    assert!(info.name.starts_with("entity_"), "{}", info.name);
    assert_eq!(info.aliases.len(), 1);
    assert_eq!(info.aliases[0].name, "ann");
    assert_eq!(info.aliases[0].mount_path, "auth/one/");
}

#[test]
fn two_aliases_of_one_entity_are_the_same_somebody() {
    let people = People::new();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let alias = AliasOptions::new()
        .name("ben")
        .mount_accessor(&people.accessors[1]);
    people
        .identity()
        .add_alias(Some(id), &alias)
        .expect("an alias");
    let ben = people.login("two", "ben").expect("a login");
    assert_eq!(people.entity(&ben), id);
    let second = AliasOptions::new()
        .name("more")
        .mount_accessor(&people.accessors[1]);
    let refused = people.identity().add_alias(Some(id), &second);
    assert_eq!(kind(refused), ErrorKind::InvalidArgument);
}

#[test]
fn policies_of_an_entity_add_to_those_of_its_tokens_at_once() {
    let people = People::new();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    assert!(people.may(&ann).is_empty());
    let options = EntityOptions::new().policies(["P", "q", "p"]);
    people
        .identity()
        .update_entity(id, &options)
        .expect("changed");
    assert_eq!(
        people.identity().entity(id).expect("an entity").policies,
        ["p", "q"]
    );
    assert_eq!(people.may(&ann), ["p", "q"]);
    let child = people.vault.login(&ann).expect("a session");
    assert_eq!(
        kind(child.token().create(&NewToken::new().policy("r"))),
        ErrorKind::PermissionDenied
    );
    let none = EntityOptions::new().policies(Vec::<String>::new());
    people.identity().update_entity(id, &none).expect("changed");
    assert!(people.may(&ann).is_empty());
}

#[test]
fn nobody_is_root_by_identity() {
    let people = People::new();
    let identity = people.identity();
    for root in ["root", "ROOT", " root", "Root "] {
        let entity = identity.create_entity(&EntityOptions::new().policies([root]));
        assert_eq!(kind(entity), ErrorKind::InvalidArgument, "{root:?}");
        let group = identity.create_group(&GroupOptions::new().policies(["p", root]));
        assert_eq!(kind(group), ErrorKind::InvalidArgument, "{root:?}");
    }
    let ann = people.entity(&people.login("one", "ann").expect("a login"));
    let update = identity.update_entity(ann, &EntityOptions::new().policies(["rOOt"]));
    assert_eq!(kind(update), ErrorKind::InvalidArgument);
    assert!(identity.groups().expect("groups").is_empty());
}

#[test]
fn a_disabled_entity_is_shut_out_until_it_is_enabled() {
    let people = People::new();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let session = people.vault.login(&ann).expect("a session");
    session.token().lookup_self().expect("looked up");
    let set = |disabled| {
        let options = EntityOptions::new().disabled(disabled);
        people
            .identity()
            .update_entity(id, &options)
            .expect("changed");
    };
    set(true);
    assert_eq!(
        kind(session.token().lookup_self()),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(people.login("one", "ann")),
        ErrorKind::PermissionDenied
    );
    set(false);
    session.token().lookup_self().expect("looked up");
    people.login("one", "ann").expect("a login");
}

#[test]
fn a_deleted_entity_takes_its_tokens_aliases_and_memberships_with_it() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let session = people.vault.login(&ann).expect("a session");
    let staff = GroupOptions::new().name("staff").members([id]);
    let staff = identity.create_group(&staff).expect("a group");
    let alias = identity.entity(id).expect("an entity").aliases[0].id;
    identity.delete_entity(id).expect("deleted");
    identity.delete_entity(id).expect("deleted already");
    assert_eq!(
        kind(session.token().lookup_self()),
        ErrorKind::PermissionDenied
    );
    assert_eq!(kind(identity.entity(id)), ErrorKind::NotFound);
    assert_eq!(kind(identity.alias(alias)), ErrorKind::NotFound);
    assert!(identity.group(staff).expect("a group").members.is_empty());
    let again = people.login("one", "ann").expect("a login");
    assert_ne!(people.entity(&again), id, "who comes back is somebody new");
    assert!(people.may(&again).is_empty());
    assert_eq!(
        kind(session.token().lookup_self()),
        ErrorKind::PermissionDenied
    );
}

#[test]
fn a_merge_moves_aliases_and_memberships_and_no_policies() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.login("one", "ann").expect("a login");
    let other = people.login("two", "ben").expect("a login");
    let (to, from) = (people.entity(&ann), people.entity(&other));
    let set = |id, policy| identity.update_entity(id, &EntityOptions::new().policies([policy]));
    set(to, "p").expect("changed");
    set(from, "q").expect("changed");
    let staff = GroupOptions::new().policies(["r"]).members([from]);
    let staff = identity.create_group(&staff).expect("a group");
    identity
        .merge_entities(&[from, from], to, &[])
        .expect("merged");
    let info = identity.entity(to).expect("an entity");
    assert_eq!(
        (info.aliases.len(), info.merged.as_slice()),
        (2, &[from][..])
    );
    assert_eq!(
        (info.policies, info.direct_groups),
        (vec!["p".to_owned()], vec![staff])
    );
    assert_eq!(people.may(&ann), ["p", "r"]);
    assert!(
        people.may(&other).is_empty(),
        "a token of what is no more is refused"
    );
    assert_eq!(
        people.entity(&people.login("two", "ben").expect("a login")),
        to
    );
    assert_eq!(identity.group(staff).expect("a group").members, [to]);
    for bad in [vec![], vec![to], vec![from]] {
        let refused = identity.merge_entities(&bad, to, &[]);
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
}

#[test]
fn two_aliases_of_one_method_are_merged_only_by_choice() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.entity(&people.login("one", "ann").expect("a login"));
    let ben = people.entity(&people.login("one", "ben").expect("a login"));
    let alias = |id| identity.entity(id).expect("an entity").aliases[0].id;
    let (of_ann, of_ben) = (alias(ann), alias(ben));
    for keep in [&[][..], &[of_ann, of_ben]] {
        let refused = identity.merge_entities(&[ben], ann, keep);
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
    assert_eq!(identity.entity(ben).expect("still there").aliases.len(), 1);
    identity
        .merge_entities(&[ben], ann, &[of_ben])
        .expect("merged");
    assert_eq!(
        people.entity(&people.login("one", "ben").expect("a login")),
        ann
    );
    let new = people.entity(&people.login("one", "ann").expect("a login"));
    assert!(new != ann && new != ben, "the alias that went is nobody's");
}

#[test]
fn namespaces_know_nothing_of_each_other() {
    let people = People::new();
    people
        .owner
        .sys()
        .create_namespace("team")
        .expect("a namespace");
    let team = people.owner.namespace("team").expect("a path").identity();
    let ann = EntityOptions::new().name("ann");
    let here = people.identity().create_entity(&ann).expect("an entity");
    let there = team.create_entity(&ann).expect("an entity");
    assert_ne!(here, there);
    assert_eq!(kind(team.entity(here)), ErrorKind::NotFound);
    assert_eq!(kind(people.identity().entity(there)), ErrorKind::NotFound);
    let group = GroupOptions::new().members([here]);
    assert_eq!(kind(team.create_group(&group)), ErrorKind::InvalidArgument);
}

#[test]
fn a_token_in_a_namespace_below_dies_with_the_entity_above() {
    let people = People::new();
    let identity = people.identity();
    people
        .owner
        .sys()
        .create_namespace("team")
        .expect("a namespace");
    let text = r#"path "team/*" { capabilities = ["create", "update", "sudo"] }"#;
    people
        .owner
        .sys()
        .put_policy("above", text)
        .expect("a policy");
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let options = EntityOptions::new().policies(["above"]);
    identity.update_entity(id, &options).expect("changed");
    let session = people.vault.login(&ann).expect("a session");
    let below = session.namespace("team").expect("a path");
    let token = below.token().create(&NewToken::new()).expect("a token");
    let below = people.vault.login(&token).expect("a session");
    let info = below.token().lookup_self().expect("looked up");
    assert_eq!(info.entity, Some(id));
    identity.delete_entity(id).expect("deleted");
    assert_eq!(
        kind(below.token().lookup_self()),
        ErrorKind::PermissionDenied
    );
}
