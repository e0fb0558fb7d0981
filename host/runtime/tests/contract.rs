//! What is no agent is refused when it is loaded, with what is wrong with it.

use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{LoadError, SandboxConfig};

fn refused(component: &str) -> LoadError {
    let bytes = wat::parse_str(component).unwrap();
    let engine = SandboxEngine::with_cache(&SandboxConfig::default(), Cache::none()).unwrap();
    match engine.load_bytes(&bytes) {
        Ok(_) => panic!("it was taken for an agent"),
        Err(error) => error,
    }
}

/// A component that exports `handle` and `configure`, both without parameters, from an
/// interface of this name.
fn exporting(interface: &str) -> String {
    format!(
        r#"(component
            (core module $m (func (export "f") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $agent (export "configure" (func $f)) (export "handle" (func $f)))
            (export "{interface}" (instance $agent)))"#
    )
}

#[test]
fn an_import_that_is_not_granted_is_named_with_its_remedy() {
    let http = r#"(component (import "wasi:http/types@0.2.6" (instance (export "f" (func)))))"#;
    match refused(http) {
        LoadError::UndeclaredImport { import, .. } => assert_eq!(import, "wasi:http/types@0.2.6"),
        other => panic!("{other}"),
    }
    let socket = r#"(component (import "wasi:sockets/tcp@0.2.6" (instance (export "f" (func)))))"#;
    let error = refused(socket).to_string();
    assert!(error.contains("wasi:sockets/tcp@0.2.6"), "{error}");
    assert!(error.contains("`network = true`"), "{error}");
}

#[test]
fn a_missing_export_is_named_with_what_there_is() {
    let error = refused("(component)");
    assert!(matches!(error, LoadError::MissingExport { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains("handle: func(message: message)"), "{error}");
    assert!(error.contains("it exports nothing"), "{error}");
    let error = refused(&exporting("other:package/agent@0.1.0")).to_string();
    assert!(error.contains("it exports other:package/agent@0.1.0"), "{error}");
}

#[test]
fn a_wrong_signature_is_told_with_both() {
    match refused(&exporting("sandlab:agent/agent@0.1.0")) {
        LoadError::WrongSignature { name, expected, found } => {
            assert_eq!(name, "sandlab:agent/agent@0.1.0#configure");
            assert_eq!(expected, "configure: func(config: list<u8>) -> result<_, failure>");
            assert_eq!(found, "configure: func() -> u32");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_import_of_the_host_with_another_signature_is_told_with_both() {
    let component = r#"(component
        (import "sandlab:agent/host@0.1.0" (instance
            (export "find" (func (param "name" string) (result u32))))))"#;
    let error = refused(component).to_string();
    assert!(error.contains("find: func(name: string) -> option<agent-id>"), "{error}");
    assert!(error.contains("find: func(name: string) -> u32"), "{error}");
}

#[test]
fn the_interfaces_of_contents_are_checked_as_the_others_are() {
    let import = r#"(component
        (import "sandlab:agent/contents@0.1.0" (instance
            (export "send" (func (param "parcel" string) (result u32))))))"#;
    let error = refused(import).to_string();
    assert!(error.contains("send: func(parcel: parcel)"), "{error}");
    assert!(error.contains("send: func(parcel: string) -> u32"), "{error}");
}

#[test]
fn what_is_no_component_is_called_what_it_is() {
    let module = refused("(module)").to_string();
    assert!(module.contains("a core WebAssembly module"), "{module}");
}
