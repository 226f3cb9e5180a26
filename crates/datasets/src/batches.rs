//! Batches of an epoch, assembled in parallel and ahead of their use.

use crate::Part;
use ndarray::Array2;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// Batches that lie ready at most, beside the one in use and the one being assembled.
const AHEAD: usize = 3;
/// Numbers that one task copies: below this, handing out work costs more than copying.
const NUMBERS_PER_TASK: usize = 1 << 16;

/// Some rows, in the order of the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Position in the epoch, from 0.
    pub index: usize,
    /// `[B, numel]`, row-major.
    pub values: Array2<f32>,
    /// `[B]`, where the part has labels.
    pub labels: Option<Vec<u32>>,
}

/// An iterator over the batches of an epoch. A thread of its own assembles them ahead of their use; the last
/// batch may be smaller and is kept.
pub struct Batches {
    // Options, so that `drop` can hang up before it waits for the thread.
    ready: Option<Receiver<Batch>>,
    worker: Option<JoinHandle<()>>,
    used: Sender<Vec<f32>>,
    remaining: usize,
}

impl Batches {
    /// Batches of `size` rows of `part` in this order ([`crate::epoch_order`]), from batch `start` on: what
    /// a resumed epoch needs. Panics where `size` is 0 or a row of the order is not in the part.
    pub fn new(part: Arc<Part>, order: Vec<u32>, size: usize, start: usize) -> Self {
        assert!(size > 0, "batches of 0 rows");
        let rows = part.len();
        assert!(order.iter().all(|&row| (row as usize) < rows), "an order with rows beyond {rows}");
        let remaining = order.len().div_ceil(size).saturating_sub(start);
        let (sender, ready) = sync_channel(AHEAD);
        let (used, reusable) = channel::<Vec<f32>>();
        let worker = std::thread::Builder::new()
            .name("batches".into())
            .spawn(move || {
                for (index, rows) in order.chunks(size).enumerate().skip(start) {
                    let buffer = reusable.try_recv().unwrap_or_default();
                    if sender.send(assemble(&part, index, rows, buffer)).is_err() {
                        return; // Nobody waits for more.
                    }
                }
            })
            .expect("the system lets a process start a thread");
        Batches { ready: Some(ready), worker: Some(worker), used, remaining }
    }

    /// Gives the memory of a batch back, for a later one.
    pub fn recycle(&self, batch: Batch) {
        // Fails where the thread has ended: then the memory is simply freed.
        let _ = self.used.send(batch.values.into_raw_vec_and_offset().0);
    }
}

fn assemble(part: &Part, index: usize, rows: &[u32], mut buffer: Vec<f32>) -> Batch {
    let numel = part.values.ncols();
    buffer.resize(rows.len() * numel, 0.0);
    // Rows of no numbers have nothing to copy.
    let width = numel.max(1);
    let rows_per_task = (NUMBERS_PER_TASK / width).max(1);
    buffer.par_chunks_mut(width).with_min_len(rows_per_task).zip(rows).for_each(|(to, &row)| {
        part.values.row(row as usize).assign_to(ndarray::ArrayViewMut1::from(to));
    });
    let values = Array2::from_shape_vec((rows.len(), numel), buffer).expect("the buffer has this size");
    let labels = part.labels.as_ref().map(|all| rows.iter().map(|&row| all[row as usize]).collect());
    Batch { index, values, labels }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        match self.ready.as_ref()?.recv() {
            Ok(batch) => {
                self.remaining -= 1;
                Some(batch)
            }
            Err(_) => {
                self.ready = None;
                // A thread that died must not look like an epoch that ended.
                if let Some(Err(panic)) = self.worker.take().map(JoinHandle::join) {
                    std::panic::resume_unwind(panic);
                }
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        self.ready = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch_order;

    fn part(n: usize, numel: usize) -> Arc<Part> {
        let values = Array2::from_shape_fn((n, numel), |(row, i)| (row * 10 + i) as f32);
        Arc::new(Part { values, labels: Some((0..n as u32).collect()) })
    }

    /// The rows of all batches, by their labels; checks that values go with labels.
    fn check(n: usize, size: usize, start: usize, expected_sizes: &[usize]) {
        let part = part(n, 3);
        let order = epoch_order(n, 1, 0);
        let mut batches = Batches::new(part.clone(), order.clone(), size, start);
        assert_eq!(batches.len(), expected_sizes.len());
        let (mut sizes, mut rows) = (Vec::new(), Vec::new());
        while let Some(batch) = batches.next() {
            assert_eq!(batch.index, start + sizes.len());
            let labels = batch.labels.clone().unwrap();
            assert_eq!(batch.values, part.select(&labels).values);
            sizes.push(labels.len());
            rows.extend(labels);
            batches.recycle(batch);
        }
        assert_eq!(sizes, expected_sizes);
        assert_eq!(rows, order[(start * size).min(n)..]);
        assert!(batches.next().is_none());
    }

    #[test]
    fn an_epoch_is_every_row_in_order_whatever_the_size() {
        check(10, 4, 0, &[4, 4, 2]);
        check(10, 4, 2, &[2]);
        check(10, 4, 3, &[]);
        check(10, 4, 99, &[]);
        check(8, 4, 0, &[4, 4]);
        check(3, 100, 0, &[3]);
        check(0, 4, 0, &[]);
        check(500, 1, 0, &[1; 500]);
    }

    #[test]
    fn large_batches_are_copied_in_parallel_and_whole() {
        let part = part(4000, 100);
        let order = epoch_order(4000, 1, 0);
        let all = Batches::new(part.clone(), order.clone(), 4000, 0).next().unwrap();
        assert_eq!(all.values, part.select(&order).values);
    }

    #[test]
    fn leaving_early_ends_the_thread() {
        let mut batches = Batches::new(part(1000, 3), epoch_order(1000, 1, 0), 1, 0);
        assert!(batches.next().is_some());
        drop(batches); // Would hang here if the thread did not notice.
    }

    #[test]
    fn parts_without_labels_give_batches_without() {
        let part = Arc::new(Part { values: Array2::zeros((2, 1)), labels: None });
        assert!(Batches::new(part, vec![0, 1], 2, 0).all(|batch| batch.labels.is_none()));
    }
}
