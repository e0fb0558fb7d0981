//! The reports of stored runs: for a terminal, a pull request, a browser, a program.

mod common;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::prelude::predicate::in_iter;
use predicates::str::contains;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A store with a run of everything, as 1, and one that is slower, on another machine, as 2.
struct Lab(TempDir);

/// How much slower: far more than what a busy machine makes of six rounds.
const SLOWER: f64 = 500.0;

fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(Lab::new)
}

/// Makes every window and round count, whatever the machine did when it was measured.
fn undisturbed(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let judged = [("invalid", Value::Null), ("left_out", Value::Array(Vec::new()))];
            for (name, undisturbed) in judged {
                if let Some(judged) = fields.get_mut(name) {
                    *judged = undisturbed;
                }
            }
            fields.values_mut().for_each(undisturbed);
        }
        Value::Array(values) => {
            values.retain(|value| value["finding"] != "disturbed");
            values.iter_mut().for_each(undisturbed);
        }
        _ => {}
    }
}

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        let own = lab.file("parts.db");
        let measure = |arguments: &str| -> Value {
            let mut sandlab = lab.sandlab(arguments);
            // A burst on a busy machine may not be over when it is no longer watched.
            let codes = in_iter([0, 1, 4]);
            sandlab.env("SANDLAB_STORE", &own).assert().code(codes);
            let mut export = lab.sandlab("runs export");
            let done = export.env("SANDLAB_STORE", &own).assert().code(0);
            serde_json::from_slice(&done.get_output().stdout).unwrap()
        };
        let nothing = lab.file("targets.toml");
        std::fs::write(&nothing, "").unwrap();
        let loads = format!("--targets {} --backends wasm,native", nothing.display());
        let mut all = measure("compare echo --rounds 6");
        let compared = all["parts"].as_array().unwrap().clone();
        let parts = [
            "compare echo --attribute --rounds 6".to_owned(),
            format!("latency --rate 2000 --duration 300ms --ramp-up 50ms {loads}"),
            format!("throughput --duration 100ms {loads}"),
            format!("scale --agents 1,4,8 --duration 50ms {loads}"),
            format!(
                "load burst --agents 4 --rate 500 --burst-rate 4000 --duration 300ms --ramp-up 50ms --baseline 500ms --watch 3s {loads}"
            ),
            format!("spawn --rounds 6 --targets {}", nothing.display()),
            "memory allocator --limits 2MiB,4MiB --backends wasm".to_owned(),
            "memory echo --tune --repeats 1 --passes 1".to_owned(),
        ];
        let parts = parts
            .iter()
            .flat_map(|arguments| measure(arguments)["parts"].as_array().unwrap().clone());
        all["parts"] = compared.into_iter().chain(parts).collect();
        undisturbed(&mut all["parts"]);
        lab.import(&all);
        let parts = all["parts"].as_array_mut().unwrap().iter_mut();
        for part in parts.filter(|part| part["part"]["experiment"] == "compare") {
            for sample in part["rounds"]["sides"][0]["ns"].as_array_mut().unwrap() {
                *sample = (sample.as_f64().unwrap() * SLOWER).into();
            }
        }
        all["begin"]["environment"]["cpu"] = "Another <Processor> & Co".into();
        lab.import(&all);
        lab.sandlab("baseline save main 1").assert().code(0);
        lab.sandlab("baseline save slow 2").assert().code(0);
        lab
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn import(&self, run: &Value) {
        let file = self.file("run.json");
        std::fs::write(&file, run.to_string()).unwrap();
        let import = format!("runs import {}", file.display());
        self.sandlab(&import).assert().code(0);
    }

    fn sandlab(&self, arguments: &str) -> Command {
        let mut sandlab = Command::new(env!("CARGO_BIN_EXE_sandlab"));
        sandlab.args(arguments.split_whitespace());
        sandlab.env("SANDLAB_STORE", self.file("results.db"));
        sandlab
    }

    fn says(&self, arguments: &str) -> String {
        let done = self.sandlab(arguments).assert().code(0);
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    }
}

