//! Tests of the task.

use super::*;
use crate::testing::{Bench, wanted};
use ae_models::ModelConfig;
use ae_models::damage::Corruption;
use ae_models::variants::restoring;

const SET: Set = Set { name: "bars", preset: "restoring", in_colour: false };

/// A small network on bars, with the default damage of this kind.
fn toy(data: &std::path::Path, kind: &str, seed: u64) -> Wanted {
    let corruption =
        Corruption::all().into_iter().find(|corruption| corruption.name() == kind).expect("a kind of damage");
    let mut toy = wanted(kind, "restoring", data, 12, seed);
    let config = restoring::Config { corruption, channels: vec![8, 8], ..Default::default() };
    toy.experiment.model = ModelConfig::Restoring(config);
    toy
}

#[test]
fn every_kind_of_damage_is_compared_with_its_classical_methods() {
    let bench = Bench::new();
    let data = bench.bars_of(16);
    let (evaluation, report) = bench
        .with(&[0], |context| {
            let colouring = |_, _| panic!("the bars are grey");
            let restoring = |_: &Set, kind: &Kind, seed| Ok(toy(&data, kind.name, seed));
            evaluate(context, &OptionValues::default(), (&[SET], &KINDS), restoring, colouring)
        })
        .unwrap();
    let psnr = |kind: &str, method: &str| evaluation.metrics[&format!("bars/{kind}/{method}/psnr")];
    for (kind, method) in [
        ("centre", "biharmonic"),
        ("blocks", "total_variation"),
        ("scratches", "biharmonic"),
        ("blur", "wiener"),
        ("motion", "wiener"),
        ("downscale", "sharpening"),
    ] {
        assert!(psnr(kind, method) > psnr(kind, "damaged"), "{kind}: {method} does not help");
    }
    let kinds = || KINDS.iter().filter(|kind| kind.name != colours::NAME);
    for kind in kinds() {
        assert!(psnr(kind.name, "network") > psnr(kind.name, "damaged"), "{}", kind.name);
        assert!(report.with_file_name("images").join(format!("bars-{}.png", kind.name)).exists());
    }
    assert_eq!(evaluation.tables.len(), 2);
    assert_eq!(evaluation.tables[0].rows.len(), kinds().count());
    let gain = evaluation.metrics["bars/blocks/network/gain"];
    let best = psnr("blocks", "biharmonic").max(psnr("blocks", "total_variation"));
    assert!((gain - (psnr("blocks", "network") - best)).abs() < 1e-9);
}

#[test]
fn sets_and_damage_are_chosen_by_name() {
    let mut options = OptionValues::default();
    options.set("damage", vec!["blur".into(), "centre".into()]);
    let names = |kinds: Vec<Kind>| kinds.iter().map(|kind| kind.name).collect::<Vec<_>>();
    assert_eq!(names(chosen(&options, "damage", &KINDS, |kind| kind.name).unwrap()), ["centre", "blur"]);
    assert_eq!(chosen(&options, "set", &SETS, |set| set.name).unwrap().len(), 3);
    options.set("damage", vec!["block".into()]);
    let error = chosen(&options, "damage", &KINDS, |kind| kind.name).unwrap_err().to_string();
    assert!(error.contains("--damage has no value `block`; did you mean `blocks`?"), "{error}");
}
