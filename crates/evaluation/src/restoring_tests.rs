//! Tests of the restoration of a user's picture.

use super::*;
use crate::testing::{Bench, wanted};
use ae_models::damage::{
    Corruption, Range, blocks::Blocks, blur::Blur, downscale::Downscale, motion::Motion,
};
use ae_models::variants::restoring;
use ae_models::{DataSummary, Model, Variant};
use ae_tensor::Noise;
use std::path::Path;

fn noise() -> Noise {
    Noise::new(0, 0, Device::Cpu)
}

fn untrained(corruption: Corruption) -> Box<dyn Model> {
    let data = DataSummary { shape: vec![1, 16, 16], mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
    let config = restoring::Config { corruption, channels: vec![4, 6, 8], ..Default::default() };
    let config = restoring::Config { fill: true, deblur: true, ..config };
    config.initialise(&data, &noise()).unwrap()
}

/// Untrained weights of the head are small; larger ones make every seam plain.
fn with_large_weights(model: &dyn Model) {
    for (name, mut parameter) in model.parameters() {
        if name.starts_with("head") {
            let draw = noise().normal(&name, &parameter.size());
            tch::no_grad(|| parameter.copy_(&draw));
        }
    }
}

#[test]
fn tiles_give_what_the_whole_image_gives() {
    for corruption in [Corruption::Motion(Motion::default()), Corruption::Blocks(Blocks::default())] {
        let model = untrained(corruption);
        with_large_weights(model.as_ref());
        let restorer = model.as_restorer().unwrap();
        for (height, width) in [(150, 171), (64, 200), (5, 3)] {
            let images = noise().uniform("images", &[2, 1, height, width]);
            let damaged = corruption.apply(&images, Range::UNIT, &noise());
            let at_once = tch::no_grad(|| restorer.restore(&damaged));
            for side in [17, 40, 64, 500] {
                let tiles = Tiles::of(restorer, &images, side);
                let tiled = tiles.restore(restorer, &damaged);
                let off = (&tiled - &at_once).abs().max().double_value(&[]);
                assert!(off < 1e-4, "{} {height}x{width} in tiles of {side}: {off}", corruption.name());
                let margin = Tiles { margin: 0, ..tiles };
                let seams = (margin.restore(restorer, &damaged) - &at_once).abs().max();
                if tiles.count() > 1 {
                    assert!(seams.double_value(&[]) > 0.1, "without a margin there would be seams");
                }
            }
        }
    }
}

/// A trained model's file.
fn trained(bench: &Bench, corruption: Corruption) -> PathBuf {
    let data = bench.bars_of(16);
    let mut toy = wanted("toy", "restoring", &data, 2, 0);
    let deblur = corruption.has_direction();
    let config = restoring::Config { corruption, channels: vec![4, 4], deblur, ..Default::default() };
    toy.experiment.model = ModelConfig::Restoring(config);
    bench.with(&[0], |context| context.trained(&toy).unwrap()).dir.model()
}

fn write(path: &Path, channels: i64, height: i64, width: i64) {
    let picture = noise().uniform("picture", &[1, channels, height, width]);
    pictures::image(path, array::to_images(&picture).index_axis(ndarray::Axis(0), 0)).unwrap();
}

fn wish(bench: &Bench, model: &Path) -> Wish {
    Wish {
        model: model.into(),
        picture: bench.path("in.png"),
        mask: None,
        angle: None,
        out: bench.path("out.png"),
        tile: TILE,
    }
}

#[test]
fn pictures_of_any_size_and_colour_are_restored() {
    let bench = Bench::new();
    let model = trained(&bench, Corruption::Downscale(Downscale { factor: 2 }));
    for (channels, height, width) in [(3, 21, 34), (1, 9, 8)] {
        write(&bench.path("in.png"), channels, height, width);
        for model in [model.as_path(), model.parent().unwrap()] {
            let restored = restore(&wish(&bench, model), Device::Cpu).unwrap();
            assert_eq!(restored, Restored { size: [2 * height, 2 * width], tiles: 1, damage: "downscale" });
            let read = picture(&bench.path("out.png")).unwrap();
            assert_eq!((read.dim().1 as i64, read.dim().2 as i64), (2 * height, 2 * width));
        }
    }
}

#[test]
fn only_what_the_mask_shows_changes() {
    let bench = Bench::new();
    let model = trained(&bench, Corruption::Blocks(Blocks::default()));
    write(&bench.path("in.png"), 3, 20, 30);
    let mut mask = Array3::<f32>::zeros((1, 20, 30));
    mask.slice_mut(ndarray::s![.., 5..9, 11..17]).fill(1.0);
    pictures::image(&bench.path("mask.png"), mask.view()).unwrap();
    let wish = Wish { mask: Some(bench.path("mask.png")), tile: 8, ..wish(&bench, &model) };
    assert_eq!(restore(&wish, Device::Cpu).unwrap().tiles, 12);
    let (before, after) = (picture(&wish.picture).unwrap(), picture(&wish.out).unwrap());
    let mut changed = 0;
    for ((place, before), after) in before.indexed_iter().zip(&after) {
        let is_lost = (5..9).contains(&place.1) && (11..17).contains(&place.2);
        assert!(is_lost || (before - after).abs() < 1e-6, "{place:?} was whole");
        changed += usize::from((before - after).abs() > 1e-6);
    }
    assert!(changed > 40, "{changed} of 72 lost values are new");
}

#[test]
fn mistakes_are_named() {
    let bench = Bench::new();
    let blocks = trained(&bench, Corruption::Blocks(Blocks::default()));
    write(&bench.path("in.png"), 1, 20, 30);
    write(&bench.path("other.png"), 1, 20, 31);
    let check = |wish: Wish, expected: &str| {
        let error = restore(&wish, Device::Cpu).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!bench.path("out.png").exists());
        error.is_usage()
    };
    let basic = || wish(&bench, &blocks);
    assert!(check(basic(), "undoes `blocks` and has to be told where; give --mask"));
    let with = |mask: &str| Wish { mask: Some(bench.path(mask)), ..basic() };
    assert!(check(with("other.png"), "is 20x31, but the picture is 20x30"));
    pictures::image(&bench.path("black.png"), Array3::zeros((1, 20, 30)).view()).unwrap();
    assert!(check(with("black.png"), "has no white pixel"));
    assert!(check(Wish { tile: 0, ..with("black.png") }, "choose --tile between 1 and 4096"));
    check(Wish { picture: bench.path("none.png"), ..with("black.png") }, "none.png");
    std::fs::write(bench.path("text.png"), "no picture").unwrap();
    check(Wish { picture: bench.path("text.png"), ..with("black.png") }, "text.png");
    check(Wish { model: bench.path("in.png"), ..with("black.png") }, "in.png");
    let data = bench.bars();
    let other = bench.with(&[0], |context| context.trained(&wanted("c", "conv", &data, 1, 0)).unwrap());
    let conv = Wish { model: other.dir.model(), ..basic() };
    assert!(check(conv, "the variant `conv` in"));
    let blur = trained(&bench, Corruption::Blur(Blur::default()));
    let needless = Wish { mask: Some(bench.path("black.png")), ..wish(&bench, &blur) };
    assert!(check(needless, "undoes `blur`, whose place it finds by itself"));
    let needless = Wish { angle: Some(30.0), ..wish(&bench, &blur) };
    assert!(check(needless, "undoes `blur`, and is not told a direction; leave out --angle"));
    let motion = trained(&bench, Corruption::Motion(Motion::default()));
    assert!(check(wish(&bench, &motion), "has to be told its direction; give --angle"));
    assert!(check(Wish { angle: Some(f64::NAN), ..wish(&bench, &motion) }, "NaN is no direction"));
}

