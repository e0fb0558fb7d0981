//! `sandlab validate`

use super::export::Export;
use super::reporting::Looking;
use super::streams::width;
use super::{print, progress};
use crate::experiments::options::whole;
use crate::project::Project;
use crate::report::validate::{self as report, Format};
use crate::report::{Look, wrapped};
use crate::validate::{
    self, Baseline, Code, Guest, Overrides, Place, Policies, Policy, Reference, Severity, Stage,
    Status, Target, Validation, World, find, places, supervise, worker,
};
use crate::{Error, Result, paths, project, record, workload};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{SandboxConfig, text_file, toml_text};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Component files, folders of bundles, crates or projects, names of built agents, or folders
    /// with any of these beneath. [default: the `agents` of sandlab.toml]
    #[arg(value_name = "FILE.wasm|BUNDLE|DIR")]
    guests: Vec<PathBuf>,
    #[command(flatten)]
    looking: Looking,
    /// Policy of the checks, a TOML file; docs/validate.md has its fields.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// World that guests must have, instead of the policy's: for agents plain-agent, batch-agent,
    /// durable-agent or zero-copy-agent; wasi:http/proxy or wasi:cli/command; or a WIT file or
    /// package's folder, followed by `#world` if it has several.
    #[arg(long, value_name = "NAME|WIT[#WORLD]")]
    world: Option<String>,
    /// Kind of guests that could be of two: agent, service, command or function.
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,
    /// Sandbox config that guests run with, instead of the policy's limits.
    #[arg(long, value_name = "FILE")]
    sandbox: Option<PathBuf>,
    /// Run guests that need component-model async (WASI 0.3), as `async-components` under [engine]
    /// of a sandbox config does.
    #[arg(long)]
    async_components: bool,
    /// Workload file with further messages and their required replies.
    #[arg(long, visible_alias = "workload", value_name = "FILE")]
    cases: Vec<PathBuf>,
    /// Agent that guests must be like: its messages, and the replies that they require.
    #[arg(long, value_name = "AGENT|BUNDLE")]
    like: Option<String>,
    /// Bundle whose native twin guests must reply as, instead of their own.
    #[arg(long, value_name = "AGENT|BUNDLE")]
    twin: Option<String>,
    /// Stages to skip.
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    skip: Vec<Stage>,
    /// Turn timing off: for a busy machine, and for reports that are the same each time.
    #[arg(long)]
    no_timing: bool,
    /// Report growth since this earlier report (`--format json`).
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Format of the report on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write another report to a file, as in json=report.json. Can be repeated.
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Export<Format>>,
    /// Exit with 1 on warnings, too.
    #[arg(long)]
    deny_warnings: bool,
    /// Guests that are checked at once; by default one per core.
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=10_000))]
    jobs: Option<u32>,
    /// Explain a code, or list all of them, and check nothing.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "all")]
    explain: Option<String>,
    /// Check one guest, as the child process of another sandlab.
    #[arg(long, hide = true)]
    worker: bool,
}

