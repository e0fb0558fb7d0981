//! The documents say what is so.

use sandlab_serve::Config;
use sandlab_serve::metrics::{CATALOGUE, Kind};
use std::path::Path;

fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

#[test]
fn every_configuration_of_the_page_is_one() {
    let page = document("serve.md");
    let blocks = page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut count = 0;
    for block in blocks {
        let config: Config =
            toml::from_str(block).unwrap_or_else(|error| panic!("{block}\n{error}"));
        config.check().unwrap();
        count += 1;
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn the_dashboard_for_grafana_asks_for_metrics_that_there_are() {
    let dashboard = document("grafana.json");
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = dashboard.split(|letter| !is_name(letter));
    let mut names: Vec<_> =
        names.filter(|name| name.starts_with("sandlab_") || name.starts_with("process_")).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let is_there = CATALOGUE.iter().any(|metric| match metric.kind {
            Kind::Histogram => name == format!("{}_bucket", metric.name),
            _ => name == metric.sample_name(),
        });
        assert!(is_there, "{name}");
    }
}
