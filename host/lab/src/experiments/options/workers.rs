//! Options of the workers that send the messages instead of this process.

use super::at::{At, Shown};
use super::values::whole;
use crate::sampling::recipe::Recipe;
use crate::sampling::workers::Hiring;
use sandlab_serve::nats::Settings;
use std::time::Duration;

/// The workers that send the messages of an open loop.
#[derive(Debug, clap::Args)]
pub struct Workers {
    /// Let this number of workers send the messages to the targets, each its share of the rate and
    /// of `--agents`: programs on other machines, which `sandlab worker` starts there.
    #[arg(
        long,
        value_name = "N",
        requires_all = ["target", "nats"],
        value_parser = whole::<u32>(1..=1_000)
    )]
    workers: Option<u32>,
    /// The NATS server at which the workers are found.
    #[arg(long, value_name = "URL", requires = "workers")]
    nats: Option<String>,
}

impl Workers {
    /// Returns the workers to find and their messages; `None` if this process sends the messages.
    pub fn hiring(&self, at: &At, recipe: Recipe, timeout: Duration) -> Option<Hiring> {
        let (count, url) = self.workers.zip(self.nats.as_deref())?;
        Some(Hiring {
            count,
            nats: meeting(url, &at.shown),
            targets: at.target.clone(),
            subject_prefix: at.subject_prefix.clone(),
            recipe,
            timeout,
        })
    }
}

/// Returns how the NATS server is reached at which commands and workers meet.
pub fn meeting(url: &str, shown: &Shown) -> Settings {
    Settings {
        urls: url.split(',').map(str::to_owned).collect(),
        credentials: shown.credentials.clone(),
        root_certificates: shown.root_certificates.clone(),
        ..Settings::default()
    }
}
