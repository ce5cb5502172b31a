//! OpenBao and vaultcore answer the same requests, and the answers are compared.
mod bao;
mod corpus;
mod mask;
mod play;

use std::collections::BTreeMap;
use std::path::PathBuf;
use play::Replies;

fn main() {
    let program = PathBuf::from(std::env::var_os("VAULTCORE_BAO").expect("names OpenBao"));
    let only = std::env::args().nth(1);
    let mut all: BTreeMap<String, Replies> = BTreeMap::new();
    let mut count = 0;
    for story in corpus::read() {
        if only.as_ref().is_some_and(|only| !story.name.starts_with(only.as_str())) { continue; }
        let folder = tempfile::tempdir().expect("makes a folder");
        let mut bao = bao::Bao::start(&program, folder.path());
        count += story.requests.len();
        all.insert(story.name.clone(), play::play(&story, &mut bao, folder.path()));
    }
    eprintln!("{count} requests");
    println!("{}", serde_json::to_string_pretty(&all).unwrap());
}
