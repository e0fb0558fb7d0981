//! The language that a guest's author writes, by which hints are chosen.

use super::outline::Outline;

/// A language, as far as the `producers` sections tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// C or C++.
    C,
    /// Go, from its own compiler or TinyGo.
    Go,
    /// JavaScript or TypeScript, on an engine that is part of the component.
    JavaScript,
    /// Python, on an interpreter that is part of the component.
    Python,
    /// Not told, or another one.
    #[default]
    Unknown,
}

impl Language {
    /// Returns the language of a component. An interpreter is written in a language of its own,
    /// and an adapter beside the main module in Rust, so that neither says anything.
    pub fn of(outline: &Outline) -> Self {
        let interpreters = [
            // componentize-py leaves this name.
            ("component-init-transform", Self::Python),
            ("componentize-py", Self::Python),
            ("language python", Self::Python),
            ("componentizejs", Self::JavaScript),
            ("componentize-js", Self::JavaScript),
            ("language javascript", Self::JavaScript),
        ];
        let found = interpreters.into_iter().find(|(part, _)| outline.built_by(part));
        found.map_or_else(|| Self::of_module(&outline.main_producers), |(_, language)| language)
    }

    /// Returns the language of a module with these lines of producers.
    pub fn of_module<S: AsRef<str>>(producers: &[S]) -> Self {
        let has = |start: &str| {
            let mut lines = producers.iter().map(|line| line.as_ref().to_ascii_lowercase());
            lines.any(|line| line.starts_with(start))
        };
        // A module of Rust or Go can have parts in C, and says so.
        match () {
            () if has("language go") || has("processed-by tinygo") => Self::Go,
            () if has("language rust") || has("processed-by rustc") => Self::Rust,
            () if has("language c") || has("processed-by clang") => Self::C,
            () => Self::Unknown,
        }
    }

    /// Returns whether memory is given back by a collector, at a time of its own choice.
    pub const fn is_collected(self) -> bool {
        matches!(self, Self::Go | Self::JavaScript | Self::Python)
    }

    /// Returns whether the code is an interpreter's, which its author neither builds nor changes.
    pub const fn is_interpreted(self) -> bool {
        matches!(self, Self::JavaScript | Self::Python)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_module_tells_the_language_unless_an_interpreter_does() {
        let of = |main: &[&str], all: &[&str]| {
            let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
            let producers = all.iter().chain(main).map(|line| (*line).to_owned()).collect();
            let main_producers = own(main);
            Language::of(&Outline { producers, main_producers, ..Outline::default() })
        };
        let adapter = ["language Rust", "processed-by rustc 1.80.0"];
        let clang = ["language C11", "processed-by clang 19.1.5"];
        assert_eq!(of(&adapter, &[]), Language::Rust);
        assert_eq!(of(&clang, &adapter), Language::C);
        assert_eq!(of(&["language Rust", "language C11"], &[]), Language::Rust);
        assert_eq!(of(&["language Go", "processed-by TinyGo 0.33"], &adapter), Language::Go);
        let engine = ["language JavaScript", "processed-by ComponentizeJS 0.18.4"];
        assert_eq!(of(&clang, &engine), Language::JavaScript);
        assert_eq!(of(&clang, &["processed-by component-init-transform 0.1"]), Language::Python);
        assert_eq!(of(&[], &["processed-by wit-component 0.254.2"]), Language::Unknown);
    }
}
