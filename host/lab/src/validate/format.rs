//! Stage 1: whether the file is a complete and valid component.

use super::code::Code;
use super::finding::{Check, Finding};
use super::sections::{self, Flaw};
use sandlab_runtime::wasm::identify::Kind;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;
use wasmparser::{
    BinaryReaderError, FuncToValidate, FunctionBody, Parser, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

const REBUILD: &str = "Build or copy the file again";

/// Bytes of the largest file that is checked.
pub const LARGEST: u64 = 1 << 30;

/// Checks that the bytes are a complete and valid component.
pub fn check(bytes: &[u8]) -> Vec<Check> {
    if bytes.len() as u64 > LARGEST {
        let finding = Finding::new(Code::TooLarge, "the file", "Name the component's own file");
        return vec![Check::of("kind", vec![finding])];
    }
    let kind = Kind::of(bytes);
    let mut checks = vec![Check::of("kind", not_a_component(kind).into_iter().collect())];
    if kind == Kind::Component {
        let flaws = [("whole", not_whole(bytes)), ("depth", too_deep(bytes))];
        let is_sound = flaws.iter().all(|(_, flaw)| flaw.is_none());
        let flaws = flaws.map(|(name, flaw)| Check::of(name, flaw.into_iter().collect()));
        checks.extend(flaws);
        // Such a file is invalid too, but that is not the cause.
        checks.push(if is_sound {
            Check::of("valid", invalid(bytes).into_iter().collect())
        } else {
            Check::skipped("valid", "the file's sections are not sound")
        });
    }
    checks
}

fn not_a_component(kind: Kind) -> Option<Finding> {
    let code = match kind {
        Kind::Component => return None,
        Kind::Empty => Code::Empty,
        Kind::Wat => Code::TextForm,
        Kind::Module => Code::CoreModule,
        Kind::ModuleWithWorld => Code::ModuleWithWorld,
        Kind::OldComponent | Kind::OtherWasm => Code::OldVersion,
        Kind::CutOff => Code::Truncated,
        _ => Code::NotWasm,
    };
    let finding = Finding::new(code, "the first bytes", kind.remedy());
    Some(finding.wanted(Kind::Component.found()).found(kind.found()))
}

/// Components that may be nested in one another. Toolchains nest two or three; engines and tools
/// take time and stack for each.
const DEEPEST: usize = 100;

fn too_deep(bytes: &[u8]) -> Option<Finding> {
    (sections::depth(bytes, DEEPEST) > DEEPEST).then(|| {
        let remedy = "Compose it of fewer components: no toolchain nests so many";
        Finding::new(Code::TooDeep, "nested components", remedy)
            .wanted(format!("at most {DEEPEST} in one another"))
            .found("more")
    })
}

/// Returns a finding if the sections of the outermost component do not end where the file does.
fn not_whole(bytes: &[u8]) -> Option<Finding> {
    let length = bytes.len();
    Some(match sections::flaw(bytes)? {
        Flaw::CutOff { at, end } => {
            let wanted = end.map_or_else(
                || "the section's length".to_owned(),
                |end| format!("the section to end at byte {end}"),
            );
            let found = format!("truncated at byte {length}, where the file ends");
            let place = format!("the section at byte {at}");
            Finding::new(Code::Truncated, place, REBUILD).wanted(wanted).found(found)
        }
        Flaw::Trailing { at } => {
            let shown = &bytes[at..length.min(at + SHOWN)];
            let more = if length - at > SHOWN { "…" } else { "" };
            let found = format!("{} bytes more: \"{}{more}\"", length - at, shown.escape_ascii());
            let remedy = "Remove what was appended, or build or copy the file again";
            Finding::new(Code::Trailing, format!("byte {at}"), remedy)
                .wanted(format!("the file to end at byte {at}, as the component does"))
                .found(found)
        }
    })
}

/// Bytes of what follows a component that a finding shows.
const SHOWN: usize = 16;

fn invalid(bytes: &[u8]) -> Option<Finding> {
    let error = validate(bytes).err()?;
    let place = format!("byte {} ({:#x})", error.offset(), error.offset());
    Some(Finding::new(Code::Invalid, place, REBUILD).found(error.message()))
}

type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Validates with every feature turned on: the stage `load` tells what the engine refuses.
/// Functions are nearly all of the work, and are shared among cores.
fn validate(bytes: &[u8]) -> Result<(), BinaryReaderError> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            functions.push((function, body));
        }
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = functions.len().div_ceil(cores).max(1);
    let mut shares = Vec::new();
    while !functions.is_empty() {
        let rest = functions.split_off(functions.len().min(share));
        shares.push(std::mem::replace(&mut functions, rest));
    }
    let shares = Mutex::new(shares);
    let work = || {
        let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let errors = std::iter::from_fn(next).filter_map(|share| validate_functions(share).err());
        errors.min_by_key(BinaryReaderError::offset)
    };
    let errors = thread::scope(|scope| {
        // Where no further thread may be started, this one does all of the work.
        let started =
            (1..cores).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok());
        let started: Vec<_> = started.collect();
        let mut errors = vec![work()];
        errors.extend(started.into_iter().map(|thread| match thread.join() {
            Ok(error) => error,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        errors
    });
    // The first error of the file, whichever thread came upon one first.
    let first = errors.into_iter().flatten().min_by_key(BinaryReaderError::offset);
    first.map_or(Ok(()), Err)
}

fn validate_functions(functions: Vec<Function>) -> Result<(), BinaryReaderError> {
    let mut buffers = Default::default();
    for (function, body) in functions {
        let mut validator = function.into_validator(buffers);
        validator.validate(&body)?;
        buffers = validator.into_allocations();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bytes: &[u8]) -> Vec<Code> {
        let checks = check(bytes);
        let findings = checks.iter().flat_map(|check| &check.findings);
        findings.map(|finding| finding.code).collect()
    }

    /// A component with a component inside, which has two custom sections.
    fn nested() -> Vec<u8> {
        let inner = b"\0asm\x0d\0\x01\0\0\x03\x01aa\0\x03\x01bb";
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        outer.extend([4, inner.len() as u8]);
        outer.extend(inner);
        outer
    }

    #[test]
    fn every_cut_inside_of_a_section_is_told_with_its_place() {
        let whole = nested();
        assert_eq!(codes(&whole), []);
        for length in 9..whole.len() {
            assert_eq!(codes(&whole[..length]), [Code::Truncated], "{length}");
        }
    }

    #[test]
    fn what_is_invalid_is_told_with_its_byte() {
        let mut damaged = nested();
        damaged[8] = 0x3f;
        assert_eq!(codes(&damaged), [Code::Invalid]);
        damaged[8..14].fill(0xff);
        assert_eq!(codes(&damaged), [Code::Invalid]);
    }
}
