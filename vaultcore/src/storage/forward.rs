//! References, boxes and shared pointers to a storage are storages.

use std::sync::Arc;

use super::{Batch, Entry, EntryPath, Revision, Scan, Storage, StorageError};

macro_rules! forward {
    ($($pointer:ty),*) => {$(
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
                (**self).exclusive()
            }
        }
    )*};
}

forward!(&S, Arc<S>, Box<S>);
