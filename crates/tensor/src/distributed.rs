//! Workers that are processes, on one machine or on several: libtorch's own `c10d`, with Gloo over TCP. With the feature
//! `distributed`.
//!
//! The workers meet in a store that worker 0 (or `torchrun`) hosts, and exchange tensors over connections of their own, each
//! with each. Every worker writes a sign of life into the store once a second; if an exchange fails, the survivors close
//! their connections, so that all of them notice, look who no longer lives, and name it.

mod store;
#[cfg(test)]
mod tests;

use crate::native::{TorchError, check};
use crate::workers::{Workers, WorkersError};
use ae_records::world::{Meeting, World};
use std::ffi::{CString, c_char, c_int};
use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use store::{Heartbeat, Store};
use tch::Tensor;
use torch_sys::C_tensor;

/// How often the store is asked while waiting for it.
const POLL: Duration = Duration::from_millis(100);
/// Without a sign of life for this long, a worker is lost: three beats, and time for one that is late.
const SILENCE: Duration = Duration::from_millis(3500);
/// How long the host of the store stays, so that the others can read who is lost.
const FAREWELL: Duration = Duration::from_secs(6);
/// How long a store that answers nothing is asked: its machine may be down.
const ANSWER: Duration = Duration::from_secs(15);

#[repr(C)]
struct AeGroup {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn ae_group_join(
        store: *mut store::AeStore,
        rank: c_int,
        size: c_int,
        interface: *const c_char,
        timeout_ms: i64,
        out: *mut *mut AeGroup,
    ) -> *mut c_char;
    fn ae_group_sum(group: *mut AeGroup, tensor: *mut C_tensor) -> *mut c_char;
    fn ae_group_broadcast(group: *mut AeGroup, tensor: *mut C_tensor) -> *mut c_char;
    fn ae_group_free(group: *mut AeGroup);
}

/// How processes connect.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How long to wait for all workers at the beginning.
    pub join_within: Duration,
    /// How long an exchange may take: a worker that neither answers nor closes its connections is lost after this time.
    pub timeout: Duration,
    /// The network interface to use, such as `eth0`; by default the one that the machine's name is bound to, and on a
    /// single machine the loopback.
    pub interface: Option<String>,
}

impl Default for Connection {
    fn default() -> Self {
        let [join_within, timeout] = [600, 300].map(Duration::from_secs);
        Connection { join_within, timeout, interface: None }
    }
}

/// The processes of a run. One process has at most one at a time.
pub struct ProcessGroup {
    rank: usize,
    size: usize,
    /// Whether this process hosts the store; if the launcher does, none does.
    hosts: bool,
    meeting: Meeting,
    store: Arc<Store>,
    /// `None` once an exchange has failed or all is done.
    group: Mutex<Option<Group>>,
    failure: Mutex<Option<WorkersError>>,
    beats: Mutex<Option<Heartbeat>>,
}

struct Group(NonNull<AeGroup>);

// SAFETY: Gloo's process group belongs to no thread; it is used under a lock only.
unsafe impl Send for Group {}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: the group is ours, and nobody uses it any more.
        unsafe { ae_group_free(self.0.as_ptr()) };
    }
}

