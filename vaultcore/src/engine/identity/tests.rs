//! Logins as an auth method has them that says who is in which of its groups.

use std::collections::BTreeMap;

use super::{AliasOptions, EntityOptions, GroupOptions};
use crate::engine::sys::NewMount;
use crate::error::{ErrorKind, Result};
use crate::id::{AliasId, EntityId, GroupId, MountId, NamespaceId};
use crate::identity::{GroupKind, login, resolve, sync_groups};
use crate::operation::{Access, Context, Operation, Target};
use crate::seal::NewSlot;
use crate::session::Session;
use crate::storage::Memory;
use crate::vault::{Caller, Vault};
use crate::wire::{Json, Object, Response};

/// Runs `act` in a transaction.
struct Act<F>(F);

impl<T, F: Fn(&mut Context<'_, '_>) -> Result<T>> Operation for Act<F> {
    type Reply = T;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<T> {
        (self.0)(cx)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &T) -> Result<Response> {
        Ok(Response::empty())
    }
}

struct World {
    vault: Vault,
    owner: Session,
    mounts: [(MountId, String); 2],
}

impl World {
    fn new() -> Self {
        let vault = Vault::builder(Memory::new()).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let owner = vault.owner().expect("owner");
        let sys = owner.sys();
        let mounts = ["one", "two"].map(|path| {
            let id = sys
                .enable_auth(path, NewMount::new("userpass"))
                .expect("enabled");
            let mounts = sys.auth_mounts().expect("mounts");
            let found = mounts.iter().find(|mount| mount.id == id).expect("it");
            (id, found.accessor.clone())
        });
        Self {
            vault,
            owner,
            mounts,
        }
    }

    fn login(&self, mount: usize, alias: &str, groups: &[&str]) -> Result<EntityId> {
        self.login_as(mount, alias, groups, &BTreeMap::new())
    }

    fn login_as(
        &self,
        mount: usize,
        alias: &str,
        groups: &[&str],
        metadata: &BTreeMap<String, String>,
    ) -> Result<EntityId> {
        let (mount, accessor) = &self.mounts[mount];
        let groups: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
        let act = Act(|cx: &mut Context<'_, '_>| {
            let root = NamespaceId::ROOT;
            let id = login(cx.txn, root, (*mount, accessor), alias, metadata)?;
            sync_groups(cx.txn, root, *mount, id, &groups)?;
            Ok(id)
        });
        self.vault.run(&Caller::owner(), &act)
    }

    fn policies(&self, id: EntityId) -> Vec<String> {
        let act = Act(|cx: &mut Context<'_, '_>| {
            let found = resolve(cx.txn, NamespaceId::ROOT, id)?;
            Ok(found.map(|found| found.policies()).unwrap_or_default())
        });
        self.vault.run(&Caller::owner(), &act).expect("resolved")
    }

    /// Makes an external group that a mount calls by its policy's name.
    fn external(&self, mount: usize, policy: &str) -> (GroupId, AliasId) {
        let identity = self.owner.identity();
        let options = GroupOptions::new()
            .kind(GroupKind::External)
            .policies([policy]);
        let group = identity.create_group(&options).expect("a group");
        let alias = AliasOptions::new()
            .name(policy)
            .mount_accessor(&self.mounts[mount].1);
        let alias = identity
            .set_group_alias(Some(group), &alias)
            .expect("an alias");
        (group, alias)
    }
}

#[test]
fn each_login_says_which_groups_it_is() {
    let world = World::new();
    let (a, _) = world.external(0, "a");
    let (b, _) = world.external(0, "b");
    world.external(1, "c");
    let ann = world
        .login(0, "ann", &["a", "b", "unknown"])
        .expect("a login");
    assert_eq!(world.policies(ann), ["a", "b"]);
    let again = world.login(0, "ann", &["b", "c"]).expect("a login");
    assert_eq!((again, world.policies(ann)), (ann, vec!["b".to_owned()]));
    let identity = world.owner.identity();
    assert!(identity.group(a).expect("a group").members.is_empty());
    assert_eq!(identity.group(b).expect("a group").members, [ann]);
    world.login(0, "ann", &[]).expect("a login");
    assert!(world.policies(ann).is_empty());
}

