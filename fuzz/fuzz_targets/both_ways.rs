//! A component as epochs interrupt it and as a page does, for the fuzz target and for the tests.

use sandlab_runtime::config::{Interrupt, Strategy};
use sandlab_runtime::subject::{Options, load_bytes};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{CallError, Cause, Identity, Message, SandboxConfig};
use std::sync::OnceLock;
use std::time::Duration;

/// The answers of a component's function `run`, called four times.
type Answers = Vec<Result<Vec<u8>, String>>;

/// Returns what the component answers with epochs and with a page. `None` if a limit ended it,
/// which the checks of one can reach before those of the other.
pub fn answers(component: &[u8]) -> Option<[Answers; 2]> {
    static ENGINES: OnceLock<[SandboxEngine; 2]> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| [Interrupt::Epoch, Interrupt::Page].map(engine));
    let [epochs, page] = engines.each_ref().map(|engine| answers_in(engine, component));
    Some([epochs?, page?])
}

fn engine(interrupt: Interrupt) -> SandboxEngine {
    let mut config = SandboxConfig {
        interrupt,
        deadline: Duration::from_millis(100),
        ..SandboxConfig::default()
    };
    config.allocation.strategy = Strategy::OnDemand;
    SandboxEngine::with_cache(&config, Cache::none()).expect("the machine has room for an engine")
}

fn answers_in(engine: &SandboxEngine, component: &[u8]) -> Option<Answers> {
    let loaded = load_bytes(engine, component, "guest", &Options::default());
    let Ok(loaded) = loaded else { return Some(Vec::new()) };
    let mut agent = loaded.backend.spawn(Identity::alone()).ok()?;
    let calls = (0..4).map(|n| match agent.handle(&Message::request(format!("run({n})"))) {
        Ok(handled) => {
            let contents = handled.replies.into_iter().map(|reply| reply.content);
            Some(Ok(contents.collect::<Vec<_>>().concat()))
        }
        Err(CallError::Failure(failure)) => Some(Err(format!("{failure:?}"))),
        Err(CallError::Fault(fault)) => match fault.cause {
            Cause::Deadline(_) | Cause::StackOverflow { .. } => None,
            cause => Some(Err(cause.to_string())),
        },
    });
    calls.collect()
}
