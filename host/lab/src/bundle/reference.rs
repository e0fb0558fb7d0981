//! Agents that are part of the program, for folders that are no workspace: a released sandlab has the
//! reference agents. They stand behind the executable, where the operating system ignores them:
//!
//! ```text
//! ┌────────────┬───────────────────┬─────────────────────┬────────────────┬──────────┐
//! │ executable │ tar of bundles    │ SHA-256 of the tar  │ its length, LE │ SANDLAB1 │
//! │            │                   │ 32 B                │ 8 B            │ 8 B      │
//! └────────────┴───────────────────┴─────────────────────┴────────────────┴──────────┘
//! ```

use super::{Bundle, COMPONENT, MANIFEST, PORTABLE, TWIN, WORKLOAD, draft, publish};
use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"SANDLAB1";

/// The bytes behind the archive.
const FOOTER: u64 = 32 + 8 + 8;

/// The position of the archive in the program's file, bytes.
struct Archive {
    start: u64,
    len: u64,
    sha256: [u8; 32],
}

/// Returns the folder of the bundles that are part of this program. They are written to the user's
/// cache when they are first needed, since twins are loaded from files. `None` if it has none.
///
/// # Errors
/// If they cannot be read or written.
pub fn folder() -> Result<Option<PathBuf>> {
    let program = program()?;
    // What counts allocations is a program of its own, and a release has the agents once.
    let beside = program.with_file_name("sandlab");
    for program in [&program, &beside].into_iter().filter(|program| program.is_file()) {
        let found = File::open(program).and_then(|mut file| Ok((archive(&mut file)?, file)));
        if let (Some(archive), file) = found.map_err(Error::file("read", program))? {
            return unpacked(file, &archive, &cache()).map(Some);
        }
    }
    Ok(None)
}

/// Writes a copy of this program that has these bundles in it, completely or not at all.
///
/// # Errors
/// If this program cannot be read, or the copy cannot be written.
pub fn pack(bundles: &[Bundle], output: &Path) -> Result<()> {
    let program = program()?;
    let mut executable = Vec::new();
    File::open(&program)
        .and_then(|mut file| {
            let end = archive(&mut file)?.map_or(u64::MAX, |archive| archive.start);
            file.rewind()?;
            file.take(end).read_to_end(&mut executable)
        })
        .map_err(Error::file("read", &program))?;
    let archive = archived(bundles)?;
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))
        .and_then(|mut draft| {
            draft.write_all(&executable)?;
            draft.write_all(&archive)?;
            draft.write_all(&Sha256::digest(&archive))?;
            draft.write_all(&(archive.len() as u64).to_le_bytes())?;
            draft.write_all(MAGIC)?;
            draft.as_file().set_permissions(Permissions::from_mode(0o755))?;
            draft.persist(output).map_err(|error| error.error).map(drop)
        })
        .map_err(Error::file("write", output))
}

fn program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::Machine(format!("cannot find this program's file: {error}")))
}

/// Finds the archive of a program's file; `None` if it has none.
fn archive(file: &mut File) -> io::Result<Option<Archive>> {
    let end = file.metadata()?.len();
    let Some(footer) = end.checked_sub(FOOTER) else {
        return Ok(None);
    };
    let (mut sha256, mut len, mut magic) = ([0; 32], [0; 8], [0; 8]);
    file.seek(SeekFrom::Start(footer))?;
    file.read_exact(&mut sha256)?;
    file.read_exact(&mut len)?;
    file.read_exact(&mut magic)?;
    let len = u64::from_le_bytes(len);
    let start = footer.checked_sub(len).filter(|_| magic == *MAGIC);
    Ok(start.map(|start| Archive { start, len, sha256 }))
}

/// Returns bundles as an archive, with equal bytes for equal bundles.
fn archived(bundles: &[Bundle]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    for bundle in bundles {
        let files = [MANIFEST, COMPONENT, TWIN, PORTABLE, WORKLOAD];
        let files = files.map(|file| bundle.folder.join(file));
        for file in files.iter().filter(|file| file.is_file()) {
            let name = Path::new(&bundle.manifest.name).join(file.file_name().unwrap_or_default());
            archive.append_path_with_name(file, name).map_err(Error::file("read", file))?;
        }
    }
    archive
        .into_inner()
        .map_err(|error| Error::Machine(format!("cannot archive the bundles: {error}")))
}

/// Returns where caches of this user belong: `XDG_CACHE_HOME`, `~/.cache`, or the folder for
/// temporary files.
fn cache() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let set = set.filter(|folder| folder.is_absolute());
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    set.or_else(home).unwrap_or_else(std::env::temp_dir).join("sandlab")
}

/// Writes the bundles under a name that no others have, unless they are there.
fn unpacked(mut file: File, archive: &Archive, cache: &Path) -> Result<PathBuf> {
    let name: String = archive.sha256[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = cache.join(format!("agents-{name}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let draft = draft(cache)?;
    file.seek(SeekFrom::Start(archive.start))
        .and_then(|_| tar::Archive::new(file.take(archive.len)).unpack(draft.path()))
        .map_err(Error::file("unpack the agents of this program to", cache))?;
    match publish(draft, &folder) {
        // Another process has just done the same.
        Err(_) if folder.is_dir() => Ok(folder),
        published => published.map(|()| folder),
    }
}
