//! Stage 10: leftovers of the build. Findings are warnings, or notes where they are the
//! toolchain's, and the guest's author can do nothing about them.

use super::code::Code;
use super::finding::{Check, Finding};
use super::language::Language;
use super::outline::{Outline, Sample};
use bytesize::ByteSize;
use memchr::memmem::Finder;
use std::collections::BTreeSet;

/// Items that a finding names; it counts the rest.
const NAMED: usize = 3;

/// Checks for debug info, build paths and other leftovers.
pub fn check(outline: &Outline) -> Vec<Check> {
    let of = |name: &str, finding: Option<Finding>| Check::of(name, finding.into_iter().collect());
    let language = Language::of(outline);
    // Whoever writes Python or JavaScript gets the interpreter as it is; TinyGo's linker exports
    // what its runtime calls.
    let engine =
        |finding: Finding| if language.is_interpreted() { finding.noted() } else { finding };
    let linked =
        |finding: Finding| if language == Language::Go { finding.noted() } else { finding };
    vec![
        of("debug-info", debug_info(outline).map(engine)),
        Check::of("build-paths", build_paths(outline, language)),
        of("producers", producers(outline)),
        of("optimised", unoptimised(outline, language).map(engine)),
        of("exports", leftover_exports(outline, language).map(engine).map(linked)),
    ]
}

fn debug_info(outline: &Outline) -> Option<Finding> {
    let remedy = "Build without debug info, or strip it with `wasm-tools strip`";
    (outline.debug > 0).then(|| {
        let found = format!("{} of `.debug_…` sections", ByteSize::b(outline.debug));
        Finding::new(Code::DebugInfo, "custom sections", remedy).found(found)
    })
}

/// Roots of people's folders; no language runtime has paths of its own beneath them.
const PEOPLE: [&[u8]; 4] = [b"/home/", b"/Users/", b"/root/", b"C:\\Users\\"];

/// Roots of CI's folders, beneath which the makers of toolchains build their libraries, too.
const RUNNERS: [&[u8]; 6] =
    [b"/home/runner/", b"/Users/runner/", b"/builds/", b"/workspace/", b"/github/", b"/__w/"];

fn build_paths(outline: &Outline, language: Language) -> Vec<Finding> {
    let mut paths = BTreeSet::new();
    for root in PEOPLE.into_iter().chain(RUNNERS) {
        let finder = Finder::new(root);
        for segment in &outline.segments {
            let found = finder.find_iter(segment);
            paths.extend(found.filter_map(|at| source_path(&segment[at..])));
        }
    }
    // Nobody who writes for an interpreter has crates in the component.
    let is_runners = |path: &String| {
        RUNNERS.iter().any(|root| path.as_bytes().starts_with(root)) || path.contains("/.cargo/")
    };
    let (runners, own): (Vec<_>, Vec<_>) = match language.is_interpreted() {
        true => paths.into_iter().partition(is_runners),
        false => (Vec::new(), paths.into_iter().collect()),
    };
    let own = told(own, paths_remedy(language));
    let runners = told(runners, "Nothing: they are of those who built the interpreter");
    own.into_iter().chain(runners.map(Finding::noted)).collect()
}

fn paths_remedy(language: Language) -> &'static str {
    match language {
        Language::Rust => "Build it with `sandlab build`, or with `--remap-path-prefix`",
        Language::C => "Build it with `-ffile-prefix-map`",
        Language::Go => "Build it with `-trimpath`",
        Language::JavaScript | Language::Python => {
            "Build it in a folder whose name may be known, such as one of a container"
        }
        Language::Unknown => "Have the compiler map or trim the paths of sources",
    }
}

fn told(paths: Vec<String>, remedy: &str) -> Option<Finding> {
    let count = paths.len();
    let named: Vec<_> = paths.into_iter().take(NAMED).collect();
    let more = count.saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let finding = Finding::new(Code::BuildPaths, "data segments", remedy);
    (count > 0).then(|| finding.found(named.join(", ") + &more))
}

/// Returns the path of a source file that these bytes begin with; `None` if they do not.
fn source_path(bytes: &[u8]) -> Option<String> {
    const LONGEST: usize = 512;
    let in_path = |byte: &&u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'\\' | b':' | b'.' | b'_' | b'-' | b'+' | b'@')
    };
    let length = bytes.iter().take(LONGEST).take_while(in_path).count();
    let text = str::from_utf8(&bytes[..length]).ok()?;
    let ends = text.match_indices('.').find_map(|(dot, _)| {
        let length = extension(&text[dot..])?;
        Some(dot + length)
    });
    ends.map(|end| text[..end].to_owned())
}

/// Returns the length of a source file's extension. Rust's strings lie in a row without a
/// terminator, so anything may follow; those of other languages end with a zero.
fn extension(text: &str) -> Option<usize> {
    if text.starts_with(".rs") {
        return Some(3);
    }
    let known = [".c", ".cc", ".cpp", ".h", ".go", ".py", ".js", ".ts"];
    let word = text[1..].find(|c: char| !c.is_ascii_alphanumeric());
    let word = word.map_or(text, |end| &text[..=end]);
    known.contains(&word).then_some(word.len())
}

