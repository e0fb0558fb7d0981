//! `sandlab calibrate`

use super::gate::{Pairing, decide};
use super::messages::Messages;
use super::{print, progress};
use crate::bundle;
use crate::record::{self, Environment};
use crate::report;
use crate::sampling::pairs::{Guests, Planted};
use crate::validate::supervise::Observer;
use crate::verdict::gate::{Calibration, Judged, NOISE_FILE, NoiseFloor, Policy, Trial};
use crate::{Error, Result};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The guest that is held against itself.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Gates of the guest against itself.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Gates for each slowdown that is planted.
    #[arg(long, value_name = "N", default_value_t = 10)]
    planted_runs: u32,
    /// The slowdowns, as shares.
    #[arg(
        long,
        value_name = "SHARE",
        value_delimiter = ',',
        default_value = "0.02,0.05,0.1"
    )]
    planted: Vec<f64>,
    #[command(flatten)]
    pairing: Pairing,
    #[command(flatten)]
    messages: Messages,
    /// Where the noise floor is kept, which `gate` then uses.
    #[arg(long, value_name = "FILE", default_value = NOISE_FILE)]
    output: PathBuf,
}

pub fn execute(args: &Args) -> Result<()> {
    if let Some(share) = args
        .planted
        .iter()
        .find(|share| !(0.0..=10.0).contains(*share))
    {
        return Err(Error::Usage(format!(
            "--planted {share}: a slowdown is a share from 0 to 10, as 0.1 for a tenth"
        )));
    }
    if let Some(folder) = args.output.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
    }
    record::require_writable(&args.output)?;
    let subject = bundle::find(&args.subject, &mut progress::say)?;
    let cases = args
        .messages
        .cases(&subject, args.pairing.settings().seed)?;
    let guests = Guests::of(&subject, &subject, cases, &args.pairing.sandbox()?)?;
    let calibration = calibrate(args, &guests)?;
    let floor = calibration.floor(Environment::now());
    record::write_whole(&args.output, floor.to_toml()?.as_bytes())?;
    print(&report::gate::calibration(
        &calibration,
        &floor,
        console::colors_enabled(),
    ))?;
    print(&format!("kept in {}\n", args.output.display()))
}

fn calibrate(args: &Args, guests: &Guests) -> Result<Calibration> {
    let (policy, none) = (Policy::standard(), NoiseFloor::default());
    let planted = args.planted.iter().map(|share| (*share, args.planted_runs));
    let plan: Vec<_> = [(0.0, args.runs)].into_iter().chain(planted).collect();
    let all: u32 = plan.iter().map(|(_, runs)| runs).sum();
    let bar = progress::Bar::new(all as usize)?;
    let mut settings = args.pairing.settings();
    let mut trials = Vec::new();
    for (share, runs) in plan {
        let mut gates: Vec<Vec<Judged>> = Vec::new();
        for _ in 0..runs {
            settings.seed += 2;
            let judged = decide(&policy, &none, settings, &bar, |settings, wanted| {
                guests.time(settings, Planted::new(share), wanted, &|| bar.stopped())
            })?;
            if bar.stopped() {
                return Err(Error::Stopped);
            }
            gates.push(judged);
            bar.done();
        }
        trials.push(Trial { share, gates });
    }
    Ok(Calibration { trials })
}
