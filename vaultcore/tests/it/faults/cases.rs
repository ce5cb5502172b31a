//! Every public operation, as the harness runs it.

use serde_json::{Value, json};
use vaultcore::kv::{Cas, DeleteAfter, KvConfigUpdate, MetadataUpdate};
use vaultcore::{
    Error, ErrorKind, MountTune, NewMount, NewSlot, Result, SealStatus, SecretBytes, SlotType,
};

use crate::world::{World, key, passphrase, share, slots, texts, value};

/// One public operation.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) start: Start,
    pub(super) again: Again,
    /// What is done before, without faults, by the same vault.
    pub(super) prepare: fn(&World),
    pub(super) run: fn(&World) -> Result<String>,
}

/// What the operation finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Empty,
    Sealed,
    Open,
    /// With a secret of 110 versions.
    Large,
}

/// What a second call answers if the first one happened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    /// The same, and nothing changes.
    Same,
    /// It does more of the same.
    More,
    /// That there is nothing left to do.
    Refused(ErrorKind),
}

fn nothing(_: &World) {}

fn open(name: &'static str, again: Again, run: fn(&World) -> Result<String>) -> Case {
    Case {
        name,
        start: Start::Open,
        again,
        prepare: nothing,
        run,
    }
}

impl Case {
    fn from(self, start: Start) -> Self {
        Self { start, ..self }
    }

    fn after(self, prepare: fn(&World)) -> Self {
        Self { prepare, ..self }
    }
}

fn done<T>(result: Result<T>) -> Result<String> {
    result.map(|_| String::new())
}

fn shown(result: Result<SealStatus>) -> Result<String> {
    let status = result?;
    let answer = (
        status.initialized(),
        status.sealed(),
        status.progress(),
        status.threshold(),
        status.shares(),
    );
    Ok(format!("{answer:?}"))
}

pub(super) fn all() -> Vec<Case> {
    let mut cases = seal_cases();
    cases.extend(sys_cases());
    cases.extend(root_cases());
    cases.extend(write_cases());
    cases.extend(change_cases());
    cases.extend(transaction_cases());
    cases.extend(large_cases());
    cases.extend(read_cases());
    cases.extend(v1_cases());
    cases
}

fn seal_cases() -> Vec<Case> {
    use Again::{Refused, Same};
    vec![
        open("init", Refused(ErrorKind::AlreadyInitialized), |w| {
            let [people, _, host] = slots();
            done(w.vault.init([people, host]))
        })
        .from(Start::Empty),
        open("status", Same, |w| shown(w.vault.status())),
        open("status sealed", Same, |w| shown(w.vault.status())).from(Start::Sealed),
        open("status empty", Same, |w| shown(w.vault.status())).from(Start::Empty),
        open("unseal", Same, |w| {
            shown(w.vault.unseal(&share(&w.shares[0])))
        })
        .from(Start::Sealed),
        open("unseal last", Same, |w| {
            shown(w.vault.unseal(&share(&w.shares[2])))
        })
        .from(Start::Sealed)
        .after(|w| {
            done(w.vault.unseal(&share(&w.shares[1])))
                .map(drop)
                .expect("first")
        }),
        open("unseal_key", Same, |w| shown(w.vault.unseal_key(&key()))).from(Start::Sealed),
        open("unseal_passphrase", Same, |w| {
            shown(w.vault.unseal_passphrase(&passphrase()))
        })
        .from(Start::Sealed),
        open("seal", Same, |w| done(w.vault.seal())),
        open("owner", Same, |w| done(w.vault.owner())),
        open("close", Same, |w| done(w.vault.close())),
        open("tick", Same, |w| done(w.vault.tick())),
    ]
}

