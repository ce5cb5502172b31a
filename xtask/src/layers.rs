//! Who imports whom in vaultcore: a row names lower rows only, and no sibling.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{Token, after_group, starts_with, tokens, without_tests};
use crate::tools::{Args, Result, root};

/// The rows, lowest first. A module may name modules of lower rows, and itself.
const ROWS: &[&[&str]] = &[
    &["error"],
    &["secret", "clock", "path", "id"],
    &["crypto", "record", "import"],
    &["storage"],
    &["barrier"],
    &["seal", "wire", "token", "identity"],
    &["operation"],
    &["mount", "policy", "lease", "audit"],
    &["rights"],
    &["auth"],
    &["engine"],
    &["vault"],
    &["session"],
    &["api"],
    &["lib", "fuzzing"], // They see everything, and nothing names them.
];

/// Edges that are allowed all the same: from, to, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Checks the sources of vaultcore.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    let edges = check()?;
    println!("layers: {edges} edges between modules, none upward or sideways");
    Ok(())
}

/// Returns the number of edges, or the list of those that no row allows.
pub(crate) fn check() -> Result<usize> {
    let tree = Tree::read(&root().join("vaultcore/src"))?;
    let edges = tree.edges();
    let broken: Vec<_> = edges.iter().filter_map(broken_rule).collect();
    match broken.is_empty() {
        true => Ok(edges.len()),
        false => Err(format!("layers\n{}", broken.join("\n"))),
    }
}

/// One module naming another.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    place: String,
    from: String,
    to: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Module(String),
    /// A name of the crate's root that no module is known to define.
    Unknown(String),
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Target::Module(to) | Target::Unknown(to)) = &self.to;
        write!(f, "  {}: {} -> {to}", self.place, self.from)
    }
}

fn broken_rule(edge: &Edge) -> Option<String> {
    let Target::Module(to) = &edge.to else {
        return Some(format!(
            "{edge}: not a module, nor a name that lib.rs exports by name"
        ));
    };
    let excepted = EXCEPTIONS
        .iter()
        .any(|(a, b, _)| a == &edge.from && b == to);
    let rule = match (row(&edge.from), row(to)) {
        _ if excepted => return None,
        (Some(from), Some(low)) if from > low => return None,
        (Some(from), Some(same)) if from == same => format!("siblings of row {from}"),
        (Some(from), Some(high)) => format!("upward, from row {from} to row {high}"),
        (None, _) => format!("`{}` stands in no row", edge.from),
        (_, None) => format!("`{to}` stands in no row"),
    };
    Some(format!("{edge}: {rule}"))
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// The sources: one entry a file, test code removed.
struct Tree {
    files: Vec<File>,
    /// Where each name of the crate's root comes from: modules, re-exports, macros.
    names: HashMap<String, String>,
}

struct File {
    path: PathBuf,
    /// Module names from the root: `["storage", "sqlite"]`; empty for lib.rs.
    module: Vec<String>,
    tokens: Vec<Token>,
}

impl Tree {
    fn read(folder: &Path) -> Result<Self> {
        let mut sources = Vec::new();
        collect(folder, &mut Vec::new(), &mut sources)?;
        Ok(Self::new(sources))
    }

    fn new(sources: Vec<(PathBuf, Vec<String>, String)>) -> Self {
        let mut files = Vec::new();
        let mut tests: Vec<Vec<String>> = Vec::new();
        for (path, module, text) in sources {
            let (tokens, test_modules) = without_tests(&tokens(&text));
            tests.extend(test_modules.into_iter().map(|name| joined(&module, name)));
            files.push(File {
                path,
                module,
                tokens,
            });
        }
        files.retain(|file| !tests.iter().any(|test| file.module.starts_with(test)));
        let names = root_names(&files);
        Self { files, names }
    }

    fn edges(&self) -> Vec<Edge> {
        self.files
            .iter()
            .flat_map(|file| self.edges_of(file))
            .collect()
    }

    fn edges_of(&self, file: &File) -> Vec<Edge> {
        let from = file.module.first().map_or("lib", String::as_str);
        let mut edges = Vec::new();
        for (name, line) in root_uses(&file.tokens, file.module.len()) {
            let to = match self.names.get(&name) {
                Some(module) => Target::Module(module.clone()),
                None => Target::Unknown(name),
            };
            if from == "lib" || to == Target::Module(from.to_owned()) {
                continue;
            }
            let place = format!("{}:{line}", file.path.display());
            edges.push(Edge {
                place,
                from: from.to_owned(),
                to,
            });
        }
        edges
    }
}

fn joined(module: &[String], name: String) -> Vec<String> {
    module.iter().cloned().chain([name]).collect()
}

fn collect(
    folder: &Path,
    module: &mut Vec<String>,
    found: &mut Vec<(PathBuf, Vec<String>, String)>,
) -> Result {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        paths.push(entry.map_err(told)?.path());
    }
    paths.sort();
    for path in paths {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let own = name == "mod" || (name == "lib" && module.is_empty());
        if !own {
            module.push(name);
        }
        if path.is_dir() {
            collect(&path, module, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(told)?;
            let shown = path.strip_prefix(root()).unwrap_or(&path).to_path_buf();
            found.push((shown, module.clone(), text));
        }
        if !own {
            module.pop();
        }
    }
    Ok(())
}

/// Maps every name of the crate's root to the top-level module that it comes from.
fn root_names(files: &[File]) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for file in files {
        match file.module.first() {
            Some(top) => {
                names.insert(top.clone(), top.clone());
                // A macro that is exported lives in the root, wherever it is written.
                let macros = file
                    .tokens
                    .windows(3)
                    .filter(|three| starts_with(three, &["macro_rules", "!"]));
                let macros = macros.filter_map(|three| three.get(2));
                names.extend(macros.map(|token| (token.text.clone(), top.clone())));
            }
            None => names.extend(reexports(&file.tokens)),
        }
    }
    names
}

