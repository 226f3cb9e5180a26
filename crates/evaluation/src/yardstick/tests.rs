//! The yardstick on generated stripes.

use super::*;
use crate::testing::{Bench, stripes, wanted};
use ae_tensor::Device;

fn judged(check: impl FnOnce(&mut Context<'_>, &Yardstick, &DataConfig)) {
    let bench = Bench::new();
    let data = stripes(&bench);
    bench.with(&[0], |context| {
        let wanted = Wanted {
            experiment: ae_training::Experiment {
                data: data.clone(),
                ..wanted("judge", "classifier", &bench.path("stripes.csv"), 6, 0).experiment
            },
            ..wanted("judge", "classifier", &bench.path("stripes.csv"), 6, 0)
        };
        let yardstick = Yardstick::trained(context, &wanted).unwrap();
        check(context, &yardstick, &data);
    });
}

#[test]
fn the_held_out_images_are_near_and_noise_is_far() {
    judged(|_, yardstick, _| {
        assert!(yardstick.accuracy() > 0.9, "{}", yardstick.accuracy());
        let held_out = yardstick.held_out();
        let itself = yardstick.judge("itself", held_out).unwrap();
        assert!(itself.distance < 1e-3, "{itself:?}");
        assert_eq!(itself.counts.iter().sum::<usize>() as i64, held_out.size()[0]);
        assert_eq!((itself.classes(), itself.counts.len()), (2, 2));
        let training = yardstick.training_images();
        assert_eq!(training.size(), held_out.size());
        let training = yardstick.judge("training", &training).unwrap().distance;
        let noise = Noise::new(0, 0, Device::Cpu).uniform("noise", &held_out.size());
        let noise = yardstick.judge("noise", &noise).unwrap().distance;
        assert!(noise > 5.0 * training, "{noise} {training}");
    });
}

#[test]
fn a_collapse_is_seen_and_another_shape_is_refused() {
    judged(|_, yardstick, _| {
        let one = yardstick.held_out().narrow(0, 0, 1).repeat([50, 1, 1, 1]);
        let look = yardstick.judge("collapsed", &one).unwrap();
        assert_eq!((look.classes(), look.rarest()), (1, 0));
        assert!(look.distance > 1.0, "{look:?}");
        let wide = Tensor::zeros([4, 1, 8, 9], (Kind::Float, Device::Cpu));
        let error = yardstick.judge("wide", &wide).unwrap_err().to_string();
        assert!(error.contains("wide has no images of the classifier's shape"), "{error}");
    });
}

#[test]
fn positions_are_drawn_independently_and_keep_their_order() {
    // The code at position p of row m is (m, 10 p).
    let (m, places) = (50i64, 6i64);
    let row = Tensor::arange(m, (Kind::Float, Device::Cpu)).view([m, 1]).expand([m, places], false);
    let place = (Tensor::arange(places, (Kind::Float, Device::Cpu)) * 10.0).view([1, places]);
    let codes = Tensor::stack(&[row, place.expand([m, places], false)], 1).view([m, 2, 2, 3]);
    let drawn = independent(&codes, 4000, &Noise::new(0, 0, Device::Cpu)).view([4000, 2, places]);
    let at = drawn.select(1, 1);
    assert_eq!(at, place.expand([4000, places], false), "each at its own position");
    let rows = drawn.select(1, 0);
    // Two positions agree only by chance, one time in 50.
    let agree = rows.select(1, 0).eq_tensor(&rows.select(1, 1)).to_kind(Kind::Float).mean(Kind::Float);
    assert!((agree.double_value(&[]) - 0.02).abs() < 0.01);
    let mean = rows.mean(Kind::Float).double_value(&[]);
    assert!((mean - 24.5).abs() < 0.5, "every row is as likely: {mean}");
}
