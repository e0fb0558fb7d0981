//! Builds crates into bundles, with one call of cargo per workspace and target.

use super::manifest::{self, Manifest, SCHEMA, Side};
use super::toolchain::{self, Compiler, OPT_LEVEL, PROFILE, WASM};
use super::{Bundle, COMPONENT, MANIFEST, PORTABLE, TWIN, WORKLOAD, find};
use crate::{Error, Result};
use cargo_metadata::{Artifact, Metadata, Package, Target};
use sandlab_runtime::{BackendKind, SandboxConfig, native::Twin, wasm::SandboxEngine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Vectors are on by default in every engine and in x86-64's baseline, so that a build without them
/// would not be representative. LLVM interleaves several vectors per loop iteration for x86-64 by
/// default, for wasm only with a flag; the deadline is then checked once per four vectors. `matrix`
/// at 64 KiB: 4.65 times native without the flag, 1.56 with it.
const WASM_FLAGS: &[&str] =
    &["-Ctarget-feature=+simd128", "-Cllvm-args=-force-vector-interleave=4"];

/// A fixed CPU, so that a twin is the same on every machine that builds it.
#[cfg(target_arch = "x86_64")]
const NATIVE_FLAGS: &[&str] = &["-Ctarget-cpu=x86-64"];
#[cfg(not(target_arch = "x86_64"))]
const NATIVE_FLAGS: &[&str] = &["-Ctarget-cpu=generic"];

/// The name, below `package.metadata.sandlab`, of the flags that turn off processor features that
/// wasm lacks. Code that detects features at run time ignores a flag that is the same for all
/// crates, so each crate names its own.
const PORTABLE_FLAGS: &str = "portable-rustflags";

/// The name, at the same place, of further flags of the component.
const COMPONENT_FLAGS: &str = "component-rustflags";

/// The crate that agents are written with.
const SDK: &str = "sandlab-agent";

/// Crates of one workspace that can be agents, which share a lock file and a target folder.
struct Workspace {
    metadata: Metadata,
    agents: Vec<Package>,
}

/// Builds the agent crates in these folders, each a crate or a folder of crates. Calls `progress`
/// with each step.
///
/// # Errors
/// If a folder has no agent crate, cargo fails, or a build is not an agent. Bundles that were
/// finished before stay; none is ever half-written.
pub fn build(folders: &[PathBuf], progress: &mut dyn FnMut(&str)) -> Result<Vec<Bundle>> {
    let mut bundles = Vec::new();
    let engine = SandboxEngine::new(&SandboxConfig::default()).map_err(|source| Error::Load {
        agent: "any agent".to_owned(),
        backend: BackendKind::Wasm,
        source,
    })?;
    for workspace in workspaces(folders)? {
        bundles.extend(build_workspace(&workspace, &engine, progress)?);
    }
    Ok(bundles)
}

/// Returns whether a folder has a crate, or a workspace with one, that can be an agent. What cargo
/// cannot read counts as well: building it says why.
pub fn is_crate(folder: &Path) -> bool {
    let has_none = || matches!(workspaces(&[folder.to_owned()]), Err(Error::NoAgentCrate { .. }));
    folder.join("Cargo.toml").is_file() && !has_none()
}

fn workspaces(folders: &[PathBuf]) -> Result<Vec<Workspace>> {
    let mut workspaces: Vec<Workspace> = Vec::new();
    for folder in folders {
        let crates = crates_in(folder)?;
        let mut found = false;
        for krate in &crates {
            let manifest = krate.join("Cargo.toml");
            let known = workspaces.iter().position(|workspace| {
                let packages = &workspace.metadata.packages;
                packages.iter().any(|package| is_at(package, &manifest))
            });
            let index = match known {
                Some(index) => index,
                None => {
                    let metadata = find::metadata(krate)?;
                    workspaces.push(Workspace { metadata, agents: Vec::new() });
                    workspaces.len() - 1
                }
            };
            let Workspace { metadata, agents } = &mut workspaces[index];
            let packages = &metadata.packages;
            let virtual_root = is_same(metadata.workspace_root.as_std_path(), krate)
                && !packages.iter().any(|package| is_at(package, &manifest));
            let wanted = packages.iter().filter(|package| {
                is_library(package) && (virtual_root || is_at(package, &manifest))
            });
            for package in wanted {
                found = true;
                if !agents.iter().any(|agent| agent.id == package.id) {
                    agents.push(package.clone());
                }
            }
        }
        if !found {
            return Err(Error::NoAgentCrate {
                path: folder.clone(),
                reason: "there is no agent crate".to_owned(),
            });
        }
    }
    workspaces.retain(|workspace| !workspace.agents.is_empty());
    Ok(workspaces)
}

/// Returns the folder itself if it is a crate or a workspace, else the crates directly in it.
/// Links stay as they are: a linked crate belongs to the workspace that has the link.
fn crates_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let opened = folder.metadata().and_then(|_| std::path::absolute(folder));
    let folder = opened.map_err(Error::file("open the folder", folder))?;
    if folder.join("Cargo.toml").is_file() {
        return Ok(vec![folder]);
    }
    let entries = std::fs::read_dir(&folder).map_err(Error::file("list", &folder))?;
    let mut crates = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::file("list", &folder))?.path();
        if path.join("Cargo.toml").is_file() {
            crates.push(path);
        }
    }
    crates.sort_unstable();
    Ok(crates)
}

