//! Fails the Nth call to storage, and to the random source, for every N of every public operation.

mod cases;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vaultcore::{Error, ErrorKind, Result, Vault};

use crate::rig::{Effect, Plan, Rig, builder};
use crate::world::{CANARY, Caching, PASSPHRASE, Template, World, contents, key};
use cases::{Again, Case, Start};

/// How the vault stands when the fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Warmth {
    /// Just unsealed.
    Cold,
    /// Everything was read before.
    Warm,
    /// Nothing is cached.
    Uncached,
}

/// What fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Storage(Plan),
    Random(u64, u64),
}

/// The templates that cases begin with.
struct Shelf {
    small: Template,
    large: Template,
}

impl Shelf {
    fn new() -> Self {
        Self {
            small: Template::new(),
            large: Template::large(),
        }
    }

    fn world(&self, case: &Case, warmth: Warmth) -> World {
        let caching = if warmth == Warmth::Uncached {
            Caching::Off
        } else {
            Caching::On
        };
        let world = match case.start {
            Start::Empty => World::on(Rig::new(), Vec::new(), caching),
            Start::Sealed => self.small.sealed(caching),
            Start::Open => self.small.world(caching),
            Start::Large => self.large.world(caching),
        };
        (case.prepare)(&world);
        if warmth == Warmth::Warm && world.vault.owner().is_ok() {
            contents(&world.vault, &mut Vec::new()).expect("reads");
        }
        world
    }
}

/// What the operation does without a fault.
struct Expected {
    before: Vec<String>,
    after: Vec<String>,
    answer: String,
    /// Stored entries in the end, by area: nothing may be left over.
    residue: BTreeMap<String, usize>,
}

impl Expected {
    fn of(shelf: &Shelf, case: &Case, warmth: Warmth) -> Self {
        let world = shelf.world(case, warmth);
        let before = world.view();
        let answer = (case.run)(&world).expect(case.name);
        let after = world.view();
        Self {
            before,
            after,
            answer,
            residue: residue(&world),
        }
    }
}

/// Finishes interrupted work, and counts the entries of each area.
fn residue(world: &World) -> BTreeMap<String, usize> {
    let vault = builder(&world.rig).build().expect("builds");
    if vault.unseal_key(&key()).is_ok() {
        vault.tick().expect("ticks");
    }
    let mut counts = BTreeMap::new();
    for path in world.rig.values().keys() {
        let parts: Vec<&str> = path.splitn(4, '/').collect();
        let area = if parts[0] == "ns" { parts[2] } else { path };
        *counts.entry(area.to_owned()).or_default() += 1;
    }
    counts
}

/// Runs the case once with the fault, and then again without. Returns whether the fault came.
fn check(
    shelf: &Shelf,
    case: &Case,
    warmth: Warmth,
    fault: Fault,
    expected: &Expected,
) -> std::result::Result<bool, String> {
    let world = shelf.world(case, warmth);
    let found = world.rig.values();
    let bystander = builder(&world.rig).build().map_err(text)?;
    let watching = bystander.unseal_key(&key()).is_ok();
    match fault {
        Fault::Storage(plan) => world.rig.arm(plan),
        Fault::Random(first, last) => world.dice.arm(first, last),
    }
    let result = catch_unwind(AssertUnwindSafe(|| (case.run)(&world)));
    let struck = world.rig.disarm() + world.dice.disarm() > 0;
    let result = result.map_err(|_| "it panicked".to_owned())?;
    // Looking at everything takes long, and equal bytes look equal.
    let changed = world.rig.values() != found;
    let state = if changed {
        catch_unwind(AssertUnwindSafe(|| world.view()))
            .map_err(|_| "what is stored can not be read".to_owned())?
    } else {
        expected.before.clone()
    };
    let happened = judge(&world, &result, &state, expected)?;
    if watching && changed {
        watch(&bystander, &state)?;
    }
    if result.is_err() {
        retry(&world, case, happened, expected, &found)?;
    }
    Ok(struck)
}

/// Checks an answer against the state that it left. Returns whether the operation happened.
fn judge(
    world: &World,
    result: &Result<String>,
    state: &[String],
    expected: &Expected,
) -> std::result::Result<bool, String> {
    let (before, after) = (state == expected.before, state == expected.after);
    match result {
        Ok(answer) if *answer != expected.answer => Err("it answered something else".to_owned()),
        Ok(_) if after => Ok(true),
        Ok(_) => Err("it said that it is done, and it is not".to_owned()),
        Err(error) => {
            tells_nothing(error, world)?;
            match error.kind() {
                _ if !before && !after => Err(format!("a state between: {error}")),
                ErrorKind::Indeterminate => Ok(!before),
                _ if before => Ok(false),
                _ => Err(format!(
                    "it said that nothing happened, and it did: {error}"
                )),
            }
        }
    }
}

