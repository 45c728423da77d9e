//! These tests can fail: a server that leaves out its syncs is caught. (All but one: a torn tail that comes back after
//! it was cut does no harm, because readers end there as well.)

use crate::harness::load::Random;
use crate::{LIFE, power};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use zabkeeper::disk::{File, FileSystem};

/// More lives than any defect survives.
const LIVES: u64 = 20;

/// A file system that says yes to some syncs and does nothing: to the server's files as if the server had not asked.
#[derive(Debug)]
struct Forgetful {
    files: Arc<dyn FileSystem>,
    forgets: Forgets,
}

/// What is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    File,
    Directory,
}

/// Whether this sync is forgotten.
type Forgets = fn(&Path, What) -> bool;

#[derive(Debug)]
struct ForgetfulFile {
    file: Box<dyn File>,
    forgotten: bool,
}

impl Forgetful {
    fn wrap(&self, path: &Path, what: What, file: io::Result<Box<dyn File>>) -> io::Result<Box<dyn File>> {
        Ok(Box::new(ForgetfulFile { file: file?, forgotten: (self.forgets)(path, what) }))
    }
}

impl FileSystem for Forgetful {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.wrap(path, What::File, self.files.open(path))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.wrap(path, What::File, self.files.open_to_write(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.wrap(path, What::File, self.files.create(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.files.list(directory)
    }

    fn create_directories(&self, path: &Path) -> io::Result<()> {
        self.files.create_directories(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        if (self.forgets)(path, What::Directory) { Ok(()) } else { self.files.sync_directory(path) }
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.files.exists(path)
    }
}

impl File for ForgetfulFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        if self.forgotten { Ok(()) } else { self.file.sync() }
    }
}

fn is_named(path: &Path, part: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(part))
}

/// A server that forgets these syncs does not come through.
fn is_caught(forgets: Forgets) {
    let mut random = Random::new();
    println!("ZABKEEPER_SEED={}", random.seed());
    let wrap = move |files| -> Arc<dyn FileSystem> { Arc::new(Forgetful { files, forgets }) };
    let mut tried = 0;
    let lives = AssertUnwindSafe(|| {
        while tried < LIVES {
            power::live(&mut random, LIFE, &wrap);
            tried += 1;
        }
    });
    assert!(catch_unwind(lives).is_err(), "nobody noticed");
}

#[test]
fn a_log_that_is_not_synced_is_caught() {
    is_caught(|path, _| is_named(path, "log."));
}

#[test]
fn a_directory_that_is_not_synced_is_caught() {
    is_caught(|_, what| what == What::Directory);
}

#[test]
fn an_epoch_that_is_not_synced_is_caught() {
    is_caught(|path, _| is_named(path, "Epoch"));
}

#[test]
fn a_snapshot_that_is_not_synced_is_caught() {
    is_caught(|path, _| is_named(path, "snapshot") || is_named(path, "unfinished"));
}
