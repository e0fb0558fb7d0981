//! The dashboard in a browser.

mod common;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use common::Served;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use sandlab_serve::slo::{Severity, Standing};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;

const CONFIG: &str = "[agents.echo]\ncomponent = '@echo'\ninstances = 2\n\
                      [agents.faulty]\ncomponent = '@faulty'\nrestarts.intensity = 1000000\n\
                      [agents.stopped]\ncomponent = '@faulty'\nrestarts.intensity = 0\n\
                      [agents.notebook]\ncomponent = '@notebook'";

/// Serves the same page and events, but a browser waits for a picture before it says that the page
/// is there, and looks at it: until then it has drawn for so long.
async fn lasting(served: &Served, page: String, time: Duration) -> SocketAddr {
    let page = page.replace("</main>", "<img src=slow alt=''></main>");
    let slow = async move || tokio::time::sleep(time).await;
    let router = Router::new()
        .route("/", get(async || Html(page)))
        .route("/slow", get(slow))
        .fallback_service(sandlab_serve::http::router(served.app.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // The browser closes it.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

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
    let standing = |agent: Option<&str>, left: f64| Standing {
        objective: format!("objective-of-{}", agent.unwrap_or("all")),
        agent: agent.map(str::to_owned),
        budget_left: Some(left),
        burns: Vec::new(),
        alarm: (left < 0.0).then_some(Severity::Page),
    };
    served.host.set_objectives(vec![standing(Some("echo"), 0.75), standing(None, -1.0)]);
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
        let page = served.get("/", &[]).text().to_owned();
        let lasting = served.block_on(lasting(&served, page, Duration::from_secs(12)));
        let url = format!("http://{lasting}/");
        let picture = |name: &str| folder.join(name);
        let pages = [
            browse(&url, &picture("dashboard-dark.png"), 0, 1_250),
            browse(&url, &picture("dashboard-light.png"), 1, 1_250),
            browse(&url, &picture("dashboard-narrow.png"), 1, 420),
        ];
        is_over.store(true, Relaxed);
        // As it is served, with its policy.
        let (said, _) = browse(&format!("http://{}/", served.address), &picture("own.png"), 1, 600);
        assert_eq!(said, "");
        for (said, page) in &pages {
            assert_eq!(said, "");
            assert!(page.contains("live · up"), "{page}");
            for agent in ["echo", "faulty", "stopped", "notebook"] {
                assert!(page.contains(&format!("data-agent=\"{agent}\"")), "{agent}: {page}");
            }
            assert!(page.contains("0 of 1 alive") && page.contains("2 of 2 alive"), "{page}");
            assert!(page.contains("panic"), "{page}");
            let budgets = ["objective-of-echo, budget left", "75 %", "objective-of-all: page"];
            assert!(budgets.iter().all(|text| page.contains(text)), "{page}");
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
