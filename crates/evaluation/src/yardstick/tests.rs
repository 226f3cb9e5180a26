//! The yardstick on generated stripes.

use super::*;
use crate::testing::{Bench, stripes, wanted};
use ae_tensor::{Device, Noise};

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
