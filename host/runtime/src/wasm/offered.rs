//! The interfaces that the linker offers to agents, by name and version, known before anything
//! is compiled.

use semver::Version;

/// The version of WASI whose releases the linker takes for one another.
const WASI: Version = Version::new(0, 2, 0);

/// WASI's interfaces that an agent can import: a test compares them with the linker's.
const INTERFACES: [(&str, &[&str]); 6] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// The reason that the linker does not offer an import.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLinked {
    /// It is of a package that no agent is given.
    #[error(
        "An agent can import `sandlab:agent/host`, `sandlab:agent/contents` and WASI 0.2 without \
         http"
    )]
    Package,
    /// The package has no such interface, or an unstable one.
    #[error("Hosts of agents offer of `{package}` only {}", .interfaces.join(", "))]
    Interface {
        /// The package, without its version.
        package: &'static str,
        /// The package's interfaces that the linker offers.
        interfaces: &'static [&'static str],
    },
    /// It is of another version.
    #[error("{found}; hosts of agents offer {wanted}")]
    Version {
        /// The offered version, such as "WASI 0.2".
        wanted: String,
        /// The imported version, such as "WASI 0.3".
        found: String,
    },
}

/// Checks whether the linker offers an import, such as `wasi:clocks/wall-clock@0.2.6`.
///
/// # Errors
/// [`NotLinked`] with the reason if not.
pub fn linked(import: &str) -> Result<(), NotLinked> {
    let (path, version) = import.split_once('@').unwrap_or((import, ""));
    let Some((package, interface)) = path.split_once('/') else {
        return Err(NotLinked::Package);
    };
    if package == "sandlab:agent" {
        return Ok(());
    }
    let Some((package, interfaces)) = INTERFACES.iter().find(|(name, _)| *name == package) else {
        return Err(NotLinked::Package);
    };
    if !is_compatible(&WASI, version) {
        return Err(NotLinked::Version { wanted: "WASI 0.2".to_owned(), found: wasi(version) });
    }
    if interfaces.contains(&interface) {
        return Ok(());
    }
    Err(NotLinked::Interface { package, interfaces })
}

/// Returns whether the linker takes a version for another one: as wasmtime does, by the first
/// number of the two that is not zero, and never for a pre-release.
pub fn is_compatible(offered: &Version, found: &str) -> bool {
    let track =
        |version: &Version| (version.major, if version.major == 0 { version.minor } else { 0 });
    let Ok(found) = found.parse::<Version>() else {
        return false;
    };
    if *offered == found {
        return true;
    }
    let has_track = |version: &Version| version.pre.is_empty() && track(version) != (0, 0);
    has_track(offered) && has_track(&found) && track(offered) == track(&found)
}

/// Returns a version in words: `0.3.0` is "WASI 0.3".
fn wasi(version: &str) -> String {
    match version.parse::<Version>() {
        Ok(version) if !version.pre.is_empty() => format!("WASI {version}, a draft"),
        Ok(version) => format!("WASI {}.{}", version.major, version.minor),
        Err(_) if version.is_empty() => "WASI without a version".to_owned(),
        Err(_) => format!("WASI {version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SandboxConfig;
    use crate::config::Interrupt;
    use crate::wasm::{Modules, Part, engine};
    use wasmtime::component::Component;

    /// One member of each interface whose type needs no other interface. (The linker takes an
    /// instance that it does not know for an empty one.)
    const MEMBERS: [(&str, &str); 22] = [
        ("wasi:cli/environment", "(export \"get-arguments\" (func (result (list string))))"),
        ("wasi:cli/exit", "(export \"exit\" (func (param \"status\" (result))))"),
        ("wasi:cli/terminal-input", "(export \"terminal-input\" (type (sub resource)))"),
        ("wasi:cli/terminal-output", "(export \"terminal-output\" (type (sub resource)))"),
        ("wasi:clocks/monotonic-clock", "(export \"now\" (func (result u64)))"),
        ("wasi:clocks/timezone", "(export \"x\" (func))"),
        ("wasi:clocks/nothing", "(export \"x\" (func))"),
        ("wasi:filesystem/types", "(export \"descriptor\" (type (sub resource)))"),
        ("wasi:io/error", "(export \"error\" (type (sub resource)))"),
        ("wasi:io/poll", "(export \"pollable\" (type (sub resource)))"),
        ("wasi:io/streams", "(export \"input-stream\" (type (sub resource)))"),
        ("wasi:random/insecure", "(export \"get-insecure-random-u64\" (func (result u64)))"),
        ("wasi:random/insecure-seed", "(export \"insecure-seed\" (func (result (tuple u64 u64))))"),
        ("wasi:random/random", "(export \"get-random-u64\" (func (result u64)))"),
        (
            "wasi:sockets/ip-name-lookup",
            "(export \"resolve-address-stream\" (type (sub resource)))",
        ),
        ("wasi:sockets/network", "(export \"network\" (type (sub resource)))"),
        ("wasi:sockets/tcp", "(export \"tcp-socket\" (type (sub resource)))"),
        ("wasi:sockets/udp", "(export \"udp-socket\" (type (sub resource)))"),
        ("wasi:http/types", "(export \"fields\" (type (sub resource)))"),
        ("wasi:http/outgoing-handler", "(export \"x\" (func))"),
        ("wasi:keyvalue/store", "(export \"bucket\" (type (sub resource)))"),
        ("sandlab:other/host", "(export \"self\" (func (result u64)))"),
    ];

    #[test]
    fn the_linker_offers_what_is_said_and_nothing_else() {
        let interrupt = Interrupt::Epoch;
        let engines = engine::engines(&SandboxConfig::default(), interrupt, None).unwrap();
        for (interface, member) in MEMBERS {
            for version in ["@0.2.0", "@0.2.6", "@0.2.99", "@0.2.0-rc-2023-11-10", "@0.3.0", ""] {
                let import = format!("{interface}{version}");
                let text = format!("(component (import \"{import}\" (instance {member})))");
                let bytes = wat::parse_str(text).unwrap();
                let component = Component::from_binary(&engines[0], &bytes).unwrap();
                let part = Part {
                    engine: &engines[0],
                    component: &component,
                    fiber: false,
                    interrupt,
                    modules: &Modules::default(),
                };
                let is_linked = crate::wasm::link(&part).is_ok();
                assert_eq!(linked(&import).is_ok(), is_linked, "{import}");
            }
        }
    }

    #[test]
    fn versions_are_compatible_as_the_linker_says() {
        let (first, stable) = (Version::new(0, 1, 0), Version::new(1, 2, 0));
        assert!(is_compatible(&first, "0.1.0") && is_compatible(&first, "0.1.7"));
        assert!(is_compatible(&stable, "1.0.0") && is_compatible(&stable, "1.9.1"));
        for found in ["0.2.0", "1.0.0", "0.1.1-rc", "0.1", ""] {
            assert!(!is_compatible(&first, found), "{found}");
        }
        assert!(!is_compatible(&Version::new(0, 0, 1), "0.0.2"));
    }
}
