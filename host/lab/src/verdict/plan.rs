//! Whether a plan holds.

use crate::experiments::plan::{Advice, Capacity, TOLERANCE, Verified, layout};
use crate::experiments::record::Finding;
use crate::record::{Measurement, Results};

/// What of a plan does not hold: nothing fits, or what was verified is not as predicted.
pub fn objections(results: &Results) -> Vec<String> {
    let mut objections: Vec<_> = results.parts.iter().flat_map(off).collect();
    let findings = results.parts.iter().flat_map(|part| &part.findings);
    let advice: Vec<&Advice> = findings
        .filter_map(|finding| match finding {
            Finding::Advice(advice) => Some(&**advice),
            _ => None,
        })
        .collect();
    if let Some(first) = advice.first()
        && advice.iter().all(|advice| !advice.fits)
    {
        objections.push(format!(
            "{} agents do not fit on this machine; the table says how many do, and what is in \
             the way",
            first.agents
        ));
    }
    objections
}

fn off(measurement: &Measurement) -> Vec<String> {
    let findings = &measurement.findings;
    let capacity = findings.iter().find_map(|finding| match finding {
        Finding::Capacity(capacity) => Some(&**capacity),
        _ => None,
    });
    let verified = findings.iter().find_map(|finding| match finding {
        Finding::Verified(verified) => Some(&**verified),
        _ => None,
    });
    capacity
        .zip(verified)
        .map(|(capacity, verified)| compared(capacity, verified))
        .unwrap_or_default()
}

fn compared(capacity: &Capacity, verified: &Verified) -> Vec<String> {
    let ratios = [
        ("memory", verified.memory_ratio(capacity)),
        ("agents", verified.agents_ratio(capacity)),
    ];
    let is_off = |ratio: f64| !(1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio);
    let off = ratios.into_iter().filter(|(_, ratio)| is_off(*ratio));
    off.map(|(what, ratio)| {
        format!(
            "plan, {}: {what} measured is {ratio:.2} of what was predicted",
            layout(capacity.layout)
        )
    })
    .collect()
}
