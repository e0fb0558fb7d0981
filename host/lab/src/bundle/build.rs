//! Builds crates into bundles, with one call of cargo per workspace and target.

use super::manifest::{Artifact, Manifest, SCHEMA, Side};
use super::toolchain::{self, Compiler, PROFILE, WASM};
use super::{Bundle, COMPONENT, MANIFEST, TWIN, WORKLOAD, find};
use crate::{Error, Result};
use cargo_metadata::{CrateType, Metadata, Package};
use sandlab_runtime::{BackendKind, SandboxConfig, native::Twin, wasm::SandboxEngine};
use std::path::{Path, PathBuf};

/// Vectors are on by default in every engine and in x86-64's baseline, so a build without them
/// would compare what nobody runs. LLVM interleaves several vectors per loop iteration for x86-64
/// by itself, for wasm only with a flag; the deadline is then checked once per four vectors.
/// `matrix` at 64 KiB: 4.65 times native without the flag, 1.56 with it.
const WASM_FLAGS: &[&str] = &[
    "-Ctarget-feature=+simd128",
    "-Cllvm-args=-force-vector-interleave=4",
];

/// A fixed CPU, so that a twin is the same on every machine that builds it.
#[cfg(target_arch = "x86_64")]
const NATIVE_FLAGS: &[&str] = &["-Ctarget-cpu=x86-64"];
#[cfg(not(target_arch = "x86_64"))]
const NATIVE_FLAGS: &[&str] = &["-Ctarget-cpu=generic"];

/// Agent crates of one workspace, which share a lock file and a target folder.
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

fn workspaces(folders: &[PathBuf]) -> Result<Vec<Workspace>> {
    let mut workspaces: Vec<Workspace> = Vec::new();
    for folder in folders {
        let crates = crates_in(folder)?;
        let mut found = false;
        for krate in &crates {
            let manifest = krate.join("Cargo.toml");
            let known = workspaces.iter().position(|workspace| {
                let packages = &workspace.metadata.packages;
                packages.iter().any(|p| p.manifest_path == manifest)
            });
            let index = match known {
                Some(index) => index,
                None => {
                    let metadata = find::metadata(krate)?;
                    workspaces.push(Workspace {
                        metadata,
                        agents: Vec::new(),
                    });
                    workspaces.len() - 1
                }
            };
            let Workspace { metadata, agents } = &mut workspaces[index];
            let virtual_root = metadata.workspace_root == *krate
                && !metadata
                    .packages
                    .iter()
                    .any(|p| p.manifest_path == manifest);
            let wanted = metadata.packages.iter().filter(|package| {
                is_agent(package) && (virtual_root || package.manifest_path == manifest)
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
fn crates_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder
        .canonicalize()
        .map_err(Error::file("open the folder", folder))?;
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

fn is_agent(package: &Package) -> bool {
    let mut kinds = package
        .targets
        .iter()
        .flat_map(|target| &target.crate_types);
    kinds.any(|kind| *kind == CrateType::CDyLib)
}

fn build_workspace(
    workspace: &Workspace,
    engine: &SandboxEngine,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Bundle>> {
    let root = workspace.metadata.workspace_root.as_std_path();
    let compiler = Compiler::of(root)?;
    let names: Vec<&str> = workspace.agents.iter().map(|p| p.name.as_str()).collect();
    let component = Side {
        target: WASM,
        rustflags: WASM_FLAGS,
    };
    let twin = Side {
        target: &compiler.host,
        rustflags: NATIVE_FLAGS,
    };
    progress(&format!("components: {}", names.join(", ")));
    let components = toolchain::cargo_build(root, &names, component)?;
    progress(&format!("native twins: {}", names.join(", ")));
    let twins = toolchain::cargo_build(root, &names, twin)?;
    let library = |artifacts: &[cargo_metadata::Artifact], package: &Package| {
        let mut built = artifacts.iter().filter(|a| a.package_id == package.id);
        built.find_map(toolchain::library).ok_or_else(|| {
            let name = &package.name;
            Error::Toolchain(format!("cargo built no library of {name}"))
        })
    };
    let agents = find::agents_folder(&workspace.metadata);
    let mut bundles = Vec::new();
    for package in &workspace.agents {
        progress(&format!("checking {}", package.name));
        let built = Built {
            package,
            compiler: &compiler,
            component: (library(&components, package)?, component),
            twin: (library(&twins, package)?, twin),
        };
        bundles.push(built.bundle(&agents, engine)?);
    }
    Ok(bundles)
}

/// Both builds of a crate, not yet checked.
struct Built<'a> {
    package: &'a Package,
    compiler: &'a Compiler,
    component: (PathBuf, Side<'a>),
    twin: (PathBuf, Side<'a>),
}

impl Built<'_> {
    /// Checks that both are agents, and publishes them as a bundle, completely or not at all. A
    /// process that runs the earlier twin keeps the file that it has mapped.
    fn bundle(&self, agents: &Path, engine: &SandboxEngine) -> Result<Bundle> {
        let name = self.package.name.as_str();
        let load = |backend| {
            move |source| Error::Load {
                agent: name.to_owned(),
                backend,
                source,
            }
        };
        let sandbox = engine
            .load(&self.component.0)
            .map_err(load(BackendKind::Wasm))?;
        Twin::load(&self.twin.0, &SandboxConfig::default()).map_err(load(BackendKind::Native))?;

        let draft = super::draft(agents)?;
        let (component, twin) = (&self.component, &self.twin);
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            name: name.to_owned(),
            version: self.package.version.to_string(),
            world: sandbox.world(),
            rustc: self.compiler.version.clone(),
            profile: PROFILE.map(str::to_owned).to_vec(),
            component: Artifact::copy(&component.0, draft.path(), COMPONENT, component.1)?,
            twin: Artifact::copy(&twin.0, draft.path(), TWIN, twin.1)?,
        };
        self.copy_workload(draft.path())?;
        let file = draft.path().join(MANIFEST);
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|error| Error::Machine(format!("cannot write the manifest: {error}")))?;
        std::fs::write(&file, text + "\n").map_err(Error::file("write", &file))?;

        let folder = agents.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Error::file("replace", &folder))?;
        }
        super::publish(draft, &folder)?;
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