pub fn execute(args: &Args) -> Result<()> {
    if args.worker {
        return worker::serve();
    }
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let copies = paths::temporary_folder()?;
    // Once: standard input cannot be read again for the next group.
    let cases = args.cases.iter().enumerate();
    let cases =
        cases.map(|(number, file)| cases_file(file, &copies.path().join(number.to_string())));
    let cases = cases.collect::<Result<Vec<_>>>()?;
    let mut groups = groups(args, &cases)?;
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    for export in &args.reports {
        record::require_writable(&export.file)?;
    }
    for group in &mut groups {
        for place in &group.places {
            group.targets.extend(find(place, &mut progress::say)?);
        }
    }
    if let Some(like) = &args.like {
        let reference = Reference::find(like, &mut progress::say)?;
        targets(&mut groups).for_each(|target| target.be_like(&reference));
    }
    if let Some(twin) = &args.twin {
        let twin = validate::twin(twin, &mut progress::say)?;
        targets(&mut groups).for_each(|target| target.have_twin(&twin));
    }
    let mut earlier = Vec::new();
    if let (Some(baseline), Some(file)) = (&baseline, &args.baseline) {
        let names: Vec<String> = targets(&mut groups).map(|target| target.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let known = baseline
            .of(&names)
            .map_err(|error| Error::Usage(format!("the baseline {}: {error}", file.display())))?;
        for (name, _) in names.iter().zip(&known).filter(|(_, known)| known.is_none()) {
            progress::say(&format!("{name} is not in the baseline, and is compared with nothing"));
        }
        earlier = known.into_iter().map(|known| known.map(str::to_owned)).collect();
    }
    let mut earlier = earlier.into_iter();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, |jobs| jobs as usize);
    let bar = progress::Bar::new(targets(&mut groups).count(), None)?;
    let mut guests = Vec::new();
    for Group { policies, targets, .. } in &groups {
        let plan = supervise::Plan { policies, timed: !args.no_timing, jobs };
        let mut checked = supervise::check_all(targets, &plan, &bar);
        for (guest, target) in checked.iter_mut().zip(targets) {
            guest.place.clone_from(&target.place);
            if let (Some(baseline), Some(name)) = (&baseline, earlier.next().flatten()) {
                let policy = Policy::read(policies.of(&target.names()), policies.folder());
                let policy = policy.map_err(Error::Usage)?;
                baseline.compare(&name, guest, policy.baseline.growth);
            }
        }
        guests.extend(checked);
    }
    drop(bar);
    let validation = Validation::of(guests);
    for export in &args.reports {
        let text = report::render(&validation, export.format, &Look::default())?;
        record::write_whole(&export.file, text.as_bytes())?;
    }
    print(&report::render(&validation, args.format, &args.looking.look())?)?;
    verdict(&validation.guests, args.deny_warnings)
}

/// Guests that are held against the same policy.
struct Group {
    /// The policy's file; `None` for the standard one.
    file: Option<PathBuf>,
    policies: Policies,
    places: Vec<Place>,
    targets: Vec<Target>,
}

/// Returns the guests by their policies, all of which are read before anything is built.
fn groups(args: &Args, cases: &[Value]) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let file = |folder: &Path| {
        project::given_or_own(args.policy.clone(), folder, |project| project.validate_policy)
    };
    for named in guests(args)? {
        for place in places(&named)? {
            let file = match file(&place.path)? {
                None => file(&named)?,
                own => own,
            };
            match groups.iter_mut().find(|group| group.file == file) {
                Some(group) => group.places.push(place),
                None => groups.push(Group {
                    policies: policies(args, file.as_deref(), cases)?,
                    file,
                    places: vec![place],
                    targets: Vec::new(),
                }),
            }
        }
    }
    Ok(groups)
}

fn targets(groups: &mut [Group]) -> impl Iterator<Item = &mut Target> {
    groups.iter_mut().flat_map(|group| &mut group.targets)
}

/// Returns the guests that the user named, or else the project's.
fn guests(args: &Args) -> Result<Vec<PathBuf>> {
    if !args.guests.is_empty() {
        return Ok(args.guests.clone());
    }
    let agents = Project::here()?.agents;
    if agents.is_empty() {
        return Err(Error::Usage(
            "there is nothing to validate: name a component, a bundle or a folder, or list \
             `agents` in sandlab.toml"
                .to_owned(),
        ));
    }
    Ok(agents.into_iter().map(PathBuf::from).collect())
}

fn explain(code: &str) -> Result<()> {
    if code == "all" {
        let lines = Code::ALL
            .iter()
            .map(|code| format!("{code}  {:<7}  {}", code.severity(), code.title()))
            .map(|line| wrapped(&line, width(), &" ".repeat(15)) + "\n");
        return print(&lines.collect::<String>());
    }
    let code: Code = code.parse().map_err(Error::Usage)?;
    let head = format!("{code}, {}: {}", code.severity(), code.title());
    let explained = wrapped(code.explanation(), width(), "");
    print(&format!("{}\n\n{explained}\n", wrapped(&head, width(), "  ")))
}

