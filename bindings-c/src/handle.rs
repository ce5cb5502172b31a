//! Handles: numbers that stand for objects in tables.
//!
//! A pointer that is freed twice, or used after it was freed, cannot be told from a good one. A
//! number can: it names a table, a place in it, the generation of that place, and the process that
//! made it.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use vaultcore::kv::Kv;
use vaultcore::transit::Transit;
use vaultcore::{Error, ErrorKind, Init, Result, Session, Vault};
use vaultcore_os::ForkMark;

use super::database::{Database, Leased};
use super::guard::invalid;
use super::table::{InUse, LIMIT, Place, Reserved, Table};

/// A vault: vc_vault_open, vc_vault_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_vault {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// What vc_vault_init made: vc_init_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_init {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// A caller with its rights: vc_vault_owner, vc_vault_login, vc_session_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_session {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// The versioned key-value secrets of a mount: vc_session_kv, vc_kv_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_kv {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// The keys of a transit mount: vc_session_transit, vc_transit_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_transit {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// The credentials of a database mount: vc_session_database, vc_database_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_database {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// A user of a database: vc_database_credentials, vc_credentials_close.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_credentials {
    /// Opaque; 0 in a handle that was never set.
    pub id: u64,
}

/// A kind of handle.
pub(crate) trait Handle: Copy {
    type Object: Send + Sync + 'static;
    /// From 1 to 15.
    const KIND: u64;
    fn new(id: u64) -> Self;
    fn id(self) -> u64;
    fn table(world: &World) -> &Table<Self::Object>;
}

macro_rules! handles {
    ($($handle:ident($kind:literal): $object:ty, $table:ident;)*) => {
        $(impl Handle for $handle {
            type Object = $object;
            const KIND: u64 = $kind;
            fn new(id: u64) -> Self {
                Self { id }
            }
            fn id(self) -> u64 {
                self.id
            }
            fn table(world: &World) -> &Table<$object> {
                &world.$table
            }
        })*

        /// The tables of one process.
        pub(crate) struct World {
            mark: ForkMark,
            /// 1, and one more in each child of a child.
            era: u64,
            $($table: Table<$object>,)*
            /// The tables that were inherited. Their locks may be held by threads that are not
            /// here, so they are neither used nor dropped.
            _before: Option<&'static World>,
        }

        impl World {
            fn boxed(era: u64, before: Option<&'static World>) -> *mut Self {
                Box::into_raw(Box::new(Self {
                    mark: ForkMark::new(),
                    era,
                    $($table: Table::new(),)*
                    _before: before,
                }))
            }

            /// Closes the handles of a family, whatever their kind.
            fn end_family(&self, family: u64) -> Members<'_> {
                Members { $($table: self.$table.remove_family(family),)* }
            }
        }

        /// What the handles of a family stood for, until this is dropped.
        #[expect(dead_code, reason = "it is there to be dropped")]
        pub(super) struct Members<'w> {
            $($table: Vec<InUse<'w, $object>>,)*
        }
    };
}

handles! {
    vc_vault(1): Vault, vaults;
    vc_init(2): Init, inits;
    vc_session(3): Session, sessions;
    vc_kv(4): Kv, kvs;
    vc_transit(5): Transit, transits;
    vc_database(6): Database, databases;
    vc_credentials(7): Leased, leased;
}

static WORLD: AtomicPtr<World> = AtomicPtr::new(ptr::null_mut());

const ERA_LIMIT: u64 = (1 << 12) - 1;