impl fmt::Debug for ProcessGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessGroup")
            .field("rank", &self.rank)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProcessGroup {
    /// Waits for all workers of `world` and connects to them.
    ///
    /// # Errors
    /// [`WorkersError::Absent`] names those that have not come in time; [`WorkersError::Connection`] says why workers that are
    /// there cannot be reached.
    pub fn join(world: &World, how: &Connection) -> Result<Self, WorkersError> {
        let World { rank, size, address, port, meeting, attempt, .. } = world;
        let (rank, size) = (*rank, *size);
        let hosts = rank == 0 && *meeting == Meeting::First;
        let started = Instant::now();
        let place = format!("{address}:{port}");
        let absent =
            |ranks| WorkersError::Absent { ranks, size, within: how.join_within, place: place.clone() };
        let prefix = format!("autoencoders/{attempt}");
        let store = match Store::open(address, *port, hosts, &prefix, how.join_within) {
            Ok(store) => Arc::new(store),
            Err(error) if hosts => {
                return Err(WorkersError::Connection(format!("worker 0 cannot listen at {place}: {error}")));
            }
            Err(error) => {
                tracing::debug!("{place}: {error}");
                return Err(absent(vec![0]));
            }
        };
        store.set(&format!("joined/{rank}"), "")?;
        loop {
            let mut missing = Vec::new();
            for other in 0..size {
                if store.get(&format!("joined/{other}"))?.is_none() {
                    missing.push(other);
                }
            }
            if missing.is_empty() {
                break;
            }
            if started.elapsed() > how.join_within {
                return Err(absent(missing));
            }
            thread::sleep(POLL);
        }
        let is_local = address == "localhost" || address == "::1" || address.starts_with("127.");
        let interface = match &how.interface {
            Some(name) => name.clone(),
            None if is_local => "@127.0.0.1".into(),
            None => String::new(),
        };
        let name = CString::new(interface).unwrap_or_default();
        let mut group = std::ptr::null_mut();
        let timeout = i64::try_from(how.timeout.as_millis()).unwrap_or(i64::MAX);
        // SAFETY: the store and the name live through the call.
        check(unsafe {
            ae_group_join(store.as_ptr(), rank as c_int, size as c_int, name.as_ptr(), timeout, &mut group)
        })
        .map_err(|error| {
            let hint = "GLOO_SOCKET_IFNAME names the network interface to use, such as eth0";
            WorkersError::Connection(format!("{error}; {hint}"))
        })?;
        let group = NonNull::new(group).map(Group);
        let beats = Heartbeat::start(&store, rank)?;
        Ok(ProcessGroup {
            rank,
            size,
            hosts,
            meeting: *meeting,
            store,
            group: Mutex::new(group),
            failure: Mutex::new(None),
            beats: Mutex::new(Some(beats)),
        })
    }

    fn exchange(
        &self,
        tensor: &Tensor,
        call: unsafe extern "C" fn(*mut AeGroup, *mut C_tensor) -> *mut c_char,
    ) -> Result<(), WorkersError> {
        assert!(
            tensor.device() == tch::Device::Cpu && tensor.is_contiguous(),
            "workers exchange CPU tensors"
        );
        if let Some(error) = &*locked(&self.failure) {
            return Err(error.clone());
        }
        let mut group = locked(&self.group);
        let Some(Group(joined)) = &*group else {
            return Err(WorkersError::Connection("this worker has left".into()));
        };
        // SAFETY: a valid group, used under its lock, and a valid tensor that lives through the call.
        let Err(error) = check(unsafe { call(joined.as_ptr(), tensor.as_ptr().cast_mut()) }) else {
            return Ok(());
        };
        // Whoever still waits for this worker must notice, too.
        *group = None;
        drop(group);
        let error = self.diagnosed(&error);
        *locked(&self.failure) = Some(error.clone());
        Err(error)
    }

    /// Who is to blame for a failed exchange.
    fn diagnosed(&self, error: &TorchError) -> WorkersError {
        let (send, receive) = mpsc::channel();
        let (store, rank, size) = (Arc::clone(&self.store), self.rank, self.size);
        thread::spawn(move || {
            let found = store::look_around(&store, rank, size, SILENCE, POLL);
            let _ = store.set(&format!("done/{rank}"), "");
            let _ = send.send(found);
        });
        let lost = |ranks| WorkersError::Lost { ranks, size };
        let found = match receive.recv_timeout(ANSWER) {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return WorkersError::Connection(format!("{error}; all workers are alive")),
            // The store itself is gone, and with it whoever hosts it.
            Ok(Err(_)) | Err(_) if self.meeting == Meeting::First && !self.hosts => lost(vec![0]),
            Ok(Err(_)) | Err(_) => {
                WorkersError::Connection(format!("{error}; the store does not answer either"))
            }
        };
        let gone = match &found {
            WorkersError::Lost { ranks, .. } => ranks.clone(),
            WorkersError::Left { rank, .. } => vec![*rank],
            _ => Vec::new(),
        };
        self.stay_for_the_others(&gone);
        found
    }

    /// The host of the store stays until all others but those that are `gone` know what has happened.
    fn stay_for_the_others(&self, gone: &[usize]) {
        let started = Instant::now();
        let is_told = |rank: usize| {
            rank == self.rank
                || gone.contains(&rank)
                || !matches!(self.store.get(&format!("done/{rank}")), Ok(None))
        };
        while self.hosts && started.elapsed() < FAREWELL && !(0..self.size).all(is_told) {
            thread::sleep(POLL);
        }
    }
}

impl Workers for ProcessGroup {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn sum(&self, tensor: &mut Tensor) -> Result<(), WorkersError> {
        self.exchange(tensor, ae_group_sum)
    }

    fn broadcast(&self, tensor: &mut Tensor) -> Result<(), WorkersError> {
        self.exchange(tensor, ae_group_broadcast)
    }

    fn leave(&self, reason: &str) {
        // Whoever leaves because another is lost has said so already.
        if locked(&self.failure).is_some() || locked(&self.group).is_none() {
            return;
        }
        let reason = if reason.is_empty() { "it was stopped" } else { reason };
        let _ = self.store.set(&format!("left/{}", self.rank), reason);
        *locked(&self.group) = None;
        self.stay_for_the_others(&[]);
    }

    fn finish(&self) {
        let key = |rank: usize| format!("finished/{rank}");
        let mut all = self.store.set(&key(self.rank), "");
        let started = Instant::now();
        for rank in 0..self.size {
            while all.is_ok() && started.elapsed() < FAREWELL {
                match self.store.get(&key(rank)) {
                    Ok(Some(_)) => break,
                    Ok(None) => thread::sleep(POLL),
                    // Its host has seen all others finish.
                    Err(error) => all = Err(error),
                }
            }
        }
        *locked(&self.group) = None;
        *locked(&self.beats) = None;
    }
}