/// Checks that no error tells a value, a name, a share or the passphrase.
fn tells_nothing(error: &Error, world: &World) -> std::result::Result<(), String> {
    let mut said = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        said += &format!("{inner} {inner:?}");
        source = inner.source();
    }
    let new = world.rekey.borrow().clone().map(|(_, new)| new);
    let shares = world.shares.iter().chain(new.iter().flatten());
    let mut secrets = vec![CANARY.to_owned(), PASSPHRASE.to_owned()];
    secrets.extend(shares.map(|text| text.split('-').nth(3).unwrap_or_default().to_owned()));
    match secrets.iter().find(|secret| said.contains(secret.as_str())) {
        Some(secret) => Err(format!("the error tells {secret}")),
        None => Ok(()),
    }
}

/// Checks what another open vault on the storage sees: the same, if need be after an unseal.
fn watch(bystander: &Vault, state: &[String]) -> std::result::Result<(), String> {
    let mut lines = Vec::new();
    match contents(bystander, &mut lines) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::Sealed => {
            bystander
                .unseal_key(&key())
                .map_err(|error| format!("the other vault does not open: {error}"))?;
            lines.clear();
            contents(bystander, &mut lines).map_err(text)?;
        }
        Err(error) => return Err(format!("the other vault: {error}")),
    }
    match state.ends_with(&lines) {
        true => Ok(()),
        false => Err("the other vault sees something else".to_owned()),
    }
}

/// Calls again, without faults.
fn retry(
    world: &World,
    case: &Case,
    happened: bool,
    expected: &Expected,
    found: &BTreeMap<String, Vec<u8>>,
) -> std::result::Result<(), String> {
    let again = (case.run)(world);
    let same = world.rig.values() == *found && expected.before == expected.after;
    let whole = same || world.view() == expected.after && residue(world) == expected.residue;
    match (again, case.again) {
        (Ok(_), Again::More) if happened => Ok(()),
        (Err(error), Again::Refused(kind)) if happened && error.kind() == kind => Ok(()),
        (Err(error), _) => Err(format!("the second call failed: {error:?}")),
        (Ok(_), Again::Refused(_)) if happened => Err("the second call did it twice".to_owned()),
        (Ok(answer), _) if answer != expected.answer => {
            Err(format!("the second call answered something else: {answer}"))
        }
        (Ok(_), _) if whole => Ok(()),
        (Ok(_), _) => Err("after the second call the state is another".to_owned()),
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

/// Runs every case with fault after fault made by `fault`, until one does not come any more.
fn every(fault: impl Fn(u64) -> Vec<Fault>, cases: &[Case], shelf: &Shelf) -> (usize, Vec<String>) {
    let (mut runs, mut wrong) = (0, Vec::new());
    for case in cases {
        let all = [Warmth::Cold, Warmth::Warm, Warmth::Uncached];
        for warmth in &all[..if case.start == Start::Large { 1 } else { 3 }] {
            let warmth = *warmth;
            let expected = Expected::of(shelf, case, warmth);
            for number in 1.. {
                let faults = fault(number);
                let mut struck = faults.is_empty();
                for fault in faults {
                    runs += 1;
                    match check(shelf, case, warmth, fault, &expected) {
                        Ok(came) => struck |= came,
                        Err(what) => {
                            struck = true;
                            wrong.push(format!("{} {warmth:?} {fault:?}: {what}", case.name));
                        }
                    }
                }
                if !struck || wrong.len() > 40 {
                    break;
                }
            }
        }
    }
    (runs, wrong)
}

fn storage_faults(effects: &[Effect]) -> impl Fn(u64) -> Vec<Fault> {
    move |first| {
        let plan = |effect, last| {
            Fault::Storage(Plan {
                first,
                last,
                effect,
            })
        };
        effects
            .iter()
            .flat_map(|effect| [plan(*effect, first), plan(*effect, u64::MAX)])
            .collect()
    }
}

/// Returns none for numbers that are passed over: of many records in one commit, each draws once.
fn random_faults(first: u64) -> Vec<Fault> {
    if first > 30 && !first.is_multiple_of(8) {
        return Vec::new();
    }
    vec![Fault::Random(first, first), Fault::Random(first, u64::MAX)]
}

#[test]
fn the_nth_call_to_storage_fails() {
    let effects = [Effect::Nothing, Effect::Unknown, Effect::Happened];
    let (runs, wrong) = every(storage_faults(&effects), &cases::all(), &Shelf::new());
    println!("{runs} runs with a storage that fails");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(runs >= 3_500, "{runs} runs");
}

#[test]
fn the_nth_call_for_randomness_fails() {
    let (runs, wrong) = every(random_faults, &cases::all(), &Shelf::new());
    println!("{runs} runs with a random source that fails");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(runs >= 1_000, "{runs} runs");
}

/// The control: a storage that applies half of a batch must be caught by the same checks.
#[test]
fn a_storage_that_applies_half_a_batch_is_caught() {
    let mut cases = cases::all();
    let names = [
        "put new",
        "transaction",
        "rotate_root",
        "rekey_verify last",
        "mount",
    ];
    cases.retain(|case| names.contains(&case.name));
    let (_, wrong) = every(storage_faults(&[Effect::Half]), &cases, &Shelf::new());
    for name in names {
        let caught = wrong.iter().any(|line| line.starts_with(name));
        assert!(caught, "{name} with half a batch was not caught");
    }
}