impl World {
    /// Returns the tables of this process. No lock: a fork could leave it locked for ever.
    fn current() -> Result<&'static Self> {
        let known = WORLD.load(Ordering::Acquire);
        // SAFETY: null, or leaked by `boxed` and never freed once it stands in `WORLD`.
        match unsafe { known.as_ref() } {
            Some(world) if !world.mark.forked() => Ok(world),
            before => Self::begin(known, before),
        }
    }

    #[cold]
    fn begin(known: *mut Self, before: Option<&'static Self>) -> Result<&'static Self> {
        let era = before.map_or(1, |world| world.era.saturating_add(1));
        if era > ERA_LIMIT {
            return Err(forked());
        }
        let made = Self::boxed(era, before);
        match WORLD.compare_exchange(known, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just leaked, and stands in `WORLD` from now on.
            Ok(_) => Ok(unsafe { &*made }),
            Err(other_thread) => {
                // SAFETY: `made` was leaked above and seen by nobody else; what stands in `WORLD`
                // is never freed.
                unsafe {
                    drop(Box::from_raw(made));
                    Ok(&*other_thread)
                }
            }
        }
    }

    /// Returns the place that a handle names.
    fn place<H: Handle>(&self, handle: H) -> Result<Place> {
        let id = handle.id();
        if id >> 48 != H::KIND << 12 | self.era {
            return Err(self.refuse(id, H::KIND));
        }
        let part = |shift: u32| u32::try_from((id >> shift) & u64::from(LIMIT)).unwrap_or(0);
        Ok(Place {
            index: part(0),
            generation: part(24),
        })
    }

    /// Tells what is wrong with a handle that is not of this kind and era.
    #[cold]
    fn refuse(&self, id: u64, wanted: u64) -> Error {
        let (kind, era) = (id >> 60, (id >> 48) & ERA_LIMIT);
        if id == 0 {
            return invalid("the handle was never set");
        }
        if kind != wanted {
            return invalid("the handle is not of the kind that the call takes");
        }
        if era != 0 && era < self.era {
            return forked();
        }
        invalid("the handle is none that was ever given out")
    }

    fn handle<H: Handle>(&self, place: Place) -> H {
        let place = u64::from(place.index) | u64::from(place.generation) << 24;
        H::new(H::KIND << 60 | self.era << 48 | place)
    }
}

/// Returns the object of a handle. It lives for this call, whoever closes the handle meanwhile.
#[inline]
pub(crate) fn find<H: Handle>(handle: H) -> Result<InUse<'static, H::Object>> {
    let world = World::current()?;
    H::table(world).get(world.place(handle)?)
}

/// A handle that is still to be filled: nothing is made whose handle could not be given out.
pub(super) struct NewHandle<H: Handle> {
    world: &'static World,
    reserved: Reserved<'static, H::Object>,
}

/// Reserves a handle for an object that is costly, or that cannot be made again.
pub(super) fn reserve<H: Handle>() -> Result<NewHandle<H>> {
    let world = World::current()?;
    let reserved = H::table(world).reserve()?;
    Ok(NewHandle { world, reserved })
}

impl<H: Handle> NewHandle<H> {
    /// Returns the handle of an object that no vault is closed with.
    pub(super) fn keep(self, object: H::Object) -> H {
        self.world.handle(self.reserved.fill(0, object))
    }

    /// Returns the handle of an object that is closed with the vault `family`.
    ///
    /// # Errors
    /// `Closed` if the vault was closed meanwhile.
    pub(super) fn keep_with(self, family: u64, object: H::Object) -> Result<H> {
        let place = self.reserved.fill(family, object);
        // A vault leaves its table before its family is looked for: either that finds this object, or
        // this finds the vault gone.
        if let Err(error) = find(vc_vault { id: family }) {
            drop(H::table(self.world).remove(place));
            return Err(error);
        }
        Ok(self.world.handle(place))
    }
}

/// Returns a handle of a new object that no vault is closed with.
pub(super) fn keep<H: Handle>(object: H::Object) -> Result<H> {
    Ok(reserve::<H>()?.keep(object))
}

/// Returns a handle of a new object that is closed with the vault `family`.
///
/// # Errors
/// `Closed` if the vault was closed meanwhile.
pub(super) fn keep_with<H: Handle>(family: u64, object: H::Object) -> Result<H> {
    reserve::<H>()?.keep_with(family, object)
}

/// Closes one handle.
pub(super) fn close<H: Handle>(handle: H) -> Result<()> {
    let world = World::current()?;
    H::table(world).remove(world.place(handle)?).map(drop)
}

