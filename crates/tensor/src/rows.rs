//! Samples of a table, in another order: what puts the batches of a shuffled epoch together.

use crate::array;
use crate::threads::Libtorch;
use ae_kernels::gather;
use tch::{Device, Kind, Tensor};

/// The samples `places` (`[n]`, int64) of `all` (`[N, …]`), in this order: `[n, …]`, on the device of `all`, which may want no
/// gradient. The values are those of `index_select`, which for 32-bit numbers on a CPU takes two to four times as long.
///
/// Panics for a place that is no sample.
pub fn select(all: &Tensor, places: &Tensor) -> Tensor {
    let Some(values) = array::view(all).filter(|_| !all.requires_grad()) else {
        return all.index_select(0, &places.to_device(all.device()));
    };
    let values = values.to_slice().expect("a view is contiguous");
    let places = Vec::<i64>::try_from(places).expect("places are int64 `[n]`");
    let n = all.size()[0];
    let place = |&place: &i64| {
        assert!((0..n).contains(&place), "sample {place} of {n}");
        place as usize
    };
    let rows: Vec<usize> = places.iter().map(place).collect();
    let size = [&[rows.len() as i64], &all.size()[1..]].concat();
    let result = Tensor::empty(&size, (Kind::Float, Device::Cpu));
    let width = all.size()[1..].iter().product::<i64>() as usize;
    // SAFETY: the result is new, so nothing else uses it.
    gather(values, width, &rows, unsafe { array::values_mut(&result) }, &Libtorch);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[i64], kind: Kind) -> Tensor {
        Tensor::arange(shape.iter().product::<i64>(), (kind, Device::Cpu)).view(shape)
    }

    #[test]
    fn the_samples_are_those_of_libtorch() {
        let places = Tensor::from_slice(&[3i64, 0, 3, 1]);
        for shape in [&[4][..], &[4, 3], &[4, 2, 3, 3], &[4, 20_000], &[4, 0]] {
            for kind in [Kind::Float, Kind::Int64, Kind::Double] {
                let all = numbers(shape, kind);
                let ours = select(&all, &places);
                assert_eq!((ours.size(), ours.kind()), (all.index_select(0, &places).size(), kind));
                assert_eq!(ours, all.index_select(0, &places), "{shape:?}");
            }
        }
        let turned = numbers(&[3, 4], Kind::Float).tr();
        assert_eq!(select(&turned, &places), turned.index_select(0, &places));
        let none = places.narrow(0, 0, 0);
        assert_eq!(select(&numbers(&[4, 3], Kind::Float), &none).size(), [0, 3]);
    }

    #[test]
    fn gradients_flow_to_what_wants_them() {
        let all = numbers(&[2, 2], Kind::Float).set_requires_grad(true);
        let sum = select(&all, &Tensor::from_slice(&[1i64, 1])).sum(Kind::Float);
        sum.backward();
        assert_eq!(array::to_vec(&all.grad()), [0.0, 0.0, 2.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "sample 4 of 4")]
    fn a_place_behind_the_last_sample_is_a_bug() {
        let _ = select(&numbers(&[4, 3], Kind::Float), &Tensor::from_slice(&[4i64]));
    }
}
