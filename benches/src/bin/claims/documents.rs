//! The documents that tell claims: docs/claims.md, which has all of them, and quotes in others.
//!
//! A quote is a figure with a marker behind it: `1.02 × <!-- claim:call -->` has the measured
//! value, `claim:call.interval` the value and its interval, `claim:call.bound` the bound.

use crate::claim::Claim;
use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};
use sandlab::record::write_whole;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A document, and what it says once its figures are those of the claims.
pub struct Document {
    pub path: PathBuf,
    /// Empty if there is no such file yet.
    pub is: String,
    pub should_be: String,
}

/// Returns all documents of the repository.
///
/// # Errors
/// If one cannot be read, or quotes a claim that there is not.
pub fn all(root: &Path, claims: &[Claim]) -> Result<Vec<Document>> {
    let list = root.join("docs/claims.md");
    let mut documents = vec![Document {
        is: std::fs::read_to_string(&list).unwrap_or_default(),
        should_be: list_of(claims)?,
        path: list.clone(),
    }];
    for folder in [root.to_owned(), root.join("docs")] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "md") || path == list {
                continue;
            }
            let is = std::fs::read_to_string(&path)?;
            let should_be = with_quotes(&is, claims);
            let should_be = should_be.with_context(|| path.display().to_string())?;
            documents.push(Document { path, is, should_be });
        }
    }
    Ok(documents)
}

/// Brings all documents up to date, and returns those that changed.
///
/// # Errors
/// As [`all`]; or if one cannot be written.
pub fn update(root: &Path, claims: &[Claim]) -> Result<Vec<PathBuf>> {
    let mut documents = all(root, claims)?;
    documents.retain(|document| document.is != document.should_be);
    for document in &documents {
        write_whole(&document.path, document.should_be.as_bytes())?;
    }
    Ok(documents.into_iter().map(|document| document.path).collect())
}

const HEAD: &str = "\
# Claims

What the documentation claims about speed, size and accuracy, and what was measured last.
`make claims` measures all of it on your machine, with the code that users run, and exits with 1
if a claim does not hold, with 3 if it could not be measured. `make claims ONLY=call` measures
one; `WRITE=1` also keeps the figures and brings the documents up to date.

The claims are in `benches/claims.toml`, from which `make docs` writes this page and the figures
that other documents quote. *Hand-written wasmtime* is `host/lab/src/experiments/by_hand.rs`, of
services and functions `benches/src/service.rs` and `function.rs`, written to be read by a sceptic.
Figures have their 95 % interval, if there were enough rounds for one; the computing agents are those
of [overhead.md](overhead.md).
";

fn list_of(claims: &[Claim]) -> Result<String> {
    let mut text = HEAD.to_owned();
    text +=
        "\n| claim | what | bound | measured | holds | measured on |\n|---|---|---|---|---|---|\n";
    for claim in claims {
        let holds = match claim.holds() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        };
        let figure = claim.measured.as_ref();
        let when = figure
            .map_or_else(String::new, |figure| format!("{}, {}", figure.date, figure.machine));
        let measured = claim.interval().unwrap_or_else(|| "not yet".to_owned());
        writeln!(
            text,
            "| `{}` | {} | {} | {measured} | {holds} | {when} |",
            claim.key,
            claim.text,
            claim.condition(),
        )?;
    }
    Ok(text)
}

/// Returns a document with the figures of the claims that it quotes.
fn with_quotes(text: &str, claims: &[Claim]) -> Result<String> {
    const MARKER: &str = "<!-- claim:";
    let number = r"\d+(?:\.\d+)?";
    let quote = Regex::new(&format!(
        r"{number}(?: (?:×|ms|s|%))?(?: \((?:{number} – {number}|no interval)\))?(?<space>\s){MARKER}(?<key>[a-z0-9-]+)(?:\.(?<part>[a-z]+))? -->"
    ))?;
    let mut wrong = None;
    let mut quotes = 0;
    let updated = quote.replace_all(text, |found: &Captures| {
        quotes += 1;
        let part = found.name("part").map(|part| part.as_str());
        let told = told(&found["key"], part, claims).unwrap_or_else(|error| {
            wrong.get_or_insert(error);
            String::new()
        });
        let part = part.map_or_else(String::new, |part| format!(".{part}"));
        format!("{told}{}{MARKER}{}{part} -->", &found["space"], &found["key"])
    });
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    let markers = text.matches(MARKER).count();
    ensure!(
        markers == quotes,
        "{} of {markers} markers `{MARKER}KEY -->` have no figure in front of them",
        markers - quotes
    );
    Ok(updated.into_owned())
}

