//! References, boxes and shared pointers to a storage are storages.

use std::sync::Arc;

use super::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

macro_rules! forward {
    ($($pointer:ty: $exclusive:expr),*) => {$(
        impl<S: Storage + ?Sized> Storage for $pointer {
            fn read(&self, paths: &[EntryPath]) -> Result<Vec<Option<Entry>>, StorageError> {
                (**self).read(paths)
            }

            fn scan(&self, scan: &Scan) -> Result<Vec<String>, StorageError> {
                (**self).scan(scan)
            }

            fn commit(&self, batch: &Batch) -> Result<Revision, StorageError> {
                (**self).commit(batch)
            }

            fn change_mark(&self) -> Result<Option<u64>, StorageError> {
                (**self).change_mark()
            }

            fn exclusive(&self) -> bool {
                let exclusive: fn(&Self) -> bool = $exclusive;
                exclusive(self)
            }
        }
    )*};
}

// Whoever holds a reference or a shared pointer may not be the only one, so only a box can be.
forward!(&S: |_| false, Arc<S>: |_| false, Box<S>: |storage| (**storage).exclusive());
