//! Plays a history on both.

use std::collections::BTreeSet;

use proptest::prelude::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use vaultcore::approle::NewSecretId;
use vaultcore::who::{AliasOptions, EntityOptions, GroupOptions, Identity};
use vaultcore::{AliasId, EntityId, ErrorKind, GroupId, NewSlot, SecretString};

use super::model::{Model, Refused};
use super::rules::Planted;
use super::step::{ALIASES, Change, MOUNTS, NAMES, POLICIES, Pick, Step};
use crate::identity_rules::People;
use crate::rig::{Rig, builder};
use crate::world::{share, texts};

/// Tokens that are looked at.
const TOKENS: usize = 6;

struct Play {
    people: People,
    identity: Identity,
    model: Model,
    entities: Vec<EntityId>,
    groups: Vec<GroupId>,
    aliases: Vec<AliasId>,
    tokens: Vec<(SecretString, usize)>,
    /// The secret ids of `ann` and `ben` in each mount.
    secrets: Vec<Vec<SecretString>>,
}

type Played = Result<(), TestCaseError>;

pub(crate) fn play(planted: Planted, steps: &[Step]) -> Played {
    let (people, secrets) = PREPARED.with(Prepared::open);
    let mut play = Play {
        identity: people.identity(),
        people,
        model: Model::new(planted),
        entities: Vec::new(),
        groups: Vec::new(),
        aliases: Vec::new(),
        tokens: Vec::new(),
        secrets,
    };
    for step in begin().iter().chain(steps) {
        play.step(step)?;
    }
    play.check()
}

/// What every history begins with, so that there is something to happen to.
fn begin() -> [Step; 5] {
    let change = |policy, members| Change {
        policies: Some(vec![policy]),
        members,
        groups: None,
    };
    [
        Step::CreateEntity(None, None),
        Step::CreateEntity(None, None),
        Step::Login(0, 0),
        Step::CreateGroup(None, change(0, Some(vec![0, 2]))),
        Step::CreateGroup(None, change(1, None)),
    ]
}

thread_local! {
    /// Made once: it takes longer than a history.
    static PREPARED: Prepared = Prepared::new();
}

/// A vault with auth methods, roles and policies, to be copied.
struct Prepared {
    rig: Rig,
    share: String,
    secrets: Vec<Vec<String>>,
}

impl Prepared {
    fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let people = People::on(vault);
        let secret = |mount: &&str, name: &&str| {
            let roles = people.owner.approle(mount).expect("a path");
            let made = roles
                .create_secret_id(name, &NewSecretId::new())
                .expect("made");
            made.secret_id.expose().to_owned()
        };
        let of = |mount| {
            ALIASES[..2]
                .iter()
                .map(|name| secret(mount, name))
                .collect()
        };
        Self {
            share: texts(init.shares()).remove(0),
            secrets: MOUNTS.iter().map(of).collect(),
            rig,
        }
    }

    fn open(&self) -> (People, Vec<Vec<SecretString>>) {
        let vault = builder(&self.rig.copy()).build().expect("builds");
        vault.unseal(&share(&self.share)).expect("unseals");
        let secret = |text: &String| SecretString::copy_from(text);
        let secrets = self.secrets.iter();
        let secrets = secrets
            .map(|some| some.iter().map(secret).collect())
            .collect();
        (People::of(vault), secrets)
    }
}

fn entity_id(entities: &[EntityId], pick: Pick) -> EntityId {
    let unknown = EntityId::from_bytes([pick; 16]);
    entities.get(usize::from(pick)).copied().unwrap_or(unknown)
}

fn group_id(groups: &[GroupId], pick: Pick) -> GroupId {
    let unknown = GroupId::from_bytes([pick; 16]);
    groups.get(usize::from(pick)).copied().unwrap_or(unknown)
}

fn named(policies: &[usize]) -> Vec<&'static str> {
    policies.iter().map(|index| POLICIES[*index]).collect()
}

fn agree<T>(
    found: vaultcore::Result<T>,
    wanted: &Result<(), Refused>,
) -> Result<Option<T>, TestCaseError> {
    match (found, wanted) {
        (Ok(found), Ok(())) => Ok(Some(found)),
        (Err(error), Err(())) => {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{}", error);
            Ok(None)
        }
        (found, wanted) => {
            let error = found.err().map(|error| error.to_string());
            Err(TestCaseError::fail(format!("{error:?}, wanted {wanted:?}")))
        }
    }
}

fn entity_options(name: Option<usize>, policies: Option<&Vec<usize>>) -> EntityOptions {
    let mut options = EntityOptions::new();
    if let Some(name) = name {
        options = options.name(NAMES[name]);
    }
    if let Some(policies) = policies {
        options = options.policies(named(policies));
    }
    options
}

