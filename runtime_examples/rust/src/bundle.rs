//! The folder of a bundle, and its files, each held to its hash.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::manifest::{Manifest, read_as};

/// A larger `flow.json` is refused before it is parsed.
const MANIFEST_BYTES: u64 = 4 << 20;

/// The limit of one protobuf message, and so of every file of a bundle.
const FILE_BYTES: u64 = (2 << 30) - 1;

/// A folder whose `flow.json` and files have been checked.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    document: Value,
    manifest: Manifest,
}

impl Bundle {
    /// Opens a bundle, and holds every listed file to its hash.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`], which names the file and the key that is at fault.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref().to_path_buf();
        let path = folder.join("flow.json");
        let fault = |reason| Error::bundle(&path, reason);
        let data = read_regular(&path, MANIFEST_BYTES).map_err(fault)?;
        let document =
            serde_json::from_slice(&data).map_err(|error| fault(format!("is not JSON ({error})")))?;
        let manifest = Manifest::read(&document).map_err(fault)?;
        let bundle = Bundle { folder, document, manifest };
        for name in bundle.manifest.files.keys() {
            bundle.read(name)?;
        }
        Ok(bundle)
    }

    /// The folder, as it was given.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `flow.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A listed file, whole. The bytes are hashed anew: those returned are those that were promised.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] for a file that is not listed, leads out of the folder by a link, cannot be read, or
    /// has another hash.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(name);
        self.read_listed(name, &path).map_err(|reason| Error::bundle(&path, format!("files: {reason}")))
    }

    /// Keys of `flow.json` as a type of the caller's, for those who read more of it than [`Manifest`] has.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] for a key that does not fit the type.
    pub fn read_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_as(&self.document).map_err(|reason| self.fault("flow.json", reason))
    }

    /// What is wrong with a file of this bundle.
    pub fn fault(&self, name: &str, reason: impl Into<String>) -> Error {
        Error::bundle(&self.folder.join(name), reason)
    }

    fn read_listed(&self, name: &str, path: &Path) -> Result<Vec<u8>, String> {
        let expected = self.manifest.files.get(name).ok_or("is not listed")?;
        let resolved = |path: &Path| path.canonicalize().map_err(|error| format!("cannot be read ({error})"));
        let (inside, target) = (resolved(&self.folder)?, resolved(path)?);
        if !target.starts_with(inside) {
            return Err("is a link that leaves the folder".into());
        }
        let data = read_regular(&target, FILE_BYTES)?;
        let found = format!("{:x}", Sha256::digest(&data));
        if found != *expected {
            return Err(format!("hash differs (expected {:.12}…, found {found:.12}…)", expected));
        }
        Ok(data)
    }
}

/// The bytes of a file, not of a folder or a pipe, and no more than `limit` of them.
fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot be read ({error})");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("is not a file".into());
    }
    if metadata.len() > limit {
        return Err(format!("is larger than {limit} bytes"));
    }
    let mut data = Vec::with_capacity(metadata.len() as usize);
    let file = fs::File::open(path).map_err(unreadable)?;
    // A file that grows meanwhile is cut here, and then no longer what was promised.
    file.take(limit).read_to_end(&mut data).map_err(unreadable)?;
    Ok(data)
}
