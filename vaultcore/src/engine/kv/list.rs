//! Names of secrets.

use zeroize::Zeroizing;

use super::{KIND_V2, api_path, metadata_tree, shapes};
use crate::barrier::{Opener, Tree};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{Folder, FolderPath, MountPath};
use crate::storage::Scan;
use crate::wire::{Json, Object, Page, Response};

/// Names, wiped when dropped.
pub(crate) type Name = Zeroizing<String>;

/// How deep a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recursion {
    /// One folder; subfolders are named once, with their slash.
    One,
    /// Everything below it.
    All,
}

/// Lists names, sorted.
pub(crate) struct List {
    pub(crate) mount: MountPath,
    pub(crate) folder: FolderPath,
    pub(crate) recursion: Recursion,
    /// Which part of the names; `None`: all.
    pub(crate) page: Option<Page>,
}

/// The request of a list.
pub(super) fn api_page(page: Option<&Page>) -> Json {
    match page {
        Some(page) => page.input(),
        None => Object::new().finish(),
    }
}

impl Operation for List {
    type Reply = Vec<Name>;

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "metadata", self.folder.as_str());
        let capability = match self.recursion {
            Recursion::One => Capability::List,
            Recursion::All => Capability::Scan,
        };
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Name>> {
        let tree = metadata_tree(cx.mount()?);
        let names = list(cx, tree, &self.folder, self.recursion)?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        api_page(self.page.as_ref())
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        Ok(shapes::listed(names))
    }
}

/// Lists the names in `folder` of the names in `tree`, sorted.
pub(super) fn list(
    cx: &mut Context<'_, '_>,
    tree: Tree,
    folder: &FolderPath,
    recursion: Recursion,
) -> Result<Vec<Name>> {
    let stored = cx.txn.hidden_folder(tree, folder.as_str())?;
    let scan = match recursion {
        Recursion::One => Scan::new(stored.as_str()).folders(),
        Recursion::All => Scan::new(stored.as_str()),
    };
    let found = cx.txn.scan(&scan)?;
    let mut names = reveal(cx, &stored, &found)?;
    names.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
    Ok(names)
}

/// Turns stored paths below `base` into names relative to it.
fn reveal(cx: &Context<'_, '_>, base: &Folder, paths: &[String]) -> Result<Vec<Name>> {
    let mut revealer = Revealer {
        opener: cx.txn.keyring().names().opener(base),
        base,
        folders: "",
        open: Vec::new(),
        prefix: Name::default(),
    };
    let names = paths.iter().map(|path| revealer.reveal(cx, path));
    names.collect()
}

/// Turns stored paths into names. Neighbours share folders, which are kept.
struct Revealer<'r> {
    base: &'r Folder,
    /// The stored text of the folder that is open, relative to the base.
    folders: &'r str,
    /// Its parts: stored text, name, and the folder it stands for.
    open: Vec<(&'r str, Name, Folder)>,
    /// Its name, with slashes.
    prefix: Name,
    opener: Opener<'r>,
}

impl<'r> Revealer<'r> {
    fn reveal(&mut self, cx: &'r Context<'_, '_>, path: &'r str) -> Result<Name> {
        let misplaced = || Error::corrupt("a stored path is not where it was looked for");
        let relative = path
            .strip_prefix(self.base.as_str())
            .ok_or_else(misplaced)?;
        let (part, slash) = match relative.strip_suffix('/') {
            Some(folder) => (folder, "/"), // a folder's own line
            None => (relative, ""),
        };
        let (folders, last) = part.rsplit_once('/').unwrap_or(("", part));
        if folders != self.folders {
            self.enter(cx, folders)?;
        }
        let unknown = || Error::corrupt("a stored name does not authenticate");
        let name = self.opener.reveal(last).ok_or_else(unknown)?;
        Ok(joined(&[&self.prefix, name, slash]))
    }

