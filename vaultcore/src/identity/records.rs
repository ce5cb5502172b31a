//! Stored records of identity, from bytes that anybody may have written.

use std::collections::BTreeMap;

use super::{Alias, Entity, Group, GroupKind, Named, Pointer};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::id::{AliasId, EntityId, GroupId, MountId};
use crate::record::Record;

const TIME: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn alias(number: u8) -> Alias {
    Alias {
        id: AliasId::from_bytes([number; 16]),
        mount: MountId::from_bytes([number; 16]),
        accessor: "approle_01".into(),
        name: "ann".into(),
        metadata: BTreeMap::from([("k".into(), "v".into())]),
        custom_metadata: BTreeMap::new(),
        created: TIME,
        updated: TIME,
        merged_from: vec![EntityId::from_bytes([9; 16])],
    }
}

fn entity() -> Entity {
    Entity {
        id: EntityId::from_bytes([1; 16]),
        name: "Ann".into(),
        metadata: BTreeMap::from([("team".into(), "x".into())]),
        policies: vec!["p".into(), "q".into()],
        disabled: false,
        created: TIME,
        updated: TIME,
        aliases: vec![alias(1), alias(2)],
        groups: vec![GroupId::from_bytes([3; 16]), GroupId::from_bytes([4; 16])],
        merged: vec![EntityId::from_bytes([9; 16])],
    }
}

fn group() -> Group {
    Group {
        id: GroupId::from_bytes([3; 16]),
        name: "staff".into(),
        kind: GroupKind::External,
        metadata: BTreeMap::new(),
        policies: vec!["p".into()],
        members: vec![GroupId::from_bytes([5; 16])],
        parents: vec![GroupId::from_bytes([6; 16])],
        alias: Some(alias(7)),
        created: TIME,
        updated: TIME,
        changes: 3,
    }
}

/// Decodes `bytes` as each kind of record; what does decode encodes to something that decodes.
fn decode_all(bytes: &[u8]) -> usize {
    fn one<R: Record>(bytes: &[u8]) -> usize {
        match R::decode(bytes) {
            Ok(record) => {
                let again = record.encode().expect("encodes");
                assert!(R::decode(&again).is_ok());
                1
            }
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Unsupported));
                0
            }
        }
    }
    one::<Entity>(bytes)
        + one::<Group>(bytes)
        + one::<Pointer<EntityId>>(bytes)
        + one::<Named<GroupId>>(bytes)
}

#[test]
fn records_come_back_whole() {
    let stored = entity().encode().expect("encodes");
    assert!(Entity::decode(&stored).expect("decodes") == entity());
    let stored = group().encode().expect("encodes");
    assert!(Group::decode(&stored).expect("decodes") == group());
}

#[test]
fn what_does_not_fit_together_is_corrupt() {
    fn entity_with(change: impl FnOnce(&mut Entity)) -> ErrorKind {
        let mut entity = entity();
        change(&mut entity);
        let stored = entity.encode().expect("encodes");
        Entity::decode(&stored).err().expect("unsound").kind()
    }
    fn group_with(change: impl FnOnce(&mut Group)) -> ErrorKind {
        let mut group = group();
        change(&mut group);
        let stored = group.encode().expect("encodes");
        Group::decode(&stored).err().expect("unsound").kind()
    }
    let kinds = [
        entity_with(|entity| entity.policies.push("root".into())),
        entity_with(|entity| entity.policies.reverse()),
        entity_with(|entity| entity.groups.reverse()),
        entity_with(|entity| entity.aliases.push(alias(1))),
        entity_with(|entity| entity.name = " ann".into()),
        entity_with(|entity| entity.aliases[0].name.clear()),
        entity_with(|entity| entity.merged = vec![EntityId::from_bytes([1; 16]); 65]),
        group_with(|group| group.policies = vec!["root".into()]),
        group_with(|group| group.members = vec![group.id]),
        group_with(|group| group.parents = vec![GroupId::from_bytes([1; 16]); 2]),
        group_with(|group| group.kind = GroupKind::Internal),
        group_with(|group| group.name = "a/b".into()),
    ];
    assert!(
        kinds.iter().all(|kind| *kind == ErrorKind::Corrupt),
        "{kinds:?}"
    );
}

#[test]
fn bytes_of_any_kind_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let seeds = [
        entity().encode().expect("encodes").to_vec(),
        group().encode().expect("encodes").to_vec(),
        Pointer {
            id: EntityId::from_bytes([1; 16]),
        }
        .encode()
        .expect("encodes")
        .to_vec(),
        vec![1; 64],
    ];
    let mut decoded = 0;
    for round in 0..100_000u64 {
        let mut bytes = seeds[usize::try_from(round % 4).expect("small")].clone();
        for _ in 0..=next() % 4 {
            let at = usize::try_from(next()).expect("64 bits") % bytes.len();
            match next() % 4 {
                0 => bytes[at] = next().to_le_bytes()[0],
                1 => bytes[at] ^= 1 << (next() % 8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, next().to_le_bytes()[0]),
            }
        }
        decoded += decode_all(&bytes);
    }
    assert!(decoded > 1_000, "{decoded} are few");
    // A length that nothing stands behind allocates nothing for it.
    let mut huge = vec![1];
    huge.extend([0xff; 9]);
    assert_eq!(decode_all(&huge), 0);
}
