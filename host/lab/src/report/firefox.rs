//! The stacks of a run for the Firefox profiler (profiler.firefox.com), which searches, filters
//! and inverts them. Stacks are kept folded, so that its time line shows how much there is of
//! each, one after another, and not when it was.

use super::run_report::RunReport;
use crate::view::Flamegraph;
use crate::{Error, Result};
use fxprof_processed_profile::{
    CategoryHandle, CpuDelta, Frame, FrameFlags, FrameInfo, Profile, ReferenceTimestamp,
    SamplingInterval, Timestamp,
};

/// Writes a thread for each of a run's flamegraphs, and one for what it is held against.
///
/// # Errors
/// If the run has none.
pub(super) fn profile(report: &RunReport) -> Result<String> {
    let graphs = &report.view.flamegraphs;
    let Some(first) = graphs.first() else {
        return Err(Error::Usage(format!(
            "{} has no samples of a guest's stack: `sandlab compare SUBJECT --flamegraph` takes \
             some",
            report.title()
        )));
    };
    let begin = &report.run.begin;
    let started = begin.started.parse::<jiff::Timestamp>();
    let started = started.map_or(0.0, |started| started.as_millisecond() as f64);
    let mut profile = Profile::new(
        "sandlab",
        ReferenceTimestamp::from_millis_since_unix_epoch(started),
        SamplingInterval::from_nanos(first.interval_ns.max(1)),
    );
    let start = Timestamp::from_nanos_since_reference(0);
    let process = profile.add_process(&report.title(), 1, start);
    let mut threads = 0;
    for graph in graphs {
        let before =
            graph.before.iter().map(|before| (format!("before: {}", graph.caption), before));
        for (name, stacks) in [(graph.caption.clone(), &graph.stacks)].into_iter().chain(before) {
            threads += 1;
            let thread = profile.add_thread(process, threads, start, threads == 1);
            profile.set_thread_name(thread, &name);
            add(&mut profile, thread, graph, stacks);
        }
    }
    let json = serde_json::to_string(&profile);
    json.map_err(|error| Error::Machine(format!("cannot encode the profile: {error}")))
}

/// Adds the samples of each stack after those of the one before.
fn add(
    profile: &mut Profile,
    thread: fxprof_processed_profile::ThreadHandle,
    graph: &Flamegraph,
    stacks: &[(String, u64)],
) {
    let mut taken: u64 = 0;
    for (stack, samples) in stacks {
        let frames: Vec<FrameInfo> = stack
            .split(';')
            .map(|function| FrameInfo {
                frame: Frame::Label(profile.intern_string(function)),
                category_pair: CategoryHandle::OTHER.into(),
                flags: FrameFlags::empty(),
            })
            .collect();
        let handle = profile.intern_stack_frames(thread, frames.into_iter());
        let at = Timestamp::from_nanos_since_reference(taken.saturating_mul(graph.interval_ns));
        let weight = i32::try_from(*samples).unwrap_or(i32::MAX);
        profile.add_sample(thread, at, handle, CpuDelta::ZERO, weight);
        taken = taken.saturating_add(*samples);
    }
    let end = Timestamp::from_nanos_since_reference(taken.saturating_mul(graph.interval_ns));
    profile.set_thread_end_time(thread, end);
}