fn producers(outline: &Outline) -> Option<Finding> {
    let remedy = "Leave the `producers` section in: `wasm-tools strip` keeps it";
    let silent = outline.producers.is_empty();
    silent.then(|| Finding::new(Code::NoProducers, "custom sections", remedy))
}

/// Share of operators that access locals, above which code counts as unoptimised: LLVM's optimised
/// code has a third, unoptimised code more than half (both measured on the reference agents).
const LOCALS: f64 = 0.5;

/// Fewer operators are not judged.
const FEWEST_OPERATORS: u64 = 500;

/// Texts of checks for overflow prove nothing: a release build can have `overflow-checks`.
fn unoptimised(outline: &Outline, language: Language) -> Option<Finding> {
    let remedy = match language {
        Language::Rust => "Build it with `--release`",
        Language::C => "Build it with `-O2`",
        // Go's own compiler has no such choice, and its code looks like that.
        Language::Go => return None,
        _ => "Build it with optimisation",
    };
    let share = locals(outline.sample).filter(|share| *share > LOCALS)?;
    let found = format!("{:.0} % of the operators only move values through locals", share * 100.0);
    Some(Finding::new(Code::Unoptimised, "the code", remedy).found(found))
}

fn locals(sample: Sample) -> Option<f64> {
    let enough = sample.operators >= FEWEST_OPERATORS;
    enough.then(|| sample.locals as f64 / sample.operators as f64)
}

/// Exports that the canonical ABI and a program's start need by name.
const EXPECTED: [&str; 5] =
    ["memory", "cabi_realloc", "_initialize", "_start", "__wasm_call_ctors"];

fn leftover_exports(outline: &Outline, language: Language) -> Option<Finding> {
    let expected = |name: &str| EXPECTED.contains(&name) || name.starts_with("cabi_");
    let left = outline.exported.difference(&outline.taken);
    let left: Vec<&str> = left.copied().filter(|name| !expected(name)).collect();
    if left.is_empty() {
        return None;
    }
    let named: Vec<_> = left.iter().take(NAMED).copied().collect();
    let found = format!("{} exports: {}", left.len(), named.join(", "));
    let remedy = match language {
        Language::Go | Language::JavaScript | Language::Python => {
            "Nothing: the toolchain's own linker exports them"
        }
        _ => "Do not tell the linker to export them",
    };
    Some(Finding::new(Code::LeftoverExports, "core modules", remedy).found(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchains_leftovers_are_notes_where_its_user_cannot_remove_them() {
        let runner = b"/home/runner/work/StarlingMonkey/src/engine.cpp\0".as_slice();
        let own = b"/home/me/agent/app.py\0".as_slice();
        let severities = |producer: &str| {
            let outline = Outline {
                segments: vec![runner, own],
                exported: ["left"].into(),
                producers: [producer.to_owned()].into(),
                main_producers: vec![producer.to_owned()],
                ..Outline::default()
            };
            let findings = check(&outline).into_iter().flat_map(|check| check.findings);
            findings.map(|found| (found.code, found.severity, found.remedy)).collect::<Vec<_>>()
        };
        use crate::validate::Severity::{Note, Warning};
        let kinds = |producer: &str| -> Vec<_> {
            severities(producer).into_iter().map(|(code, severity, _)| (code, severity)).collect()
        };
        let (paths, exports) = (Code::BuildPaths, Code::LeftoverExports);
        let interpreted = [(paths, Warning), (paths, Note), (exports, Note)];
        assert_eq!(kinds("processed-by ComponentizeJS 0.18"), interpreted);
        assert_eq!(kinds("processed-by component-init-transform 0.1"), interpreted);
        assert_eq!(kinds("language Go"), [(paths, Warning), (exports, Note)]);
        assert_eq!(kinds("language C11"), [(paths, Warning), (exports, Warning)]);
        for producer in ["language C11", "language Go", "processed-by ComponentizeJS 0.18"] {
            let is_rusts = |remedy: &str| {
                remedy.contains("remap") || remedy.contains("Rust") || remedy.contains("cargo")
            };
            let remedies = severities(producer);
            assert!(!remedies.iter().any(|(_, _, remedy)| is_rusts(remedy)), "{remedies:?}");
        }
    }

    #[test]
    fn checks_for_overflow_are_no_proof_of_an_unoptimised_build() {
        let sample = |locals| Sample { bytes: 10_000, operators: 1_000, locals };
        let text = b"attempt to add with overflow".as_slice();
        let of =
            |locals| Outline { segments: vec![text], sample: sample(locals), ..Outline::default() };
        assert!(unoptimised(&of(330), Language::Rust).is_none());
        assert!(unoptimised(&of(600), Language::Rust).is_some());
        assert!(unoptimised(&of(600), Language::Go).is_none());
    }

    #[test]
    fn only_paths_of_sources_are_told() {
        let path = |text: &str| source_path(text.as_bytes());
        assert_eq!(
            path("/home/me/.cargo/registry/src/x-1.0/src/lib.rsassertion failed: x.rs"),
            Some("/home/me/.cargo/registry/src/x-1.0/src/lib.rs".to_owned())
        );
        assert_eq!(path("/Users/me/a.cpp:12"), Some("/Users/me/a.cpp".to_owned()));
        assert_eq!(path("/home/web_user"), None);
        assert_eq!(path("/root/.pyenv/bin"), None);
    }
}
