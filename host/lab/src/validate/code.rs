//! The codes of findings. A code never changes its meaning, and has a text that explains it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A finding's severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing that its author could do better.
    Note,
    /// The build can be used.
    Warning,
    /// The build must not be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One entry per code: id, variant, severity, title, explanation.
macro_rules! catalogue {
    ($($id:literal $name:ident $severity:ident $title:literal $text:literal)*) => {
        /// A kind of finding. The first digit of its id is the stage's number, 0 for the tenth.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $id)] $name,)*
        }

        impl Code {
            /// All codes, in the order of the stages.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the id, such as `A102`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// Returns the severity of its findings.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Returns the message of its findings, in one line.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Returns what it means, why it matters, and how to fix it.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

catalogue! {
    "A101" Empty Error "the file is empty"
    "The file has no bytes. A failed build, a full disk or an interrupted download leaves such \
     files: check the step that made it."
    "A102" NotWasm Error "the file is not WebAssembly"
    "The first bytes are those of another format, which the finding names. An ELF file is \
     usually the agent's native twin; an archive has to be unpacked; a web page is what a refused \
     download leaves."
    "A103" TextForm Error "the file is WebAssembly in text form"
    "sandlab takes only binaries, as hosts do. `wasm-tools parse` converts the text."
    "A104" CoreModule Error "the file is a core module, not a component"
    "A core module has only numeric types, so nothing in it declares an agent. Rust builds a \
     component for the target wasm32-wasip2; with other toolchains `wasm-tools component new` \
     makes one from a module that was built with wit-bindgen."
    "A105" ModuleWithWorld Error "the file is a core module that is not yet a component"
    "The module declares its world in a custom section `component-type…`, so only the last step \
     is missing: `wasm-tools component new`, with an adapter if it was built for wasip1."
    "A106" WitPackage Error "the file is a WIT package in binary form"
    "It declares interfaces and has no code; `wasm-tools component wit --wasm` writes such files. \
     Name the component that was built for it."
    "A107" OldVersion Error "the file has another version of the binary format"
    "Drafts of the component format had other version numbers, which no current engine reads. \
     Build the agent again with current tools."
    "A108" Truncated Error "the file is cut off"
    "A section extends past the end of the file, as after an interrupted copy or download. Some \
     validators accept a file that was cut between two sections of a nested component; sandlab \
     compares each section's length with the file's."
    "A109" Invalid Error "the file is not valid WebAssembly"
    "The finding names the byte and the error. No toolchain writes such a file: it was damaged \
     or changed by hand."
    "A110" TooLarge Error "the file is too large to check"
    "Files above 1 GiB are not read, so that every check ends. The largest agents that toolchains \
     build have about 20 MB."

    "A111" Trailing Error "something follows the component"
    "The component ends before its file does. What follows is no section: a line end or text that \
     something appended, padding with zeros, or another file. Engines refuse such a file."
    "A112" TooDeep Error "components are nested too deep"
    "Every level takes tools and engines time and stack, so that a small file can cost a host \
     seconds, or its life. Toolchains nest two or three components."

    "A201" MissingInterface Error "an interface of the world is not exported"
    "The host calls the exports of the world, so a component that lacks one is not an agent of \
     that world. It may have been built for another world, or under another package name."
    "A202" MissingFunction Error "a function of an exported interface is missing"
    "The interface is exported without this function. Most often the bindings were generated from \
     an older copy of the WIT files."
    "A203" WrongSignature Error "a function has a different signature"
    "Parameters and results must equal the contract's in name, order and structure, or the host \
     would read other memory than the agent wrote. Generate the bindings again from the WIT files \
     of this sandlab."
    "A204" WrongType Error "a type of the contract is defined differently"
    "Types are compared by structure: the fields of a record and the cases of a variant, in \
     their order. A type is reported once, however many functions use it."
    "A205" OtherVersion Error "the interface has another version of the package"
    "The host has one version of `sandlab:agent`. Its linker takes a version with the same major \
     number (before 1.0: the same minor one) for it, as long as all types and functions are those \
     that the host has: that is only a note. Any other version is refused: build the agent for the \
     host's version."
    "A206" UnknownImport Error "it imports an interface that the host does not have"
    "The package `sandlab:agent` has no such interface to import: the agent was built for another \
     version of the contract."
    "A207" UnknownFunction Error "it imports a function that the host does not have"
    "The interface exists without this function: the agent was built for a later contract."
    "A208" ExtraExport Warning "an export is never called"
    "No world of the contract has this export. Toolchains that build commands leave \
     `wasi:cli/run`, for example. It costs size and does no harm."
    "A209" Undecodable Error "the component's types cannot be expressed in WIT"
    "The component is valid, but imports or exports something that WIT cannot express, such as an \
     instance of an unnamed type. It cannot be compared with the contract."

    "A301" NotAllowed Error "an import is not allowed"
    "The policy's allow list does not have it. Imports are all that an agent can do outside of its \
     memory: the finding says what this one allows, and which toolchains add it by themselves. \
     Allow it under [capabilities], or build without it."
    "A302" NobodyOffers Error "an import is one that no host offers"
    "An agent can import the contract's own interfaces and WASI 0.2 without http. Nothing else \
     can be linked, whatever the policy allows."

    "A401" OverSize Error "over a budget of the policy"
    "The value is counted, not timed, so it is the same on every machine. Reduce it, or raise the \
     budget and say why in the commit."
    "A402" CannotStart Error "the agent needs more at start than its limits allow"
    "The sum of its initial memories, or its number of core instances, memories or tables, is over \
     the sandbox's limit, so no instance can start. Link with a smaller stack and heap, or raise \
     the limit."
    "A403" Grew Warning "larger than in the baseline"
    "The value was smaller in the report that `--baseline` names. With `growth` in the policy, more \
     growth than that share is an error (A404)."
    "A404" GrewTooMuch Error "larger than in the baseline, by more than the policy allows"
    "See A403. Renew the baseline once the growth is accepted."

    "A501" NotPrepared Error "the engine refuses the component"
    "The component is valid, but uses a proposal that the sandbox turns off, or exceeds a limit of \
     the implementation. The engine's own message follows."
    "A502" CompileTime Error "compiling takes too long"
    "Compiling was stopped after `timing.compile-limit`. A small component that never finishes \
     compiling is an attack on hosts that compile what users send."
    "A503" NotGranted Error "an import is not granted by the sandbox"
    "The policy allows it, but the sandbox config under [limits] does not grant it."
    "A504" OverCompiled Error "over a budget for compiling"
    "Compiled size is the same on every machine with the same engine; compile time is a median \
     with a margin (`timing.margin`)."
    "A505" CompileMemory Error "compiling needs too much memory"
    "The process that compiled it was stopped at `timing.memory-limit`."

    "A601" NotSpawned Error "an instance does not start"
    "The agent traps, panics or reaches a limit before its first message: in a start function, in \
     a constructor, or because the limits are too small for it."
    "A602" SpawnTime Error "starting an instance takes too long"
    "The agent was stopped at its deadline while it started: a start function loops, or does work \
     that belongs in the build."
    "A603" OverSpawn Error "over a budget for starting"
    "p50 and p95 of `timing.spawns` fresh instances, with a margin (`timing.margin`)."

    "A701" CallFault Error "a call ends the agent"
    "The first message, or an empty configuration, made the agent trap, panic or exit; the finding \
     quotes the fault. If the agent needs a configuration or messages of its own, give them as \
     cases."
    "A702" CallTime Error "a call reaches its deadline"
    "The agent did not reply within `limits.deadline`."
    "A703" CallMemory Error "a call runs out of memory"
    "The agent asked for more memory than its limit, and did not survive the refusal."
    "A704" Refused Warning "the agent was refused memory and went on"
    "It replied nevertheless, but at its limit: a larger message may end it. Raise the limit, or \
     reduce its memory."
    "A705" OverCall Error "over a budget for a call"
    "Peak memory, reply size and the numbers of replies, log lines and sent messages are counted; \
     the time of a call is a median with a margin."
    "A706" Answered Warning "the reply to the first message is a failure"
    "An agent may refuse what it cannot read, so this is no error. Give cases that it accepts, so \
     that more can be checked."
    "A707" LogDropped Warning "log lines were dropped"
    "The agent logs more in one call than `limits.log` allows. Lines over the budget are lost."
    "A708" SendRefused Warning "messages that the agent sent were refused"
    "The recipient does not exist, or the call sent more than its budget."

    "A801" WrongReply Error "the reply to a case is wrong"
    "The reply differs from the one that the case specifies."
    "A802" NotItsTwin Error "the component and its twin reply differently"
    "Both were built from one source and got the same messages. Usual causes: `usize` is 32 bits \
     in the guest, the random order of hash maps, uninitialised memory, time."
    "A803" LostNumber Error "a number of the message was changed in the reply"
    "Ids have 64 bits. JavaScript's numbers hold 53 of them, so bindings without BigInt round \
     larger ids; others sign-extend at 32 bits. A number that is another altogether is A808."
    "A804" CaseFault Error "a case ends the agent"
    "Usual causes are values that are rarely tried: content above 16 KiB, the ids 0 and 2^64-2, a \
     performative that the agent does not expect."
    "A805" NotRepeatable Error "the same messages get different replies"
    "Two fresh instances got the same messages. If the agent is meant to be random, turn this off \
     with `conformance.repeatable = false`."
    "A806" NotAsHandle Error "an optional interface answers otherwise than `handle`"
    "`batch` returns one result a message, at its index, and `parcels` the replies to one message: \
     both as `handle` would have. The host chooses between them by itself, so that they must not \
     differ."
    "A807" StateLost Error "a restored state is not the state that was saved"
    "An instance that got the state of another by `checkpoint` and `restore` answers otherwise than \
     that one, or the state cannot be saved or restored. After a `restore` that failed an agent is \
     as before."
    "A808" WrongAddress Error "a reply is addressed wrongly"
    "A reply keeps the conversation of its message, has that message's id as `in-reply-to`, and goes \
     to its sender: hosts deliver it by these. The finding names the field."

    "A901" Grows Error "memory grows with every call"
    "Over the last half of the soak memory grew steadily: the agent keeps something of every \
     message. A heap that has found its size stops growing, and is not reported."
    "A902" SoakFault Error "the agent does not survive the soak"
    "It replied at first and ended later: out of memory, or of another resource that it does not \
     give back."
    "A903" SoakFails Warning "the agent fails messages that it answered before"
    "The same message was answered at first, and came to a failure later: a queue, a table or a \
     counter is full, or is not put back after a message. An agent may limit what it does for one \
     sender, so this is no error where no case states the answer."
    "A904" SoakBreaks Error "the agent fails messages whose answer a case states"
    "The series of a case was sent again and again to one instance, and a message came to a \
     failure, although the case states what it is answered with. A series must be repeatable from \
     its start: if it is not by intention, have its last message put back what the others changed."

    "A001" DebugInfo Warning "it has debug info"
    "The sections `.debug_…` serve only a debugger; hosts store them for nothing. Build without \
     them (`debug = false`), or remove them with `wasm-tools strip`."
    "A002" BuildPaths Warning "it contains the builder's paths"
    "Strings with absolute paths, most often in the messages of panics, reveal the builder's user \
     and folders, and make the same source build differently elsewhere. Rust: `sandlab build` maps \
     them, as `--remap-path-prefix` does; C: `-ffile-prefix-map`; Go: `-trimpath`. Paths of those \
     who built an interpreter are a note."
    "A003" NoProducers Warning "it does not name its toolchain"
    "The section `producers` names language, compiler and versions; here it was stripped. When a \
     compiler turns out to be at fault, nobody will know which builds are affected."
    "A004" Unoptimised Warning "it looks like an unoptimised build"
    "It moves most values through locals, as unoptimised code does. Was an optimised build meant?"
    "A005" LeftoverExports Warning "its modules have unused exports"
    "The linker was told to export symbols that no part of the component uses. They keep code \
     that would otherwise be left out."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|code| code.id().eq_ignore_ascii_case(id));
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
