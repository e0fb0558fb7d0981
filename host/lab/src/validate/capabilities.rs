//! Stage 3: what the imports let the agent do, against what is allowed.

use super::code::Code;
use super::finding::{Check, Finding};
use super::outline::Outline;
use super::policy::{Capabilities, Preset};
use std::collections::BTreeMap;

/// What an import lets an agent do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Capability {
    Messages,
    Clocks,
    Random,
    Environment,
    Stdio,
    Exit,
    Streams,
    Files,
    Network,
    Http,
    Unknown,
}

impl Capability {
    /// Of an interface without its version.
    fn of(interface: &str) -> Self {
        let (package, name) = interface.split_once('/').unwrap_or((interface, ""));
        match (package, name) {
            ("sandlab:agent", _) => Self::Messages,
            ("wasi:clocks", _) => Self::Clocks,
            ("wasi:random", _) => Self::Random,
            ("wasi:cli", "environment") => Self::Environment,
            ("wasi:cli", "exit") => Self::Exit,
            ("wasi:cli", _) => Self::Stdio,
            ("wasi:io", _) => Self::Streams,
            ("wasi:filesystem", _) => Self::Files,
            ("wasi:sockets", _) => Self::Network,
            ("wasi:http", _) => Self::Http,
            _ => Self::Unknown,
        }
    }

    /// Its name in a policy.
    const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Clocks => "clocks",
            Self::Random => "random",
            Self::Environment => "environment",
            Self::Stdio => "stdio",
            Self::Exit => "exit",
            Self::Streams => "streams",
            Self::Files => "files",
            Self::Network => "network",
            Self::Http => "http",
            Self::Unknown => "unknown",
        }
    }

    const fn lets(self) -> &'static str {
        match self {
            Self::Messages => "send messages, log, and find other agents",
            Self::Clocks => "tell the time, and wait",
            Self::Random => "get random numbers",
            Self::Environment => {
                "read the environment and the arguments that the sandbox config grants"
            }
            Self::Stdio => "write to its log through standard output and error",
            Self::Exit => "end itself",
            Self::Streams => "read, write and wait for what other imports gave it",
            Self::Files => "use the directories that the sandbox config grants",
            Self::Network => "open TCP and UDP sockets, and look names up",
            Self::Http => "make and answer HTTP requests",
            Self::Unknown => "do what only its author knows",
        }
    }

    /// What a language's runtime imports before the agent's author has written a line, and
    /// what reaches nothing that the sandbox does not grant besides.
    const fn is_basic(self) -> bool {
        !matches!(self, Self::Network | Self::Http | Self::Unknown)
    }

    /// Whether a host of agents can offer it at all.
    const fn is_offered(self) -> bool {
        !matches!(self, Self::Http | Self::Unknown)
    }
}

/// One check a capability, in the order of how far it reaches.
pub fn check(outline: &Outline, allowed: &Capabilities) -> Vec<Check> {
    let mut by_capability: BTreeMap<Capability, Vec<&str>> = BTreeMap::new();
    for import in &outline.imports {
        let capability = Capability::of(without_version(import));
        by_capability.entry(capability).or_default().push(import);
    }
    let checks = by_capability.into_iter().map(|(capability, imports)| {
        let note = format!("lets it {}: {}", capability.lets(), imports.join(", "));
        let refused = imports.into_iter().filter(|import| {
            let is_allowed = is_allowed(without_version(import), capability, allowed);
            !(capability.is_offered() && is_allowed)
        });
        let findings = by_package(refused)
            .into_iter()
            .map(|(package, imports)| refusal(package, &imports, capability, outline));
        Check::of(capability.name(), findings.collect()).with_note(note)
    });
    checks.collect()
}

/// One finding a package says as much as one an interface.
fn by_package<'a>(imports: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports {
        let package = import.split('/').next().unwrap_or(import);
        packages.entry(package).or_default().push(import);
    }
    packages
}

fn refusal(package: &str, imports: &[&str], capability: Capability, outline: &Outline) -> Finding {
    let whence = whence(outline, capability);
    let (code, remedy) = if capability.is_offered() {
        let name = capability.name();
        let remedy =
            format!("Build without it, or add \"{name}\" to `allow` under [capabilities].{whence}");
        (Code::NotAllowed, remedy)
    } else {
        (Code::NobodyOffers, format!("Build without it.{whence}"))
    };
    let found = format!("{}, which let it {}", imports.join(", "), capability.lets());
    Finding::new(code, package, remedy).found(found)
}

fn is_allowed(interface: &str, capability: Capability, allowed: &Capabilities) -> bool {
    if capability == Capability::Messages {
        return true;
    }
    let basics = allowed.preset == Preset::RuntimeBasics && capability.is_basic();
    let package = interface.split('/').next();
    basics
        || allowed.allow.iter().any(|entry| {
            let entry = without_version(entry);
            entry == interface || Some(entry) == package || entry == capability.name()
        })
}

fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// Why such an import is there, by what built the component: most authors never asked for it.
fn whence(outline: &Outline, capability: Capability) -> &'static str {
    use Capability as C;
    // Interpreters first: they are written in languages that have toolchains of their own.
    let hints: [(&str, &[(Capability, &str)]); 5] = [
        (
            // Of componentize-py.
            "component-init-transform",
            &[
                (
                    C::Network,
                    " Python's standard library imports it whatever the agent does; `componentize-py --stub-wasi` leaves it out.",
                ),
                (
                    C::Files,
                    " Python finds its modules through it; `componentize-py --stub-wasi` leaves it out.",
                ),
                (
                    C::Environment,
                    " Python reads its settings from there; `componentize-py --stub-wasi` leaves it out.",
                ),
            ],
        ),
        (
            "componentizejs",
            &[
                (
                    C::Http,
                    " The JavaScript engine has `fetch` built in: `disableFeatures: [\"http\", \"fetch-event\"]` turns it off.",
                ),
                (
                    C::Clocks,
                    " The engine's timers and `Date` need it: `disableFeatures: [\"clocks\"]` turns it off.",
                ),
                (
                    C::Random,
                    " `Math.random` needs it: `disableFeatures: [\"random\"]` turns it off.",
                ),
                (
                    C::Stdio,
                    " `console.log` needs it: `disableFeatures: [\"stdio\"]` turns it off.",
                ),
            ],
        ),
        (
            "tinygo",
            &[
                (
                    C::Files,
                    " Go's `os` package imports it, also for programs that open no file.",
                ),
                (
                    C::Network,
                    " Go's `net` package imports it; something that the agent uses does too.",
                ),
            ],
        ),
        (
            "rust",
            &[
                (
                    C::Files,
                    " Rust's standard library imports it with the first use of `std::fs`, and through the texts of panics.",
                ),
                (
                    C::Network,
                    " It comes with `std::net`: look for it with `cargo tree`.",
                ),
                (
                    C::Clocks,
                    " It comes with `std::time`, also in a dependency.",
                ),
                (C::Random, " `HashMap` seeds itself with it."),
                (
                    C::Environment,
                    " Panics read `RUST_BACKTRACE` from there: `std` always imports it.",
                ),
                (
                    C::Stdio,
                    " Panics write their text there: `std` always imports it.",
                ),
            ],
        ),
        (
            "clang",
            &[
                (
                    C::Files,
                    " wasi-libc imports it with stdio, also for programs that only print.",
                ),
                (
                    C::Network,
                    " wasi-libc imports it with `socket` or `getaddrinfo`.",
                ),
                (
                    C::Environment,
                    " wasi-libc imports it with `getenv`, which its start-up calls.",
                ),
            ],
        ),
    ];
    let known = hints
        .iter()
        .filter(|(toolchain, _)| outline.built_by(toolchain));
    let mut fitting = known.flat_map(|(_, hints)| *hints);
    fitting
        .find(|(of, _)| *of == capability)
        .map_or("", |(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(import: &'static str, preset: Preset, allow: &[&str]) -> Vec<Code> {
        let outline = Outline {
            imports: vec![import],
            ..Outline::default()
        };
        let allowed = Capabilities {
            preset,
            allow: allow.iter().map(|entry| (*entry).to_owned()).collect(),
        };
        let checks = check(&outline, &allowed);
        let findings = checks.iter().flat_map(|check| &check.findings);
        findings.map(|finding| finding.code).collect()
    }

    #[test]
    fn nothing_is_allowed_that_the_policy_does_not_name() {
        let (basics, none) = (Preset::RuntimeBasics, Preset::None);
        let files = "wasi:filesystem/types@0.2.6";
        let tcp = "wasi:sockets/tcp@0.2.3";
        assert_eq!(findings(files, basics, &[]), []);
        assert_eq!(findings(files, none, &[]), [Code::NotAllowed]);
        assert_eq!(findings("sandlab:agent/host@0.1.0", none, &[]), []);
        for entry in ["files", "wasi:filesystem", "wasi:filesystem/types"] {
            assert_eq!(findings(files, none, &[entry]), [], "{entry}");
        }
        assert_eq!(findings(tcp, basics, &[]), [Code::NotAllowed]);
        assert_eq!(findings(tcp, basics, &["wasi:sockets@0.2.6"]), []);
        assert_eq!(
            findings(tcp, basics, &["wasi:sockets/udp"]),
            [Code::NotAllowed]
        );
        let http = "wasi:http/types@0.2.6";
        assert_eq!(findings(http, basics, &["http"]), [Code::NobodyOffers]);
        assert_eq!(findings("env", basics, &["unknown"]), [Code::NobodyOffers]);
    }
}