#[test]
fn what_another_method_or_a_person_said_stays() {
    let world = World::new();
    let identity = world.owner.identity();
    world.external(0, "a");
    world.external(1, "c");
    let ann = world.login(0, "ann", &["a"]).expect("a login");
    let alias = AliasOptions::new()
        .name("ann")
        .mount_accessor(&world.mounts[1].1);
    let alias = identity.add_alias(Some(ann), &alias).expect("an alias");
    let by_hand = GroupOptions::new().policies(["p"]).members([ann]);
    identity.create_group(&by_hand).expect("a group");
    assert_eq!(world.login(1, "ann", &["c"]).expect("a login"), ann);
    assert_eq!(world.policies(ann), ["a", "c", "p"]);
    world.login(0, "ann", &[]).expect("a login");
    assert_eq!(world.policies(ann), ["c", "p"]);
    // Who cannot log in there any more is in none of its groups.
    identity.delete_alias(alias).expect("deleted");
    assert_eq!(world.policies(ann), ["p"]);
}

#[test]
fn a_group_without_its_alias_has_no_members() {
    let world = World::new();
    let identity = world.owner.identity();
    let (group, alias) = world.external(0, "a");
    let outer = GroupOptions::new().policies(["o"]).groups([group]);
    identity.create_group(&outer).expect("a group");
    let ann = world.login(0, "ann", &["a"]).expect("a login");
    assert_eq!(world.policies(ann), ["a", "o"]);
    identity.delete_group_alias(alias).expect("deleted");
    assert!(world.policies(ann).is_empty());
    let other = AliasOptions::new()
        .name("a")
        .mount_accessor(&world.mounts[1].1);
    identity
        .set_group_alias(Some(group), &other)
        .expect("of another method");
    assert!(
        world.policies(ann).is_empty(),
        "the other one never said so"
    );
}

#[test]
fn a_login_is_committed_once_and_writes_nothing_after() {
    let world = World::new();
    let metadata = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let ann = world.login_as(0, "ann", &[], &metadata).expect("a login");
    let identity = world.owner.identity();
    let first = identity.entity(ann).expect("an entity");
    assert_eq!(first.aliases[0].metadata, metadata);
    world.login_as(0, "ann", &[], &metadata).expect("a login");
    let second = identity.entity(ann).expect("an entity");
    assert_eq!(first.aliases[0].updated, second.aliases[0].updated);
    world.login(0, "ann", &[]).expect("a login");
    assert!(
        identity.entity(ann).expect("an entity").aliases[0]
            .metadata
            .is_empty()
    );
    let long = BTreeMap::from([("k".to_owned(), "v".repeat(513))]);
    let refused = world.login_as(0, "ann", &[], &long).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    identity
        .update_entity(ann, &EntityOptions::new().disabled(true))
        .expect("changed");
    let refused = world.login(0, "ann", &[]).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn first_logins_at_once_make_one_entity() {
    let world = World::new();
    let ids: Vec<EntityId> = std::thread::scope(|scope| {
        let login = || scope.spawn(|| world.login(0, "ann", &[]).expect("a login"));
        let threads: Vec<_> = (0..8).map(|_| login()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(world.owner.identity().entities().expect("names").len(), 1);
}

#[test]
fn circles_at_once_are_never_closed() {
    let world = World::new();
    let identity = world.owner.identity();
    for _ in 0..10 {
        let one = identity
            .create_group(&GroupOptions::new())
            .expect("a group");
        let two = identity
            .create_group(&GroupOptions::new())
            .expect("a group");
        let (left, right) = std::thread::scope(|scope| {
            let link = |holder, member| {
                let identity = &identity;
                let options = GroupOptions::new().groups([member]);
                scope.spawn(move || identity.update_group(holder, &options).is_ok())
            };
            let (left, right) = (link(one, two), link(two, one));
            (
                left.join().expect("no panic"),
                right.join().expect("no panic"),
            )
        });
        assert!(
            left != right,
            "one of both is first, and the other a circle"
        );
    }
}
