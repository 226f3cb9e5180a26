//! Compressing with a trained model, and what damaged and foreign files do.

use super::rounded::stripes;
use super::*;
use crate::testing::{Bench, wanted};
use ae_models::blocks::hyperprior::HyperConfig;
use ae_records::seed::stream_rng;
use ae_tensor::{array, tch};
use ndarray::Axis;
use rand::RngExt;

/// A model after a few steps, and another with other weights.
fn compressors(bench: &Bench) -> [PictureCompressor; 2] {
    [0, 1].map(|seed| compressor(bench, seed, None))
}

fn compressor(bench: &Bench, seed: u64, hyperprior: Option<HyperConfig>) -> PictureCompressor {
    let name = if hyperprior.is_some() { "hyper" } else { "compressor" };
    let mut wanted = wanted(name, "factorised", &bench.bars(), 3, seed);
    let ModelConfig::Factorised(model) = &mut wanted.experiment.model else { panic!("it is one") };
    model.hyperprior = hyperprior;
    let run = bench.with(&[seed], |context| context.trained(&wanted)).unwrap();
    PictureCompressor::load(run.dir.root(), Device::Cpu).unwrap()
}

fn rounded(compressor: &PictureCompressor) -> &Rounded {
    let Method::Rounded(rounded) = &compressor.method else { panic!("it rounds") };
    rounded
}

fn picture(name: &str, height: usize, width: usize) -> NamedPicture {
    let mut rng = stream_rng(1, name, 0);
    let (down, across) = (rng.random_range(0.05..0.5), rng.random_range(0.05..0.5));
    let pixels = Array3::from_shape_fn((1, height, width), |(_, row, column)| {
        (128.0 + 90.0 * (row as f64 * down).sin() * (column as f64 * across).cos()) as u8
    });
    NamedPicture { name: name.into(), pixels }
}

#[test]
fn what_is_decoded_is_what_the_model_gives_for_the_rounded_latents() {
    let bench = Bench::new();
    let [compressor, _] = compressors(&bench);
    let pictures =
        [picture("a.png", 12, 12), picture("b.png", 12, 12), picture("c.png", 31, 7), picture("", 1, 1)];
    for quality in [0, 50, 100] {
        let bytes = compressor.compress(&pictures, Some(quality)).unwrap();
        assert_eq!(
            bytes,
            compressor.compress(&pictures, Some(quality)).unwrap(),
            "equal inputs give equal bytes"
        );
        let decoded = compressor.decompress(&bytes, Path::new("x.aec")).unwrap();
        let step = rounded(&compressor).compressor().step(quality);
        for (picture, decoded) in pictures.iter().zip(&decoded) {
            assert_eq!((&decoded.name, decoded.pixels.dim()), (&picture.name, picture.pixels.dim()));
            let latents = rounded(&compressor).latents(std::slice::from_ref(picture)).remove(0);
            let multiples = latents.mapv(|y| ((f64::from(y) / step).round_ties_even() * step) as f32);
            let expected = rounded(&compressor)
                .images(&multiples.insert_axis(Axis(0)), size_of(&picture.pixels))
                .remove(0);
            assert_eq!(decoded.pixels, expected, "{}", picture.name);
        }
        let bits = compressor.information(&pictures, quality).unwrap();
        let file = 8.0 * bytes.len() as f64;
        assert!(file >= bits && file < bits + 8.0 * 80.0, "{file} bits, but {bits} of information");
    }
}

/// As above, with a prior that knows the neighbours and the side latents, and with the latter alone.
#[test]
fn a_hyperprior_stores_what_comes_back() {
    let bench = Bench::new();
    let pictures = [picture("a.png", 12, 12), picture("b.png", 31, 7), picture("c.png", 1, 1)];
    for neighbours in [true, false] {
        let config = HyperConfig { side: 3, units: 16, neighbours };
        let compressor = compressor(&bench, u64::from(neighbours), Some(config));
        let rounded = rounded(&compressor);
        for quality in [0, 100] {
            let bytes = compressor.compress(&pictures, Some(quality)).unwrap();
            let decoded = compressor.decompress(&bytes, Path::new("x.aec")).unwrap();
            for (picture, decoded) in pictures.iter().zip(&decoded) {
                assert_eq!((&decoded.name, decoded.pixels.dim()), (&picture.name, picture.pixels.dim()));
                if quality < 100 {
                    continue; // a whole step of a hardly trained model may change anything
                }
                // Latents that are off by half a step of 1/16 at most give nearly the picture of the exact ones.
                let latents = rounded.latents(std::slice::from_ref(picture)).remove(0).insert_axis(Axis(0));
                let exact = rounded.images(&latents, size_of(&picture.pixels)).remove(0);
                let apart =
                    exact.iter().zip(&decoded.pixels).map(|(a, b)| (f32::from(*a) - f32::from(*b)).abs());
                let apart = apart.fold(0.0, f32::max);
                assert!(apart <= 25.0, "{neighbours} {}: {apart}", picture.name);
            }
            let bits = compressor.information(&pictures, quality).unwrap();
            let file = 8.0 * bytes.len() as f64;
            assert!(file >= bits && file < bits + 8.0 * 80.0, "{file} bits, but {bits} of information");
        }
    }
}