#[test]
fn a_comment_for_a_pull_request_has_the_summary_and_what_changed_and_is_short_enough() {
    let page = lab().says("report 2 --baseline main --format markdown");
    assert!(page.chars().count() < 65_536);
    let order = [
        "# Performance Benchmark Report",
        "Date: 20",
        "Commit: ",
        "Environment: Another <Processor> & Co",
        "## Summary",
        "## Detailed Results",
        "### Overhead",
        "### Throughput",
        "### Latency",
        "### Resource Usage",
        "### Spawn",
        "### Memory Limits",
        "### Load",
    ];
    let places = order.map(|part| page.find(part).unwrap_or_else(|| panic!("no {part}\n{page}")));
    assert!(places.is_sorted(), "{places:?}");
    // The three sizes of `echo` on wasm, against themselves and against native.
    assert!(page.contains("❌ 6 regressions against main: "), "{page}");
    let slower = "| time/msg, compare, echo, 1 KiB, wasm ";
    let row = page.lines().find(|line| line.starts_with(slower)).unwrap();
    assert!(row.contains("+49900.0 %") && row.contains("regressed"), "{row}");
    assert!(page.contains("⚠️ Not measured alike, baseline and now: cpu: "), "{page}");
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    // The other way round it is better, and the same run has not changed.
    let better = lab().says("report 1 --baseline slow --format markdown");
    assert!(better.contains("6 improvements") && better.contains("No regression"), "{better}");
    let same = lab().says("report 1 --baseline main --format markdown");
    assert!(same.contains("No regression") && same.contains("No improvement"), "{same}");
    assert!(!same.contains("Not measured alike"), "{same}");
}

#[test]
fn a_comment_that_would_be_too_long_says_what_is_left_out() {
    let lab = lab();
    let mut run: Value = serde_json::from_str(&lab.says("runs export 1")).unwrap();
    let parts = run["parts"].as_array().unwrap().clone();
    let many = (0..600).map(|number| {
        let mut part = parts[0].clone();
        part["part"]["agent"] = format!("agent-with-a-long-name-{number}").into();
        part
    });
    run["parts"] = parts.iter().cloned().chain(many).collect();
    let many = Lab(tempfile::tempdir().unwrap());
    many.import(&run);
    let page = many.says("report --format markdown");
    assert!(page.chars().count() < 65_536, "{}", page.chars().count());
    assert!(page.contains("left out: Overhead"), "{page}");
    assert!(page.contains("### Load"));
}

#[test]
fn a_page_is_one_file_that_loads_nothing_and_has_every_chart_beside_its_table() {
    let lab = lab();
    let file = lab.file("report.html");
    let html = format!("report 2 --baseline main --format html --output {}", file.display());
    assert_eq!(lab.says(&html), "");
    let page = std::fs::read_to_string(&file).unwrap();
    for section in [
        "summary",
        "changes",
        "throughput",
        "latency",
        "overhead",
        "spawn",
        "memory-limits",
        "scaling",
        "load",
        "trend",
        "conditions",
    ] {
        let link = format!("<a href=\"#{section}\">");
        assert!(section == "summary" || page.contains(&link), "no link to {section}");
        let id = [format!("<section id={section}>"), format!("<section id=\"{section}\">")];
        assert!(id.iter().any(|id| page.contains(id)), "no {section}");
    }
    for section in page.split("<section").skip(1) {
        let charts = section.matches("<svg").count();
        assert!(charts == 0 || section.contains("<table"), "{section}");
        assert_eq!(charts, section.matches("</svg>").count());
        assert_eq!(charts, section.matches("<figcaption>").count());
    }
    // Percentiles, two timelines; the ladder of three sizes, ratios; memory twice and a
    // curve; two of scaling; a burst on two backends; the trend.
    assert!(page.matches("<svg").count() >= 14, "{}", page.matches("<svg").count());
    assert!(page.contains("the burst is shaded"));
    assert_eq!(page.matches("<script>").count(), page.matches("<script").count());
    assert_eq!(page.matches("<script").count(), 1);
    for outside in ["http:", "https:", "url(", "@import", "src="] {
        let found = page.replace("http://www.w3.org/2000/svg", "").find(outside);
        assert_eq!(found, None, "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    // What a run says cannot become a part of the page.
    assert!(page.contains("Another &lt;Processor&gt; &amp; Co"));
    assert!(!page.contains("<Processor>") && !page.contains("NaN"));
}

#[test]
fn a_program_and_a_spreadsheet_get_the_changes_too() {
    let json = lab().says("report 2 --baseline main --format json");
    let page: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(page["schema"], "sandlab.run/3");
    let derived = &page["derived"];
    assert_eq!(derived["baseline"]["differences"][0]["what"], "cpu");
    let changes = derived["baseline"]["changes"].as_array().unwrap();
    let regressed = changes.iter().filter(|change| change["verdict"] == "regressed");
    assert_eq!(regressed.count(), 6);
    assert_eq!(changes.len(), derived["metrics"].as_array().unwrap().len());
    let csv = lab().says("report 2 --baseline main --format csv");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    assert_eq!((&header[0], &header[1], &header[2]), ("table", "metric", "baseline"));
    let rows: Vec<_> = rows.records().collect::<Result<_, _>>().unwrap();
    let of = |table: &str| rows.iter().filter(|row| &row[0] == table).count();
    assert_eq!(of("changes"), changes.len());
    for table in ["compare", "ladder", "latency", "throughput", "scale", "spawn", "memory"] {
        assert!(of(table) > 0, "no rows of {table}\n{csv}");
    }
    assert!(csv.contains(",regressed,"), "{csv}");
    // And a file per table.
    let folder = lab().file("tables");
    lab().says(&format!("report 2 --format csv --output {}/", folder.display()));
    let compare = std::fs::read_to_string(folder.join("compare.csv")).unwrap();
    assert!(compare.starts_with("agent,message_bytes,backend,time_ns,time_low_ns,"), "{compare}");
    assert_eq!(compare.lines().count(), 1 + of("compare"));
    let text = lab().sandlab("report 2 --baseline main --verbose").assert().code(0);
    text.stdout(contains("regressed").and(contains("wasm costs")).and(contains("cpu: ")));
}

#[test]
fn a_baseline_that_is_not_there_is_told_before_anything_is_written() {
    let file = lab().file("none.html");
    let html = format!("report --baseline nobody --format html --output {}", file.display());
    let failed = lab().sandlab(&html).assert().code(2);
    failed.stderr(contains("no baseline \"nobody\"").and(contains("main")));
    assert!(!file.exists());
}

/// What a browser writes to its console over a page, and a picture of it.
fn browse(page: &std::path::Path, scheme: u8) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("page.png");
    let mut chromium = std::process::Command::new("chromium");
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--window-size=1100,4000",
    ]);
    chromium.arg(format!("--user-data-dir={}", folder.path().display()));
    chromium.arg(format!("--screenshot={}", picture.display()));
    // 0 is dark, and 1 is light.
    chromium.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    let done = chromium.arg(page).output().expect("chromium is installed");
    let console = String::from_utf8_lossy(&done.stderr).into_owned();
    let lines = console.lines().filter(|line| line.contains("CONSOLE"));
    let said = lines.collect::<Vec<_>>().join("\n");
    (said, std::fs::read(&picture).expect("chromium takes a picture"))
}

