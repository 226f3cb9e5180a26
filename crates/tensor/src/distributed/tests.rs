//! Tests of process groups, whose members are threads of one process here; `crates/cli/tests/workers.rs` has real ones.

use super::*;
use crate::array::to_vec;
use std::net::TcpListener;
use std::thread;

fn world(rank: usize, size: usize, port: u16) -> World {
    World {
        rank,
        size,
        local_rank: rank,
        address: "127.0.0.1".into(),
        port,
        meeting: Meeting::First,
        attempt: 0,
    }
}

fn how() -> Connection {
    Connection {
        join_within: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        ..Connection::default()
    }
}

fn port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What each of `size` workers computes.
fn each<T: Send>(size: usize, of: impl Fn(ProcessGroup) -> T + Sync) -> Vec<T> {
    let port = port();
    thread::scope(|scope| {
        let start = |rank| {
            let of = &of;
            scope.spawn(move || of(ProcessGroup::join(&world(rank, size, port), &how()).unwrap()))
        };
        let running: Vec<_> = (0..size).map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn tensors_of_every_kind_are_exchanged() {
    let obtained = each(3, |group| {
        let rank = group.rank() as f64;
        let mut sum = Tensor::from_slice(&[0.5f32, 1.0]) * (rank + 1.0);
        group.sum(&mut sum).unwrap();
        let mut double = Tensor::from_slice(&[rank]);
        group.sum(&mut double).unwrap();
        let mut count = Tensor::from_slice(&[rank as i64 + 1]);
        group.broadcast(&mut count).unwrap();
        let bytes = group.broadcast_bytes(if group.rank() == 0 { b"plan" } else { b"" }).unwrap();
        let nothing = group.broadcast_bytes(b"").unwrap();
        group.wait().unwrap();
        group.finish();
        let more = group.sum(&mut sum.copy()).unwrap_err().to_string();
        (to_vec(&sum), to_vec(&double), to_vec(&count), bytes, nothing, more)
    });
    for (sum, double, count, bytes, nothing, more) in obtained {
        assert_eq!((sum, double, count), (vec![3.0, 6.0], vec![3.0], vec![1.0]));
        assert_eq!((bytes.as_slice(), nothing.as_slice()), (b"plan".as_slice(), b"".as_slice()));
        assert!(more.contains("this worker has left"), "{more}");
    }
}

#[test]
fn who_leaves_is_named_with_the_reason() {
    let messages = each(3, |group| {
        if group.rank() == 2 {
            group.leave("the disk is full");
            return String::new();
        }
        let first = group.sum(&mut Tensor::from_slice(&[1f32])).unwrap_err().to_string();
        assert_eq!(group.wait().unwrap_err().to_string(), first, "the first error stays");
        first
    });
    assert_eq!(messages[0], "worker 2 of 3 has stopped: the disk is full");
    assert_eq!(messages[1], messages[0]);
}

#[test]
fn who_dies_is_named() {
    let messages = each(3, |group| {
        if group.rank() == 1 {
            return String::new(); // dropped without a word
        }
        group.sum(&mut Tensor::from_slice(&[1f32])).unwrap_err().to_string()
    });
    let expected =
        "worker 1 of 3 has died or cannot be reached; the run can be resumed from its last checkpoint";
    assert_eq!([messages[0].as_str(), messages[2].as_str()], [expected; 2]);
}

#[test]
fn who_does_not_come_is_named() {
    let (port, within) = (port(), Duration::from_secs(2));
    let how = Connection { join_within: within, ..how() };
    let (first, second) = thread::scope(|scope| {
        let join = |rank| {
            let how = &how;
            scope.spawn(move || ProcessGroup::join(&world(rank, 3, port), how).unwrap_err().to_string())
        };
        let [first, second] = [0, 2].map(join);
        (first.join().unwrap(), second.join().unwrap())
    });
    let expected = format!("worker 1 of 3 has not joined within 2 s at 127.0.0.1:{port}; ");
    assert!(first.starts_with(&expected), "{first}");
    assert!(second.starts_with(&expected) || second.contains("worker 0"), "{second}");
}
