//! `sandlab schema`

use super::print;
use crate::Result;
use crate::bundle::Manifest;
use crate::experiments;
use crate::project::Project;
use crate::validate::PolicyFile;
use crate::verdict::TargetsFile;
use crate::verdict::gate::{NoiseFloor, Policy};
use crate::workload::Line;
use clap::ValueEnum;
use sandlab_runtime::SandboxConfig;
use schemars::{JsonSchema, schema_for};

/// The files whose schema is printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files to describe.
    #[arg(value_enum, value_name = "NAME")]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// A bundle's manifest.json, which `sandlab build` writes: docs/bundle.schema.json.
    Bundle,
    /// The policy of `gate`: docs/gate.schema.json.
    Gate,
    /// The noise floor that `calibrate` measures: docs/noise.schema.json.
    Noise,
    /// A project's defaults, sandlab.toml: docs/project.schema.json.
    Project,
    /// Exported runs and reports: docs/run.schema.json.
    Run,
    /// A sandbox config, as of `--sandbox`: docs/sandbox.schema.json.
    Sandbox,
    /// A configuration of `serve`, or the objectives alone: docs/serve.schema.json.
    Serve,
    /// The targets that grade results, as of `--targets`: docs/targets.schema.json.
    Targets,
    /// The policy of `validate`: docs/validate.schema.json.
    Validate,
    /// A line of a workload file: docs/workload.schema.json.
    Workload,
}

pub fn execute(args: &Args) -> Result<()> {
    print(&match args.of {
        Of::Bundle => schema::<Manifest>(),
        Of::Gate => schema::<Policy>(),
        Of::Noise => schema::<NoiseFloor>(),
        Of::Project => schema::<Project>(),
        Of::Run => experiments::run_schema(),
        Of::Sandbox => schema::<SandboxConfig>(),
        Of::Serve => schema::<sandlab_serve::Config>(),
        Of::Targets => schema::<TargetsFile>(),
        Of::Validate => schema::<PolicyFile>(),
        Of::Workload => schema::<Line>(),
    })
}

/// Returns the JSON Schema of the files that are read into this type.
fn schema<T: JsonSchema>() -> String {
    let schema = serde_json::to_string_pretty(&schema_for!(T));
    schema.unwrap_or_else(|_| unreachable!("a schema is JSON")) + "\n"
}
