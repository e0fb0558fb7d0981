//! Compiled components on disk, so that the second start does not compile.
//!
//! ```text
//! <dir>/<key>.cwasm = SHA-256 of the rest (32 bytes) │ the component, serialised by wasmtime
//! key = SHA-256 of the component │ hash of wasmtime's version and settings, and of how the
//!       component was rewritten
//! ```
//!
//! Deserialising native code is unsafe: wasmtime runs any code that it is given. So only the user
//! may write to the folder, and a component whose file is damaged is compiled again.

use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The folder of compiled components. `None` if nothing is cached.
#[derive(Debug, Clone)]
pub struct Cache(Option<PathBuf>);

/// The source of a compiled component.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The component as it was given.
    pub bytes: &'a [u8],
    /// The version of the rewriter that changed it; `None` if it was compiled as given.
    pub rewriter: Option<u32>,
}

impl<'a> Source<'a> {
    /// Returns a component that is compiled as it is.
    pub fn as_it_is(bytes: &'a [u8]) -> Self {
        Self { bytes, rewriter: None }
    }
}

/// The length of the checksum before the code, bytes.
const CHECKSUM: usize = 32;

impl Cache {
    /// Opens the user's cache: `$SANDLAB_CACHE`, or else `sandlab` under `$XDG_CACHE_HOME` or
    /// `~/.cache`. Nothing is cached if there is no such folder, or if others can write to it.
    pub fn of_user() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let dir = variable("SANDLAB_CACHE").map(PathBuf::from).or_else(|| {
            let base = variable("XDG_CACHE_HOME").map(PathBuf::from);
            let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
            Some(base.or_else(home)?.join("sandlab"))
        });
        Self(dir.filter(|dir| private(dir)))
    }

    /// Opens a cache in this folder, which is created if need be.
    ///
    /// # Errors
    /// If the folder cannot be created, or others can write to it.
    pub fn in_folder(dir: &Path) -> io::Result<Self> {
        if private(dir) {
            return Ok(Self(Some(dir.to_owned())));
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the cache's folder must belong to you, and nobody else may write to it",
        ))
    }

    /// Returns a cache that keeps nothing, so that every load compiles.
    pub fn none() -> Self {
        Self(None)
    }

    /// Returns the compiled component. `None` if an engine with these settings has not
    /// compiled it before.
    pub fn get(&self, engine: &Engine, source: &Source) -> Option<Component> {
        read(engine, &self.path(engine, source)?)
    }

    /// Keeps a compiled component. Errors are ignored: they only cost the next start a
    /// compilation.
    pub fn put(&self, engine: &Engine, source: &Source, component: &Component) {
        if let Some(path) = self.path(engine, source) {
            let _ = component.serialize().map(|code| write(&path, &code));
        }
    }

    fn path(&self, engine: &Engine, source: &Source) -> Option<PathBuf> {
        let folder = self.0.as_ref()?;
        Some(folder.join(file_name(engine, source)))
    }
}

/// Creates the folder if it is missing, and returns true if the user owns it and nobody else can
/// write to it.
fn private(dir: &Path) -> bool {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let found = made.and_then(|()| fs::metadata(dir));
    found.is_ok_and(|meta| {
        meta.uid() == rustix::process::getuid().as_raw() && meta.mode() & 0o022 == 0
    })
}

fn file_name(engine: &Engine, source: &Source) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    source.rewriter.hash(&mut settings);
    let content = hex(&Sha256::digest(source.bytes));
    format!("{content}-{:016x}.cwasm", settings.finish())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let file = fs::read(path).ok()?;
    let (checksum, code) = file.split_at_checked(CHECKSUM)?;
    if checksum != Sha256::digest(code).as_slice() {
        return None;
    }
    // SAFETY: the code was serialised by this user's sandlab: nobody else can write to the
    // folder, the checksum shows that the file is whole, and wasmtime itself refuses code of
    // another version or other settings.
    unsafe { Component::deserialize(engine, code) }.ok()
}

fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &Source = &Source { bytes: b"\0asm\x0d\0\x01\0", rewriter: None };

    /// Compiles an empty component unless the cache has it; returns true if it had to.
    fn compiled(cache: &Cache, engine: &Engine) -> bool {
        let missing = cache.get(engine, EMPTY).is_none();
        if missing {
            let component = Component::from_binary(engine, EMPTY.bytes).unwrap();
            cache.put(engine, EMPTY, &component);
        }
        missing
    }

    fn only_file(folder: &Path) -> PathBuf {
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }

    #[test]
    fn the_second_load_does_not_compile() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path()).unwrap();
        assert!(compiled(&cache, &Engine::default()));
        assert!(!compiled(&cache, &Engine::default()));
    }

    #[test]
    fn other_settings_compile_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path()).unwrap();
        assert!(compiled(&cache, &Engine::default()));
        let mut fuelled = wasmtime::Config::new();
        fuelled.consume_fuel(true);
        assert!(compiled(&cache, &Engine::new(&fuelled).unwrap()));
    }

    #[test]
    fn what_another_version_has_rewritten_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path()).unwrap();
        let engine = Engine::default();
        assert!(compiled(&cache, &engine));
        for version in [0, 1] {
            assert!(cache.get(&engine, &Source { rewriter: Some(version), ..*EMPTY }).is_none());
        }
    }

    #[test]
    fn a_file_that_another_engine_made_is_not_run_under_this_ones_name() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path()).unwrap();
        let mut fuelled = wasmtime::Config::new();
        fuelled.consume_fuel(true);
        let foreign = Engine::new(&fuelled).unwrap();
        compiled(&cache, &foreign);
        let engine = Engine::default();
        let ours = cache.path(&engine, EMPTY).unwrap();
        fs::rename(only_file(folder.path()), ours).unwrap();
        assert!(compiled(&cache, &engine));
    }

    #[test]
    fn a_damaged_file_is_never_run() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path()).unwrap();
        let engine = Engine::default();
        compiled(&cache, &engine);
        let path = only_file(folder.path());
        let whole = fs::read(&path).unwrap();
        for damage in [CHECKSUM - 1, CHECKSUM + 100, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[damage] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(compiled(&cache, &engine), "byte {damage} was not noticed");
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(compiled(&cache, &engine));
        assert!(!compiled(&cache, &engine), "the damaged file was not replaced");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(), open).unwrap();
        assert!(Cache::in_folder(folder.path()).is_err());
    }
}
