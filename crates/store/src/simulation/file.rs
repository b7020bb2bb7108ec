//! A file on the simulated disk: what programs read, what is certain, and what is in between.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::State;
use crate::disk::File;

/// What a disk writes at once.
const SECTOR: usize = 512;

/// A file's content.
#[derive(Debug, Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since the last sync, in order.
    pending: Vec<Pending>,
}

#[derive(Debug)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Inode {
    pub(super) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn flip(&mut self, offset: u64, bit: u8) {
        let Ok(place) = usize::try_from(offset) else { return };
        for content in [&mut self.seen, &mut self.durable] {
            if let Some(byte) = content.get_mut(place) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Decides for each pending change how much of it reached the medium.
    pub(super) fn lose_unsynced(&mut self, random: &mut fastrand::Rng) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::SetLen(length) if random.bool() => self.durable.resize(length, 0),
                Pending::SetLen(_) => {}
                Pending::Write { offset, bytes } => match random.u8(0..4) {
                    0 => {}
                    1 => write(&mut self.durable, offset, &bytes),
                    2 => write(&mut self.durable, offset, &bytes[..random.usize(0..=bytes.len())]),
                    _ => {
                        for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                            if random.bool() {
                                write(&mut self.durable, offset + number * SECTOR, sector);
                            }
                        }
                    }
                },
            }
        }
        self.seen.clone_from(&self.durable);
    }

    fn sync(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::SetLen(length) => self.durable.resize(length, 0),
                Pending::Write { offset, bytes } => write(&mut self.durable, offset, &bytes),
            }
        }
    }

    /// What a kernel does when a sync fails: it shows what was written until the machine stops, and never writes it.
    fn forget(&mut self) {
        self.pending.clear();
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// An open file.
pub(super) struct SimulatedFile {
    pub(super) disk: Arc<Mutex<State>>,
    pub(super) inode: usize,
    pub(super) boot: u64,
}

impl File for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().inodes[self.inode].len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let content = &state.inodes[self.inode].seen;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        // The last write before the power goes may have begun.
        let outcome = state.step(self.boot);
        if outcome.is_err() && state.boot != self.boot {
            return outcome;
        }
        let room = state.capacity.saturating_sub(state.used());
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let inode = &mut state.inodes[self.inode];
        let growth = (offset + bytes.len()).saturating_sub(inode.seen.len());
        let missing = growth.saturating_sub(usize::try_from(room).unwrap_or(usize::MAX));
        let written = &bytes[..bytes.len() - missing.min(bytes.len())];
        write(&mut inode.seen, offset, written);
        inode.pending.push(Pending::Write { offset, bytes: written.to_vec() });
        outcome?;
        if missing > 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step(self.boot)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let inode = &mut state.inodes[self.inode];
        inode.seen.resize(length, 0);
        inode.pending.push(Pending::SetLen(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step(self.boot)?;
        match &mut state.failing_sync {
            Some(0) => {
                state.failing_sync = None;
                state.inodes[self.inode].forget();
                return Err(io::Error::other("the disk failed to sync"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        state.inodes[self.inode].sync();
        Ok(())
    }
}