fn told(key: &str, part: Option<&str>, claims: &[Claim]) -> Result<String> {
    let claim = claims.iter().find(|claim| claim.key == key);
    let claim = claim.with_context(|| format!("quotes the claim {key}, which there is not"))?;
    let told = match part {
        None => claim.value(),
        Some("interval") => claim.interval(),
        Some("bound") => Some(claim.bound()),
        Some(part) => bail!("quotes {key}.{part}: a claim has `interval` and `bound`"),
    };
    told.with_context(|| format!("quotes the claim {key}, which was never measured"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{claim, claims_file, root};

    #[test]
    fn the_documents_have_the_figures_of_the_claims() {
        let claims = claim::read(&claims_file()).unwrap();
        for document in all(&root(), &claims).unwrap() {
            let name = document.path.display();
            assert_eq!(document.is, document.should_be, "{name}: run `make docs`");
        }
    }

    #[test]
    fn every_claim_that_a_document_says_to_measure_is_one() {
        let claims = claim::read(&claims_file()).unwrap();
        let command = Regex::new("make claims ONLY=([a-z0-9-]+)").unwrap();
        let mut found = 0;
        for document in all(&root(), &claims).unwrap() {
            for only in command.captures_iter(&document.is) {
                found += 1;
                let is_claim = claims.iter().any(|claim| claim.key == only[1]);
                assert!(is_claim, "{}: {}", document.path.display(), &only[0]);
            }
        }
        assert!(found > 0);
    }

    fn claims() -> Vec<Claim> {
        claim::parse(
            "[[claim]]\nkey = 'a-1'\ntext = 't'\nunit = 'ratio'\nbetter = 'lower'\nbound = 1.10\n\
             quantity = 'q'\nhow = { measure = 'call' }\n\
             measured = { value = 1.234, low = 1.0, high = 2.0, date = '2026-01-01', machine = 'm' }\n\
             [[claim]]\nkey = 'new'\ntext = 't'\nunit = 'seconds'\nbetter = 'higher'\nbound = 5\n\
             quantity = 'q'\nhow = { measure = 'call' }\n",
        )
        .unwrap()
    }

    #[test]
    fn a_quote_gets_the_figure_and_keeps_its_surroundings() {
        let text = "It takes 9 × <!-- claim:a-1 -->, or 7.5 ms (1 – 2.25)\n<!-- claim:a-1.interval --> \
                    of 3; at most 8 <!-- claim:a-1.bound -->, 5 s <!-- claim:new.bound -->.";
        let should = "It takes 1.23 × <!-- claim:a-1 -->, or 1.23 × (1.00 – 2.00)\n<!-- claim:a-1.interval --> \
                      of 3; at most 1.1 × <!-- claim:a-1.bound -->, 5 s <!-- claim:new.bound -->.";
        assert_eq!(with_quotes(text, &claims()).unwrap(), should);
        assert_eq!(with_quotes(should, &claims()).unwrap(), should);
    }

    #[test]
    fn a_quote_of_nothing_is_an_error() {
        let error = |text| with_quotes(text, &claims()).unwrap_err().to_string();
        assert!(error("1 × <!-- claim:b -->").contains("which there is not"));
        assert!(error("1 s <!-- claim:new -->").contains("never measured"));
        assert!(error("1 × <!-- claim:a-1.median -->").contains("a-1.median"));
        assert!(error("a few <!-- claim:a-1 -->").contains("1 of 1 markers"));
    }

    #[test]
    fn the_list_says_which_claims_hold_and_which_were_never_measured() {
        let list = list_of(&claims()).unwrap();
        assert!(list.contains(
            "| `a-1` | t | at most 1.1 × | 1.23 × (1.00 – 2.00) | **no** | 2026-01-01, m |"
        ));
        assert!(list.contains("| `new` | t | at least 5 s | not yet | - |  |"));
    }
}
