//! Work in pages where single entries are large.

use serde_json::json;
use vaultcore::NewMount;
use vaultcore::storage::Scan;

use crate::common::World;

/// Just below a page of small secrets with long names comes one of 1 MiB: more than a commit takes.
#[test]
fn a_page_of_the_rewrap_fits_a_commit() {
    let world = World::new();
    let owner = world.owner();
    owner.sys().mount("one", NewMount::kv1()).expect("mounted");
    let one = owner.kv_v1("one").expect("path");
    let deep = ["abcdefghijklmno"; 31].join("/");
    let write = |number: u32, size: usize| {
        let path = format!("{deep}/{number:014}");
        one.put(&path, &json!({ "k": "x".repeat(size) }))
            .expect("written");
        path
    };
    for number in 0..38 {
        write(number, 4_900);
    }
    // The large one must come last in the order of storage, and hidden names are in no order.
    let scan = Scan::new("ns/root/kv-one/");
    let list = || world.storage.scan(&scan).expect("scan");
    for number in 100.. {
        let before = list();
        let path = write(number, 8);
        let after = list();
        if before.last() != after.last() {
            write(number, 1_048_500);
            break;
        }
        one.delete(&path).expect("deleted");
    }
    owner.sys().rotate().expect("rotated");
    let mut last = 0;
    let dropped = owner.sys().rewrap_all(|done| {
        last = done;
        Ok(())
    });
    assert_eq!(dropped.expect("all fitted"), 1);
    assert!(last >= 39);
}
