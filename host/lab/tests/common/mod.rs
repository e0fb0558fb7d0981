//! What the tests share: the bundles that `make guests` built.
#![allow(dead_code, reason = "each test file uses its share")]

pub mod children;
pub mod crowd;
pub mod foreign;
pub mod guests;
pub mod host;
pub mod lab;
pub mod mishaps;
pub mod path;
pub mod project;
pub mod user;

use sandlab::bundle::{Bundle, find};
use sandlab_runtime::config::{Access, DirectoryGrant};
use sandlab_runtime::{
    Agent, Backend, CallError, Fault, Handled, Identity, Message, SandboxConfig, native::Twin,
    wasm::Sandbox,
};
use std::path::Path;

pub fn bundle(name: &str) -> Bundle {
    let found = find(name, &mut |_| {}).map(|subject| subject.bundle().cloned());
    match found {
        Ok(Some(bundle)) => bundle,
        other => panic!("run `make guests` first: {other:?}"),
    }
}

pub fn sandbox(name: &str, sandbox: &SandboxConfig) -> Box<dyn Agent> {
    let sandbox = Sandbox::load(&bundle(name).component(), sandbox).unwrap();
    sandbox.spawn(Identity::alone()).unwrap()
}

pub fn twin(name: &str, sandbox: &SandboxConfig) -> Box<dyn Agent> {
    let twin = Twin::load(&bundle(name).twin(), sandbox).unwrap();
    twin.spawn(Identity::alone()).unwrap()
}

pub fn say(agent: &mut dyn Agent, text: &str) -> Result<Handled, CallError> {
    agent.handle(&Message::request(text.as_bytes()))
}

pub fn fault(agent: &mut dyn Agent, text: &str) -> Fault {
    match say(agent, text) {
        Err(CallError::Fault(fault)) => fault,
        other => panic!("{text:?} gave {other:?}"),
    }
}

/// A sandbox config that grants this folder as `/data`.
pub fn granting(folder: &Path, access: Access) -> SandboxConfig {
    let mut sandbox = SandboxConfig::default();
    sandbox.grants.directories.push(DirectoryGrant {
        guest: "/data".to_owned(),
        host: folder.to_owned(),
        access,
    });
    sandbox
}

/// Whatever leads out of the granted directory is refused, and nothing outside is touched.
pub fn refuses_to_leave(start: &dyn Fn(&SandboxConfig) -> Box<dyn Agent>) {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let inside = outside.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::os::unix::fs::symlink(&secret, inside.join("link")).unwrap();
    let absolute = secret.to_str().unwrap();

    let mut agent = start(&granting(&inside, Access::Write));
    for path in [
        "../secret",
        "link",
        "sub/../../secret",
        absolute,
        "/proc/self/environ",
        "../../../../../../proc/self/environ",
    ] {
        for command in [format!("read {path}"), format!("write {path}\nchanged")] {
            let refused = say(agent.as_mut(), &command);
            assert!(matches!(refused, Err(CallError::Failure(_))), "{command:?}: {refused:?}");
        }
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    say(agent.as_mut(), "write inside\nkept").unwrap();
    assert_eq!(std::fs::read_to_string(inside.join("inside")).unwrap(), "kept");

    let mut reader = start(&granting(&inside, Access::Read));
    assert!(say(reader.as_mut(), "write inside\nchanged").is_err());
    let read = say(reader.as_mut(), "read inside").unwrap();
    assert_eq!(read.replies[0].content, b"kept");

    let mut nobody = start(&SandboxConfig::default());
    let denied = say(nobody.as_mut(), "read inside").unwrap_err().to_string();
    assert!(denied.contains("denied"), "{denied}");
}
