//! Entities and groups as plain maps.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Planted;
use super::step::{Change, NAMES, POLICIES, Pick};

/// Names are of entities and groups alike, by what they are folded to.
pub(crate) type Refused = ();

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Entity {
    /// `None`: one of its own.
    pub(crate) name: Option<String>,
    pub(crate) policies: BTreeSet<usize>,
    pub(crate) disabled: bool,
    /// The aliases, by number.
    pub(crate) aliases: BTreeSet<usize>,
    pub(crate) groups: BTreeSet<usize>,
}

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) policies: BTreeSet<usize>,
    pub(crate) children: BTreeSet<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alias {
    pub(crate) mount: usize,
    pub(crate) name: usize,
}

/// What there is; what was deleted leaves a gap, so that numbers stay.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    planted: Planted,
    pub(crate) entities: Vec<Option<Entity>>,
    pub(crate) groups: Vec<Option<Group>>,
    pub(crate) aliases: Vec<Option<Alias>>,
    /// What was taken once, where that is never forgotten.
    taken: BTreeSet<String>,
    ghosts: BTreeMap<usize, BTreeSet<usize>>,
}

impl Model {
    pub(crate) fn new(planted: Planted) -> Self {
        Self {
            planted,
            entities: Vec::new(),
            groups: Vec::new(),
            aliases: Vec::new(),
            taken: BTreeSet::new(),
            ghosts: BTreeMap::new(),
        }
    }

