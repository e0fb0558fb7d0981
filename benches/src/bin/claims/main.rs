//! Measures the claims of the documentation, which are in `benches/claims.toml`.

mod claim;
mod documents;
mod keep;
mod measure;

use anyhow::{Context, Result};
use claim::{Claim, Figure};
use clap::Parser;
use sandlab::record::{Environment, require_writable, write_whole};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures the claims of the documentation on this machine.
///
/// Exits with 1 if a claim does not hold, with 3 if it could not be measured.
#[derive(Parser)]
struct Arguments {
    /// The claims to measure; all if none is named
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Also writes the measured claims to a JSON file
    #[arg(long, env = "CLAIMS_JSON", value_name = "FILE")]
    json: Option<PathBuf>,

    /// Keeps the figures in claims.toml, and brings the documents up to date
    #[arg(long)]
    write: bool,

    /// Measures nothing, and only brings the documents up to date
    #[arg(long, conflicts_with_all = ["keys", "write", "json"])]
    docs: bool,
}

fn main() -> ExitCode {
    sandlab_runtime::process::serve_if_child();
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(3)
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut claims = claim::read(&claims_file())?;
    if arguments.docs {
        update_documents(&claims)?;
        return Ok(ExitCode::SUCCESS);
    }
    let unknown = |key: &&String| claims.iter().all(|claim| claim.key != **key);
    if let Some(key) = arguments.keys.iter().find(unknown) {
        let keys: Vec<&str> = claims.iter().map(|claim| claim.key.as_str()).collect();
        eprintln!("error: there is no claim {key}; there are {}", keys.join(", "));
        return Ok(ExitCode::from(2));
    }
    if !arguments.keys.is_empty() {
        claims.retain(|claim| arguments.keys.contains(&claim.key));
    }
    measure_all(&mut claims, arguments)
}

fn measure_all(claims: &mut [Claim], arguments: &Arguments) -> Result<ExitCode> {
    arguments.json.as_deref().map_or(Ok(()), require_writable)?;
    // Once, before figures are written: those would make the commit a dirty one.
    let environment = Environment::now();
    let mut results = Vec::new();
    for claim in claims {
        let estimate = measure::prepare(&claim.how).and_then(|run| run());
        let estimate = estimate.with_context(|| format!("claim {}", claim.key))?;
        let figure = Figure::now(estimate, claim.unit, &environment);
        // After each, so that the figures are there even if a later one fails.
        if arguments.write {
            keep_figure(&claim.key, &figure)?;
        }
        claim.measured = Some(figure);
        let result = Measured::of(claim);
        println!("{}", result.line());
        results.push(result);
        if let Some(file) = &arguments.json {
            write_whole(file, &serde_json::to_vec_pretty(&results)?)?;
        }
    }
    if arguments.write {
        update_documents(&claim::read(&claims_file())?)?;
    }
    let all_hold = results.iter().all(|result| result.holds);
    Ok(ExitCode::from(u8::from(!all_hold)))
}

fn keep_figure(key: &str, figure: &Figure) -> Result<()> {
    let file = claims_file();
    let text = keep::with_figure(&std::fs::read_to_string(&file)?, key, figure)?;
    Ok(write_whole(&file, text.as_bytes())?)
}

fn update_documents(claims: &[Claim]) -> Result<()> {
    for path in documents::update(&root(), claims)? {
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// A claim that was just measured.
#[derive(Serialize)]
struct Measured {
    #[serde(flatten)]
    claim: Claim,
    holds: bool,
}

impl Measured {
    fn of(claim: &Claim) -> Self {
        Self { claim: claim.clone(), holds: claim.holds().unwrap_or_default() }
    }

    fn line(&self) -> String {
        format!(
            "{:<19} {:<15} {:<28} {:<13}  {}",
            self.claim.key,
            self.claim.condition(),
            self.claim.interval().unwrap_or_default(),
            if self.holds { "holds" } else { "DOES NOT HOLD" },
            self.claim.text,
        )
    }
}

/// Returns the folder of the repository, whose files are read where it was built.
fn root() -> PathBuf {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    benches.parent().unwrap_or(benches).to_owned()
}

fn claims_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("claims.toml")
}