/// Returns whether a package is the one of this manifest, whichever way leads there.
fn is_at(package: &Package, manifest: &Path) -> bool {
    is_same(package.manifest_path.as_std_path(), manifest)
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Returns whether a package has a library that a host can load: an agent, or something else
/// with a C ABI.
fn is_library(package: &Package) -> bool {
    package.targets.iter().any(Target::is_cdylib)
}

/// Returns whether a package is certainly an agent.
fn has_sdk(package: &Package) -> bool {
    let mut dependencies = package.dependencies.iter();
    dependencies.any(|dependency| dependency.name == SDK)
}

/// Builds the crates that are certainly agents, and then those that may be: a library without the
/// SDK can export the world by other means. A library that does not is named and skipped, as long
/// as there is an agent.
fn build_workspace(
    workspace: &Workspace,
    engine: &SandboxEngine,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Bundle>> {
    let (certain, possible): (Vec<_>, Vec<_>) = workspace.agents.iter().partition(|p| has_sdk(p));
    let mut bundles = Vec::new();
    // One call of cargo has one set of flags.
    let mut by_flags: BTreeMap<Vec<String>, Vec<&Package>> = BTreeMap::new();
    for package in certain {
        by_flags.entry(own_flags(package, COMPONENT_FLAGS)?).or_default().push(package);
    }
    for (flags, packages) in by_flags {
        bundles.extend(build_packages(workspace, &packages, &flags, engine, progress)?);
    }
    let mut passed_over = Vec::new();
    for package in possible {
        let flags = own_flags(package, COMPONENT_FLAGS)?;
        match build_packages(workspace, &[package], &flags, engine, progress) {
            Ok(built) => bundles.extend(built),
            Err(error) => {
                progress(&format!("{} is passed over, as no agent: {error}", package.name));
                passed_over.push(error);
            }
        }
    }
    match passed_over.pop() {
        Some(error) if bundles.is_empty() => Err(error),
        _ => Ok(bundles),
    }
}

fn build_packages(
    workspace: &Workspace,
    packages: &[&Package],
    component_flags: &[String],
    engine: &SandboxEngine,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Bundle>> {
    let root = workspace.metadata.workspace_root.as_std_path();
    let compiler = Compiler::of(root)?;
    let own = component_flags.iter().map(String::as_str);
    let component_flags: Vec<&str> = WASM_FLAGS.iter().copied().chain(own).collect();
    let component = Side { target: WASM, rustflags: &component_flags };
    let twin = Side { target: &compiler.host, rustflags: NATIVE_FLAGS };
    let portable: Result<Vec<_>> = packages.iter().map(|package| portable_flags(package)).collect();
    let portable = portable?;
    let names: Vec<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let names = names.join(", ");
    let lock = root.join("Cargo.lock");
    progress(&format!("components: {names} (versions as in {})", lock.display()));
    let target = workspace.metadata.target_directory.as_std_path();
    let components = toolchain::cargo_build(&compiler, root, target, packages, component)?;
    let overrides = overrides(&components);
    if !overrides.is_empty() {
        let overrides = overrides.join(", ");
        progress(&format!(
            "the profile in Cargo.toml has its own way for dependencies: {overrides}"
        ));
    }
    progress(&format!("native twins: {names}"));
    let twins = toolchain::cargo_build(&compiler, root, target, packages, twin)?;
    let agents = find::agents_folder(&workspace.metadata);
    let mut bundles = Vec::new();
    for (package, flags) in packages.iter().zip(&portable) {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let portable = match flags.is_empty() {
            true => None,
            false => {
                progress(&format!("portable twin: {}", package.name));
                let side = Side { target: &compiler.host, rustflags: &flags };
                // A folder of its own: cargo would take either twin for the other.
                let target = target.join("portable");
                let built = toolchain::cargo_build(&compiler, root, &target, &[package], side)?;
                Some((library(&built, package)?, side))
            }
        };
        progress(&format!("checking {}", package.name));
        let built = Built {
            package,
            compiler: &compiler,
            component: (library(&components, package)?, component),
            twin: (library(&twins, package)?, twin),
            portable,
            overrides: &overrides,
        };
        bundles.push(built.bundle(&agents, engine)?);
    }
    Ok(bundles)
}

/// Returns the optimisation levels of crates that a profile in `Cargo.toml` sets apart, in cargo's
/// words. Profiles that cargo sets apart by itself, of what runs while it builds, are not among them.
fn overrides(artifacts: &[Artifact]) -> Vec<String> {
    let built =
        artifacts.iter().filter(|a| !a.target.is_custom_build() && !a.target.is_proc_macro());
    let overridden = built.filter(|artifact| artifact.profile.opt_level != OPT_LEVEL);
    let mut settings: Vec<_> = overridden
        .map(|artifact| {
            let (name, level) = (&artifact.target.name, &artifact.profile.opt_level);
            format!("profile.sandlab.package.{name}.opt-level={level}")
        })
        .collect();
    settings.sort_unstable();
    settings.dedup();
    settings
}

/// Returns the library of a package among cargo's artifacts.
fn library(artifacts: &[Artifact], package: &Package) -> Result<PathBuf> {
    let built = artifacts.iter().filter(|a| a.package_id == package.id);
    let mut built = built.filter(|artifact| artifact.target.is_cdylib());
    built.find_map(toolchain::library).ok_or_else(|| {
        let name = &package.name;
        Error::Toolchain(format!("cargo built no library of {name}"))
    })
}

/// Returns the flags of a crate's portable twin; none if its manifest names none.
fn portable_flags(package: &Package) -> Result<Vec<String>> {
    let own = own_flags(package, PORTABLE_FLAGS)?;
    let all = NATIVE_FLAGS.iter().map(|flag| (*flag).to_owned()).chain(own.iter().cloned());
    Ok(if own.is_empty() { own } else { all.collect() })
}

/// Returns the compiler's flags that a crate's manifest has under a name; none if it has none.
fn own_flags(package: &Package, name: &str) -> Result<Vec<String>> {
    let Some(named) = package.metadata.get("sandlab").and_then(|own| own.get(name)) else {
        return Ok(Vec::new());
    };
    serde_json::from_value(named.clone()).map_err(|error| {
        let file = &package.manifest_path;
        Error::Toolchain(format!(
            "{name} of package.metadata.sandlab in {file} are no list of strings: {error}"
        ))
    })
}

/// The builds of a crate, not yet checked.
struct Built<'a> {
    package: &'a Package,
    compiler: &'a Compiler,
    component: (PathBuf, Side<'a>),
    twin: (PathBuf, Side<'a>),
    portable: Option<(PathBuf, Side<'a>)>,
    overrides: &'a [String],
}

impl Built<'_> {
    /// Checks that all are agents, and publishes them as a bundle, completely or not at all. A
    /// process that runs the earlier twin keeps the file that it has mapped.
    fn bundle(&self, agents: &Path, engine: &SandboxEngine) -> Result<Bundle> {
        let name = self.package.name.as_str();
        let load = |backend| move |source| Error::Load { agent: name.to_owned(), backend, source };
        let sandbox = engine.load(&self.component.0).map_err(load(BackendKind::Wasm))?;
        for twin in [&self.twin].into_iter().chain(&self.portable) {
            Twin::load(&twin.0, &SandboxConfig::default()).map_err(load(BackendKind::Native))?;
        }

        let draft = super::draft(agents)?;
        let (component, twin) = (&self.component, &self.twin);
        let copy_portable = |(file, side): &(PathBuf, Side)| {
            manifest::Artifact::copy(file, draft.path(), PORTABLE, *side)
        };
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            name: name.to_owned(),
            version: self.package.version.to_string(),
            world: sandbox.world(),
            rustc: self.compiler.version.clone(),
            profile: PROFILE
                .iter()
                .map(|setting| (*setting).to_owned())
                .chain(self.overrides.to_vec())
                .collect(),
            component: manifest::Artifact::copy(
                &component.0,
                draft.path(),
                COMPONENT,
                component.1,
            )?,
            twin: manifest::Artifact::copy(&twin.0, draft.path(), TWIN, twin.1)?,
            portable: self.portable.as_ref().map(copy_portable).transpose()?,
        };
        self.copy_workload(draft.path())?;
        let file = draft.path().join(MANIFEST);
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|error| Error::Machine(format!("cannot write the manifest: {error}")))?;
        std::fs::write(&file, text + "\n").map_err(Error::file("write", &file))?;

        let folder = agents.join(name);
        super::replace(draft, &folder)?;
        Ok(Bundle { folder, manifest })
    }

    fn copy_workload(&self, draft: &Path) -> Result<()> {
        let Some(folder) = self.package.manifest_path.parent() else {
            return Ok(());
        };
        let from = folder.join(WORKLOAD).into_std_path_buf();
        if from.is_file() {
            std::fs::copy(&from, draft.join(WORKLOAD)).map_err(Error::file("copy", &from))?;
        }
        Ok(())
    }
}
