//! Tests of each change of training rows on small samples with known values.

use super::*;
use ae_tensor::{Device, array};

/// An image `[1, 1, H, W]`, row by row.
fn image(rows: &[&[f32]]) -> Tensor {
    Tensor::from_slice(&rows.concat()).view([1, 1, rows.len() as i64, rows[0].len() as i64])
}

fn one(number: i64) -> Tensor {
    Tensor::from_slice(&[number])
}

fn check(obtained: &Tensor, expected: &[&[f32]]) {
    let expected = image(expected);
    assert_eq!(obtained.size(), expected.size());
    let off = (obtained - &expected).abs().max().double_value(&[]);
    assert!(off < 1e-5, "{:?} instead of {:?}", array::to_vec(obtained), array::to_vec(&expected));
}

const SMALL: [&[f32]; 3] = [&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &[7.0, 8.0, 9.0]];

#[test]
fn a_flip_is_left_to_right() {
    check(
        &mirrored(&image(&SMALL), &Tensor::from_slice(&[1f32])),
        &[&[3.0, 2.0, 1.0], &[6.0, 5.0, 4.0], &[9.0, 8.0, 7.0]],
    );
    check(&mirrored(&image(&SMALL), &Tensor::from_slice(&[0f32])), &SMALL);
}

#[test]
fn a_shift_repeats_the_edge_and_a_crop_mirrors_it() {
    let by = |down, right, border| moved(&image(&SMALL), &one(down), &one(right), border);
    check(&by(0, 0, Border::Mirror), &SMALL);
    check(&by(1, 0, Border::Edge), &[&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]]);
    check(&by(0, -2, Border::Edge), &[&[3.0, 3.0, 3.0], &[6.0, 6.0, 6.0], &[9.0, 9.0, 9.0]]);
    check(&by(1, 0, Border::Mirror), &[&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]]);
    check(&by(-1, 2, Border::Mirror), &[&[6.0, 5.0, 4.0], &[9.0, 8.0, 7.0], &[6.0, 5.0, 4.0]]);
}

#[test]
fn images_of_a_batch_move_apart_and_channels_together() {
    let pair = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 2, 2, 3]);
    let (down, right) = (Tensor::from_slice(&[0i64, 1]), Tensor::from_slice(&[1i64, 0]));
    let expected = [
        [0., 0., 1., 3., 3., 4., 6., 6., 7., 9., 9., 10.],
        [12., 13., 14., 12., 13., 14., 18., 19., 20., 18., 19., 20.],
    ];
    assert_eq!(array::to_vec(&moved(&pair, &down, &right, Border::Edge)), expected.concat());
}

#[test]
fn a_quarter_turn_is_exact_and_a_wide_image_keeps_its_proportions() {
    let turn = |rows: &[&[f32]], degrees: f64| {
        turned(&image(rows), &Tensor::from_slice(&[degrees.to_radians() as f32]))
    };
    check(&turn(&SMALL, 90.0), &[&[3.0, 6.0, 9.0], &[2.0, 5.0, 8.0], &[1.0, 4.0, 7.0]]);
    check(&turn(&SMALL, 180.0), &[&[9.0, 8.0, 7.0], &[6.0, 5.0, 4.0], &[3.0, 2.0, 1.0]]);
    check(&turn(&SMALL, 0.0), &SMALL);
    // A quarter turn of a line of five pixels: its middle three become a column, beyond which the edge is repeated.
    let wide: [&[f32]; 3] = [&[0.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5]];
    let column = turn(&wide, 90.0).narrow(3, 2, 1);
    check(&column, &[&[4.0], &[3.0], &[2.0]]);
}

#[test]
fn a_stretch_of_a_series_is_masked() {
    let series = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([2, 3, 2]);
    let (start, length) = (Tensor::from_slice(&[1f32, 0.0]), Tensor::from_slice(&[2f32, 0.0]));
    let expected = [0., 1., -1., -1., -1., -1., 6., 7., 8., 9., 10., 11.];
    assert_eq!(array::to_vec(&masked(&series, &start, &length, -1.0)), expected);
}

fn summary(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.into(), low: -1.0, mean: 0.25, high: 3.0, classes: 0 }
}

fn apply(settings: Augment, values: &Tensor, step: u64) -> Tensor {
    let augmenter = Augmenter::new(settings, &summary(&values.size()[1..])).unwrap();
    let batch = Batch { values: values.shallow_clone(), labels: None, observed: None, given: None };
    augmenter.apply(batch, &Noise::new(5, step, Device::Cpu)).values
}

