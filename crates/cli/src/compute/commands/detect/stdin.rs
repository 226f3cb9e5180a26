//! Standard input, whose silence a termination signal interrupts.

use crate::commands::stop_flag;
use std::io::{self, Read};
use std::sync::atomic::Ordering;

/// Standard input without a buffer. A read that waits ends with an error once the program is told to stop.
#[derive(Debug)]
pub(super) struct Stdin {
    #[cfg(unix)]
    file: std::fs::File,
}

impl Stdin {
    #[cfg(unix)]
    pub(super) fn open() -> io::Result<Self> {
        use std::os::fd::AsFd;
        Ok(Stdin { file: io::stdin().as_fd().try_clone_to_owned()?.into() })
    }

    #[cfg(not(unix))]
    pub(super) fn open() -> io::Result<Self> {
        Ok(Stdin {})
    }
}

/// Whether the program was told to stop, so that an error of reading is none.
pub(super) fn is_stopped() -> bool {
    stop_flag().load(Ordering::Relaxed)
}

impl Read for Stdin {
    #[cfg(unix)]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        /// How long a signal may stay unnoticed, in nanoseconds.
        const PAUSE: i64 = 100_000_000;
        loop {
            if is_stopped() {
                return Err(io::Error::other("the program was told to stop"));
            }
            let pause = Timespec { tv_sec: 0, tv_nsec: PAUSE };
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&pause)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // Other errors are those of the read itself.
                _ => return self.file.read(buffer),
            }
        }
    }

    #[cfg(not(unix))]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}