/// Reads `use module::..` in lib.rs: which names it brings into the root.
fn reexports(tokens: &[Token]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some([module, ..]) = tokens.get(at + 1..).filter(|_| token.is("use")) else {
            continue;
        };
        let path = tokens.get(at + 1..).unwrap_or_default();
        let path = path.split(|token| token.is(";")).next().unwrap_or_default();
        // The last name before each comma, brace or end is the one that the root then has.
        for (at, name) in path.iter().enumerate() {
            let last = path
                .get(at + 1)
                .is_none_or(|next| next.is(",") || next.is("}"));
            if last && name.is_name() {
                found.push((name.text.clone(), module.text.clone()));
            }
        }
    }
    found
}

/// Finds every name that is looked up in the crate's root: `crate::x`, and `super::x` where
/// enough `super` stand in front. `depth` is how deep the file's own module lies.
fn root_uses(tokens: &[Token], depth: usize) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut inline = InlineModules::default();
    for at in 0..tokens.len() {
        let rest = tokens.get(at..).unwrap_or_default();
        inline.step(rest);
        let after_colons = at >= 2 && tokens.get(at - 1).is_some_and(|token| token.is(":"));
        if starts_with(rest, &["crate", ":", ":"]) {
            heads(rest.get(3..).unwrap_or_default(), 0, &mut found);
        } else if starts_with(rest, &["super", ":", ":"]) && !after_super(tokens, at, after_colons)
        {
            heads(rest, depth + inline.depth(), &mut found);
        }
    }
    found
}

/// A `super` behind another one was counted with the first.
fn after_super(tokens: &[Token], at: usize, after_colons: bool) -> bool {
    after_colons && at >= 3 && tokens.get(at - 3).is_some_and(|token| token.is("super"))
}

/// Adds the first names of a path or of a group `{a, b::{c}}` once `supers` levels are left.
fn heads(tokens: &[Token], supers: usize, found: &mut Vec<(String, usize)>) {
    let Some((first, rest)) = tokens.split_first() else {
        return;
    };
    if first.is("{") {
        let group = tokens.len() - after_group(tokens).len();
        for item in items(tokens.get(1..group.saturating_sub(1)).unwrap_or_default()) {
            heads(item, supers, found);
        }
    } else if first.is("super") && starts_with(rest, &[":", ":"]) {
        if let Some(left) = supers.checked_sub(1) {
            heads(rest.get(2..).unwrap_or_default(), left, found);
        }
    } else if supers == 0 && (first.is_name() || first.is("*")) && !first.is("self") {
        found.push((first.text.clone(), first.line));
    }
}

/// Splits the inside of a group at its own commas.
fn items(mut tokens: &[Token]) -> Vec<&[Token]> {
    let mut found = Vec::new();
    while !tokens.is_empty() {
        let mut rest = tokens;
        while let Some((token, tail)) = rest.split_first() {
            if token.is(",") {
                break;
            }
            rest = if token.is("{") {
                after_group(rest)
            } else {
                tail
            };
        }
        let (item, tail) = tokens.split_at(tokens.len() - rest.len());
        found.push(item);
        tokens = tail.get(1..).unwrap_or_default();
    }
    found
}

