//! Groups: members, groups in groups, and those that an auth method fills.

use vaultcore::who::{AliasOptions, EntityOptions, GroupKind, GroupOptions};
use vaultcore::{EntityId, ErrorKind, GroupId};

use super::{People, kind};

fn group(people: &People, options: GroupOptions) -> GroupId {
    people.identity().create_group(&options).expect("a group")
}

#[test]
fn policies_of_a_group_are_those_of_its_members_members() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let inner = group(&people, GroupOptions::new().policies(["p"]).members([id]));
    let middle = group(&people, GroupOptions::new().groups([inner]));
    let outer = group(
        &people,
        GroupOptions::new().policies(["q"]).groups([middle]),
    );
    assert_eq!(people.may(&ann), ["p", "q"]);
    let info = identity.entity(id).expect("an entity");
    assert_eq!(info.direct_groups, [inner]);
    let mut inherited = vec![middle, outer];
    inherited.sort_unstable();
    assert_eq!(info.inherited_groups, inherited);
    assert_eq!(identity.group(inner).expect("a group").parents, [middle]);
    let policies = GroupOptions::new().policies(["r"]);
    identity.update_group(outer, &policies).expect("changed");
    assert_eq!(people.may(&ann), ["p", "r"]);
    identity
        .update_group(outer, &GroupOptions::new().groups([]))
        .expect("unlinked");
    assert_eq!(people.may(&ann), ["p"]);
    identity
        .update_group(outer, &GroupOptions::new().groups([middle]))
        .expect("linked");
    assert_eq!(people.may(&ann), ["p", "r"]);
    identity
        .update_group(inner, &GroupOptions::new().members([]))
        .expect("emptied");
    assert!(people.may(&ann).is_empty());
}

#[test]
fn a_deleted_group_grants_nothing_and_comes_back_empty() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let options = GroupOptions::new()
        .name("staff")
        .policies(["p"])
        .members([id]);
    let first = group(&people, options.clone());
    let outer = group(&people, GroupOptions::new().policies(["q"]).groups([first]));
    assert_eq!(people.may(&ann), ["p", "q"]);
    identity.delete_group(first).expect("deleted");
    identity.delete_group(first).expect("deleted already");
    assert!(people.may(&ann).is_empty());
    assert!(
        identity
            .entity(id)
            .expect("an entity")
            .direct_groups
            .is_empty()
    );
    assert!(identity.group(outer).expect("a group").groups.is_empty());
    let again = group(&people, GroupOptions::new().name("Staff").policies(["p"]));
    assert!(
        people.may(&ann).is_empty(),
        "the name alone makes nobody a member"
    );
    identity
        .update_group(again, &GroupOptions::new().members([id]))
        .expect("a member");
    assert_eq!(people.may(&ann), ["p"]);
}

#[test]
fn groups_never_hold_themselves() {
    let people = People::new();
    let identity = people.identity();
    let one = group(&people, GroupOptions::new());
    let two = group(&people, GroupOptions::new().groups([one]));
    let three = group(&people, GroupOptions::new().groups([two]));
    let held =
        |holder, member| identity.update_group(holder, &GroupOptions::new().groups([member]));
    for (holder, member) in [(one, one), (one, two), (one, three), (two, three)] {
        assert_eq!(kind(held(holder, member)), ErrorKind::InvalidArgument);
    }
    held(three, one).expect("a shorter way is no circle");
    held(two, three).expect("what was taken out closes no circle");
    let unknown = GroupId::from_bytes([9; 16]);
    assert_eq!(kind(held(one, unknown)), ErrorKind::InvalidArgument);
}

