//! `sandlab man`

use super::{Cli, print};
use crate::{Error, Result};
use clap::CommandFactory;
use clap_markdown::MarkdownOptions;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write the manual pages to, one for each command: sandlab-compare.1, and so on.
    #[arg(long, value_name = "DIR", required_unless_present = "markdown")]
    output: Option<PathBuf>,
    /// Print all commands as one markdown page: docs/cli.md.
    #[arg(long, conflicts_with = "output")]
    markdown: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    let command = Cli::command();
    let Some(folder) = &args.output else {
        return print(&markdown(&command));
    };
    std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    clap_mangen::generate_to(command, folder).map_err(Error::file("write to", folder))
}

fn markdown(command: &clap::Command) -> String {
    let options = MarkdownOptions::new().title("Commands".to_owned()).show_footer(false);
    let page = clap_markdown::help_markdown_command_custom(command, &options);
    let note = "\nWritten by `sandlab man --markdown`: `make docs` does it anew.\n";
    let page = page.replacen('\n', note, 1);
    let lines: Vec<_> = page.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}
