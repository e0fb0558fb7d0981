//! Projects and their policies, named or beneath a folder, and cases that come from a stream.

use crate::common::bundle;
use crate::lab::{Lab, status};
use serde_json::Value;
use std::path::PathBuf;

/// A folder of a project, whose component is a copy of `echo`, with a policy of its own.
fn project(lab: &Lab, folder: &str, policy: &str) -> PathBuf {
    let folder = lab.0.path().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let echo = bundle("echo").component();
    let text = format!(
        "validate-policy = \"policy.toml\"\n[component]\nfile = \"made.wasm\"\n\
         build = \"cp {} made.wasm\"\n",
        echo.canonicalize().unwrap().display()
    );
    std::fs::write(folder.join("sandlab.toml"), text).unwrap();
    std::fs::write(folder.join("policy.toml"), policy).unwrap();
    folder
}

#[test]
fn cases_from_standard_input_are_read_once_for_all_guests() {
    let lab = Lab::new();
    let one = project(&lab, "one", "skip = [\"soak\"]");
    let two = project(&lab, "two", "skip = [\"soak\", \"hygiene\"]");
    for (reply, code) in [("a", 0), ("b", 1)] {
        let cases = lab.file("cases", format!("{{\"request\": \"a\", \"reply\": {reply:?}}}\n"));
        // A file, and a pipe.
        let input = std::fs::read(&cases).unwrap();
        let file = std::fs::File::open(&cases).unwrap();
        let (mut redirected, mut piped) = (lab.validate(&one), lab.validate(&one));
        for validate in [&mut redirected, &mut piped] {
            validate.arg(&two).args(["--cases", "/dev/stdin", "--format", "json"]);
        }
        let mut shell = std::process::Command::new(redirected.get_program());
        let redirected = shell.args(redirected.get_args()).stdin(file).output().unwrap();
        let piped = piped.write_stdin(input).output().unwrap();
        for done in [redirected, piped] {
            let said = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(code), "{said}");
            let report: Value = serde_json::from_slice(&done.stdout).expect(&said);
            for guest in report["guests"].as_array().unwrap() {
                assert!(guest["error"].is_null(), "{guest:#}");
                let judged = if code == 0 { "pass" } else { "fail" };
                assert_eq!(status(guest, "conformance"), judged, "{guest:#}");
            }
        }
    }
}
