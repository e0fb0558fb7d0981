//! `sandlab inspect`

use super::{print, streams};
use crate::metrics::Topic;
use crate::printable::printable;
use crate::report::{Style, draw_within, wrapped};
use crate::sampling::backends::with_article;
use crate::validate::Outline;
use crate::view::{Form, Table};
use crate::{Error, Result};
use sandlab_runtime::subject::{
    self, Access, Adapter, Description, Function, Import, Kind, Options,
};
use sandlab_runtime::wasm::{Memories, SandboxEngine};
use sandlab_runtime::{LoadError, SandboxConfig};
use serde_json::json;
use std::path::{Path, PathBuf};
use wit_component::WitPrinter;

/// The file, and the form in which it is shown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A component or a core module.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Kind of a file that could be of two: agent, service, command or function.
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,
    /// Print JSON instead.
    #[arg(long)]
    json: bool,
    /// Print the component's world in WIT instead.
    #[arg(long, conflicts_with = "json")]
    wit: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    let is_stream = args.file.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    if is_stream {
        let file = args.file.display();
        return Err(Error::Usage(format!(
            "{file} is a pipe or a device: write it to a file first"
        )));
    }
    let bytes = std::fs::read(&args.file).map_err(Error::file("read", &args.file))?;
    let name = printable(&crate::paths::shown(&args.file));
    let unloaded = |source| Error::Load {
        agent: name.clone(),
        backend: sandlab_runtime::BackendKind::Wasm,
        source,
    };
    let described = subject::describe(&bytes).map_err(unloaded)?;
    let (component, _) = subject::adapt(&bytes).map_err(unloaded)?;
    if args.wit {
        return print(&world(&component)?);
    }
    let kind = match Kind::choose(&component, args.kind) {
        // It is not what the user says.
        Err(error) if args.kind.is_some() => return Err(unloaded(LoadError::Kind(error))),
        Err(error) => Err(LoadError::Kind(error)),
        Ok(kind) => runnable(&described).map(|()| kind),
    };
    let memories = Memories::of(&component).map_err(unloaded)?;
    let (kind, functions) = match kind {
        Ok(Kind::Function) => match functions(&bytes, &name, described.needs_async.is_some()) {
            Ok(functions) => (Ok(Kind::Function), functions),
            Err(why) => (Err(why), Vec::new()),
        },
        kind => (kind, Vec::new()),
    };
    let producers = producers(&component);
    let with = match &described.needs_async {
        None => String::new(),
        Some(evidence) => format!(" with `--async-components`, which it needs ({evidence})"),
    };
    let runs = match &kind {
        Ok(kind) => format!("as {}{with}: {}", with_article(*kind), commands(*kind)),
        Err(why) => format!("not as it is: {why}"),
    };
    if args.json {
        let value = json!({
            "file": name,
            "kind": kind.as_ref().ok(),
            "not_run_because": kind.as_ref().err().map(ToString::to_string),
            "adapter": described.adapter,
            "needs_async": described.needs_async,
            "file_bytes": bytes.len(),
            "component_bytes": described.size,
            "memories": memories.as_ref().map(|memories| memories.count),
            "initial_memory_bytes": memories.as_ref().map(|memories| memories.initial),
            "imports": described.imports,
            "exports": described.exports,
            "functions": functions,
            "producers": producers,
        });
        return print(&format!("{value:#}\n"));
    }
    print(&head(&name, bytes.len(), &described, memories, &producers))?;
    print(&tables(&described, &functions))?;
    print(&format!("\n{}\n", wrapped(&format!("sandlab runs it {runs}"), streams::width(), "  ")))?;
    print(&advice(kind.ok(), &args.file, described.needs_async.is_some(), &functions))
}

fn head(
    name: &str,
    size: usize,
    described: &Description,
    memories: Option<Memories>,
    producers: &[String],
) -> String {
    let bytes = |bytes: u64| Form::Size.show(bytes as f64);
    let form = match described.adapter {
        None => "a component".to_owned(),
        Some(Adapter::Command) => format!(
            "a core module, adapted to a component of {} (wasi_snapshot_preview1, command)",
            bytes(described.size)
        ),
        Some(Adapter::Reactor) => format!(
            "a core module, adapted to a component of {} (wasi_snapshot_preview1, reactor)",
            bytes(described.size)
        ),
    };
    let memory = memories.map_or_else(
        || "not known, since a module is imported".to_owned(),
        |memories| match memories.count {
            0 => "none".to_owned(),
            1 => format!("{} at its start", bytes(memories.initial)),
            count => format!("{count}, together {} at their start", bytes(memories.initial)),
        },
    );
    let made = match producers {
        [] => "not known".to_owned(),
        some => some.join(", "),
    };
    let lines = [
        format!("{name}: {form}"),
        format!("  size      {}", bytes(size as u64)),
        format!("  memory    {memory}"),
        format!("  made by   {made}"),
    ];
    let lines = lines.map(|line| wrapped(&line, streams::width(), &" ".repeat(12)) + "\n");
    lines.concat() + "\n"
}

