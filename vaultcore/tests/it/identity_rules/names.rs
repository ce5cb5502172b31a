//! Names: each spelling is the same object or refused.

use vaultcore::ErrorKind;
use vaultcore::who::{AliasOptions, EntityOptions, GroupOptions};

use super::{People, kind};

const BAD: &[&str] = &[
    " ann",
    "ann ",
    "an  n",
    "ann/",
    "/ann",
    "a//b",
    "a/b",
    "ann\0",
    "ann\n",
    "a\tn",
    "e\u{301}",
    "a\u{200b}nn",
    "a\u{a0}n",
    "\u{feff}ann",
    "\u{202e}nna",
];

#[test]
fn upper_and_lower_case_are_one_entity() {
    let people = People::new();
    let identity = people.identity();
    let ann = identity
        .create_entity(&EntityOptions::new().name("Ann \u{c9}"))
        .expect("made");
    for same in ["ann \u{e9}", "ANN \u{c9}", "Ann \u{c9}"] {
        let taken = identity.create_entity(&EntityOptions::new().name(same));
        assert_eq!(kind(taken), ErrorKind::InvalidArgument, "{same}");
        let found = identity.entity_named(same).expect("found");
        assert_eq!((found.id, found.name.as_str()), (ann, "Ann \u{c9}"));
    }
    let renamed = EntityOptions::new().name("ANN \u{e9}");
    identity
        .update_entity(ann, &renamed)
        .expect("another spelling of its own name");
    assert_eq!(identity.entities().expect("names"), ["ANN \u{e9}"]);
}

#[test]
fn what_looks_like_a_name_is_refused() {
    let people = People::new();
    let identity = people.identity();
    for bad in BAD {
        let entity = identity.create_entity(&EntityOptions::new().name(bad));
        assert_eq!(kind(entity), ErrorKind::InvalidArgument, "{bad:?}");
        let group = identity.create_group(&GroupOptions::new().name(bad));
        assert_eq!(kind(group), ErrorKind::InvalidArgument, "{bad:?}");
        assert_eq!(kind(identity.entity_named(bad)), ErrorKind::InvalidArgument);
        assert_eq!(kind(identity.group_named(bad)), ErrorKind::InvalidArgument);
    }
    for bad in [" a", "a ", "e\u{301}", "a\0", "a\u{200b}"] {
        let alias = AliasOptions::new()
            .name(bad)
            .mount_accessor(&people.accessors[0]);
        assert_eq!(
            kind(identity.add_alias(None, &alias)),
            ErrorKind::InvalidArgument,
            "{bad:?}"
        );
        assert_eq!(
            kind(identity.set_group_alias(None, &alias)),
            ErrorKind::InvalidArgument
        );
    }
    assert!(identity.entities().expect("names").is_empty());
    assert!(identity.groups().expect("names").is_empty());
}

#[test]
fn a_name_that_is_given_up_is_free() {
    let people = People::new();
    let identity = people.identity();
    let named = |name: &str| EntityOptions::new().name(name);
    let ann = identity.create_entity(&named("ann")).expect("made");
    identity
        .update_entity(ann, &named("anna"))
        .expect("renamed");
    let ben = identity.create_entity(&named("ann")).expect("made");
    assert_eq!(
        kind(identity.update_entity(ann, &named("ANN"))),
        ErrorKind::InvalidArgument
    );
    assert_eq!(identity.entity_named("ann").expect("found").id, ben);
    identity.delete_entity(ben).expect("deleted");
    identity.update_entity(ann, &named("Ann")).expect("renamed");
    assert_eq!(identity.entities().expect("names"), ["Ann"]);
}

#[test]
fn an_alias_is_of_one_entity() {
    let people = People::new();
    let identity = people.identity();
    let alias = AliasOptions::new()
        .name("ann")
        .mount_accessor(&people.accessors[0]);
    let one = identity.create_entity(&EntityOptions::new()).expect("made");
    let two = identity.create_entity(&EntityOptions::new()).expect("made");
    let id = identity.add_alias(Some(one), &alias).expect("an alias");
    assert_eq!(identity.add_alias(Some(two), &alias).expect("moved"), id);
    assert!(identity.entity(one).expect("one").aliases.is_empty());
    assert_eq!(identity.entity(two).expect("two").aliases[0].id, id);
    let upper = AliasOptions::new()
        .name("Ann")
        .mount_accessor(&people.accessors[0]);
    let other = identity
        .add_alias(Some(one), &upper)
        .expect("case is up to the method");
    assert_ne!(other, id);
    let rename = AliasOptions::new().id(other).name("ann");
    let taken = identity.add_alias(None, &rename);
    assert_eq!(kind(taken), ErrorKind::InvalidArgument);
    identity.delete_alias(id).expect("deleted");
    identity.add_alias(None, &rename).expect("free now");
    let found = identity
        .entity_with_alias("ann", &people.accessors[0])
        .expect("found");
    assert_eq!(found.id, one);
}

#[test]
fn what_is_too_much_is_refused() {
    let people = People::new();
    let identity = people.identity();
    let mut options = EntityOptions::new();
    for number in 0..=64 {
        options = options.metadata(&number.to_string(), "");
    }
    assert_eq!(
        kind(identity.create_entity(&options)),
        ErrorKind::InvalidArgument
    );
    for (key, value) in [
        ("", ""),
        (&"k".repeat(129)[..], ""),
        ("k", &"v".repeat(513)[..]),
    ] {
        let options = EntityOptions::new().metadata(key, value);
        assert_eq!(
            kind(identity.create_entity(&options)),
            ErrorKind::InvalidArgument
        );
    }
    let many = (0..257).map(|number| format!("p{number}"));
    let options = EntityOptions::new().policies(many);
    assert_eq!(
        kind(identity.create_entity(&options)),
        ErrorKind::LimitExceeded
    );
}
