//! Combines settings that were confirmed one by one into a recommendation.

use super::settings::Setting;
use sandlab_runtime::{SandboxConfig, wasm};

/// Settings that do not exclude each other, for one sandbox config.
#[derive(Debug, Clone)]
pub struct Together {
    /// Indices of the settings, the best first.
    pub settings: Vec<usize>,
    /// The logarithm of their effects' product.
    pub predicted: f64,
    /// The sandbox config with all of them.
    pub sandbox: SandboxConfig,
}

/// Combines settings, the best first: one setting per field, and no two that wasmtime refuses
/// together. `effects` are settings with the logarithm of their effect alone.
pub fn together(
    effects: &[(usize, f64)],
    settings: &[Setting],
    sandbox: &SandboxConfig,
) -> Together {
    let mut all = Together { settings: Vec::new(), predicted: 0.0, sandbox: sandbox.clone() };
    let mut effects = effects.to_vec();
    effects.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    for (setting, effect) in effects {
        let new = &settings[setting];
        let has_field = all.settings.iter().any(|known| settings[*known].field == new.field);
        let sandbox = new.on(&all.sandbox);
        if !has_field && wasm::config(&sandbox).is_ok() {
            all.settings.push(setting);
            all.predicted += effect;
            all.sandbox = sandbox;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excludes_each_other_is_not_put_together() {
        let (settings, sandbox) = (Setting::all(0), SandboxConfig::default());
        let find = |name: &str| settings.iter().position(|it| it.name == name).unwrap();
        let effects = [
            (find("opt-level none"), -0.1),
            (find("layout packed"), -0.5),
            (find("opt-level speed-and-size"), -0.2),
            (find("memory-guard 0"), -0.3),
            (find("keep-resident 0"), -0.05),
        ];
        let all = together(&effects, &settings, &sandbox);
        let names: Vec<_> = all.settings.iter().map(|it| settings[*it].name.as_str()).collect();
        assert_eq!(names, ["layout packed", "opt-level speed-and-size", "keep-resident 0"]);
        assert!((all.predicted + 0.75).abs() < 1e-9);
        assert!(together(&[], &settings, &sandbox).settings.is_empty());
    }
}
