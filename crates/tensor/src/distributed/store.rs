//! The store where processes meet, and what they say there about themselves.

use crate::native::{TorchError, check};
use crate::workers::WorkersError;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(1);

#[repr(C)]
pub(super) struct AeStore {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn ae_free_message(message: *mut c_char);
    fn ae_store_open(
        host: *const c_char,
        port: c_int,
        hosts: c_int,
        prefix: *const c_char,
        timeout_ms: i64,
        out: *mut *mut AeStore,
    ) -> *mut c_char;
    fn ae_store_clone(store: *mut AeStore, out: *mut *mut AeStore) -> *mut c_char;
    fn ae_store_set(store: *mut AeStore, key: *const c_char, value: *const c_char) -> *mut c_char;
    fn ae_store_get(store: *mut AeStore, key: *const c_char, value: *mut *mut c_char) -> *mut c_char;
    fn ae_store_free(store: *mut AeStore);
}

/// A connection to the store.
pub(super) struct Store(NonNull<AeStore>);

// SAFETY: c10d's store belongs to no thread, and its client locks around every operation.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is ours, and nobody uses it any more.
        unsafe { ae_store_free(self.0.as_ptr()) };
    }
}

/// Text without NUL bytes, for C.
fn text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

impl Store {
    pub(super) fn open(
        host: &str,
        port: u16,
        hosts: bool,
        prefix: &str,
        within: Duration,
    ) -> Result<Self, TorchError> {
        let (host, prefix) = (text(host), text(prefix));
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        Store::made(|out| {
            // SAFETY: both texts live through the call.
            unsafe { ae_store_open(host.as_ptr(), port.into(), hosts.into(), prefix.as_ptr(), within, out) }
        })
    }

    fn made(call: impl FnOnce(*mut *mut AeStore) -> *mut c_char) -> Result<Self, TorchError> {
        let mut out = std::ptr::null_mut();
        check(call(&mut out))?;
        Ok(Store(NonNull::new(out).expect("without an error there is a store")))
    }

    pub(super) fn as_ptr(&self) -> *mut AeStore {
        self.0.as_ptr()
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Result<(), TorchError> {
        let (key, value) = (text(key), text(value));
        // SAFETY: a valid store and texts that live through the call.
        check(unsafe { ae_store_set(self.as_ptr(), key.as_ptr(), value.as_ptr()) })
    }

    /// The value of a key; does not wait for it.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>, TorchError> {
        let key = text(key);
        let mut value = std::ptr::null_mut();
        // SAFETY: a valid store and a text that lives through the call.
        check(unsafe { ae_store_get(self.as_ptr(), key.as_ptr(), &mut value) })?;
        if value.is_null() {
            return Ok(None);
        }
        // SAFETY: the shim returns a NUL-terminated string that is ours until freed, once, below.
        let found = unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned();
        // SAFETY: as above; it is not used again.
        unsafe { ae_free_message(value) };
        Ok(Some(found))
    }
}

/// A thread that writes a sign of life until it is dropped.
pub(super) struct Heartbeat(#[expect(dead_code, reason = "dropping it ends the thread")] Sender<()>);

impl Heartbeat {
    /// Through a connection of its own, so that it does not wait for others.
    pub(super) fn start(store: &Store, rank: usize) -> Result<Self, TorchError> {
        // SAFETY: a valid store.
        let own = Store::made(|out| unsafe { ae_store_clone(store.as_ptr(), out) })?;
        let (alive, ended) = mpsc::channel::<()>();
        let key = format!("beat/{rank}");
        own.set(&key, "0")?;
        thread::spawn(move || {
            for beat in 1u64.. {
                let is_over = ended.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout);
                if is_over || own.set(&key, &beat.to_string()).is_err() {
                    break;
                }
            }
        });
        Ok(Heartbeat(alive))
    }
}

/// Who has left, or has not given a sign of life for so long; `None` if all live. Whoever is found first is told to all.
pub(super) fn look_around(
    store: &Arc<Store>,
    own: usize,
    size: usize,
    silence: Duration,
    poll: Duration,
) -> Result<Option<WorkersError>, TorchError> {
    const VERDICT: &str = "verdict";
    store.set(&format!("noticed/{own}"), "")?;
    let beat = |rank: usize| store.get(&format!("beat/{rank}"));
    let others = || (0..size).filter(|rank| *rank != own);
    let mut before = Vec::new();
    for rank in others() {
        before.push(beat(rank)?);
    }
    let started = Instant::now();
    loop {
        for rank in others() {
            if let Some(reason) = store.get(&format!("left/{rank}"))? {
                return Ok(Some(WorkersError::Left { rank, size, reason }));
            }
        }
        if let Some(verdict) = store.get(VERDICT)? {
            let ranks: Vec<usize> = verdict.split(' ').filter_map(|rank| rank.parse().ok()).collect();
            return Ok(Some(WorkersError::Lost { ranks, size }));
        }
        if started.elapsed() > silence {
            break;
        }
        thread::sleep(poll);
    }
    let mut lost = Vec::new();
    for (rank, before) in others().zip(before) {
        let speaks = beat(rank)? != before || store.get(&format!("noticed/{rank}"))?.is_some();
        if !speaks {
            lost.push(rank);
        }
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = lost.iter().map(usize::to_string).collect();
    store.set(VERDICT, &names.join(" "))?;
    Ok(Some(WorkersError::Lost { ranks: lost, size }))
}