fn sys_cases() -> Vec<Case> {
    use Again::{More, Refused, Same};
    vec![
        open("mount", Refused(ErrorKind::InvalidArgument), |w| {
            let new = NewMount::kv2().description("canary-description");
            done(w.sys().mount("canary-new", new))
        }),
        open("mounts", Same, |w| Ok(w.sys().mounts()?.len().to_string())),
        open("tune", Same, |w| {
            let tune = MountTune::new().description("canary-tuned");
            done(w.sys().tune("other", &tune))
        }),
        open("rotate", More, |w| Ok(w.sys().rotate()?.to_string())),
        open("key_status", Same, |w| {
            Ok(format!("{:?}", w.sys().key_status()?))
        }),
        open("rewrap_all", Same, |w| done(w.sys().rewrap_all(|_| Ok(())))),
        open("slots", Same, |w| Ok(w.sys().slots()?.len().to_string())),
        open("add_slot key", More, |w| {
            let new = NewSlot::key(SecretBytes::copy_from(&[8; 32]));
            done(w.sys().add_slot(&new))
        }),
        open("add_slot shamir", More, |w| {
            done(w.sys().add_slot(&NewSlot::shamir(2, 2)))
        }),
        open("rekey", Same, |w| done(w.sys().rekey(None, 3, 2))),
        open("rekey again", Same, |w| done(w.sys().rekey(None, 3, 2))).after(start_rekey),
        open("rekey_verify first", Same, |w| verify(w, 0)).after(start_rekey),
        open("rekey_cancel", Same, |w| done(w.sys().rekey_cancel())).after(start_rekey),
    ]
}

/// Those that make a new root key.
fn root_cases() -> Vec<Case> {
    use Again::{More, Refused};
    vec![
        open("rotate_root", More, |w| done(w.sys().rotate_root())),
        open(
            "remove_slot passphrase",
            Refused(ErrorKind::NotFound),
            |w| {
                let slots = w.sys().slots()?;
                let slot = slots.iter().find(|slot| slot.kind == SlotType::Passphrase);
                let gone = || Error::new(ErrorKind::NotFound, "the slot is gone");
                done(w.sys().remove_slot(slot.ok_or_else(gone)?.id))
            },
        ),
        open("remove_slot shamir", Refused(ErrorKind::NotFound), |w| {
            let shamir = SlotType::Shamir {
                shares: 3,
                threshold: 2,
            };
            let slots = w.sys().slots()?;
            let slot = slots.iter().find(|slot| slot.kind == shamir);
            let gone = || Error::new(ErrorKind::NotFound, "the slot is gone");
            done(w.sys().remove_slot(slot.ok_or_else(gone)?.id))
        }),
        open("rekey_verify last", Refused(ErrorKind::NotFound), |w| {
            verify(w, 2)
        })
        .after(|w| {
            start_rekey(w);
            verify(w, 0).expect("first new share");
        }),
    ]
}

fn start_rekey(w: &World) {
    let rekey = w.sys().rekey(None, 3, 2).expect("rekey");
    *w.rekey.borrow_mut() = Some((rekey.nonce(), texts(rekey.shares())));
}

fn verify(w: &World, number: usize) -> Result<String> {
    let (nonce, shares) = w.rekey.borrow().clone().expect("started");
    let progress = w.sys().rekey_verify(nonce, &share(&shares[number]))?;
    Ok(format!("{progress:?}"))
}

fn write_cases() -> Vec<Case> {
    use Again::{More, Refused};
    let conflict = Refused(ErrorKind::Conflict);
    vec![
        open("put new", conflict, |w| {
            done(w.kv().put("canary-new/x", &value(1), Cas::Absent))
        }),
        open("put any", More, |w| {
            done(w.kv().put("canary-plain", &value(5), Cas::Any))
        }),
        open("put_json", conflict, |w| {
            let json = value(6).to_string();
            done(
                w.kv()
                    .put_json("canary-plain", json.as_bytes(), Cas::Version(2)),
            )
        }),
        open("put pruned", conflict, |w| {
            done(w.kv().put("canary-shrunk", &value(7), Cas::Version(4)))
        }),
        open("patch", conflict, |w| {
            let patch = json!({ "n": null, "more": "canary-more" });
            done(w.kv().patch("canary-plain", &patch, Cas::Version(2)))
        }),
        open("rollback", conflict, |w| {
            done(w.kv().rollback("canary-folder/app", 1, Cas::Version(3)))
        }),
    ]
}

fn change_cases() -> Vec<Case> {
    use Again::{More, Same};
    vec![
        open("delete", Same, |w| done(w.kv().delete("canary-plain"))),
        open("delete_versions", Same, |w| {
            done(w.kv().delete_versions("canary-folder/app", &[1, 3]))
        }),
        open("undelete", Same, |w| {
            done(w.kv().undelete("canary-deleted", &[2]))
        }),
        open("destroy", Same, |w| {
            done(w.kv().destroy("canary-folder/app", &[2, 3]))
        }),
        open("put_metadata", More, |w| {
            let update = MetadataUpdate::new().custom("team", "canary-two");
            done(w.kv().put_metadata("canary-noted", &update))
        }),
        open("patch_metadata", More, |w| {
            let update = MetadataUpdate::new().custom("more", "canary-more");
            done(w.kv().patch_metadata("canary-plain", &update))
        }),
        open("delete_metadata", Same, |w| {
            done(w.kv().delete_metadata("canary-folder/app"))
        }),
        open("configure", Same, |w| {
            let after = DeleteAfter::Duration(std::time::Duration::from_secs(60));
            done(
                w.kv()
                    .configure(&KvConfigUpdate::new().delete_version_after(after)),
            )
        }),
    ]
}

