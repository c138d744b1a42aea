//! The folder of a bundle, and its files, each held to its hash.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::manifest::{Manifest, read_as};
use crate::reading::Strict;

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
        Bundle::pinned(folder, None)
    }

    /// As [`Bundle::open`], but of the bundle alone whose `flow.json` has this SHA-256, in lower-case hex.
    ///
    /// # Errors
    ///
    /// As [`Bundle::open`].
    pub fn pinned(folder: impl AsRef<Path>, digest: Option<&str>) -> Result<Self, Error> {
        let folder = folder.as_ref().to_path_buf();
        let fault = |reason| Error::bundle(&folder.join("flow.json"), reason);
        let data = read_inside(&folder, "flow.json", MANIFEST_BYTES).map_err(fault)?;
        let found = format!("{:x}", Sha256::digest(&data));
        if let Some(expected) = digest.filter(|digest| *digest != found) {
            return Err(fault(format!("digest: expected {expected:.12}…, found {found:.12}…")));
        }
        if data.starts_with(b"\xef\xbb\xbf") {
            return Err(fault("begins with a byte order mark".into()));
        }
        if data.starts_with(b"version https://git-lfs.github.com/spec/") {
            return Err(fault("is a pointer of Git LFS, and not the file itself".into()));
        }
        let Strict(document) =
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
        let fault = |reason| self.fault(name, format!("files: {reason}"));
        let expected = self.manifest.files.get(name).ok_or_else(|| fault("is not listed".into()))?;
        let data = read_inside(&self.folder, name, FILE_BYTES).map_err(fault)?;
        let found = format!("{:x}", Sha256::digest(&data));
        if found != *expected {
            return Err(fault(format!("hash differs (expected {expected:.12}…, found {found:.12}…)")));
        }
        Ok(data)
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
}

/// The bytes of a file of a folder, which no link leads out of; not of a folder or a pipe.
fn read_inside(folder: &Path, name: &str, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot be read ({error})");
    let target = folder.join(name).canonicalize().map_err(unreadable)?;
    if !target.starts_with(folder.canonicalize().map_err(unreadable)?) {
        return Err("is a link that leaves the folder".into());
    }
    let metadata = target.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > limit {
        return Err(format!("is not a file of at most {limit} bytes"));
    }
    // A file that grows meanwhile is cut here, and then no longer what was promised.
    let mut data = Vec::new();
    let file = File::open(target).map_err(unreadable)?;
    file.take(limit).read_to_end(&mut data).map_err(unreadable)?;
    Ok(data)
}