/// Checks a file of cases before any guest runs, and returns where the guests' processes find
/// it. They cannot read this process's standard input or a pipe, so that those are copied into this
/// folder.
fn cases_file(file: &Path, copies: &Path) -> Result<Value> {
    let text = text_file::read(file).map_err(Error::file("read", file))?;
    workload::read_text(file, &text)?;
    let mut path = std::path::absolute(file).map_err(Error::file("find", file))?;
    if !path.is_file() || paths::is_of_process(&path) {
        std::fs::create_dir_all(copies).map_err(Error::file("make the folder", copies))?;
        path = copies.join(path.file_name().unwrap_or_default());
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    let path = path.to_str().ok_or_else(|| {
        let shown = paths::shown(file);
        Error::Usage(format!("{shown}: name it in UTF-8, as policies are written"))
    })?;
    Ok(Value::from(path))
}

/// Returns a world's name as it is, and a path so that it holds in any folder.
fn from_here(world: &str) -> Result<String> {
    let (path, name) = match world.split_once('#') {
        Some((path, name)) => (path, format!("#{name}")),
        None => (world, String::new()),
    };
    let is_wit = matches!(World::from(world.to_owned()), World::Wit { .. });
    if !is_wit || !Path::new(path).exists() {
        return Ok(world.to_owned());
    }
    let path = std::path::absolute(path).map_err(Error::file("find", Path::new(path)))?;
    Ok(format!("{}{name}", path.display()))
}

/// Reads a sandbox config as a policy's limits, with its folders so that they hold anywhere.
fn limits(file: &Path) -> Result<Table> {
    // For its errors, which say more than those of a table.
    let config = SandboxConfig::read(file)?;
    let text = text_file::read(file).map_err(Error::file("read", file))?;
    let mut limits: Table = toml_text::read(&text)
        .map_err(|error| Error::Usage(format!("{}: {error}", file.display())))?;
    let granted = limits.get_mut("grants").and_then(|grants| grants.get_mut("directories"));
    if let Some(Value::Array(directories)) = granted {
        for (written, read) in directories.iter_mut().zip(&config.grants.directories) {
            let host = std::path::absolute(&read.host).map_err(Error::file("find", &read.host))?;
            if let Value::Table(written) = written {
                written.insert("host".to_owned(), Value::from(host.display().to_string()));
            }
        }
    }
    Ok(limits)
}

fn policies(args: &Args, policy: Option<&Path>, cases: &[Value]) -> Result<Policies> {
    let mut changes = Table::new();
    if let Some(world) = &args.world {
        changes.insert("world".to_owned(), Value::from(from_here(world)?));
    }
    if let Some(kind) = args.kind {
        changes.insert("kind".to_owned(), Value::from(kind.name()));
    }
    if args.async_components {
        let engine = Table::from_iter([("async-components".to_owned(), Value::from(true))]);
        let limits = Table::from_iter([("engine".to_owned(), Value::from(engine))]);
        changes.insert("limits".to_owned(), limits.into());
    }
    if !args.skip.is_empty() {
        let names = args.skip.iter().map(|stage| Value::from(stage.name()));
        changes.insert("skip".to_owned(), Value::Array(names.collect()));
    }
    let last = Overrides {
        changes,
        sandbox: args.sandbox.as_deref().map(limits).transpose()?,
        cases: cases.to_vec(),
    };
    let (text, folder) = match policy {
        None => (String::new(), Path::new("")),
        Some(file) => {
            let text = text_file::read(file).map_err(|error| {
                Error::Usage(format!("cannot read the policy {}: {error}", file.display()))
            })?;
            (text, file.parent().unwrap_or(Path::new("")))
        }
    };
    Policies::parse(&text, folder, last).map_err(|error| {
        let file = policy.map(Path::display);
        let name = file.map_or_else(|| "command line".to_owned(), |file| format!("policy {file}"));
        Error::Usage(format!("the {name}: {error}"))
    })
}

fn baseline(file: &Path) -> Result<Baseline> {
    let usage = |error: String| Error::Usage(format!("the baseline {}: {error}", file.display()));
    let text = text_file::read(file).map_err(|error| usage(error.to_string()))?;
    Baseline::parse(&text).map_err(usage)
}

/// Returns the error that the command ends with. Guests that could not be checked outweigh
/// findings.
fn verdict(guests: &[Guest], deny_warnings: bool) -> Result<()> {
    let unchecked: Vec<&str> = guests
        .iter()
        .filter(|guest| guest.status == Status::Error)
        .map(|guest| guest.name.as_str())
        .collect();
    if !unchecked.is_empty() {
        let names = unchecked.join(", ");
        return Err(Error::Machine(format!("these could not be checked: {names}")));
    }
    let count = |severity| {
        let found = guests.iter().flat_map(Guest::findings);
        found.filter(|(_, _, found)| found.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors > 0 || (deny_warnings && warnings > 0) {
        return Err(Error::Invalid { errors, warnings });
    }
    Ok(())
}
