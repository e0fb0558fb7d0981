//! Runs the cargo and rustc of the agents' crates.

use crate::{Error, Result};
use cargo_metadata::{Artifact, Message, Package};
use std::ffi::{OsStr, OsString};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::manifest::Side;

/// The target of components.
pub const WASM: &str = "wasm32-wasip2";

/// The cargo profile of both builds, which replaces the crate's own: otherwise a ratio would compare
/// two optimisation levels. A separate profile leaves the crate's `release` artifacts alone.
pub const PROFILE: [&str; 6] = [
    "profile.sandlab.inherits=\"release\"",
    "profile.sandlab.opt-level=3",
    "profile.sandlab.lto=\"fat\"",
    "profile.sandlab.codegen-units=1",
    "profile.sandlab.panic=\"unwind\"",
    "profile.sandlab.debug=false",
];

/// The optimisation level of [`PROFILE`], as cargo reports it.
pub const OPT_LEVEL: &str = "3";

/// The compiler of a folder, which may have its own `rust-toolchain.toml`.
pub struct Compiler {
    /// The line of `rustc --version`.
    pub version: String,
    /// The host's target triple, for twins.
    pub host: String,
    /// The folder of its libraries and sources.
    sysroot: PathBuf,
}

impl Compiler {
    /// Finds the compiler of the folder, and checks that it has the target of components.
    pub fn of(folder: &Path) -> Result<Self> {
        let text = rustc(folder, &["-vV"])?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        let (Some(version), Some(host)) = (text.lines().next(), field("host:")) else {
            return Err(Error::Toolchain(format!(
                "`rustc -vV` printed no version and host: {text:?}"
            )));
        };
        let library = rustc(folder, &["--print", "target-libdir", "--target", WASM])?;
        if !Path::new(library.trim()).is_dir() {
            return Err(Error::Toolchain(format!(
                "the compiler of {} lacks the target {WASM}: run `rustup target add {WASM}` there",
                folder.display()
            )));
        }
        let sysroot = rustc(folder, &["--print", "sysroot"])?.trim().into();
        Ok(Self { version: version.to_owned(), host, sysroot })
    }

    /// Returns the flags by which no path of this machine gets into a build: panics name the sources
    /// of every crate, which would reveal the builder's folders, and make builds of one source
    /// differ. Not part of a manifest, for the same reason.
    fn mapped_paths(&self, workspace: &Path, packages: &[&Package]) -> Vec<OsString> {
        let home = std::env::home_dir();
        let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo = cargo.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
        let dependencies = packages.iter().flat_map(|package| &package.dependencies);
        let local = dependencies.filter_map(|dependency| {
            let path = dependency.path.as_ref()?.as_std_path();
            Some((path.to_owned(), dependency.name.as_str()))
        });
        // Of several that fit a path, the compiler takes the last.
        let named = [(home, "~"), (cargo, "cargo"), (Some(self.sysroot.clone()), "rustc")];
        let named = named.into_iter().filter_map(|(path, name)| Some((path?, name)));
        let folders = named.chain(local).chain([(workspace.to_owned(), "workspace")]);
        let is_root = |path: &Path| path.parent().is_none();
        let flags = folders.filter(|(path, _)| !is_root(path)).map(|(path, name)| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(path);
            flag.push("=");
            flag.push(name);
            flag
        });
        flags.collect()
    }
}

fn rustc(folder: &Path, args: &[&str]) -> Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing("rustc", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Toolchain(format!("rustc failed: {}", said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds packages of one workspace for one target, and returns cargo's artifacts. The compiler's
/// messages go to standard error.
pub fn cargo_build(
    compiler: &Compiler,
    workspace: &Path,
    target_folder: &Path,
    packages: &[&Package],
    side: Side,
) -> Result<Vec<Artifact>> {
    let flags = side.rustflags.iter().map(OsString::from);
    let flags = flags.chain(compiler.mapped_paths(workspace, packages));
    let flags: Vec<OsString> = flags.collect();
    let mut command = Command::new(cargo());
    command
        .current_dir(workspace)
        .args(["build", "--profile", "sandlab", "--target", side.target, "--target-dir"])
        .arg(target_folder)
        .args(["--message-format", "json-render-diagnostics"])
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]))
        // By its id: a name can be that of a dependency, too.
        .args(packages.iter().flat_map(|package| ["--package", package.id.repr.as_str()]))
        // A program beside the library need not compile for the target.
        .arg("--lib")
        // The variable overrides all configuration files, so that no other flags apply.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsStr::new("\x1f")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing("cargo", &error))?;
    let mut artifacts = Vec::new();
    if let Some(output) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(output)) {
            let message = message.map_err(|error| {
                Error::Toolchain(format!("cargo's output ended early: {error}"))
            })?;
            if let Message::CompilerArtifact(artifact) = message {
                artifacts.push(artifact);
            }
        }
    }
    let status = child
        .wait()
        .map_err(|error| Error::Toolchain(format!("cannot wait for cargo: {error}")))?;
    if status.success() {
        return Ok(artifacts);
    }
    let names: Vec<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    Err(Error::Toolchain(format!(
        "cargo could not build {} for {}; its messages are above",
        names.join(", "),
        side.target
    )))
}

/// Returns the variables that name cargo's target folder, if they are set, with the paths that
/// they mean here: cargo is run in the crate's folder, for its toolchain.
///
/// # Errors
/// If the current folder is gone.
pub fn target_folders() -> Result<Vec<(&'static str, PathBuf)>> {
    let names = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];
    let set = names.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let set = set.filter(|(_, folder)| !folder.is_empty());
    let absolute = set.map(|(name, folder)| {
        let folder = PathBuf::from(folder);
        let absolute = std::path::absolute(&folder);
        Ok((name, absolute.map_err(Error::file("find", &folder))?))
    });
    absolute.collect()
}

/// Returns the cargo that runs this process, if one does, as cargo's own subcommands do.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns the error of a program of Rust that cannot be run, with where to get it if it is missing.
pub fn missing(program: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::Toolchain(format!(
            "cannot run {program}: {error}; install Rust from https://rustup.rs"
        )),
        _ => Error::not_started(program, error),
    }
}

/// Returns the component or the shared library among an artifact's files.
pub fn library(artifact: &Artifact) -> Option<PathBuf> {
    let file = artifact.filenames.iter().find(|file| {
        let extension = file.extension();
        extension == Some("wasm") || extension == Some("so")
    });
    file.map(|file| file.clone().into_std_path_buf())
}
