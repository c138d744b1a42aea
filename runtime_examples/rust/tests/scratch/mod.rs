//! A copy of the tests' bundle that may be broken, and is gone at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

pub const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundle");

pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("flowbundle-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        copy(Path::new(BUNDLE), &folder);
        Scratch(folder)
    }

    /// Sets a key of flow.json, by its JSON pointer, or removes it where there is no value.
    #[allow(dead_code, reason = "not every file of tests edits flow.json")]
    pub fn edit(self, pointer: &str, value: Option<Value>) -> Self {
        let path = self.0.join("flow.json");
        let mut flow: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = flow.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Array(list), Some(value)) => list[key.parse::<usize>().unwrap()] = value,
            (Value::Object(keys), Some(value)) => {
                keys.insert(key.replace("~1", "/"), value);
            }
            (parent, None) => {
                parent.as_object_mut().unwrap().remove(key).unwrap();
            }
            (parent, _) => panic!("{parent} has no keys"),
        }
        fs::write(path, flow.to_string()).unwrap();
        self
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
