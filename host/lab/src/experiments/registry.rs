//! All experiments: the one list that commands, reports and the published schema are made of.

use super::{Experiment, Shown};
use crate::metrics::{Quantity, shared};
use crate::record::{Finding, Run, Shared};
use crate::view::View;
use schemars::SchemaGenerator;
use serde_json::Value;

/// Passes the list of all experiments to a macro, a line each: the folder and command, the type,
/// the command's help, and an option of the command (an alias, say). Behind `@own` stand those
/// whose command is written by hand, because it has formats and exit codes of its own, or that
/// other commands measure by the way.
macro_rules! registry {
    ($then:ident) => {
        $then! {
            compare Compare "Time messages on each backend, and their ratio to native.";
            throughput Throughput "Load many agents through the whole message path, and count messages.";
            latency Latency "Send messages when they are due, and time them; or search for the highest rate.";
            scale Scale "Start more and more agents: time, memory, throughput.";
            load Load "Load agents as hard, as long, or as suddenly as production might.";
            recovery Recovery "Make agents fault under load, and time how they come back.";
            memory Memory "Put agents under memory limits, or find the limit that a workload needs.";
            plan Density "Say how many agents this machine holds, in each layout, and with which settings.";
            tune Tune "Sweep the engine's settings for one component, and recommend some per goal.";
            spawn Spawn "Time every phase of a start, by each method that there is.";
            footprint Footprint "Say what agents take of memory and CPU: idle, at work, and at a rate.", alias = "profile";
            idle Idle "Measure the CPU time that idle agents take.";
            torture Torture "Strike with every hostile guest there is, beside good agents at work.";
            @own gate Gate;
            @own flamegraph Flamegraph;
            @own calibrate Calibrate;
            @own production Production;
        }
    };
}
pub(crate) use registry;

macro_rules! dispatch {
    ($($module:ident $name:ident $help:literal $(, $option:ident = $value:literal)?;)+
     $(@own $own:ident $own_name:ident;)+) => {
        $(pub use super::$module::$name;)+
        $(pub use super::$own::$own_name;)+

        /// Returns all quantities that experiments and validations measure.
        pub fn catalogue() -> Vec<&'static Quantity> {
            let own = [$($name::QUANTITIES,)+ $($own_name::QUANTITIES),+];
            let own = crate::validate::QUANTITIES.iter().chain(own.into_iter().flatten());
            shared::QUANTITIES.iter().chain(own).copied().collect()
        }

        /// Returns the kinds of parts that experiments measure.
        pub fn kinds() -> Vec<&'static str> {
            let own = [$($name::KINDS,)+ $($own_name::KINDS),+];
            own.into_iter().flatten().copied().collect()
        }

        /// Returns sandlab's own targets and those of all experiments, TOML.
        pub fn standard_targets() -> String {
            let all = [crate::verdict::TARGETS, $($name::TARGETS,)+ $($own_name::TARGETS),+];
            all.into_iter().filter(|targets| !targets.is_empty()).collect::<Vec<_>>().join("\n")
        }

        /// Shows a run: what each experiment shows of its parts.
        pub fn view(run: &Run) -> View {
            let mut view = super::notes::view(run);
            $(show::<$name>(run, &mut view);)+
            $(show::<$own_name>(run, &mut view);)+
            view.metrics.sort_by_key(|metric| metric.quantity.topic);
            view
        }

        /// Returns the schema of each experiment's findings.
        pub(super) fn schemas(generator: &mut SchemaGenerator) -> Vec<Value> {
            vec![
                generator.subschema_for::<Shared>().into(),
                $(generator.subschema_for::<<$name as Experiment>::Found>().into(),)+
                $(generator.subschema_for::<<$own_name as Experiment>::Found>().into()),+
            ]
        }

        /// Checks that a finding is one of the experiment that measures parts of this kind.
        pub(super) fn check_finding(kind: &str, finding: &Finding) -> Result<(), String> {
            if finding.read::<Shared>().is_some() {
                return Ok(());
            }
            $(if $name::KINDS.contains(&kind) {
                let read = finding.try_read::<<$name as Experiment>::Found>();
                return read.map(drop).map_err(|error| error.to_string());
            })+
            $(if $own_name::KINDS.contains(&kind) {
                let read = finding.try_read::<<$own_name as Experiment>::Found>();
                return read.map(drop).map_err(|error| error.to_string());
            })+
            Err(format!("no experiment measures parts of the kind {kind:?}"))
        }
    };
}
registry!(dispatch);

/// Shows the parts of one experiment, but those that could not be measured.
fn show<E: Experiment>(run: &Run, view: &mut View) {
    let parts = run.parts.iter().filter(|part| {
        E::KINDS.contains(&part.part.experiment.as_str()) && part.unavailable().is_none()
    });
    let parts: Vec<_> = parts.map(Shown::new).collect();
    if !parts.is_empty() {
        E::show(&parts, view);
    }
}