    fn is(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    fn fold(&self, name: &str) -> String {
        match self.is(Planted::CaseMatters) {
            true => name.to_owned(),
            false => name.to_lowercase(),
        }
    }

    fn check_name(&self, name: usize) -> Result<(), Refused> {
        let good = name < 6 || name == 6 && self.is(Planted::SpacesAreNames);
        good.then_some(()).ok_or(())
    }

    fn check_policies(&self, policies: Option<&Vec<usize>>) -> Result<(), Refused> {
        let root = policies.is_some_and(|policies| policies.contains(&(POLICIES.len() - 1)));
        (!root || self.is(Planted::RootIsFine))
            .then_some(())
            .ok_or(())
    }

    fn entity_named(&self, name: &str) -> Option<usize> {
        let wanted = self.fold(name);
        self.entities.iter().position(|entity| {
            let name = entity.as_ref().and_then(|entity| entity.name.as_ref());
            name.is_some_and(|name| self.fold(name) == wanted)
        })
    }

    fn group_named(&self, name: &str) -> Option<usize> {
        let wanted = self.fold(name);
        self.groups.iter().position(|group| {
            let name = group.as_ref().and_then(|group| group.name.as_ref());
            name.is_some_and(|name| self.fold(name) == wanted)
        })
    }

    pub(crate) fn create_entity(
        &mut self,
        name: Option<usize>,
        policies: Option<&Vec<usize>>,
    ) -> Result<(), Refused> {
        if let Some(name) = name {
            self.check_name(name)?;
        }
        self.check_policies(policies)?;
        let number = self.entities.len();
        self.entities.push(Some(Entity::default()));
        let made = self.update_entity(number, name, policies, None);
        if made.is_err() {
            self.entities.pop();
        }
        made
    }

    pub(crate) fn update_entity(
        &mut self,
        number: usize,
        name: Option<usize>,
        policies: Option<&Vec<usize>>,
        disabled: Option<bool>,
    ) -> Result<(), Refused> {
        self.entities
            .get(number)
            .and_then(Option::as_ref)
            .ok_or(())?;
        self.check_policies(policies)?;
        if let Some(name) = name {
            self.check_name(name)?;
            let folded = self.fold(NAMES[name]);
            if self
                .entity_named(NAMES[name])
                .is_some_and(|other| other != number)
            {
                return Err(());
            }
            let own = self.entities[number]
                .as_ref()
                .and_then(|entity| entity.name.clone());
            let keeps = own.is_some_and(|own| self.fold(&own) == folded);
            if self.is(Planted::OldNameStaysTaken) && self.taken.contains(&folded) && !keeps {
                return Err(());
            }
            self.taken.insert(folded);
        }
        let entity = self.entities[number].as_mut().ok_or(())?;
        if let Some(name) = name {
            entity.name = Some(NAMES[name].to_owned());
        }
        if let Some(policies) = policies {
            entity.policies = policies.iter().copied().collect();
        }
        entity.disabled = disabled.unwrap_or(entity.disabled);
        Ok(())
    }

    pub(crate) fn delete_entity(&mut self, number: usize) {
        let Some(entity) = self.entities.get_mut(number).and_then(Option::take) else {
            return;
        };
        if self.is(Planted::DeletedKeepsPolicies) {
            self.ghosts.insert(number, entity.policies);
        }
        if !self.is(Planted::AliasOutlivesEntity) {
            for alias in entity.aliases {
                self.aliases[alias] = None;
            }
        }
    }

    fn alias_named(&self, mount: usize, name: usize) -> Option<usize> {
        let wanted = Alias { mount, name };
        self.aliases
            .iter()
            .position(|alias| alias.as_ref() == Some(&wanted))
    }

    fn holder(&self, alias: usize) -> Option<usize> {
        self.entities.iter().position(|entity| {
            entity
                .as_ref()
                .is_some_and(|entity| entity.aliases.contains(&alias))
        })
    }

    fn alias_of(&self, entity: usize, mount: usize) -> Option<usize> {
        let entity = self.entities[entity].as_ref()?;
        let of = |alias: &&usize| {
            self.aliases[**alias]
                .as_ref()
                .is_some_and(|alias| alias.mount == mount)
        };
        entity.aliases.iter().find(of).copied()
    }

    /// Returns the entity that the alias is of then.
    pub(crate) fn add_alias(
        &mut self,
        entity: Option<usize>,
        mount: usize,
        name: usize,
    ) -> Result<(usize, usize), Refused> {
        let known = self.alias_named(mount, name);
        let holder = known.and_then(|alias| self.holder(alias));
        if let Some(entity) = entity {
            self.entities
                .get(entity)
                .and_then(Option::as_ref)
                .ok_or(())?;
        }
        let owner = entity.or(holder);
        if let Some(owner) = owner {
            let other = self
                .alias_of(owner, mount)
                .filter(|other| Some(*other) != known);
            if other.is_some() && !self.is(Planted::TwoAliasesOfOneMount) {
                return Err(());
            }
        }
        let alias = known.unwrap_or_else(|| {
            self.aliases.push(Some(Alias { mount, name }));
            self.aliases.len() - 1
        });
        let owner = owner.unwrap_or_else(|| {
            self.entities.push(Some(Entity::default()));
            self.entities.len() - 1
        });
        if let Some(holder) = holder.filter(|_| !self.is(Planted::AliasDoesNotMove))
            && let Some(holder) = self.entities[holder].as_mut()
        {
            holder.aliases.remove(&alias);
        }
        if let Some(owner) = self.entities[owner].as_mut() {
            owner.aliases.insert(alias);
        }
        Ok((owner, alias))
    }

    pub(crate) fn rename_alias(&mut self, alias: usize, name: usize) -> Result<(), Refused> {
        let known = self.aliases.get(alias).and_then(Option::as_ref).ok_or(())?;
        let mount = known.mount;
        if self
            .alias_named(mount, name)
            .is_some_and(|other| other != alias)
        {
            return Err(());
        }
        self.aliases[alias] = Some(Alias { mount, name });
        Ok(())
    }

    pub(crate) fn delete_alias(&mut self, alias: usize) {
        if self.aliases.get_mut(alias).and_then(Option::take).is_some()
            && let Some(holder) = self.holder(alias)
            && let Some(holder) = self.entities[holder].as_mut()
        {
            holder.aliases.remove(&alias);
        }
    }

    /// Merges; of two aliases of one mount those in `keep` stay.
    pub(crate) fn merge(
        &mut self,
        from: &[usize],
        to: usize,
        keep: &BTreeSet<usize>,
    ) -> Result<(), Refused> {
        let before = self.clone();
        let merged = self.merge_all(from, to, keep);
        if merged.is_err() {
            *self = before;
        }
        merged
    }

    fn merge_all(
        &mut self,
        from: &[usize],
        to: usize,
        keep: &BTreeSet<usize>,
    ) -> Result<(), Refused> {
        if from.is_empty() || from.contains(&to) {
            return Err(());
        }
        self.entities.get(to).and_then(Option::as_ref).ok_or(())?;
        let mut seen = BTreeSet::new();
        for one in from.iter().filter(|one| seen.insert(**one)) {
            let other = self
                .entities
                .get_mut(*one)
                .and_then(Option::take)
                .ok_or(())?;
            for alias in &other.aliases {
                let mount = self.aliases[*alias]
                    .as_ref()
                    .map(|alias| alias.mount)
                    .ok_or(())?;
                let own = self.alias_of(to, mount);
                let stays = match own {
                    None => true,
                    Some(own) => match (keep.contains(&own), keep.contains(alias)) {
                        (true, false) => false,
                        (false, true) => true,
                        (false, false) if self.is(Planted::MergeNeedsNoChoice) => false,
                        _ => return Err(()),
                    },
                };
                let gone = if stays { own } else { Some(*alias) };
                let into = self.entities[to].as_mut().ok_or(())?;
                if stays {
                    into.aliases.insert(*alias);
                }
                if let Some(gone) = gone {
                    into.aliases.remove(&gone);
                    self.aliases[gone] = None;
                }
            }
            let (takes, loses) = (
                self.is(Planted::MergeTakesPolicies),
                self.is(Planted::MergeLosesGroups),
            );
            let into = self.entities[to].as_mut().ok_or(())?;
            if takes {
                into.policies.extend(&other.policies);
            }
            if !loses {
                into.groups.extend(&other.groups);
            }
        }
        Ok(())
    }

    pub(crate) fn create_group(
        &mut self,
        name: Option<usize>,
        change: &Change,
    ) -> Result<(), Refused> {
        self.groups.push(Some(Group::default()));
        let number = self.groups.len() - 1;
        let made = self.update_group(number, name, change);
        if made.is_err() {
            self.groups.pop();
        }
        made
    }

    pub(crate) fn update_group(
        &mut self,
        number: usize,
        name: Option<usize>,
        change: &Change,
    ) -> Result<(), Refused> {
        self.groups.get(number).and_then(Option::as_ref).ok_or(())?;
        if let Some(name) = name {
            self.check_name(name)?;
            if self
                .group_named(NAMES[name])
                .is_some_and(|other| other != number)
            {
                return Err(());
            }
        }
        self.check_policies(change.policies.as_ref())?;
        let members = self.members(change.members.as_ref())?;
        let children = self.children(number, change.groups.as_ref())?;
        let group = self.groups[number].as_mut().ok_or(())?;
        if let Some(name) = name {
            group.name = Some(NAMES[name].to_owned());
        }
        if let Some(policies) = &change.policies {
            group.policies = policies.iter().copied().collect();
        }
        if let Some(children) = children {
            group.children = children;
        }
        let adds = self.is(Planted::MembersAdd);
        if let Some(members) = members {
            for (index, entity) in self.entities.iter_mut().enumerate() {
                let Some(entity) = entity else { continue };
                if members.contains(&index) {
                    entity.groups.insert(number);
                } else if !adds {
                    entity.groups.remove(&number);
                }
            }
        }
        Ok(())
    }

    fn members(&self, members: Option<&Vec<Pick>>) -> Result<Option<BTreeSet<usize>>, Refused> {
        let Some(members) = members else {
            return Ok(None);
        };
        let members: BTreeSet<usize> = members.iter().map(|one| usize::from(*one)).collect();
        for one in &members {
            self.entities.get(*one).and_then(Option::as_ref).ok_or(())?;
        }
        Ok(Some(members))
    }

    fn children(
        &self,
        number: usize,
        groups: Option<&Vec<Pick>>,
    ) -> Result<Option<BTreeSet<usize>>, Refused> {
        let Some(groups) = groups else {
            return Ok(None);
        };
        let groups: BTreeSet<usize> = groups.iter().map(|one| usize::from(*one)).collect();
        for one in &groups {
            self.groups.get(*one).and_then(Option::as_ref).ok_or(())?;
            let circle = *one != number && self.below(*one).contains(&number);
            if *one == number || circle && !self.is(Planted::CirclesAreFine) {
                return Err(());
            }
        }
        Ok(Some(groups))
    }

    /// Returns the groups in `start`, and in those.
    fn below(&self, start: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(next) = todo.pop() {
            if let Some(group) = &self.groups[next] {
                todo.extend(group.children.iter().filter(|child| found.insert(**child)));
            }
        }
        found
    }

    pub(crate) fn delete_group(&mut self, number: usize) {
        if self.is(Planted::GroupOutlivesItself) {
            return;
        }
        if self.groups.get_mut(number).and_then(Option::take).is_none() {
            return;
        }
        for group in self.groups.iter_mut().flatten() {
            group.children.remove(&number);
        }
        for entity in self.entities.iter_mut().flatten() {
            entity.groups.remove(&number);
        }
    }

    /// Returns the entity that logs in.
    pub(crate) fn login(&mut self, mount: usize, name: usize) -> Result<usize, Refused> {
        let Some(alias) = self.alias_named(mount, name) else {
            return self.add_alias(None, mount, name).map(|(entity, _)| entity);
        };
        let holder = self.holder(alias).ok_or(())?;
        let disabled = self.entities[holder]
            .as_ref()
            .is_some_and(|entity| entity.disabled);
        if disabled && !self.is(Planted::DisabledLogsIn) {
            return Err(());
        }
        Ok(holder)
    }

    /// Returns all groups of an entity that it is not a direct member of.
    pub(crate) fn inherited(&self, entity: &Entity) -> BTreeSet<usize> {
        let holds = |group: &usize| {
            !entity.groups.contains(group)
                && self
                    .below(*group)
                    .iter()
                    .any(|one| entity.groups.contains(one))
        };
        let all = 0..self.groups.len();
        all.filter(|group| self.groups[*group].is_some())
            .filter(holds)
            .collect()
    }

    /// Returns the policies of whoever holds a token of an entity.
    pub(crate) fn policies(&self, number: usize) -> BTreeSet<usize> {
        let Some(entity) = &self.entities[number] else {
            return self.ghosts.get(&number).cloned().unwrap_or_default();
        };
        if entity.disabled {
            return BTreeSet::new();
        }
        let mut policies = entity.policies.clone();
        let mut groups = entity.groups.clone();
        if !self.is(Planted::NotInherited) {
            groups.extend(self.inherited(entity));
        }
        for group in groups {
            policies.extend(self.groups[group].iter().flat_map(|group| &group.policies));
        }
        policies
    }
}
