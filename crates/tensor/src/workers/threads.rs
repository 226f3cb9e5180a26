//! Workers that are threads of one process, for tests of whatever is to run on several workers.

use super::{Workers, WorkersError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tch::Tensor;

/// One of several threads that train together.
#[derive(Debug)]
pub struct ThreadWorker {
    rank: usize,
    meeting: Arc<Meeting>,
}

#[derive(Debug)]
struct Meeting {
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What each worker brings to the call in progress.
    brought: Vec<Option<Tensor>>,
    /// The result, until all have taken it.
    result: Option<Tensor>,
    taken: usize,
    left: Option<WorkersError>,
}

/// `size` workers; each is moved to a thread of its own. A worker that is dropped has left.
pub fn thread_workers(size: usize) -> Vec<ThreadWorker> {
    let state = State { brought: (0..size).map(|_| None).collect(), ..State::default() };
    let meeting = Arc::new(Meeting { size, state: Mutex::new(state), changed: Condvar::new() });
    (0..size).map(|rank| ThreadWorker { rank, meeting: Arc::clone(&meeting) }).collect()
}

impl ThreadWorker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.meeting.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, or until a worker leaves.
    fn until<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        done: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'s, State>, WorkersError> {
        while !done(&state) {
            if let Some(error) = &state.left {
                return Err(error.clone());
            }
            state = self.meeting.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state)
    }

    /// Makes one tensor of all that are brought, in the order of the workers.
    fn meet(&self, tensor: &mut Tensor, join: impl Fn(&[Tensor]) -> Tensor) -> Result<(), WorkersError> {
        let state = self.state();
        // The result of the call before may not have been taken by all.
        let mut state = self.until(state, |state| state.result.is_none())?;
        state.brought[self.rank] = Some(tensor.detach().copy());
        if state.brought.iter().all(Option::is_some) {
            let all: Vec<Tensor> = state.brought.iter_mut().filter_map(Option::take).collect();
            state.result = Some(join(&all));
            self.meeting.changed.notify_all();
        }
        let mut state = self.until(state, |state| state.result.is_some())?;
        if let Some(result) = &state.result {
            tch::no_grad(|| tensor.copy_(result));
        }
        state.taken += 1;
        if state.taken == self.meeting.size {
            (state.result, state.taken) = (None, 0);
            self.meeting.changed.notify_all();
        }
        Ok(())
    }
}

impl Workers for ThreadWorker {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.meeting.size
    }

    fn sum(&self, tensor: &mut Tensor) -> Result<(), WorkersError> {
        self.meet(tensor, |all| all[1..].iter().fold(all[0].copy(), |sum, next| sum + next))
    }

    fn broadcast(&self, tensor: &mut Tensor) -> Result<(), WorkersError> {
        self.meet(tensor, |all| all[0].copy())
    }

    fn leave(&self, reason: &str) {
        let (rank, size) = (self.rank, self.meeting.size);
        let left = WorkersError::Left { rank, size, reason: reason.into() };
        self.state().left.get_or_insert(left);
        self.meeting.changed.notify_all();
    }
}

impl Drop for ThreadWorker {
    fn drop(&mut self) {
        let (rank, size) = (self.rank, self.meeting.size);
        self.state().left.get_or_insert(WorkersError::Lost { ranks: vec![rank], size });
        self.meeting.changed.notify_all();
    }
}