#[test]
fn colours_change_by_an_image_and_stay_in_the_range() {
    let images = Tensor::from_slice(&[0f32, 1.0, 2.0, 1.0]).view([1, 1, 2, 2]).repeat([500, 1, 1, 1]);
    let brighter = apply(Augment { brightness: 0.25, ..Augment::default() }, &images, 0) - &images;
    // One amount for an image, at most a quarter of the range of 4; both ways; nothing is clamped here.
    assert!(
        (brighter.amax([1i64, 2, 3].as_slice(), false) - brighter.amin([1i64, 2, 3].as_slice(), false))
            .max()
            .double_value(&[])
            < 1e-5
    );
    let (least, greatest) = (brighter.min().double_value(&[]), brighter.max().double_value(&[]));
    assert!((-1.0..-0.9).contains(&least) && (0.9..1.0).contains(&greatest), "{least} to {greatest}");
    let contrast = apply(Augment { contrast: 0.5, ..Augment::default() }, &images, 0);
    let means = contrast.mean_dim([1i64, 2, 3].as_slice(), false, Kind::Float);
    assert!((means - 1.0).abs().max().double_value(&[]) < 1e-5, "an image keeps its mean");
    let greatest = contrast.max().double_value(&[]);
    assert!((2.4..2.5).contains(&greatest), "{greatest}");
    let far = apply(Augment { brightness: 1.0, ..Augment::default() }, &images, 0);
    assert_eq!((far.min().double_value(&[]), far.max().double_value(&[])), (-1.0, 3.0));
}

#[test]
fn series_are_scaled_as_a_whole_and_jittered_step_by_step() {
    let series = Tensor::ones([400, 10, 2], (Kind::Float, Device::Cpu));
    let scaled = apply(Augment { scale: 0.2, ..Augment::default() }, &series, 0);
    let (least, greatest) = (scaled.min().double_value(&[]), scaled.max().double_value(&[]));
    assert!((0.8..0.82).contains(&least) && (1.18..1.2).contains(&greatest), "{least} to {greatest}");
    let across = scaled.std_dim([1i64, 2].as_slice(), true, false);
    assert!(across.max().double_value(&[]) < 1e-6, "one factor for a series");
    let jittered = apply(Augment { jitter: 0.05, ..Augment::default() }, &series, 0);
    let std = jittered.std(true).double_value(&[]);
    assert!((std - 0.2).abs() < 0.01, "a twentieth of the range of 4: {std}");
    let masked = apply(Augment { mask: 0.3, ..Augment::default() }, &series, 0);
    let lost = masked.eq(0.25).to_kind(Kind::Float).narrow(2, 0, 1).sum_dim_intlist(
        [1i64, 2].as_slice(),
        false,
        Kind::Float,
    );
    assert_eq!(
        (lost.min().double_value(&[]), lost.max().double_value(&[])),
        (0.0, 3.0),
        "none to three of ten steps"
    );
}

#[test]
fn draws_depend_on_the_step_and_the_row_alone() {
    let images = Noise::new(0, 0, Device::Cpu).uniform("images", &[7, 1, 6, 6]);
    let all = Augment {
        flip: 0.5,
        shift: 0.2,
        crop: 1,
        rotate: 20.0,
        brightness: 0.1,
        contrast: 0.1,
        ..Augment::default()
    };
    assert_eq!(apply(all, &images, 3), apply(all, &images, 3));
    assert_ne!(apply(all, &images, 3), apply(all, &images, 4));
    // A worker with some rows of the batch changes them as one process would.
    let augmenter = Augmenter::new(all, &summary(&[1, 6, 6])).unwrap();
    let part = Batch { values: images.narrow(0, 2, 3), labels: None, observed: None, given: None };
    let part = augmenter.apply(part, &Noise::new(5, 3, Device::Cpu).of_rows(2, 3, 7)).values;
    assert!((part - apply(all, &images, 3).narrow(0, 2, 3)).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn what_was_not_observed_stays() {
    let series = Tensor::zeros([4, 5, 1], (Kind::Float, Device::Cpu));
    let observed = series.ones_like();
    let _ = observed.get(0).fill_(0.0);
    let augmenter = Augmenter::new(Augment { jitter: 0.5, ..Augment::default() }, &summary(&[5, 1])).unwrap();
    let batch = Batch { values: series, labels: None, observed: Some(observed), given: None };
    let changed = augmenter.apply(batch, &Noise::new(0, 0, Device::Cpu)).values;
    assert_eq!(array::to_vec(&changed.get(0)), [0.0; 5]);
    assert_ne!(array::to_vec(&changed.get(1)), [0.0; 5]);
    assert!(Augmenter::new(Augment::default(), &summary(&[5, 1])).is_none());
}
