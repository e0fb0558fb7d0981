//! Stage 3: the imports' capabilities against the allowed ones.

use super::code::Code;
use super::finding::{Check, Finding};
use super::language::Language;
use super::outline::Outline;
use super::policy::{Capabilities, Policy, Preset};
use sandlab_runtime::subject::{Kind, is_third};
use sandlab_runtime::wasm::{NotLinked, linked};
use std::collections::BTreeMap;

/// The capability that an import gives an agent.
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
    /// Returns the capability of an interface, whose name has no version.
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

    /// Returns the capability of an interface for guests of a kind: the types of requests are a
    /// service's messages.
    fn of_kind(interface: &str, kind: Kind) -> Self {
        match interface {
            "wasi:http/types" if kind != Kind::Agent => Self::Streams,
            other => Self::of(other),
        }
    }

    /// Returns the name in policies and reports.
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

    const fn allows(self) -> &'static str {
        match self {
            Self::Messages => "send messages, log, and find other agents",
            Self::Clocks => "read clocks, and wait",
            Self::Random => "get random numbers",
            Self::Environment => {
                "read the environment and the arguments that the sandbox config grants"
            }
            Self::Stdio => "write to its log through standard output and error",
            Self::Exit => "exit",
            Self::Streams => "read, write and wait on streams of other imports",
            Self::Files => "use the directories that the sandbox config grants",
            Self::Network => "open TCP and UDP sockets, and resolve names",
            Self::Http => "send and serve HTTP requests",
            Self::Unknown => "do something that sandlab does not know",
        }
    }

    /// Returns whether language runtimes import it by themselves, and the sandbox still controls
    /// what it reaches: of a service or command, also whom it calls.
    fn is_basic(self, kind: Kind) -> bool {
        match self {
            Self::Network | Self::Http => kind != Kind::Agent,
            Self::Unknown => false,
            _ => true,
        }
    }

    /// Returns whether sandlab's hosts offer it to guests of a kind at all.
    fn is_offered(self, kind: Kind) -> bool {
        match self {
            Self::Messages => kind == Kind::Agent,
            Self::Http => kind != Kind::Agent,
            Self::Unknown => false,
            _ => true,
        }
    }
}

/// Makes one check per capability, from the least powerful to the most.
pub fn check(outline: &Outline, policy: &Policy, kind: Kind) -> Vec<Check> {
    let (allowed, async_components) = (&policy.capabilities, policy.limits.engine.async_components);
    of_capabilities(outline, allowed, async_components, kind)
}

fn of_capabilities(
    outline: &Outline,
    allowed: &Capabilities,
    async_components: bool,
    kind: Kind,
) -> Vec<Check> {
    let mut by_capability: BTreeMap<Capability, Vec<&str>> = BTreeMap::new();
    for import in &outline.imports {
        let capability = Capability::of_kind(without_version(import), kind);
        by_capability.entry(capability).or_default().push(import);
    }
    let checks = by_capability.into_iter().map(|(capability, imports)| {
        let note = format!("can {}: {}", capability.allows(), imports.join(", "));
        let refused = imports.into_iter().filter(|import| {
            let is_allowed = is_allowed(without_version(import), capability, allowed, kind);
            !(capability.is_offered(kind) && is_allowed)
        });
        let findings = by_package(refused)
            .into_iter()
            .map(|(package, imports)| refusal(package, &imports, capability, kind, outline));
        let unlinked = not_linked(&outline.imports, capability, async_components, kind);
        let findings = findings.chain(unlinked).collect();
        Check::of(capability.name(), findings).with_note(note)
    });
    checks.collect()
}

/// Returns findings for imports of a capability that is offered, in a version or by a name of which
/// the linker knows nothing. Those of one package and reason are one finding.
fn not_linked(
    imports: &[&str],
    capability: Capability,
    async_components: bool,
    kind: Kind,
) -> Vec<Finding> {
    let mut reasons: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for import in imports {
        let is_of = Capability::of_kind(without_version(import), kind) == capability;
        let is_third = kind != Kind::Agent && is_third(import);
        // The linker of services knows more of HTTP and of WASI 0.3 than is listed here, and says
        // it.
        let is_http = kind != Kind::Agent && import.starts_with("wasi:http/");
        let is_known = if is_third { async_components } else { is_http };
        if !is_of || is_known || !capability.is_offered(kind) {
            continue;
        }
        let package = import.split('/').next().unwrap_or(import);
        if is_third {
            let remedy = "WASI 0.3 runs with `--async-components`, or `async-components = true` \
                          under [limits.engine] of the policy";
            reasons.entry((package, remedy.to_owned())).or_default().push(import);
        } else if let Err(why) = linked(import) {
            let remedy = match &why {
                NotLinked::Version { wanted, .. } => format!("{why}: build it for {wanted}"),
                _ => format!("{why}: build it without the others"),
            };
            reasons.entry((package, remedy)).or_default().push(import);
        }
    }
    let findings = reasons.into_iter().map(|((package, remedy), imports)| {
        Finding::new(Code::NobodyOffers, package, remedy).found(imports.join(", "))
    });
    findings.collect()
}

