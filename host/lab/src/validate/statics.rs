//! Stage 4: sizes and counts, without running the guest.

use super::budget::judge;
use super::code::Code;
use super::finding::{Check, Finding};
use super::measure::Measure;
use super::outline::Outline;
use super::policy::Policy;
use sandlab_runtime::wasm::Memories;

/// Checks sizes and counts against the budgets and against the limits of the sandbox.
pub fn check(bytes: &[u8], outline: &Outline, policy: &Policy) -> Vec<Check> {
    // Exact even if a module is instantiated more than once.
    let memories = Memories::of(bytes).ok().flatten();
    let initial = memories.map_or(outline.initial_memory, |memories| memories.initial);
    let counted = [
        (Measure::FileSize, bytes.len() as u64),
        (Measure::CodeSize, outline.code),
        (Measure::DataSize, outline.data),
        (Measure::CustomSize, outline.custom),
        (Measure::InitialMemory, initial),
        (Measure::MemoryMaximum, outline.memory_maximum),
        (Measure::TableElements, outline.table_elements),
        (Measure::CoreInstances, outline.core_instances),
    ];
    let checks = counted.map(|(measure, value)| judge(policy, measure, value, Code::OverSize));
    let mut checks: Vec<_> = checks.into();
    checks.push(Check::of("can-start", cannot_start(outline, initial, policy)));
    checks
}

fn cannot_start(outline: &Outline, initial: u64, policy: &Policy) -> Vec<Finding> {
    let limits = &policy.limits;
    let instances = u64::from(limits.instance_limit);
    let memory = limits.memory_limit.as_u64();
    let bounds = [
        ("initial memory", initial, memory, "memory-limit"),
        ("table elements", outline.table_elements, limits.table_limit.into(), "table-limit"),
        ("core instances", outline.core_instances, instances, "instance-limit"),
        ("memories", outline.memories, instances, "instance-limit"),
        ("tables", outline.tables, instances, "instance-limit"),
    ];
    let over = bounds.into_iter().filter(|(_, value, limit, _)| value > limit);
    let findings = over.map(|(what, value, limit, field)| {
        let remedy = format!("Reduce it when linking, or raise `{field}` under [limits]");
        let finding = Finding::new(Code::CannotStart, what, remedy);
        finding.wanted(format!("at most {limit}")).found(value.to_string())
    });
    findings.collect()
}