/// The direction that is given is the one along which the picture is deblurred.
#[test]
fn a_motion_is_undone_in_its_direction() {
    let bench = Bench::new();
    let motion = Corruption::Motion(Motion::default());
    let model = trained(&bench, motion);
    let sharp = noise().uniform("picture", &[1, 1, 30, 40]).gt(0.5).to_kind(Kind::Float) * 0.8 + 0.1;
    let kernel = motion.kernel(40f64.to_radians(), Device::Cpu).unwrap();
    let blurred = ae_models::damage::convolve(&sharp, &kernel);
    pictures::image(&bench.path("in.png"), array::to_images(&blurred).index_axis(ndarray::Axis(0), 0))
        .unwrap();
    let error = |angle: f64| {
        restore(&Wish { angle: Some(angle), ..wish(&bench, &model) }, Device::Cpu).unwrap();
        let restored = array::from_array(picture(&bench.path("out.png")).unwrap()).unsqueeze(0);
        (restored - &sharp).abs().mean(Kind::Double).double_value(&[])
    };
    let (right, wrong, before) =
        (error(40.0), error(-40.0), (blurred - &sharp).abs().mean(Kind::Double).double_value(&[]));
    assert!(right < 0.7 * before && wrong > before, "{right} and {wrong}, from {before}");
    assert!((error(220.0) - right).abs() < 1e-3, "half a turn is the same line");
}
