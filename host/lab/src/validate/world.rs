//! Stage 2: the component's types against the contract's.

use super::code::Code;
use super::finding::{Check, Finding};
use sandlab_runtime::wasm::contract::{self, Difference, DifferenceKind, Undecodable};

const REBIND: &str = "Generate the bindings again from the WIT files of this sandlab (`wit/`)";

/// Checks for every difference from a world of the contract.
pub fn check(bytes: &[u8], world: &str) -> Vec<Check> {
    let differences = match contract::differences(bytes, world) {
        Ok(differences) => differences,
        Err(why) => return vec![Check::of("types", vec![undecodable(&why)])],
    };
    let of = |wanted: fn(&DifferenceKind) -> bool| {
        let those = differences.iter().filter(|found| wanted(&found.kind));
        those.map(finding).collect()
    };
    use DifferenceKind as Kind;
    vec![
        Check::of("versions", of(|kind| *kind == Kind::Version)),
        Check::of("types", of(|kind| *kind == Kind::Type)),
        Check::of(
            "imports",
            of(|kind| matches!(kind, Kind::UnknownImport | Kind::UnknownFunction)),
        ),
        Check::of(
            "exports",
            of(|kind| matches!(kind, Kind::MissingInterface | Kind::MissingFunction)),
        ),
        Check::of("signatures", of(|kind| *kind == Kind::Signature)),
        Check::of("extra", of(|kind| *kind == Kind::Extra)),
    ]
}

fn undecodable(why: &Undecodable) -> Finding {
    match why {
        Undecodable::WitPackage => Finding::new(
            Code::WitPackage,
            "the exports",
            "It declares what an agent is, without code: build an agent for its world",
        )
        .wanted("a component")
        .found(why.to_string()),
        _ => {
            let remedy = "Build it with a toolchain that generates its types from WIT";
            Finding::new(Code::Undecodable, "the types", remedy).found(why.to_string())
        }
    }
}

fn finding(difference: &Difference) -> Finding {
    use DifferenceKind as Kind;
    let (code, remedy) = match difference.kind {
        Kind::MissingInterface => {
            (Code::MissingInterface, "Export it, or choose another world with `--world`".to_owned())
        }
        Kind::MissingFunction => (Code::MissingFunction, REBIND.to_owned()),
        Kind::Signature => (Code::WrongSignature, REBIND.to_owned()),
        Kind::Type => (Code::WrongType, REBIND.to_owned()),
        Kind::Version => (Code::OtherVersion, version_remedy(difference)),
        Kind::UnknownImport => (Code::UnknownImport, REBIND.to_owned()),
        Kind::UnknownFunction => (Code::UnknownFunction, REBIND.to_owned()),
        Kind::Extra => {
            (Code::ExtraExport, "Remove it from the world that the agent is built for".to_owned())
        }
    };
    let finding = Finding::new(code, &difference.path, remedy);
    match difference.kind {
        Kind::Extra => finding,
        _ => finding.wanted(&difference.wanted).found(&difference.found),
    }
}

/// Returns the remedy for another version, with whether semver calls the two compatible.
fn version_remedy(difference: &Difference) -> String {
    let version = |path: &str| -> Option<semver::Version> { path.split_once('@')?.1.parse().ok() };
    let (wanted, found) = (version(&difference.wanted), version(&difference.found));
    let says = match wanted.zip(found) {
        None => "it states no version".to_owned(),
        Some((wanted, found)) => {
            let line = |v: &semver::Version| match (v.major, v.minor) {
                (0, 0) => (0, 0, v.patch),
                (0, minor) => (0, minor, 0),
                (major, _) => (major, 0, 0),
            };
            let compatible = line(&wanted) == line(&found) && wanted.pre == found.pre;
            let order = if found > wanted { "later" } else { "earlier" };
            if compatible {
                format!(
                    "by semver the {order} {found} is compatible with {wanted}, but it is not the host's"
                )
            } else {
                format!("by semver the {order} {found} is not compatible with {wanted}")
            }
        }
    };
    format!("Build it for the host's version: {says}")
}
