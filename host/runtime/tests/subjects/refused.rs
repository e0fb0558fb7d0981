//! What is no subject, and what is two.

use super::{config, engine, guest};
use sandlab_runtime::LoadError;
use sandlab_runtime::config::Calls;
use sandlab_runtime::subject::{Access, Kind, KindError, Options, describe, load, load_bytes};

fn refused(component: &str, options: &Options) -> LoadError {
    let bytes = wat::parse_str(component).unwrap();
    let loaded = load_bytes(&engine(&config()), &bytes, "c", options);
    loaded.map(|_| ()).unwrap_err()
}

#[test]
fn a_component_that_exports_nothing_is_no_subject() {
    let error = refused("(component)", &Options::default());
    assert!(matches!(error, LoadError::Kind(KindError::Nothing)), "{error}");
}

#[test]
fn an_import_that_no_wasi_has_is_named() {
    let component = r#"(component
        (import "my:own/thing@1.0.0" (instance (export "f" (func))))
        (core module $m (func (export "f")))
        (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))
        (export "f" (func $f)))"#;
    let error = refused(component, &Options::default()).to_string();
    assert!(error.contains("my:own/thing@1.0.0"), "{error}");
}

#[test]
fn an_interface_that_only_names_types_is_nobodys_to_give() {
    let component = |interface: &str| {
        let component = format!(
            r#"(component
                (import "my:own/types@1.0.0" (instance $types {interface}))
                (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
                (core instance $m (instantiate $m))
                (func $f (param "r" u32) (result u32) (canon lift (core func $m "f")))
                (export "f" (func $f)))"#
        );
        wat::parse_str(component).unwrap()
    };
    let names = r#"(type $r (record (field "a" u32))) (export "rec" (type (eq $r)))"#;
    let (names, resource) = (component(names), component(r#"(export "r" (type (sub resource)))"#));
    let loaded = load_bytes(&engine(&config()), &names, "c", &Options::default()).unwrap();
    assert_eq!(loaded.kind, Kind::Function);
    assert_eq!(describe(&names).unwrap().imports[0].access, Access::Nothing);
    assert_eq!(describe(&resource).unwrap().imports[0].access, Access::Unknown);
    let refused = load_bytes(&engine(&config()), &resource, "c", &Options::default());
    assert!(refused.map(|_| ()).unwrap_err().to_string().contains("my:own/types@1.0.0"));
}

#[test]
fn a_kind_that_it_is_not_is_told_with_what_it_exports() {
    let options = Options { kind: Some(Kind::Service), ..Options::default() };
    let loaded = load(&engine(&config()), &guest("functions"), &options);
    let error = loaded.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no service"), "{error}");
    assert!(error.contains("test:shapes/shapes@1.2.0"), "{error}");
}

#[test]
fn a_service_is_not_loaded_for_calls_that_cannot_wait() {
    let mut config = config();
    config.calls = Calls::Sync;
    let loaded = load(&engine(&config), &guest("service"), &Options::default());
    let error = loaded.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`calls`"), "{error}");
}
