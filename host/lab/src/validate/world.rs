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
        Check::of("versions", of(|kind| matches!(kind, Kind::Version | Kind::Compatible))),
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
        Kind::Compatible => (
            Code::OtherVersion,
            "Nothing has to be done: the linker takes it for the host's, by semver".to_owned(),
        ),
        Kind::UnknownImport => (Code::UnknownImport, REBIND.to_owned()),
        Kind::UnknownFunction => (Code::UnknownFunction, REBIND.to_owned()),
        Kind::Extra => {
            (Code::ExtraExport, "Remove it from the world that the agent is built for".to_owned())
        }
    };
    let finding = Finding::new(code, &difference.path, remedy);
    match difference.kind {
        Kind::Extra => finding,
        Kind::Compatible => finding.wanted(&difference.wanted).found(&difference.found).noted(),
        _ => finding.wanted(&difference.wanted).found(&difference.found),
    }
}

/// Returns the remedy for a version that the linker does not take for the host's.
fn version_remedy(difference: &Difference) -> String {
    let version = |path: &str| path.split_once('@').map(|(_, version)| version.to_owned());
    let says = match (version(&difference.wanted), version(&difference.found)) {
        (Some(wanted), Some(found)) => {
            format!("by semver {found} is not compatible with {wanted}")
        }
        _ => "it states no version".to_owned(),
    };
    format!("Build it for the host's version: {says}")
}
