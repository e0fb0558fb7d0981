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

#[test]
fn projects_beneath_a_folder_are_built_and_held_against_their_own_policies() {
    let lab = Lab::new();
    let folder = project(&lab, "all/mine", "skip = [\"soak\", \"conformance\", \"hygiene\"]");
    let other = lab.0.path().join("all/other.wasm");
    std::fs::copy(bundle("echo").component(), &other).unwrap();
    // What tools keep, and what lies in a project, is no guest.
    for junk in ["mine/target/junk", "mine/dist/junk", "target/junk", "node_modules/a", ".git/a"] {
        let path = lab.0.path().join("all").join(junk);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path.with_extension("wasm"), "junk").unwrap();
    }
    let mut validate = lab.validate(&lab.0.path().join("all"));
    let validated = validate.args(["--skip", "soak", "--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&validated.stdout).unwrap();
    let guests = report["guests"].as_array().unwrap();
    let [mine, alone] = guests.as_slice() else {
        panic!("{report:#}");
    };
    assert_eq!((mine["name"].as_str(), mine["place"].as_str()), (Some("mine"), folder.to_str()));
    assert_eq!(status(mine, "spawn"), "pass");
    assert_eq!(alone["place"], other.display().to_string());

    // One that cannot be built does not keep the others from being checked.
    std::fs::write(
        folder.join("sandlab.toml"),
        "[component]\nfile = \"made.wasm\"\nbuild = \"exit 9\"\n",
    )
    .unwrap();
    let mut validate = lab.validate(&lab.0.path().join("all"));
    let validated = validate.args(["--skip", "soak", "--format", "json"]).output().unwrap();
    assert_eq!(validated.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&validated.stdout).unwrap();
    let guests = report["guests"].as_array().unwrap();
    assert!(guests[0]["error"].as_str().unwrap().contains("exit 9"), "{report:#}");
    assert!(guests.len() == 2 && guests[1]["error"].is_null(), "{report:#}");
}
