//! The main job on a real file: a vault made, opened by three of five people, filled from a `.env`
//! file, sealed, and opened by three others.
//!
//! ```text
//! cargo run --release -p vaultcore --example quickstart -- [ENV_FILE] [VAULT_FILE]
//! ```
//!
//! Without arguments it takes `sample.env` beside this file and makes `app.vault` in a new
//! temporary folder. A vault file that exists is refused.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it is there to be watched

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use vaultcore::import::{Variable, parse_env};
use vaultcore::kv::{Cas, Kv, MAX_VALUE};
use vaultcore::storage::{Create, SqliteOptions};
use vaultcore::{ErrorKind, NewMount, NewSlot, SecretBytes, Session, Share, Vault};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Data = BTreeMap<String, String>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let env_file = arguments.next().unwrap_or_else(sample_env);
    let vault_file = match arguments.next() {
        Some(file) => file,
        None => new_folder("quickstart")?.join("app.vault"),
    };
    let text = SecretBytes::from(read_env(&env_file)?);
    let variables = parse_env(text.expose())?;

    let shares = first_day(&vault_file, &env_file, &variables)?;
    second_day(&vault_file, &variables, &shares)?;
    search_file(&vault_file, &variables)
}

/// Makes the vault, opens it with three of five shares, works with it, and seals it.
fn first_day(vault_file: &Path, env_file: &Path, variables: &[Variable]) -> Outcome<Vec<Share>> {
    let storage = SqliteOptions::new().create(Create::New).open(vault_file)?;
    let vault = Vault::builder(storage).build()?;
    println!("created     {}", vault_file.display());
    let init = vault.init([NewSlot::shamir(5, 3)])?;
    println!("initialised with 5 shares, any 3 of which open it:");
    for share in init.shares() {
        println!("            {}", share.to_text().expose());
    }
    let shares: Vec<Share> = init
        .shares()
        .iter()
        .map(|share| Share::parse(share.to_text().expose()))
        .collect::<Result<_, _>>()?;
    unseal(&vault, shares.iter().take(3))?;

    let owner = vault.owner()?;
    owner.sys().mount("secret", NewMount::kv2())?;
    println!("mounted     KV version 2 at secret/");
    let kv = owner.kv("secret")?;
    import(&kv, env_file, variables)?;
    if let Some(first) = variables.first() {
        versions(&kv, &format!("app/{}", first.name()))?;
    }
    let names = kv.list("app")?;
    println!(
        "listed      {} names below app/: {}",
        names.len(),
        names.join(", ")
    );
    let term = owner.sys().rotate()?;
    println!("rotated     the barrier key: term {term} encrypts from now on");
    seal(&vault, &owner)?;
    vault.close()?;
    println!("closed      the file");
    Ok(shares)
}

fn unseal<'s>(vault: &Vault, shares: impl Iterator<Item = &'s Share>) -> Outcome<()> {
    for share in shares {
        let status = vault.unseal(share)?;
        let number = share.number().unwrap_or_default();
        match status.sealed() {
            true => println!(
                "unsealing   with share {number}: {} of {}",
                status.progress(),
                status.threshold()
            ),
            false => println!("unsealed    with share {number}"),
        }
    }
    Ok(())
}

fn import(kv: &Kv, env_file: &Path, variables: &[Variable]) -> Outcome<()> {
    for variable in variables {
        let data = BTreeMap::from([("value", variable.value().expose())]);
        kv.put(&format!("app/{}", variable.name()), &data, Cas::Absent)?;
    }
    println!(
        "imported    {} variables of {}",
        variables.len(),
        env_file.display()
    );
    Ok(())
}

/// Shows check-and-set, versions, delete, undelete and destroy on one secret.
fn versions(kv: &Kv, path: &str) -> Outcome<()> {
    match kv.put(path, &changed(0), Cas::Version(0)) {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            println!("refused     a writer with an old version: {error}")
        }
        other => return Err(format!("an old version was not refused: {other:?}").into()),
    }
    let info = kv.put(path, &changed(1), Cas::Version(1))?;
    println!("wrote       version {} of {path}", info.version);
    let old = kv.get_version::<Data>(path, 1)?;
    let new = kv.get::<Data>(path)?;
    check(
        old.version == 1 && new.version == 2 && new.data == changed(1),
        "both versions read",
    )?;
    println!("read        versions 1 and 2 back");
    kv.delete(path)?;
    check(
        kv.get::<Data>(path).is_err(),
        "a deleted version is not read",
    )?;
    println!("deleted     version 2: reading it says not found");
    kv.undelete(path, &[2])?;
    check(
        kv.get::<Data>(path)?.version == 2,
        "an undeleted version is read",
    )?;
    println!("undeleted   version 2");
    kv.destroy(path, &[2])?;
    kv.undelete(path, &[2])?;
    check(
        kv.get::<Data>(path).is_err(),
        "a destroyed version is gone for good",
    )?;
    println!("destroyed   version 2 for good");
    let info = kv.rollback(path, 1, Cas::Version(2))?;
    println!("rolled back to version 1, as version {}", info.version);
    Ok(())
}

