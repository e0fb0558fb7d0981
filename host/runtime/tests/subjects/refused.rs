//! What is no subject, and what is two.

use super::{config, engine, guest};
use sandlab_runtime::LoadError;
use sandlab_runtime::config::Calls;
use sandlab_runtime::subject::{Kind, KindError, Options, load, load_bytes};

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
