//! The dashboard in a browser.

mod common;

use common::Served;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const CONFIG: &str = "[agents.echo]\ncomponent = '@echo'\ninstances = 2\n\
                      [agents.faulty]\ncomponent = '@faulty'\nrestarts.intensity = 1000000\n\
                      [agents.stopped]\ncomponent = '@faulty'\nrestarts.intensity = 0\n\
                      [agents.notebook]\ncomponent = '@notebook'";

/// What a browser writes to its console over a page, the page as it has become, and a picture.
fn browse(url: &str, picture: &Path, scheme: u8, width: u32) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut chromium = Command::new("chromium");
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
        // The page is looked at when it has lived for so long, in the browser's own time.
        "--timeout=15000",
        "--dump-dom",
    ]);
    chromium.arg(format!("--window-size={width},1000"));
    chromium.arg(format!("--user-data-dir={}", folder.path().display()));
    chromium.arg(format!("--screenshot={}", picture.display()));
    // 0 is dark, and 1 is light.
    chromium.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    let done = chromium.arg(url).output().expect("chromium is installed");
    let console = String::from_utf8_lossy(&done.stderr).into_owned();
    let lines = console.lines().filter(|line| line.contains("CONSOLE"));
    (lines.collect::<Vec<_>>().join("\n"), String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
#[ignore = "needs chromium, which `make browser` installs"]
fn a_browser_draws_what_agents_do_in_light_and_dark() {
    let served = Served::of(CONFIG);
    let is_over = AtomicBool::new(false);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            served.post("/agents/stopped", &[], "panic");
            for number in 0_u64.. {
                if is_over.load(Relaxed) {
                    return;
                }
                served.post("/agents/echo", &[], "x");
                let content = if number % 40 == 0 { "panic" } else { "sleep 1" };
                served.post("/agents/faulty", &[], content);
                served.post("/agents/notebook", &[], format!("put {number}\nx"));
            }
        });
        let url = format!("http://{}/", served.address);
        let picture = |name: &str| folder.join(name);
        let pages = [
            browse(&url, &picture("dashboard-dark.png"), 0, 1_250),
            browse(&url, &picture("dashboard-light.png"), 1, 1_250),
            browse(&url, &picture("dashboard-narrow.png"), 1, 420),
        ];
        is_over.store(true, Relaxed);
        for (said, page) in &pages {
            assert_eq!(said, "");
            assert!(page.contains("live · up"), "{page}");
            for agent in ["echo", "faulty", "stopped", "notebook"] {
                assert!(page.contains(&format!("data-agent=\"{agent}\"")), "{agent}: {page}");
            }
            assert!(page.contains("0 of 1 alive") && page.contains("2 of 2 alive"), "{page}");
            assert!(page.contains("panic"), "{page}");
        }
    });
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_ne!(read("dashboard-dark.png"), read("dashboard-light.png"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let served = Served::of("[agents.echo]\ncomponent = '@echo'");
    let page = served.get("/", &[]);
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for foreign in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.text().contains(foreign), "{foreign}");
    }
}