#[test]
fn groups_are_nested_sixteen_deep_and_no_more() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.login("one", "ann").expect("a login");
    let id = people.entity(&ann);
    let mut chain = vec![group(&people, GroupOptions::new().members([id]))];
    while let (Some(last), true) = (chain.last().copied(), chain.len() < 16) {
        chain.push(group(&people, GroupOptions::new().groups([last])));
    }
    identity
        .update_group(chain[15], &GroupOptions::new().policies(["p"]))
        .expect("changed");
    assert_eq!(people.may(&ann), ["p"]);
    let above = GroupOptions::new().groups([chain[15]]);
    assert_eq!(
        kind(identity.create_group(&above)),
        ErrorKind::LimitExceeded
    );
    let below = group(&people, GroupOptions::new());
    let under = GroupOptions::new().groups([below]);
    assert_eq!(
        kind(identity.update_group(chain[0], &under)),
        ErrorKind::LimitExceeded
    );
    identity
        .update_group(chain[1], &GroupOptions::new().groups([chain[0], below]))
        .expect("fits");
}

#[test]
fn members_change_by_fifties() {
    let people = People::new();
    let identity = people.identity();
    let made = |_| {
        identity
            .create_entity(&EntityOptions::new())
            .expect("an entity")
    };
    let many: Vec<EntityId> = (0..51).map(made).collect();
    let all = GroupOptions::new().members(many.iter().copied());
    assert_eq!(kind(identity.create_group(&all)), ErrorKind::LimitExceeded);
    let fifty = GroupOptions::new().members(many[..50].iter().copied());
    let full = group(&people, fifty);
    identity.update_group(full, &all).expect("one more");
    let mut sorted = many.clone();
    sorted.sort_unstable();
    assert_eq!(identity.group(full).expect("a group").members, sorted);
    let unknown = GroupOptions::new().members([EntityId::from_bytes([9; 16])]);
    assert_eq!(
        kind(identity.create_group(&unknown)),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn an_entity_is_in_sixty_four_groups_itself() {
    let people = People::new();
    let identity = people.identity();
    let id = identity
        .create_entity(&EntityOptions::new())
        .expect("an entity");
    let mut groups = Vec::new();
    for _ in 0..64 {
        groups.push(group(&people, GroupOptions::new().members([id])));
    }
    let more = GroupOptions::new().members([id]);
    assert_eq!(kind(identity.create_group(&more)), ErrorKind::LimitExceeded);
    identity.delete_group(groups[0]).expect("deleted");
    group(&people, more);
    assert_eq!(
        identity.entity(id).expect("an entity").direct_groups.len(),
        64
    );
    identity
        .delete_entity(id)
        .expect("all of it goes in one commit");
}

#[test]
fn members_of_an_external_group_are_not_set_by_hand() {
    let people = People::new();
    let identity = people.identity();
    let ann = people.entity(&people.login("one", "ann").expect("a login"));
    let outside = GroupOptions::new().kind(GroupKind::External);
    let by_hand = identity.create_group(&outside.clone().members([ann]));
    assert_eq!(kind(by_hand), ErrorKind::InvalidArgument);
    let inside = group(&people, GroupOptions::new());
    let nested = identity.create_group(&outside.clone().groups([inside]));
    assert_eq!(kind(nested), ErrorKind::InvalidArgument);
    let outside = group(&people, outside);
    let changed = identity.update_group(outside, &GroupOptions::new().kind(GroupKind::Internal));
    assert_eq!(kind(changed), ErrorKind::InvalidArgument);
    let alias = AliasOptions::new()
        .name("/staff/it")
        .mount_accessor(&people.accessors[0]);
    let refused = identity.set_group_alias(Some(inside), &alias);
    assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    let id = identity
        .set_group_alias(Some(outside), &alias)
        .expect("an alias");
    let info = identity
        .group(outside)
        .expect("a group")
        .alias
        .expect("its alias");
    assert_eq!((info.id, info.mount_path.as_str()), (id, "auth/one/"));
    let other = identity.set_group_alias(None, &alias).expect("the same");
    assert_eq!(other, id);
    identity.delete_group_alias(id).expect("deleted");
    assert_eq!(kind(identity.group_alias(id)), ErrorKind::NotFound);
}
