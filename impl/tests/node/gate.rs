//! A file system that syncs when it may.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use zabkeeper::disk::{File, FileSystem, OperatingSystem};

/// Open at first.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    closed: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    pub fn close(&self) {
        *self.closed.0.lock().expect("no panic") = true;
    }

    pub fn open(&self) {
        *self.closed.0.lock().expect("no panic") = false;
        self.closed.1.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.0.lock().expect("no panic");
        drop(self.closed.1.wait_while(closed, |closed| *closed).expect("no panic"));
    }
}

#[derive(Debug)]
pub struct Gated(pub Gate);

#[derive(Debug)]
struct GatedFile(Box<dyn File>, Gate);

impl Gated {
    fn gated(&self, file: io::Result<Box<dyn File>>) -> io::Result<Box<dyn File>> {
        Ok(Box::new(GatedFile(file?, self.0.clone())))
    }
}

impl FileSystem for Gated {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.gated(OperatingSystem.open(path))
    }
    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.gated(OperatingSystem.open_to_write(path))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.gated(OperatingSystem.create(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OperatingSystem.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.remove(path)
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        OperatingSystem.list(directory)
    }
    fn create_directories(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.create_directories(path)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.sync_directory(path)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        OperatingSystem.exists(path)
    }
}

impl File for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn sync(&self) -> io::Result<()> {
        self.1.pass();
        self.0.sync()
    }
}
