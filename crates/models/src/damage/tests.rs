//! Tests of the kinds of damage.

use super::*;
use ae_tensor::{Device, Kind, tch};

fn noise(step: u64) -> Noise {
    Noise::new(0, step, Device::Cpu)
}

fn unit(kind: Corruption, images: &Tensor, step: u64) -> Damaged {
    kind.apply(images, Range::UNIT, &noise(step))
}

/// Smooth colour images of odd sides, different from each other, in (0, 1).
fn images(n: i64, channels: i64, height: i64, width: i64) -> Tensor {
    let along = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu));
    let phase = along(n * channels).view([n, channels, 1, 1]) * 1.3;
    let wave =
        (along(height).view([1, 1, -1, 1]) * 0.3 + along(width).view([1, 1, 1, -1]) * 0.2 + phase).sin();
    wave * 0.3 + 0.45
}

fn share(values: &Tensor, of: f64) -> f64 {
    values.eq(of).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}

fn mean(values: &Tensor) -> f64 {
    values.mean(Kind::Double).double_value(&[])
}

fn greatest(difference: &Tensor) -> f64 {
    difference.abs().max().double_value(&[])
}

#[test]
fn every_kind_gives_images_of_the_same_size_drawn_by_the_noise() {
    for kind in Corruption::all() {
        for (channels, height, width) in [(3, 17, 23), (1, 28, 28), (3, 9, 31)] {
            let whole = images(3, channels, height, width);
            let damaged = unit(kind, &whole, 0);
            assert_eq!(damaged.images.size(), whole.size(), "{}", kind.name());
            assert_eq!(damaged.images, unit(kind, &whole, 0).images, "{}", kind.name());
            let (low, high) =
                (damaged.images.min().double_value(&[]), damaged.images.max().double_value(&[]));
            assert!(low >= 0.0 && high <= 1.0 + 1e-6, "{}: {low} to {high}", kind.name());
            let draws =
                !matches!(kind, Corruption::Centre(_) | Corruption::Downscale(_) | Corruption::Grey(_));
            let other = unit(kind, &whole, 1).images;
            assert_eq!(other != damaged.images, draws, "{}", kind.name());
            assert_eq!(damaged.whole.is_some(), kind.tells_place(), "{}", kind.name());
            if let Some(told) = damaged.whole {
                assert_eq!(told.size(), [3, 1, height, width], "{}", kind.name());
                assert_eq!(
                    &damaged.images * &told,
                    whole * told,
                    "{}: what is whole is untouched",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn each_value_on_its_own_is_damaged_as_often_as_it_says() {
    let x = Tensor::full([100_000], 0.5, (Kind::Float, Device::Cpu));
    let damaged = |kind| unit(kind, &x, 0).images;
    let noisy = damaged(Corruption::Gaussian(gaussian::Gaussian { std: 0.1 }));
    assert!((noisy.std(true).double_value(&[]) - 0.1).abs() < 0.002);
    let clipped = damaged(Corruption::Gaussian(gaussian::Gaussian { std: 5.0 }));
    assert!(clipped.min().double_value(&[]) == 0.0 && clipped.max().double_value(&[]) == 1.0);
    let masked = damaged(Corruption::Masking(masking::Masking { rate: 0.3 }));
    assert!((share(&masked, 0.0) - 0.3).abs() < 0.01 && (share(&masked, 0.5) - 0.7).abs() < 0.01);
    let salted = damaged(Corruption::SaltAndPepper(salt_and_pepper::SaltAndPepper { rate: 0.4 }));
    for value in [0.0, 1.0] {
        assert!((share(&salted, value) - 0.2).abs() < 0.01);
    }
}

/// Share of pixels lost, in images of 40 by 40.
fn lost(kind: Corruption) -> f64 {
    let told = unit(kind, &images(200, 1, 40, 40), 0).whole.expect("the place is told");
    1.0 - mean(&told)
}

#[test]
fn holes_are_as_large_as_they_say() {
    assert!((lost(Corruption::Centre(centre::Centre { share: 0.5 })) - 0.25).abs() < 1e-6);
    let one = Corruption::Blocks(blocks::Blocks { count: 1, side: 0.25 });
    assert!((lost(one) - 1.0 / 16.0).abs() < 1e-6, "a single block always lies within the image");
    let four = lost(Corruption::Blocks(blocks::Blocks { count: 4, side: 0.25 }));
    assert!(four > 0.15 && four < 0.25, "they may overlap: {four}");
    let scratch = |width| lost(Corruption::Scratches(scratches::Scratches { count: 1, width }));
    let (thin, thick) = (scratch(1.0), scratch(3.0));
    assert!((thick / thin - 3.0).abs() < 0.1 && thin > 0.015 && thin < 0.035, "{thin} and {thick}");
    let hole = unit(Corruption::Centre(centre::Centre { share: 0.5 }), &images(1, 1, 5, 8), 0);
    let rows = ae_tensor::array::to_vec(&hole.whole.unwrap().get(0).get(0).get(2));
    assert_eq!(rows, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn blur_keeps_the_mean_and_its_kernels_explain_it() {
    let whole = images(4, 3, 30, 26);
    for kind in [
        Corruption::Blur(blur::Blur { std: 1.5, noise: 0.0 }),
        Corruption::Motion(motion::Motion { length: 9.0, noise: 0.0 }),
    ] {
        let Damaged { images: blurred, kernels, .. } = unit(kind, &whole, 0);
        let kernels = kernels.expect("blur has kernels");
        let sums = kernels.sum_dim_intlist([1i64, 2].as_slice(), false, None::<Kind>);
        assert!(greatest(&(sums - 1.0)) < 1e-5);
        assert!((mean(&blurred) - mean(&whole)).abs() < 0.02, "{}", kind.name());
        assert!(greatest(&(convolve(&whole, &kernels) - blurred)) < 1e-6);
        // A single bright pixel becomes the kernel.
        let dot = Tensor::zeros([4, 1, 31, 31], (Kind::Float, Device::Cpu));
        let _ = tch::no_grad(|| dot.narrow(2, 15, 1).narrow(3, 15, 1).fill_(1.0));
        let (side, spread) = (kernels.size()[1], unit(kind, &dot, 0).images);
        let near = spread.narrow(2, 15 - side / 2, side).narrow(3, 15 - side / 2, side).squeeze_dim(1);
        assert!(greatest(&(near - kernels)) < 1e-6, "{}", kind.name());
    }
    let motion = Corruption::Motion(motion::Motion::default());
    let kernels = unit(motion, &whole, 0).kernels.unwrap();
    assert_ne!(kernels.get(0), kernels.get(1), "each image has its own direction");
}

/// Angles are counted from the horizontal, clockwise: rows go down.
#[test]
fn a_kernel_lies_in_its_direction() {
    let motion = Corruption::Motion(motion::Motion { length: 9.0, noise: 0.0 });
    let kernel = |degrees: f64| motion.kernel(degrees.to_radians(), Device::Cpu).unwrap().get(0);
    let middle = kernel(0.0).size()[0] / 2;
    assert!((kernel(0.0).get(middle).sum(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-6);
    assert!(greatest(&(kernel(90.0) - kernel(0.0).tr())) < 1e-6);
    assert!(kernel(45.0).double_value(&[middle + 2, middle + 2]) > 0.05);
    assert_eq!(kernel(45.0).double_value(&[middle - 2, middle + 2]), 0.0);
    assert!(motion.has_direction());
    let blur = Corruption::Blur(blur::Blur::default());
    assert_eq!(blur.kernel(0.0, Device::Cpu), blur.kernel(1.0, Device::Cpu));
    for kind in Corruption::all() {
        assert_eq!(kind.is_blur(), kind.kernel(0.0, Device::Cpu).is_some(), "{}", kind.name());
    }
    assert!(!blur.has_direction());
}

#[test]
fn a_watermark_whitens_some_pixels_as_much_as_it_says() {
    let black = Tensor::zeros([50, 3, 32, 40], (Kind::Float, Device::Cpu));
    let marked =
        unit(Corruption::Watermark(watermark::Watermark { opacity: 0.6, ..Default::default() }), &black, 0);
    let inked = share(&marked.images, f64::from(0.6f32));
    assert!((inked + share(&marked.images, 0.0) - 1.0).abs() < 1e-6, "nothing but ink and what was there");
    assert!(inked > 0.05 && inked < 0.4, "{inked}");
    assert!(marked.whole.is_none(), "its place is not told");
    let channels = marked.images.unbind(1);
    assert_eq!(channels[0], channels[2], "the ink is white");
}

#[test]
fn an_enlargement_keeps_what_is_smooth() {
    let whole = images(2, 3, 30, 21);
    let Damaged { images: enlarged, .. } =
        unit(Corruption::Downscale(downscale::Downscale { factor: 2 }), &whole, 0);
    // At the border, where nothing lies beyond, an enlargement is flat.
    let inner = |images: &Tensor| images.narrow(2, 2, 26).narrow(3, 2, 17);
    assert!(greatest(&(inner(&enlarged) - inner(&whole))) < 0.02);
    assert_eq!(downscale::enlarge(&whole, 3).size(), [2, 3, 90, 63]);
    let flat = Tensor::full([1, 1, 7, 7], 0.25, (Kind::Float, Device::Cpu));
    assert!(greatest(&(downscale::enlarge(&flat, 2) - 0.25)) < 1e-6);
}

#[test]
fn grey_has_the_lightness_and_no_colour() {
    let whole = images(2, 3, 8, 8);
    let grey = unit(Corruption::Grey(grey::Grey {}), &whole, 0).images;
    let (before, after) = (ae_tensor::colour::to_lab(&whole), ae_tensor::colour::to_lab(&grey));
    assert!(greatest(&(before.narrow(1, 0, 1) - after.narrow(1, 0, 1))) < 0.05);
    assert!(greatest(&after.narrow(1, 1, 2)) < 0.1);
}

#[test]
fn settings_out_of_range_say_what_is_legal() {
    let check = |text: &str, legal: &str| {
        let kind: Corruption = serde_json::from_str(text).unwrap();
        let error = kind.check("restoring").unwrap_err().to_string();
        assert!(error.contains("model.restoring.corruption") && error.contains(legal), "{error}");
    };
    check(r#"{"gaussian":{"std":-1.0}}"#, "a std of at least 0");
    check(r#"{"masking":{"rate":1.5}}"#, "a rate between 0 and 1");
    check(r#"{"centre":{"share":2.0}}"#, "a share between 0 and 1");
    check(r#"{"blocks":{"count":0}}"#, "a count between 1 and 1000");
    check(r#"{"scratches":{"width":-1.0}}"#, "a width of at least 0");
    check(r#"{"watermark":{"letters":0}}"#, "letters between 1 and 32");
    check(r#"{"blur":{"std":0.0}}"#, "a std above 0");
    check(r#"{"motion":{"length":0.0}}"#, "a length between 1 and 100");
    check(r#"{"downscale":{"factor":1}}"#, "a factor between 2 and 16");
    for kind in Corruption::all() {
        assert!(kind.check("denoising").is_ok(), "{}", kind.name());
        let text = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<Corruption>(&text).unwrap(), kind);
        assert!(text.starts_with(&format!("{{\"{}\":", kind.name())), "{text}");
    }
}
