//! The selection on small generated data, and a check that the preset is the chosen candidate.

use super::*;
use crate::presets::Preset;
use crate::testing::{Bench, wanted as small};

#[test]
fn the_preset_is_the_chosen_candidate_on_all_beats() {
    let chosen = candidates::all().into_iter().find(|candidate| candidate.name == CHOSEN).unwrap();
    let candidate = wanted(&chosen, 0).unwrap().experiment;
    let preset = Preset::find("ecg-best").unwrap().load::<ae_training::Experiment>(&[]).unwrap();
    assert_eq!(candidate.model, preset.model);
    assert_eq!(candidate.training, preset.training);
    assert_eq!(ae_datasets::DataConfig { validation: 0.0, ..candidate.data }, preset.data);
}

#[test]
fn every_candidate_can_be_built_from_its_settings() {
    for candidate in candidates::all() {
        assert!(wanted(&candidate, 0).is_ok(), "{}", candidate.name);
    }
}

#[test]
fn candidates_and_baselines_are_judged_on_normal_rows_only() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let toy = [Candidate { name: "toy", overrides: Vec::new() }];
    let run = || {
        bench.with(&[0, 1], |context| {
            evaluate(context, &toy, |_, seed| {
                let mut wanted = small("toy", "ecg", &data, 20, seed);
                wanted.experiment.data.validation = 0.4;
                Ok(wanted)
            })
        })
    };
    let (evaluation, report) = run().unwrap();
    assert_eq!(evaluation.tables[0].rows.len(), 7, "the candidate and six baselines");
    assert!(evaluation.metrics["toy/standardised"] > 0.5);
    assert!(report.with_file_name("images").join("damage.png").exists());
    assert_eq!(run().unwrap().0.metrics, evaluation.metrics);
}