fn changed(number: u32) -> Data {
    BTreeMap::from([(
        "value".to_owned(),
        format!("changed-by-quickstart-{number}"),
    )])
}

fn seal(vault: &Vault, owner: &Session) -> Outcome<()> {
    vault.seal()?;
    let answer = owner.kv("secret")?.list("app");
    let sealed = answer.is_err_and(|error| error.kind() == ErrorKind::Sealed);
    check(
        sealed && vault.owner().is_err(),
        "a sealed vault answers nothing",
    )?;
    println!("sealed      and every call now answers: Sealed");
    Ok(())
}

/// Opens the file again with three other shares, and reads every secret back.
fn second_day(vault_file: &Path, variables: &[Variable], shares: &[Share]) -> Outcome<()> {
    let storage = SqliteOptions::new()
        .create(Create::Never)
        .open(vault_file)?;
    let vault = Vault::builder(storage).build()?;
    println!("opened      the file again");
    unseal(&vault, shares.iter().rev().take(3))?;
    let kv = vault.owner()?.kv("secret")?;
    for variable in variables {
        let secret = kv.get::<Data>(&format!("app/{}", variable.name()))?;
        let value = secret.data.get("value").map(String::as_str);
        check(
            value == Some(variable.value().expose()),
            "every secret reads back as imported",
        )?;
    }
    println!(
        "read back   {} secrets, all as they were imported",
        variables.len()
    );
    vault.close()?;
    Ok(())
}

/// Looks for every value and name of six bytes or more in the bytes of the file, as an attacker
/// would who got hold of it.
fn search_file(vault_file: &Path, variables: &[Variable]) -> Outcome<()> {
    let empty = empty_file()?;
    let mut searched = 0usize;
    for suffix in ["", "-wal", "-shm"] {
        let mut file = vault_file.as_os_str().to_owned();
        file.push(suffix);
        let Ok(bytes) = fs::read(&file) else { continue }; // SQLite removes -wal and -shm
        searched = searched.saturating_add(bytes.len());
        for variable in variables {
            for needle in [variable.name(), variable.value().expose()] {
                // A word of SQLite's own, such as `revision`, is in every file and tells nothing.
                let tells = needle.len() >= 6 && !contains(&empty, needle.as_bytes());
                let found = tells && contains(&bytes, needle.as_bytes());
                check(!found, "no name and no value is in the bytes of the file")?;
            }
        }
        let own = ["secret/", "changed-by-quickstart"];
        check(
            !own.iter().any(|text| contains(&bytes, text.as_bytes())),
            "nor any other name",
        )?;
    }
    println!(
        "searched    {searched} bytes on disk: no value and no name of 6 bytes or more is in them"
    );
    Ok(())
}

/// Returns the bytes of a file that holds no vault.
fn empty_file() -> Outcome<Vec<u8>> {
    let folder = new_folder("empty")?;
    let file = folder.join("empty.vault");
    drop(SqliteOptions::new().open(&file)?);
    let bytes = fs::read(&file)?;
    fs::remove_dir_all(folder)?;
    Ok(bytes)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn check(holds: bool, promise: &str) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err(format!("a promise does not hold: {promise}").into())
    }
}

fn sample_env() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join("sample.env")
}

/// Makes a folder of its own, so that the vault file does not exist yet.
fn new_folder(purpose: &str) -> Outcome<PathBuf> {
    let name = format!("vaultcore-{purpose}-{}", std::process::id());
    let folder = env::temp_dir().join(name);
    fs::create_dir(&folder)?;
    Ok(folder)
}

fn read_env(file: &Path) -> Outcome<Vec<u8>> {
    let size = fs::metadata(file)
        .map_err(|error| format!("{}: {error}", file.display()))?
        .len();
    if size > MAX_VALUE as u64 {
        return Err(format!("{} is larger than 1 MiB", file.display()).into());
    }
    Ok(fs::read(file)?)
}