impl Play {
    fn step(&mut self, step: &Step) -> Played {
        match step {
            Step::CreateEntity(name, policies) => {
                let wanted = self.model.create_entity(*name, policies.as_ref());
                let made = self
                    .identity
                    .create_entity(&entity_options(*name, policies.as_ref()));
                self.entities.extend(agree(made, &wanted)?);
            }
            Step::UpdateEntity(one, name, policies, disabled) => {
                let number = usize::from(*one);
                let wanted = self
                    .model
                    .update_entity(number, *name, policies.as_ref(), *disabled);
                let mut options = entity_options(*name, policies.as_ref());
                if let Some(disabled) = disabled {
                    options = options.disabled(*disabled);
                }
                let id = entity_id(&self.entities, *one);
                agree(self.identity.update_entity(id, &options), &wanted)?;
            }
            Step::DeleteEntity(one) => {
                self.model.delete_entity(usize::from(*one));
                let id = entity_id(&self.entities, *one);
                agree(self.identity.delete_entity(id), &Ok(()))?;
            }
            Step::AddAlias(entity, mount, name) => self.add_alias(*entity, *mount, *name)?,
            Step::RenameAlias(one, name) => {
                let wanted = self.model.rename_alias(usize::from(*one), *name);
                let options = AliasOptions::new()
                    .id(self.alias_id(*one))
                    .name(ALIASES[*name]);
                agree(self.identity.add_alias(None, &options), &wanted)?;
            }
            Step::DeleteAlias(one) => {
                self.model.delete_alias(usize::from(*one));
                agree(self.identity.delete_alias(self.alias_id(*one)), &Ok(()))?;
            }
            Step::Merge(from, to, keep) => self.merge(from, *to, *keep)?,
            Step::CreateGroup(name, change) => {
                let wanted = self.model.create_group(*name, change);
                let made = self
                    .identity
                    .create_group(&self.group_options(*name, change));
                self.groups.extend(agree(made, &wanted)?);
            }
            Step::UpdateGroup(one, name, change) => {
                let wanted = self.model.update_group(usize::from(*one), *name, change);
                let id = group_id(&self.groups, *one);
                let options = self.group_options(*name, change);
                agree(self.identity.update_group(id, &options), &wanted)?;
            }
            Step::DeleteGroup(one) => {
                self.model.delete_group(usize::from(*one));
                let id = group_id(&self.groups, *one);
                agree(self.identity.delete_group(id), &Ok(()))?;
            }
            Step::Login(mount, name) => self.login(*mount, *name)?,
            Step::Check => self.check()?,
        }
        Ok(())
    }

    fn alias_id(&self, pick: Pick) -> AliasId {
        let unknown = AliasId::from_bytes([pick; 16]);
        self.aliases
            .get(usize::from(pick))
            .copied()
            .unwrap_or(unknown)
    }

    fn group_options(&self, name: Option<usize>, change: &Change) -> GroupOptions {
        let mut options = GroupOptions::new();
        if let Some(name) = name {
            options = options.name(NAMES[name]);
        }
        if let Some(policies) = &change.policies {
            options = options.policies(named(policies));
        }
        if let Some(members) = &change.members {
            let ids = members.iter().map(|one| entity_id(&self.entities, *one));
            options = options.members(ids);
        }
        if let Some(groups) = &change.groups {
            options = options.groups(groups.iter().map(|one| group_id(&self.groups, *one)));
        }
        options
    }

    fn add_alias(&mut self, entity: Option<Pick>, mount: usize, name: usize) -> Played {
        let wanted = self.model.add_alias(entity.map(usize::from), mount, name);
        let accessor = &self.people.accessors[mount];
        let options = AliasOptions::new()
            .name(ALIASES[name])
            .mount_accessor(accessor);
        let entity = entity.map(|one| entity_id(&self.entities, one));
        let made = self.identity.add_alias(entity, &options);
        let outcome = wanted.map(|_| ());
        let (Some(id), Ok((owner, alias))) = (agree(made, &outcome)?, wanted) else {
            return Ok(());
        };
        let info = self.identity.alias(id).expect("it was made");
        let found = self
            .identity
            .entity_with_alias(&info.name, accessor)
            .expect("it was made");
        self.learn(owner, found.id, alias, id)
    }

    /// Learns the ids of what was made, or compares them with those that are known.
    fn learn(&mut self, owner: usize, entity: EntityId, number: usize, alias: AliasId) -> Played {
        if owner == self.entities.len() {
            self.entities.push(entity);
        }
        if number == self.aliases.len() {
            self.aliases.push(alias);
        }
        prop_assert_eq!(self.entities[owner], entity);
        prop_assert_eq!(self.aliases[number], alias);
        Ok(())
    }

    fn merge(&mut self, from: &[Pick], to: Pick, keep: u8) -> Played {
        let numbers: Vec<usize> = from.iter().map(|one| usize::from(*one)).collect();
        let of = |number: usize| {
            let entity = self.model.entities.get(number).cloned().flatten();
            entity.map(|entity| entity.aliases).unwrap_or_default()
        };
        let kept: BTreeSet<usize> = match keep {
            0 => BTreeSet::new(),
            1 => of(usize::from(to)),
            _ => numbers.iter().flat_map(|number| of(*number)).collect(),
        };
        let wanted = self.model.merge(&numbers, usize::from(to), &kept);
        let ids: Vec<EntityId> = from
            .iter()
            .map(|one| entity_id(&self.entities, *one))
            .collect();
        let kept: Vec<AliasId> = kept.iter().map(|alias| self.aliases[*alias]).collect();
        let to = entity_id(&self.entities, to);
        agree(self.identity.merge_entities(&ids, to, &kept), &wanted)?;
        Ok(())
    }

