//! `sandlab new`

use super::print;
use crate::Result;
use crate::bundle::{self, Language};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent, of its project and of its folder.
    name: String,
    /// Language to write it in.
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,
    /// Folder to write the project in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

pub fn execute(args: &Args) -> Result<()> {
    let folder = bundle::scaffold(&args.path, &args.name, args.language)?;
    let source = args.language.source();
    let remark = inside_of_repository(&folder).unwrap_or_default();
    let folder = folder.display();
    print(&format!(
        "{folder} is ready: change {source}, put messages and replies in workload.jsonl, and run\n  \
         sandlab compare {folder}\n{remark}"
    ))
}

/// Returns what is to be done for CI inside of a git repository, since GitHub takes workflows from the
/// repository's own folder alone; `None` elsewhere.
fn inside_of_repository(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let repository = folder.ancestors().skip(1).find(|above| above.join(".git").exists())?;
    let inside = folder.strip_prefix(repository).ok()?.display().to_string();
    Some(format!(
        "For CI, move {inside}/.github/workflows/agent.yml to .github/workflows of the repository, \
         with\n  agents: {inside}\n"
    ))
}