/// Groups imports by package: one finding per interface would say no more.
fn by_package<'a>(imports: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports {
        let package = import.split('/').next().unwrap_or(import);
        packages.entry(package).or_default().push(import);
    }
    packages
}

fn refusal(
    package: &str,
    imports: &[&str],
    capability: Capability,
    kind: Kind,
    outline: &Outline,
) -> Finding {
    let origin = origin(outline, capability);
    let (code, remedy) = if capability.is_offered(kind) {
        let name = capability.name();
        let remedy =
            format!("Build without it, or add \"{name}\" to `allow` under [capabilities].{origin}");
        (Code::NotAllowed, remedy)
    } else if capability == Capability::Messages {
        let remedy = format!(
            "Only hosts of agents offer it, and it is checked as a {kind}: export {}, as every \
             agent does, or build without it",
            Kind::Agent.export()
        );
        (Code::NobodyOffers, remedy)
    } else {
        (Code::NobodyOffers, format!("Build without it.{origin}"))
    };
    let found = format!("{}, by which it can {}", imports.join(", "), capability.allows());
    Finding::new(code, package, remedy).found(found)
}

fn is_allowed(interface: &str, capability: Capability, allowed: &Capabilities, kind: Kind) -> bool {
    if capability == Capability::Messages {
        return true;
    }
    let basics = allowed.preset == Preset::RuntimeBasics && capability.is_basic(kind);
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

/// Returns where such an import comes from, by the component's language: most authors never
/// asked for it. Empty if that is not known.
fn origin(outline: &Outline, capability: Capability) -> &'static str {
    use Capability as C;
    let hints: [(Language, &[(Capability, &str)]); 5] = [
        (
            Language::Python,
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
            Language::JavaScript,
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
                (C::Stdio, " `console.log` needs it: `disableFeatures: [\"stdio\"]` turns it off."),
            ],
        ),
        (
            Language::Go,
            &[
                (C::Files, " Go's `os` package imports it, also for programs that open no file."),
                (
                    C::Network,
                    " Go's `net` package imports it; something that the agent uses does too.",
                ),
            ],
        ),
        (
            Language::Rust,
            &[
                (
                    C::Files,
                    " Rust's standard library imports it with the first use of `std::fs`, and through the texts of panics.",
                ),
                (C::Network, " It comes with `std::net`: look for it with `cargo tree`."),
                (C::Clocks, " It comes with `std::time`, also in a dependency."),
                (C::Random, " `HashMap` seeds itself with it."),
                (
                    C::Environment,
                    " Panics read `RUST_BACKTRACE` from there: `std` always imports it.",
                ),
                (C::Stdio, " Panics write their text there: `std` always imports it."),
            ],
        ),
        (
            Language::C,
            &[
                (C::Files, " wasi-libc imports it with stdio, also for programs that only print."),
                (C::Network, " wasi-libc imports it with `socket` or `getaddrinfo`."),
                (C::Environment, " wasi-libc imports it with `getenv`, which its start-up calls."),
            ],
        ),
    ];
    let language = Language::of(outline);
    let known = hints.iter().filter(|(of, _)| *of == language);
    let mut fitting = known.flat_map(|(_, hints)| *hints);
    fitting.find(|(of, _)| *of == capability).map_or("", |(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(import: &'static str, preset: Preset, allow: &[&str]) -> Vec<Code> {
        let outline = Outline { imports: vec![import], ..Outline::default() };
        let allowed =
            Capabilities { preset, allow: allow.iter().map(|entry| (*entry).to_owned()).collect() };
        let checks = of_capabilities(&outline, &allowed, false, Kind::Agent);
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
        assert_eq!(findings(tcp, basics, &["wasi:sockets/udp"]), [Code::NotAllowed]);
        for (import, says) in [
            ("wasi:clocks/monotonic-clock@0.3.0", "WASI 0.3; hosts of agents offer WASI 0.2"),
            ("wasi:clocks/timezone@0.2.6", "only monotonic-clock, wall-clock"),
        ] {
            let outline = Outline { imports: vec![import], ..Outline::default() };
            let allowed = Capabilities { preset: basics, allow: Vec::new() };
            let checks = of_capabilities(&outline, &allowed, false, Kind::Agent);
            let [finding] = &checks[0].findings[..] else { panic!("{checks:?}") };
            assert_eq!(finding.code, Code::NobodyOffers);
            assert!(finding.remedy.contains(says), "{finding:?}");
        }
        assert_eq!(findings("wasi:clocks/monotonic-clock@0.2.99", basics, &[]), []);
        let http = "wasi:http/types@0.2.6";
        assert_eq!(findings(http, basics, &["http"]), [Code::NobodyOffers]);
        assert_eq!(findings("env", basics, &["unknown"]), [Code::NobodyOffers]);
    }
}
