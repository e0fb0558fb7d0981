//! A sandbox config as the lines of its file: only what differs from the default.

use sandlab_runtime::SandboxConfig;
use toml::{Table, Value};

/// Returns the file of a sandbox config, with its folders so that they hold wherever it is kept.
pub fn of(sandbox: &SandboxConfig) -> String {
    let sandbox = sandbox.clone().with_absolute_directories();
    // Every field of it is a string, a number or a table.
    let table = |config: &SandboxConfig| Table::try_from(config).unwrap_or_default();
    let differs = differing(&table(&sandbox), &table(&SandboxConfig::default()));
    differs.to_string().trim_end().to_owned()
}

fn differing(table: &Table, default: &Table) -> Table {
    let mut all = Table::new();
    for (key, value) in table {
        match (value, default.get(key)) {
            (Value::Table(value), Some(Value::Table(default))) => {
                let differs = differing(value, default);
                if !differs.is_empty() {
                    all.insert(key.clone(), differs.into());
                }
            }
            (value, default) if Some(value) != default => {
                all.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::tune::settings::Setting;

    #[test]
    fn a_file_says_what_differs_and_no_more() {
        assert_eq!(of(&SandboxConfig::default()), "");
        for setting in Setting::all(0) {
            let sandbox = setting.on(&SandboxConfig::default());
            let file = of(&sandbox);
            assert_eq!(toml::from_str::<SandboxConfig>(&file).unwrap(), sandbox, "{file}");
            assert!(file.lines().count() <= 2, "{file}");
        }
    }
}
