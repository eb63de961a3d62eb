//! A small disk of its own, to fill up or to make read-only.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system in memory with a size in MiB. Gone when dropped.
pub struct Mount {
    folder: TempDir,
}

impl Mount {
    /// An empty one.
    pub fn new(mebibytes: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("tandem-test-").tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs", text(folder.path())]);
        Self { folder }
    }

    /// A path on it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives it another size.
    pub fn resize(&self, mebibytes: u32) {
        self.remount(&format!("size={mebibytes}m"));
    }

    /// Nothing on it can be changed any more.
    pub fn make_read_only(&self) {
        self.remount("ro");
    }

    fn remount(&self, options: &str) {
        run("mount", &["-o", &format!("remount,{options}"), text(self.folder.path())]);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Whoever still has files open on it ends soon.
        let unmounted = Command::new("umount").args(["--lazy", text(self.folder.path())]).output();
        if !unmounted.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("{} was not unmounted: {unmounted:?}", self.folder.path().display());
        }
    }
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("`{program}` is needed: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "`{program} {}` failed; it needs root: {said}", args.join(" "));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