/// Closes a vault's handle and those of its family. Returns the vault, and what those stood for: to be
/// dropped when the vault is closed, whatever comes of that.
pub(super) fn close_family(vault: vc_vault) -> Result<(InUse<'static, Vault>, Members<'static>)> {
    let world = World::current()?;
    let held = world.vaults.remove(world.place(vault)?)?;
    let members = world.end_family(vault.id);
    Ok((held, members))
}

#[cold]
fn forked() -> Error {
    let message = "a handle does not cross a fork: this process is a child of the one that made it";
    Error::new(ErrorKind::Forked, message)
}

#[cfg(test)]
mod tests {
    use vaultcore::storage::Memory;

    use super::*;

    fn vault() -> vc_vault {
        keep(Vault::builder(Memory::new()).build().expect("vault")).expect("handle")
    }

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn every_bit_of_a_handle_counts() {
        let handle = vault();
        assert!(find(handle).is_ok());
        // Those of the index may lead to the vault of another test.
        for bit in 24..64 {
            let wrong = vc_vault {
                id: handle.id ^ (1 << bit),
            };
            assert!(find(wrong).is_err(), "bit {bit}");
        }
        assert_eq!(
            kind(find(vc_session { id: handle.id })),
            Some(ErrorKind::InvalidArgument)
        );
        assert_eq!(
            kind(find(vc_vault { id: 0 })),
            Some(ErrorKind::InvalidArgument)
        );
        close_family(handle).expect("closed");
        assert_eq!(kind(find(handle)), Some(ErrorKind::Closed));
        assert_eq!(kind(close_family(handle)), Some(ErrorKind::Closed));
    }

    #[test]
    fn a_closed_vault_gets_no_new_family() {
        let handle = vault();
        let (held, _) = close_family(handle).expect("there");
        let refused = held.object.owner().map(|_| ());
        assert_eq!(kind(refused), Some(ErrorKind::Sealed));
        let other = vault();
        let found = find(other).expect("there");
        let init = found
            .object
            .init([vaultcore::NewSlot::shamir(1, 1)])
            .expect("init");
        found.object.unseal(&init.shares()[0]).expect("unsealed");
        let owner = || found.object.owner().expect("owner");
        let kept: vc_session = keep_with(other.id, owner()).expect("kept");
        let late = owner();
        close_family(other).expect("closed");
        assert_eq!(kind(find(kept)), Some(ErrorKind::Closed));
        assert_eq!(
            kind(keep_with::<vc_session>(other.id, late)),
            Some(ErrorKind::Closed)
        );
    }

    /// Threads open and close handles of a vault that is closed meanwhile: none outlives it, and no
    /// object is left in a table.
    #[test]
    fn no_handle_outlives_its_vault() {
        for _ in 0..20 {
            let handle = vault();
            let held = find(handle).expect("there");
            let init = held.object.init([vaultcore::NewSlot::shamir(1, 1)]);
            let init = init.expect("init");
            held.object.unseal(&init.shares()[0]).expect("unsealed");
            let session = held.object.owner().expect("owner");
            let start = std::sync::Barrier::new(5);
            let kept: Vec<vc_transit> = std::thread::scope(|scope| {
                let opener = || {
                    start.wait();
                    let open = || {
                        let transit = session.transit("transit").expect("path");
                        keep_with(handle.id, transit).ok()
                    };
                    std::iter::from_fn(open).collect::<Vec<vc_transit>>()
                };
                let openers = [0; 4].map(|_| scope.spawn(opener));
                start.wait();
                close_family(handle).expect("closed");
                let kept = openers.map(|opener| opener.join().expect("no panic"));
                kept.into_iter().flatten().collect()
            });
            for transit in kept {
                assert_eq!(kind(find(transit)), Some(ErrorKind::Closed));
                assert_eq!(kind(close(transit)), Some(ErrorKind::Closed));
            }
        }
    }
}