fn transaction_cases() -> Vec<Case> {
    let conflict = Again::Refused(ErrorKind::Conflict);
    vec![
        open("transaction", conflict, |w| {
            done(w.kv().transaction(|tx| {
                tx.put("canary-a", &value(1), Cas::Absent)?;
                tx.put("canary-plain", &value(1), Cas::Version(2))?;
                tx.delete("canary-folder/app", Cas::Any)
            }))
        }),
        open("transaction swept", conflict, |w| {
            done(w.kv().transaction(|tx| {
                tx.put("canary-shrunk", &value(8), Cas::Version(4))?;
                (0..45).try_for_each(|n| tx.put(&format!("canary-{n}"), &value(n), Cas::Absent))
            }))
        }),
    ]
}

/// Those that leave work behind, and finish it.
fn large_cases() -> Vec<Case> {
    use Again::{Refused, Same};
    let shrink = |w: &World| {
        let update = MetadataUpdate::new().max_versions(1);
        w.kv()
            .put_metadata("canary-large", &update)
            .expect("metadata");
    };
    vec![
        open("put swept", Refused(ErrorKind::Conflict), |w| {
            done(w.kv().put("canary-large", &value(1), Cas::Version(110)))
        })
        .after(shrink)
        .from(Start::Large),
        open("destroy swept", Same, |w| {
            let all: Vec<u64> = (1..=110).collect();
            done(w.kv().destroy("canary-large", &all))
        })
        .from(Start::Large),
        open("delete_metadata purged", Same, |w| {
            done(w.kv().delete_metadata("canary-large"))
        })
        .from(Start::Large),
        open("rewrap_all large", Same, |w| {
            done(w.sys().rewrap_all(|_| Ok(())))
        })
        .after(|w| assert!(w.sys().rotate().is_ok()))
        .from(Start::Large),
    ]
}

fn read_cases() -> Vec<Case> {
    use Again::Same;
    vec![
        open("get", Same, |w| {
            Ok(w.kv().get::<Value>("canary-folder/app")?.data.to_string())
        }),
        open("get_version", Same, |w| {
            Ok(w.kv()
                .get_version::<Value>("canary-folder/app", 2)?
                .data
                .to_string())
        }),
        open("get_json", Same, |w| {
            let secret = w.kv().get_json("canary-folder/app")?;
            Ok(String::from_utf8_lossy(secret.data.expose()).into_owned())
        }),
        open("subkeys", Same, |w| {
            let keys = w.kv().subkeys("canary-folder/app", 0, 0)?;
            Ok(String::from_utf8_lossy(keys.expose()).into_owned())
        }),
        open("metadata", Same, |w| {
            Ok(format!("{:?}", w.kv().metadata("canary-plain")?))
        }),
        open("config", Same, |w| Ok(format!("{:?}", w.kv().config()?))),
        open("list", Same, |w| Ok(w.kv().list("")?.join(","))),
        open("list_page", Same, |w| {
            Ok(w.kv().list_page("", "canary-e", 2)?.join(","))
        }),
        open("list_recursive", Same, |w| {
            Ok(w.kv().list_recursive("")?.join(","))
        }),
        open("names", Same, |w| {
            let page = w.kv().names("", None, 2)?;
            let rest = w.kv().names("", page.next.as_ref(), 100)?;
            Ok([page.names, rest.names].concat().len().to_string())
        }),
    ]
}

fn v1_cases() -> Vec<Case> {
    use Again::Same;
    vec![
        open("v1 put", Same, |w| {
            done(w.one().put("canary-one", &value(3)))
        }),
        open("v1 put new", Same, |w| {
            done(w.one().put("canary-x/y", &value(3)))
        }),
        open("v1 get", Same, |w| {
            Ok(w.one().get::<Value>("canary-one")?.to_string())
        }),
        open("v1 list", Same, |w| Ok(w.one().list("")?.join(","))),
        open("v1 delete", Same, |w| done(w.one().delete("canary-one"))),
    ]
}
