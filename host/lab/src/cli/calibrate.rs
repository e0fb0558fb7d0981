//! `sandlab calibrate`

use super::print;
use super::reporting::Looking;
use super::session::{Recording, targets};
use crate::experiments::{self, Experiment, calibrate};
use crate::record;
use crate::report::Format;
use crate::verdict::gate::NOISE_FILE;
use crate::{Error, Result};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    parameters: calibrate::Parameters,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    looking: Looking,
    /// File for the noise floor, which `gate` reads.
    #[arg(long, value_name = "FILE", default_value = NOISE_FILE)]
    output: PathBuf,
}

pub fn execute(args: &Args) -> Result<()> {
    if let Some(folder) = args.output.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    }
    record::require_writable(&args.output)?;
    let given = args.recording.given()?;
    let plan = experiments::Calibrate::plan(&args.parameters, &given)?;
    let measured = args.recording.measure(&given, plan)?;
    let report = measured.report(&targets(None)?)?;
    let document = || measured.store.document(measured.id);
    print(&report.render(Format::Text, &args.looking.look(), document)?)?;
    measured.say_where(!report.view.answers.is_empty());
    if measured.errors.is_empty() {
        let calibration = calibrate::calibration(&report.run);
        let floor = calibration.floor(&report.run.begin.environment);
        record::write_whole(&args.output, floor.to_toml()?.as_bytes())?;
        print(&format!("the noise floor is kept in {}\n", args.output.display()))?;
    }
    measured.result()
}