/// Presses the head of a column of numbers, and says what is not as it must be then.
const PRESS: &str = "
    const head = document.querySelector('th.n[tabindex]');
    head.click();
    const rows = [...head.closest('table').tBodies[0].rows];
    const values = rows.map((row) => Number(row.cells[head.cellIndex].dataset.v));
    const numbers = values.filter((value) => !isNaN(value));
    if (head.ariaSort !== 'descending') console.error('not sorted');
    if (numbers.some((value, at) => at && value > numbers[at - 1])) console.error('not in order');
";

/// A page that also runs this, after its own script.
fn page_with(page: &std::path::Path, script: &str) -> String {
    let page = std::fs::read_to_string(page).unwrap();
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

#[test]
#[ignore = "needs chromium, which `make browser` installs"]
fn a_browser_has_nothing_to_say_of_the_page_in_light_and_dark() {
    let lab = lab();
    let file = lab.file("browsed.html");
    lab.says(&format!("report 2 --baseline main --format html --output {}", file.display()));
    let (dark_said, dark) = browse(&file, 0);
    let (light_said, light) = browse(&file, 1);
    assert_eq!((dark_said.as_str(), light_said.as_str()), ("", ""));
    assert_ne!(dark, light);
    // A table is sorted by the column that is pressed.
    let sorted = lab.file("sorted.html");
    std::fs::write(&sorted, page_with(&file, PRESS)).unwrap();
    assert_eq!(browse(&sorted, 1).0, "");
    // A page that has something wrong is heard.
    let wrong = lab.file("wrong.html");
    std::fs::write(&wrong, page_with(&file, "nobody()")).unwrap();
    assert!(browse(&wrong, 1).0.contains("nobody is not defined"));
}

#[test]
fn a_name_does_not_end_the_cell_that_it_is_in() {
    let lab = Lab(tempfile::tempdir().unwrap());
    let echo = common::bundle("echo").component();
    let file = lab.file("a|b.wasm");
    std::fs::copy(echo, &file).unwrap();
    let options = "--like echo --rounds 1 --backends wasm --format markdown";
    let page = lab.says(&format!("compare {} {options}", file.display()));
    assert!(page.contains("a\\|b"), "{page}");
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<_> = page.lines().collect();
    for row in lines.windows(2).filter(|row| row.iter().all(|line| line.starts_with('|'))) {
        assert_eq!(bars(row[0]), bars(row[1]), "{row:#?}");
    }
}