fn tables(described: &Description, functions: &[Function]) -> String {
    let imports = Table::of("imports", "Imports", Topic::Overhead, &described.imports)
        .text("import", "import", |import| printable(&import.name))
        .text("allows", "allows", |import| import.access.allows())
        .text("grant", "granted by", |import| {
            import.access.grant().map_or_else(String::new, |field| format!("grants.{field}"))
        })
        .done();
    let exports = Table::of("exports", "Exports", Topic::Overhead, &described.exports)
        .text("export", "export", |export| printable(export))
        .done();
    let functions = Table::of("functions", "Functions", Topic::Overhead, functions)
        .text("type", "type", |function| printable(&function.signature))
        .text("call", "a call", |function| printable(&function.example))
        .done();
    let tables = [imports, exports, functions].into_iter();
    let drawn = tables.filter(|table| !table.rows.is_empty());
    drawn
        .map(|table| format!("{}\n", draw_within(&table, Style::Plain, streams::width())))
        .collect()
}

/// Refuses a component with an import that no sandbox here gives it.
fn runnable(described: &Description) -> Result<(), LoadError> {
    let is_unknown = |import: &&Import| import.access == Access::Unknown;
    match described.imports.iter().find(is_unknown) {
        None => Ok(()),
        Some(import) => Err(LoadError::UndeclaredImport {
            import: import.name.clone(),
            remedy: "Compose it with a component that exports it (`wac plug`)".to_owned(),
        }),
    }
}

/// The functions of a component, which is compiled for that.
fn functions(bytes: &[u8], name: &str, needs_async: bool) -> Result<Vec<Function>, LoadError> {
    let mut sandbox = SandboxConfig::default();
    sandbox.engine.async_components = needs_async;
    let engine = SandboxEngine::new(&sandbox)?;
    let options = Options { kind: Some(Kind::Function), ..Options::default() };
    let loaded = subject::load_bytes(&engine, bytes, name, &options)?;
    Ok(loaded.functions().to_vec())
}

/// The component's world, as `wasm-tools component wit` prints it.
fn world(component: &[u8]) -> Result<String> {
    let unread = |error| Error::Usage(format!("the component has no readable world: {error:#}"));
    let decoded = wit_parser::decoding::decode(component).map_err(unread)?;
    let (resolve, package) = (decoded.resolve(), decoded.package());
    let others: Vec<_> =
        resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != package).collect();
    let mut printer = WitPrinter::default();
    printer.print(resolve, package, &others).map_err(unread)?;
    Ok(printer.output.to_string())
}

/// Returns the languages and tools of the component's producers section, each once.
fn producers(component: &[u8]) -> Vec<String> {
    let outline = Outline::of(component).unwrap_or_default();
    outline.producers.iter().map(|line| printable(line)).collect()
}

fn commands(kind: Kind) -> &'static str {
    match kind {
        Kind::Agent => "every command takes it",
        Kind::Service => "a message is a request, its reply the response; every command takes it",
        Kind::Command => {
            "a message is its arguments and input, its reply the output; every command takes it"
        }
        Kind::Function => {
            "a message is a call in WAVE, its reply the result; every command takes it"
        }
    }
}

/// Returns a first line for a workload of this kind, and a command that takes it; empty for a file
/// that cannot be run.
fn advice(kind: Option<Kind>, file: &Path, needs_async: bool, functions: &[Function]) -> String {
    let file = printable(&crate::paths::shown(file));
    let line = match kind {
        None => return String::new(),
        Some(Kind::Agent) => r#"{"request": "…", "reply": "…"}"#.to_owned(),
        Some(Kind::Service) => {
            r#"{"http": {"method": "GET", "path": "/"}, "status": 200, "body": "…"}"#.to_owned()
        }
        Some(Kind::Command) => {
            r#"{"args": ["…"], "stdin": "…", "stdout": "…", "exit": 0}"#.to_owned()
        }
        Some(Kind::Function) => {
            let call = functions.first().map_or("f()", |function| function.example.as_str());
            json!({"call": call, "result": "…"}).to_string()
        }
    };
    let with = if needs_async { " --async-components" } else { "" };
    format!(
        "Next: write messages with their replies, a line each such as\n  {line}\nand run, for \
         example,\n  sandlab compare {file} --workload messages.jsonl{with}\n"
    )
}
