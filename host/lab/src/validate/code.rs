//! Every finding has a code that never changes its meaning, and a text that explains it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The build can be used; somebody should know this.
    Warning,
    /// The build must not be used as it is.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One line a code: its id, its name here, its severity, what it says, and what that means.
macro_rules! catalogue {
    ($($id:literal $name:ident $severity:ident $title:literal $text:literal)*) => {
        /// The codes. The first digit is the stage's number, 0 that of the tenth.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $id)] $name,)*
        }

        impl Code {
            /// All that there are, in the order of the stages.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What a person types and a program compares.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// What it says, in one line.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means, why it matters, and what to do.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

catalogue! {
    "A101" Empty Error "the file is empty"
    "There is nothing in the file. A build that failed, a full disk or a download that broke \
     off leaves such files: look at the step before."
    "A102" NotWasm Error "the file is no WebAssembly"
    "The first bytes are those of something else, which the finding names. An ELF file is \
     usually the agent's native twin; an archive has to be unpacked; a web page is what a \
     download gets that was refused."
    "A103" TextForm Error "the file is WebAssembly in text form"
    "sandlab takes binaries only, as a host does. `wasm-tools parse` turns the text into one."
    "A104" CoreModule Error "the file is a core module, not a component"
    "A core module has no types beyond numbers, so nothing in it says that it is an agent. \
     Rust makes a component for the target wasm32-wasip2; with other toolchains \
     `wasm-tools component new` makes one of a module that was built with wit-bindgen."
    "A105" ModuleWithWorld Error "the file is a core module that has not yet become a component"
    "The module knows its world (a custom section `component-type…` holds it), so that one step \
     is missing: `wasm-tools component new`, with an adapter if it was built for wasip1."
    "A106" WitPackage Error "the file is a WIT package in binary form"
    "It says what an agent is, and has no code. It is what `wasm-tools component wit --wasm` \
     writes: name the component that was built for it."
    "A107" OldVersion Error "the file is of another version of the binary format"
    "Components had other versions while the format was drafted. No current engine reads them: \
     build the agent anew with current tools."
    "A108" Truncated Error "the file is cut off"
    "A section says that it is longer than what there is of the file. Copies and downloads that \
     broke off look so. Some validators take a file that was cut between two sections of a \
     component inside: sandlab compares each section's length with the file's."
    "A109" Invalid Error "the file is not valid WebAssembly"
    "The finding says at which byte, and what is wrong there. A toolchain never writes this: \
     the file was damaged, or changed by hand."
    "A110" TooLarge Error "the file is too large to be checked"
    "Beyond 1 GiB nothing is read, so that a check has an end. The largest agents that \
     toolchains make have some 20 MB."

    "A201" MissingInterface Error "an interface of the world is not exported"
    "The host calls the exports of the world; without one of them the component is no agent of \
     that world. Was it built for another world, or is the export's package another one?"
    "A202" MissingFunction Error "a function of an exported interface is missing"
    "The interface is exported, but not all of it. Most often the bindings were made from an \
     older copy of the WIT files."
    "A203" WrongSignature Error "a function has another signature"
    "Parameters and results must be what the contract says, in name, order and structure: the \
     host would read other memory than the agent wrote. Make the bindings anew from the WIT \
     files of this sandlab."
    "A204" WrongType Error "a type of the contract is defined otherwise"
    "Types are compared by structure: the fields of a record and the cases of a variant, in \
     their order. It is told once, however many functions use it."
    "A205" OtherVersion Error "the interface is of another version of the package"
    "The host has exactly one version of `sandlab:agent`. By semver a version with the same \
     major number (before 1.0: the same minor one) could be compatible, but only the author of \
     the contract can promise it; build the agent for the host's version."
    "A206" UnknownImport Error "an interface is imported that the host does not have"
    "It is of the package `sandlab:agent`, but no such interface is there to be imported: the \
     agent was built for another contract."
    "A207" UnknownFunction Error "a function is imported that the host does not have"
    "The interface is there, the function is not: the agent was built for a later contract."
    "A208" ExtraExport Warning "something is exported that nobody calls"
    "No world of the contract has it. `wasi:cli/run`, say, is left by toolchains that build \
     commands. It costs size, and does no harm."
    "A209" Undecodable Error "the component's types cannot be told in WIT"
    "The component is valid, but imports or exports something that WIT has no words for, such \
     as an instance of an unnamed type. It cannot be held against the contract."

    "A301" NotAllowed Error "an import is not allowed"
    "The policy's allow list has nothing for it. An import is what an agent may do outside of \
     its memory: see what the finding says that it lets the agent do, and whence toolchains \
     bring it in. Allow it under [capabilities], or build without it."
    "A302" NobodyOffers Error "an import that no host of agents offers"
    "An agent may import the contract's own interfaces and WASI 0.2 without http. Nothing else \
     is there to be linked, whatever the policy allows."

    "A401" OverSize Error "over a budget of the policy"
    "The figure is counted, not timed: it is the same on every machine. Make the build smaller, \
     or raise the budget and say why in the commit."
    "A402" CannotStart Error "the agent starts with more than it may have"
    "The sum of its initial memories, or the number of its core instances, memories or tables, \
     is over the limit of the sandbox: no instance would ever come up. Link with a smaller \
     stack and heap, or raise the limit."
    "A403" Grew Warning "larger than in the baseline"
    "The figure was smaller in the report that `--baseline` names. With `growth` in the policy \
     it is an error (A404) beyond that share."
    "A404" GrewTooMuch Error "larger than in the baseline, by more than the policy allows"
    "See A403. Renew the baseline once the growth is agreed on."

    "A501" NotPrepared Error "the engine does not take the component"
    "It is valid, but the engine refuses it: most often it uses a proposal that is turned off \
     in the sandbox, or is over a limit of the implementation. The engine's own words follow."
    "A502" CompileTime Error "compiling takes too long"
    "The component was given up after `timing.compile-limit`. A small component that compiles \
     for ever is an attack on hosts that compile what they are sent."
    "A503" NotGranted Error "an import is not granted by the sandbox"
    "The policy's allow list has it, but the sandbox config under [limits] grants nothing for it."
    "A504" OverCompiled Error "over a budget of compiling"
    "Compiled size is the same on every machine with the same engine; compile time is a median \
     and is given a margin (`timing.margin`)."
    "A505" CompileMemory Error "compiling needs too much memory"
    "The process that compiled it was stopped at `timing.memory-limit`."

    "A601" NotSpawned Error "no instance comes up"
    "The agent traps, panics or runs out of something before its first message: in a start \
     function, in a constructor, or because the limits are too small for it."
    "A602" SpawnTime Error "starting an instance takes too long"
    "The agent was stopped at its deadline while it started: a start function that loops, or \
     work at start-up that belongs into the build."
    "A603" OverSpawn Error "over a budget of starting"
    "p50 and p95 over `timing.spawns` fresh instances, with a margin (`timing.margin`)."

    "A701" CallFault Error "a call ends the agent"
    "The first message made the agent trap, panic or exit: the finding has its last words. \
     If it needs a configuration or messages of its own, give them as cases."
    "A702" CallTime Error "a call runs into its deadline"
    "The agent did not answer within `limits.deadline`."
    "A703" CallMemory Error "a call runs out of memory"
    "The agent asked for more memory than it may have, and did not survive the refusal."
    "A704" Refused Warning "the agent was refused memory, and went on"
    "It answered nevertheless, but at its limit: a larger message may end it. Raise the limit, \
     or make it need less."
    "A705" OverCall Error "over a budget of a call"
    "The peak of memory, the size of the answer, the number of replies, lines or sends are \
     counted; the time of a call is a median with a margin."
    "A706" Answered Warning "the first message is answered with a failure"
    "An agent may refuse what it cannot read, so this is no error. Give cases that it takes, \
     or nothing more can be said of it."
    "A707" LogDropped Warning "lines of the log were dropped"
    "The agent logs more in one call than `limits.log` allows. What is over the budget is lost."
    "A708" SendRefused Warning "messages that the agent sent were not taken"
    "The recipient does not exist, or the call sent more than it may."

    "A801" WrongReply Error "a case is answered otherwise than it must be"
    "The case's own expectation did not hold."
    "A802" NotItsTwin Error "the component and its twin answer differently"
    "Both were built from one source and told the same. Usual reasons: `usize` is 32 bits in \
     the guest, hash maps are ordered by chance, uninitialised memory, time."
    "A803" LostNumber Error "a number of the message came back changed"
    "Ids are 64 bits wide. JavaScript's numbers hold 53 of them, so that bindings without \
     BigInt round what is beyond; others sign-extend at 32."
    "A804" CaseFault Error "a case ends the agent"
    "Some sizes, ids or performatives are rarely tried: content above 16 KiB, the ids 0 and \
     2^64-2, a performative of which the agent has never heard."
    "A805" NotRepeatable Error "the same messages are answered differently"
    "Two fresh instances were told the same. If the agent is meant to be random, turn this off \
     with `conformance.repeatable = false`."

    "A901" Grows Error "memory grows with every call"
    "Over the last half of the soak it grew steadily: something is kept of every message. A \
     heap that has found its size stops growing, and is no finding."
    "A902" SoakFault Error "the agent does not survive the soak"
    "It answered at first, and ended later: out of memory, or of something else that it does \
     not give back."

    "A001" DebugInfo Warning "it has debug info"
    "The sections `.debug_…` are for a debugger; hosts carry them for nothing. Build without \
     (`debug = false`), or strip it with `wasm-tools strip`."
    "A002" BuildPaths Warning "it tells the builder's paths"
    "Strings with absolute paths, most often in the texts of panics, name the builder's user and \
     folders, and make the same source build differently elsewhere. Rust: \
     `--remap-path-prefix`, or cargo's `trim-paths`."
    "A003" NoProducers Warning "it does not say what built it"
    "The section `producers` names language, compiler and versions. Something stripped it: \
     when a compiler turns out to be at fault, nobody will know which builds are affected."
    "A004" Unoptimised Warning "it looks like an unoptimised build"
    "It has checks that only debug builds have, or moves most values through locals as \
     compilers do that were told not to optimise. Was `--release` forgotten?"
    "A005" LeftoverExports Warning "its modules export what nothing uses"
    "Symbols that a linker was told to export, and that no part of the component takes. They \
     keep code alive that would otherwise be left out."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .iter()
            .find(|code| code.id().eq_ignore_ascii_case(id));
        found.copied().ok_or_else(|| {
            let ids: Vec<_> = Self::ALL.iter().map(|code| code.id()).collect();
            format!("there is no code {id:?}; there are {}", ids.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_there_once_and_is_found_by_its_id() {
        let ids: BTreeSet<_> = Code::ALL.iter().map(|code| code.id()).collect();
        assert_eq!(ids.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(code.id().parse::<Code>().as_ref(), Ok(code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.id());
        }
        assert!("A999".parse::<Code>().unwrap_err().contains("A101"));
    }
}