/// How many modules `mod x { .. }` are open at a place of a file.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn step(&mut self, rest: &[Token]) {
        match rest {
            [word, _, brace, ..] if word.is("mod") && brace.is("{") => {
                self.opened_at.push(self.braces);
            }
            [brace, ..] if brace.is("{") => self.braces += 1,
            [brace, ..] if brace.is("}") => {
                self.braces = self.braces.saturating_sub(1);
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
            }
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks one file of a small crate; returns what is wrong, as `from -> to` pieces.
    fn broken(file: &str, text: &str) -> Vec<String> {
        let lib = "mod error; pub use error::{Error, Result}; pub use crypto::rng::{OsRandom};
            pub use api::Door as Gate;";
        let mut sources = vec![source("lib.rs", lib), source(file, text)];
        for module in ROWS.iter().take(ROWS.len() - 1).flat_map(|row| row.iter()) {
            sources.push(source(
                &format!("{module}/other.rs"),
                "macro_rules! exported { }",
            ));
        }
        let edges = Tree::new(sources).edges();
        edges.iter().filter_map(broken_rule).collect()
    }

    fn source(file: &str, text: &str) -> (PathBuf, Vec<String>, String) {
        let bare = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let parts = bare.split('/').filter(|part| *part != "lib");
        (
            PathBuf::from(file),
            parts.map(str::to_owned).collect(),
            text.to_owned(),
        )
    }

    #[test]
    fn lower_rows_and_the_own_module_are_innocent() {
        for (file, text) in [
            (
                "barrier/txn.rs",
                "use crate::storage::{Batch, Entry}; use crate::error::Result;",
            ),
            (
                "barrier/mod.rs",
                "use crate::barrier::txn::Txn; use super::record;",
            ),
            (
                "storage/sqlite/pool.rs",
                "use super::super::Batch; use crate::storage::memory;",
            ),
            (
                "error.rs",
                "pub(crate) use std::fmt; pub(in crate::error) fn f() {}",
            ),
            (
                "vault.rs",
                "fn f(e: &crate::engine::kv::Put) -> crate::Error { g!($crate::seal::x) }",
            ),
            (
                "crypto/mod.rs",
                "mod inner { use super::rng; use super::super::secret; }",
            ),
            (
                "secret.rs",
                "#[cfg(test)] mod tests { use crate::vault::Vault; }",
            ),
            (
                "secret.rs",
                "// use crate::vault::Vault;\nconst X: &str = \"crate::api::x\";",
            ),
        ] {
            assert_eq!(broken(file, text), [""; 0], "{file}: {text}");
        }
    }

    #[test]
    fn upward_edges_are_found_however_they_are_written() {
        for text in [
            "use crate::vault::Vault;",
            "pub(crate) use crate::vault;",
            "use crate::{error::{Error, Result}, storage::{self, Batch}, vault::{Vault}};",
            "use crate::{\n  error::Error,\n  {vault as v},\n};",
            "fn f() -> crate::vault::Vault {}",
            "use super::super::vault::Vault;",
            "use super::super::{error::Error, vault};",
            "mod inner { use super::super::super::vault; }",
            "use crate::Gate;",
            "macro_rules! m { () => { $crate::vault::open() } }",
        ] {
            let found = broken("storage/sqlite.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            let rule = found.first().unwrap();
            assert!(rule.starts_with("  storage/sqlite.rs:"), "{rule}");
            assert!(rule.contains("upward"), "{rule}");
        }
    }

    #[test]
    fn sideways_edges_are_found() {
        for (file, text) in [
            ("crypto/aead.rs", "use crate::record::Record;"),
            ("path.rs", "use super::secret::SecretBytes;"),
            ("policy/acl.rs", "use crate::audit::Broker;"),
        ] {
            let found = broken(file, text);
            assert!(
                found.iter().any(|rule| rule.contains("siblings of row")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_name_without_a_row_is_refused() {
        let place = broken("barrier/x.rs", "\nuse crate::Mystery;");
        assert!(
            place
                .first()
                .unwrap()
                .contains("barrier/x.rs:2: barrier -> Mystery")
        );
        assert_eq!(broken("barrier/x.rs", "use crate::*;").len(), 1);
        assert!(
            broken("helper.rs", "use crate::error::Error;")
                .first()
                .unwrap()
                .contains("no row")
        );
    }

    #[test]
    fn files_of_test_modules_are_left_out() {
        let sources = vec![
            source("secret.rs", "#[cfg(test)] mod sim;"),
            source("vault.rs", ""),
            source("secret/sim.rs", "use crate::vault::Vault;"),
        ];
        assert_eq!(Tree::new(sources).edges(), []);
    }

    #[test]
    fn the_real_tree_is_read() {
        let tree = Tree::read(&root().join("vaultcore/src")).unwrap();
        let storage = tree
            .files
            .iter()
            .find(|file| file.module == ["storage", "error"])
            .unwrap();
        let edges = tree.edges_of(storage);
        assert!(
            edges
                .iter()
                .any(|edge| edge.to == Target::Module("error".to_owned()))
        );
    }
}