/// The latents of a picture that is computed in stripes are those of the whole.
#[test]
fn large_pictures_have_no_seams() {
    let bench = Bench::new();
    let [compressor, _] = compressors(&bench);
    let large = picture("large", 1500, 90);
    let stripes = stripes(375, 4, 90, 4);
    assert!(stripes.len() > 1, "{stripes:?}");
    let in_stripes = rounded(&compressor).latents(std::slice::from_ref(&large)).remove(0);
    let whole = array::from_array(large.pixels.mapv(|byte| f32::from(byte) / 255.0).insert_axis(Axis(0)));
    let latents = tch::no_grad(|| rounded(&compressor).compressor().latents(&whole));
    let difference = (&in_stripes - &array::to_images(&latents).index_axis(Axis(0), 0)).mapv(f32::abs);
    assert!(difference.iter().all(|difference| *difference < 1e-4));
    let decoded = rounded(&compressor).images(&in_stripes.insert_axis(Axis(0)), [1500, 90]).remove(0);
    let images =
        array::to_images(&tch::no_grad(|| rounded(&compressor).compressor().images(&latents, [1500, 90])));
    let wholly = images.index_axis(Axis(0), 0).mapv(|value| (value * 255.0).round());
    let apart = decoded.iter().zip(&wholly).map(|(a, b)| (f32::from(*a) - b).abs());
    assert!(apart.fold(0.0, f32::max) <= 1.0);
}

/// As above, for what a hyperprior stores besides.
#[test]
fn side_latents_of_large_pictures_have_no_seams() {
    let bench = Bench::new();
    let config = HyperConfig { side: 3, units: 8, ..HyperConfig::default() };
    let compressor = compressor(&bench, 0, Some(config));
    let rounded = rounded(&compressor);
    let [channels, ..] = rounded.compressor().latent_shape([12, 12]);
    let latents = Array3::from_shape_fn((channels as usize, 3001, 23), |(channel, row, column)| {
        ((channel * 7 + row * 5 + column * 3) as f32 * 0.37).sin()
    });
    assert!(stripes(1501, 2, 23, 2).len() > 1);
    let in_stripes = rounded.side_latents(&latents);
    let whole = array::from_array(latents.insert_axis(Axis(0)));
    let whole = tch::no_grad(|| rounded.compressor().side_latents(&whole)).unwrap();
    let difference = (&in_stripes - &array::to_images(&whole).index_axis(Axis(0), 0)).mapv(f32::abs);
    assert!(difference.iter().all(|difference| *difference < 1e-4));
}

/// Never a wrong picture: a damaged file, and a file of another model.
#[test]
fn damaged_and_foreign_files_are_refused() {
    let bench = Bench::new();
    let [compressor, other] = compressors(&bench);
    let bytes = compressor.compress(&[picture("a.png", 12, 12)], Some(60)).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        assert!(compressor.decompress(&damaged, Path::new("x.aec")).is_err(), "byte {at}");
        assert!(compressor.decompress(&bytes[..at], Path::new("x.aec")).is_err(), "{at} bytes");
    }
    let error = other.decompress(&bytes, Path::new("x.aec")).unwrap_err().to_string();
    assert!(error.starts_with("x.aec was compressed with another model than "), "{error}");
    assert!(error.contains(&digest::hex(compressor.id)), "{error}");
    let error = compressor.compress(&[], Some(101)).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("from 0 (smallest files) to 100"), "{error}");
}

/// A model of bits: what it stores comes back, and what it cannot store is refused with a way out.
#[test]
fn a_model_of_bits_stores_black_and_white_pictures_exactly() {
    let bench = Bench::new();
    let data = bench.bars();
    let mut wanted = wanted("bits", "vae", &data, 1, 0);
    let ModelConfig::Vae(vae) = &mut wanted.experiment.model else { panic!("it is a vae") };
    vae.targets = ae_models::blocks::variational::Targets::Stochastic;
    let run = bench.with(&[0], |context| context.trained(&wanted)).unwrap();
    let compressor = PictureCompressor::load(run.dir.root(), Device::Cpu).unwrap();
    assert!(compressor.is_lossless());
    let bits = |name: &str| {
        let grey = picture(name, 12, 12);
        NamedPicture { pixels: grey.pixels.mapv(|pixel| if pixel > 128 { 255 } else { 0 }), ..grey }
    };
    let pictures = [bits("a.png"), bits("b.png")];
    let bytes = compressor.compress(&pictures, None).unwrap();
    let path = Path::new("x.aec");
    assert_eq!(compressor.decompress(&bytes, path).unwrap(), pictures);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(compressor.decompress(&damaged, path).is_err(), "byte {at}");
    }
    let said = |pictures: &[NamedPicture], quality| {
        let error = compressor.compress(pictures, quality).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    };
    assert!(said(&pictures, Some(50)).contains("there is no quality to choose"));
    assert!(said(&[picture("grey.png", 12, 12)], None).contains("grey.png has a pixel of grey level "));
    assert!(said(&[bits("a.png"), picture("b.png", 12, 13)], None).starts_with("b.png has 12 × 13 pixels"));
}
