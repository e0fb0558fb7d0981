//! Stage 10: leftovers of the build. All findings are warnings.

use super::code::Code;
use super::finding::{Check, Finding};
use super::outline::{Outline, Sample};
use bytesize::ByteSize;
use memchr::memmem::{Finder, find};
use std::collections::BTreeSet;

/// Items that a finding names; it counts the rest.
const NAMED: usize = 3;

/// Checks for debug info, build paths and other leftovers.
pub fn check(outline: &Outline) -> Vec<Check> {
    let of = |name: &str, finding: Option<Finding>| Check::of(name, finding.into_iter().collect());
    vec![
        of("debug-info", debug_info(outline)),
        of("build-paths", build_paths(outline)),
        of("producers", producers(outline)),
        of("optimised", unoptimised(outline)),
        of("exports", leftover_exports(outline)),
    ]
}

fn debug_info(outline: &Outline) -> Option<Finding> {
    let remedy = "Build without debug info, or strip it with `wasm-tools strip`";
    (outline.debug > 0).then(|| {
        let found = format!("{} of `.debug_…` sections", ByteSize::b(outline.debug));
        Finding::new(Code::DebugInfo, "custom sections", remedy).found(found)
    })
}

/// Roots of people's and CI's folders; no language runtime has paths of its own beneath them.
const ROOTS: [&[u8]; 7] =
    [b"/home/", b"/Users/", b"/root/", b"/builds/", b"/workspace/", b"/github/", b"C:\\Users\\"];

fn build_paths(outline: &Outline) -> Option<Finding> {
    let mut paths = BTreeSet::new();
    for root in ROOTS {
        let finder = Finder::new(root);
        for segment in &outline.segments {
            let found = finder.find_iter(segment);
            paths.extend(found.filter_map(|at| source_path(&segment[at..])));
        }
    }
    if paths.is_empty() {
        return None;
    }
    let count = paths.len();
    let named: Vec<_> = paths.into_iter().take(NAMED).collect();
    let more = count.saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let remedy = "Build with `--remap-path-prefix` (Rust), `-ffile-prefix-map` (C)";
    let finding = Finding::new(Code::BuildPaths, "data segments", remedy);
    Some(finding.found(named.join(", ") + &more))
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

/// A text that only builds with overflow checks contain, such as cargo's `dev` profile.
const CHECKED_ARITHMETIC: &[u8] = b"attempt to add with overflow";

/// Share of operators that access locals, above which code counts as unoptimised: LLVM's optimised
/// code has a third, unoptimised code more than half (both measured on the reference agents).
const LOCALS: f64 = 0.5;

/// Fewer operators are not judged.
const FEWEST_OPERATORS: u64 = 500;

fn unoptimised(outline: &Outline) -> Option<Finding> {
    let checked =
        outline.segments.iter().any(|segment| find(segment, CHECKED_ARITHMETIC).is_some());
    let share = locals(outline.sample);
    let found = match share {
        _ if checked => {
            "the text of a check for overflow, which release builds do not have".to_owned()
        }
        Some(share) if share > LOCALS => {
            format!("{:.0} % of the operators only move values through locals", share * 100.0)
        }
        _ => return None,
    };
    let remedy = "Build it with `--release`, or `-O2`";
    Some(Finding::new(Code::Unoptimised, "the code", remedy).found(found))
}

fn locals(sample: Sample) -> Option<f64> {
    let enough = sample.operators >= FEWEST_OPERATORS;
    enough.then(|| sample.locals as f64 / sample.operators as f64)
}

/// Exports that the canonical ABI and a program's start need by name.
const EXPECTED: [&str; 5] =
    ["memory", "cabi_realloc", "_initialize", "_start", "__wasm_call_ctors"];

fn leftover_exports(outline: &Outline) -> Option<Finding> {
    let expected = |name: &str| EXPECTED.contains(&name) || name.starts_with("cabi_");
    let left = outline.exported.difference(&outline.taken);
    let left: Vec<&str> = left.copied().filter(|name| !expected(name)).collect();
    if left.is_empty() {
        return None;
    }
    let named: Vec<_> = left.iter().take(NAMED).copied().collect();
    let found = format!("{} exports: {}", left.len(), named.join(", "));
    let remedy = "Do not tell the linker to export them";
    Some(Finding::new(Code::LeftoverExports, "core modules", remedy).found(found))
}

#[cfg(test)]
mod tests {
    use super::*;

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
