//! The contract is valid WIT, and documented on every item.

use std::path::Path;
use wit_parser::{Resolve, TypeDefKind};

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_dir(&folder).unwrap();
    let package = &resolve.packages[package];
    assert_eq!(package.name.to_string(), "sandlab:agent@0.1.0");
    assert_eq!(package.interfaces.len(), 7);
    for (name, id) in &package.interfaces {
        let interface = &resolve.interfaces[*id];
        assert!(interface.docs.contents.is_some(), "interface {name}");
        for (function, item) in &interface.functions {
            assert!(item.docs.contents.is_some(), "{name}.{function}");
        }
        for (item, id) in &interface.types {
            let item_type = &resolve.types[*id];
            // A `use` has the documentation of what it names.
            if matches!(item_type.kind, TypeDefKind::Type(wit_parser::Type::Id(_))) {
                continue;
            }
            assert!(item_type.docs.contents.is_some(), "{name}.{item}");
        }
    }
    for (name, id) in &package.worlds {
        assert!(resolve.worlds[*id].docs.contents.is_some(), "world {name}");
    }
}