    fn login(&mut self, mount: usize, name: usize) -> Played {
        let wanted = self.model.login(mount, name);
        let secret = &self.secrets[mount][name];
        let found = self
            .people
            .vault
            .login_approle(MOUNTS[mount], ALIASES[name], secret);
        match (found, wanted) {
            (Ok(token), Ok(owner)) => {
                let entity = self.people.entity(&token);
                let info = self.identity.entity(entity).expect("it logged in");
                let alias = info.aliases.iter().find(|alias| {
                    alias.name == ALIASES[name]
                        && alias.mount_accessor == self.people.accessors[mount]
                });
                let alias = alias.expect("its alias").id;
                let known = self.aliases.iter().position(|known| *known == alias);
                self.learn(owner, entity, known.unwrap_or(self.aliases.len()), alias)?;
                self.tokens.push((token, owner));
                let surplus = self.tokens.len().saturating_sub(TOKENS);
                self.tokens.drain(..surplus);
            }
            (Err(error), Err(())) => {
                prop_assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            }
            (found, wanted) => {
                let error = found.err().map(|error| error.to_string());
                return Err(TestCaseError::fail(format!("{error:?}, wanted {wanted:?}")));
            }
        }
        Ok(())
    }

    fn check(&self) -> Played {
        let (mut names, mut alive) = (BTreeSet::new(), 0);
        for (number, id) in self.entities.iter().enumerate() {
            let found = self.identity.entity(*id);
            let Some(entity) = &self.model.entities[number] else {
                prop_assert_eq!(
                    found.err().map(|error| error.kind()),
                    Some(ErrorKind::NotFound)
                );
                continue;
            };
            let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
            alive += 1;
            if let Some(name) = &entity.name {
                prop_assert_eq!(&found.name, name);
                let upper = self.identity.entity_named(&name.to_uppercase());
                prop_assert_eq!(upper.ok().map(|one| one.id), Some(*id));
            }
            names.insert(found.name.clone());
            let policies = entity
                .policies
                .iter()
                .map(|index| POLICIES[*index].to_lowercase());
            prop_assert!(found.policies.iter().cloned().eq(policies));
            prop_assert_eq!(found.disabled, entity.disabled);
            let aliases: BTreeSet<_> = found.aliases.iter().map(|alias| alias.id).collect();
            let wanted: BTreeSet<_> = entity
                .aliases
                .iter()
                .map(|one| self.aliases[*one])
                .collect();
            prop_assert_eq!(aliases, wanted);
            self.same_groups(&found.direct_groups, &entity.groups)?;
            self.same_groups(&found.inherited_groups, &self.model.inherited(entity))?;
        }
        let listed = self.identity.entities().expect("a list");
        prop_assert_eq!(listed.len(), alive);
        prop_assert!(listed.iter().eq(names.iter()));
        self.check_groups()?;
        self.check_aliases()?;
        for (token, owner) in &self.tokens {
            let wanted: Vec<_> = self.model.policies(*owner).into_iter().collect();
            prop_assert_eq!(self.people.may(token), named(&wanted));
        }
        Ok(())
    }

    fn same_groups(&self, found: &[GroupId], wanted: &BTreeSet<usize>) -> Played {
        let found: BTreeSet<GroupId> = found.iter().copied().collect();
        let wanted: BTreeSet<GroupId> = wanted.iter().map(|number| self.groups[*number]).collect();
        prop_assert_eq!(found, wanted);
        Ok(())
    }

    fn check_groups(&self) -> Played {
        for (number, id) in self.groups.iter().enumerate() {
            let found = self.identity.group(*id);
            let Some(group) = &self.model.groups[number] else {
                prop_assert_eq!(
                    found.err().map(|error| error.kind()),
                    Some(ErrorKind::NotFound)
                );
                continue;
            };
            let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
            if let Some(name) = &group.name {
                prop_assert_eq!(&found.name, name);
            }
            self.same_groups(&found.groups, &group.children)?;
            let entities = self.model.entities.iter().enumerate();
            let wanted: BTreeSet<EntityId> = entities
                .filter(|(_, one)| one.as_ref().is_some_and(|one| one.groups.contains(&number)))
                .map(|(member, _)| self.entities[member])
                .collect();
            prop_assert!(found.members.iter().eq(wanted.iter()), "members");
        }
        Ok(())
    }

    fn check_aliases(&self) -> Played {
        for (number, id) in self.aliases.iter().enumerate() {
            let found = self.identity.alias(*id).ok();
            let wanted = self.model.aliases[number].as_ref();
            let found = found.map(|alias| alias.name);
            prop_assert_eq!(found, wanted.map(|alias| ALIASES[alias.name].to_owned()));
        }
        Ok(())
    }
}