    /// Makes `folders` the open ones, revealing only those that are not open yet.
    fn enter(&mut self, cx: &'r Context<'_, '_>, folders: &'r str) -> Result<()> {
        let parts = || folders.split('/').filter(|part| !part.is_empty());
        let pairs = self.open.iter().zip(parts());
        let same = pairs.take_while(|(open, part)| open.0 == *part).count();
        self.open.truncate(same);
        for part in parts().skip(same) {
            let name = cx.txn.reveal(self.current(), part)?;
            let folder = self.current().then(part);
            self.open.push((part, name, folder));
        }
        let names = self
            .open
            .iter()
            .flat_map(|(_, name, _)| [name.as_str(), "/"]);
        self.prefix = joined(&names.collect::<Vec<_>>());
        self.opener = cx.txn.keyring().names().opener(self.current());
        self.folders = folders;
        Ok(())
    }

    fn current(&self) -> &Folder {
        self.open.last().map_or(self.base, |(_, _, folder)| folder)
    }
}

/// Joins text in one allocation: a growing one would leave copies behind.
fn joined(texts: &[&str]) -> Name {
    let size = texts.iter().map(|text| text.len()).sum();
    let mut name = Name::new(String::with_capacity(size));
    for text in texts {
        name.push_str(text);
    }
    name
}

/// Where a page of names ended. Opaque: it holds no name.
///
/// ```
/// use vaultcore::kv::Cursor;
/// let cursor = Cursor::parse("b3BhcXVl")?;
/// assert_eq!(cursor.as_str(), "b3BhcXVl");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Takes back the text of a cursor.
    ///
    /// # Errors
    /// `InvalidArgument` for text that is none.
    pub fn parse(text: &str) -> Result<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
        if text.is_empty() || text.len() > 2_600 || !text.bytes().all(allowed) {
            return Err(Error::invalid(
                "this is not a cursor that a page of names ended with",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text, to be kept and parsed again.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of names, in the order of storage.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, kv::Cas, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let owner = vault.owner()?;
/// # owner.sys().mount("secret", NewMount::kv2())?;
/// # let kv = owner.kv("secret")?;
/// # for name in ["a", "b", "c"] { kv.put(name, &std::collections::BTreeMap::from([("k", "v")]), Cas::Any)?; }
/// let page = kv.names("", None, 2)?;
/// let rest = kv.names("", page.next.as_ref(), 2)?;
/// assert_eq!((page.names.len(), rest.names.len()), (2, 1));
/// assert!(rest.next.is_none());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct NamePage {
    /// The names; folders end in a slash.
    pub names: Vec<String>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

impl std::fmt::Debug for NamePage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NamePage({} names)", self.names.len())
    }
}

/// Lists one page of a folder in the order of storage.
pub(crate) struct Names<'c> {
    pub(crate) mount: MountPath,
    pub(crate) folder: FolderPath,
    pub(crate) cursor: Option<&'c Cursor>,
    pub(crate) limit: usize,
}

impl Operation for Names<'_> {
    type Reply = (Vec<Name>, Option<Cursor>);

    fn target(&self) -> Target<'_> {
        Target::Mount(&self.mount, KIND_V2)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "metadata", self.folder.as_str());
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        if self.limit == 0 {
            return Err(Error::invalid("a page has at least one name"));
        }
        let stored = cx
            .txn
            .hidden_folder(metadata_tree(cx.mount()?), self.folder.as_str())?;
        // One more than asked for tells whether there is another page.
        let limit = self.limit.saturating_add(1);
        let mut scan = Scan::new(stored.as_str()).folders().limit(limit);
        if let Some(cursor) = self.cursor {
            scan = scan.after(format!("{}{}", stored.as_str(), cursor.0));
        }
        let mut found = cx.txn.scan(&scan)?;
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().filter(|_| more);
        let next = last.and_then(|path| path.strip_prefix(stored.as_str()));
        let next = next.map(|text| Cursor(text.to_owned()));
        Ok((reveal(cx, &stored, &found)?, next))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, reply: &Self::Reply) -> Result<Response> {
        Ok(shapes::listed(&reply.0))
    }
}
