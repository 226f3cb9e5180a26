//! Tests of tasks that judge runs and data of the user's own.

use super::*;
use crate::testing::{Bench, stripes_of, wanted};
use ae_datasets::DataConfig;

fn options(given: &[(&str, &[&str])]) -> OptionValues {
    let mut options = OptionValues::default();
    for (name, values) in given {
        options.set(name, values.iter().map(ToString::to_string).collect());
    }
    options
}

fn task(name: &str) -> &'static Task {
    TASKS.iter().find(|task| task.name == name).unwrap()
}

/// A small model of labelled images of 12 by 12 pixels, and the folder of its run.
fn trained(bench: &Bench, data: &DataConfig, model: &str, seed: u64) -> String {
    let mut wanted = wanted("mine", "vae", "stripes.csv".as_ref(), 3, seed);
    wanted.experiment.data = data.clone();
    wanted.experiment.model = serde_json::from_str(model).unwrap();
    let run = bench.with(&[seed], |context| context.trained(&wanted).unwrap());
    run.dir.root().display().to_string()
}

const VAE: &str = r#"{"vae": {"latent": 2}}"#;
const VANILLA: &str = r#"{"vanilla": {"code": 5}}"#;

#[test]
fn every_task_about_images_judges_a_run_as_it_is() {
    let bench = Bench::new();
    let data = stripes_of(&bench, 12);
    let run = trained(&bench, &data, VAE, 4);
    for name in ["denoise", "dimension", "features", "generate", "likelihood", "reconstruction", "search"] {
        let given = options(&[("run", &[&run])]);
        let (evaluation, report) = bench
            .with(&[0], |context| crate::tasks::run(task(name), context, &given))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(report.exists(), "{name}");
        assert_eq!(evaluation.command, format!("ae eval {name} --run {run}"));
        assert_eq!(evaluation.seeds, [4], "{name}: a run has its own seed");
        assert!(evaluation.runs.iter().any(|folder| folder.display().to_string() == run), "{name}");
        let cells =
            evaluation.tables.iter().flat_map(|table| table.rows.iter().chain([&table.columns]).flatten());
        assert!(cells.into_iter().any(|cell| cell == "mine"), "{name}: {:?}", evaluation.tables);
    }
    assert_eq!(bench.runs("mine").len(), 1, "nothing was trained in its place");
    for preset in ["vae", "deep", "denoising", "beta_vae"] {
        assert!(bench.runs(preset).is_empty(), "{preset} is not judged, so it is not trained");
    }
}

#[test]
fn several_runs_are_told_apart_and_must_have_the_same_rows() {
    let bench = Bench::new();
    let data = stripes_of(&bench, 12);
    let [one, two, other] =
        [(VAE, 4), (VANILLA, 4), (VAE, 5)].map(|(model, seed)| trained(&bench, &data, model, seed));
    let judge = |runs: &[&str]| {
        bench.with(&[0], |context| {
            crate::tasks::run(task("reconstruction"), context, &options(&[("run", runs)]))
        })
    };
    let (evaluation, _) = judge(&[&one, &two]).unwrap();
    let folder = |run: &str| run.rsplit('/').next().unwrap().to_string();
    let titles: Vec<&str> = evaluation.tables[0].rows.iter().map(|row| row[0].as_str()).collect();
    let expected = [format!("mine-{}", folder(&one)), format!("mine-{}", folder(&two))];
    assert_eq!([titles[0], titles[2]], expected);
    let error = judge(&[&one, &other]).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("split otherwise"), "{error}");
    let error = judge(&[&bench.path("nothing").display().to_string()]).unwrap_err().to_string();
    assert!(error.contains("nothing"), "{error}");
    let twice = options(&[("run", &[&one, &two])]);
    let (evaluation, report) =
        bench.with(&[0], |context| crate::tasks::run(task("denoise"), context, &twice)).unwrap();
    for table in &evaluation.tables {
        assert_eq!([&table.columns[7], &table.columns[9]], expected.each_ref(), "a column for each run");
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
    let psnr = expected.each_ref().map(|name| evaluation.metrics[&format!("gaussian/0.3/{name}/psnr")]);
    assert_ne!(psnr[0], psnr[1]);
    let lines = std::fs::read_to_string(report.with_file_name("images").join("levels.svg")).unwrap();
    assert!(expected.iter().all(|name| lines.contains(name)), "a line for each run");
}

#[test]
fn runs_where_they_do_not_belong_are_refused_with_the_reason() {
    let check = |name: &str, given: &[(&str, &[&str])], expected: &str| {
        let error = Subject::of(task(name), &options(given)).unwrap_err();
        assert!(error.is_usage());
        assert_eq!(error.to_string(), expected);
    };
    check(
        "benchmark",
        &[("run", &["a"])],
        "`ae eval benchmark` takes no runs: it fits its detectors itself; `ae detect score` judges with a detector of \
         yours; --run is for denoise, dimension, features, generate, likelihood, reconstruction, search",
    );
    for name in ["pretrain", "regimes"] {
        check(
            name,
            &[("run", &["a"])],
            &format!(
                "`ae eval {name}` takes no runs: it trains one network in several ways to compare these; `ae compare RUN RUN` \
                 compares runs of yours; --run is for denoise, dimension, features, generate, likelihood, reconstruction, search"
            ),
        );
    }
    for option in ["data", "set", "quick"] {
        let expected = format!(
            "--{option} is for presets that are trained; a run is judged as it is, on the data that it was trained with"
        );
        check("search", &[("run", &["a"]), (option, &["b=1"])], &expected);
    }
}

#[test]
fn presets_take_data_settings_and_a_small_budget() {
    let given = options(&[
        ("data", &["my images.npy"]),
        ("set", &["model.vae.latent=3", "model.deep.code=9", "training.learning_rate=0.5"]),
        ("quick", &[]),
    ]);
    let subject = Subject::of(task("reconstruction"), &given).unwrap();
    let preset = Wanted::preset("vae", &[], 7).unwrap();
    let adapted = subject.adapt(&preset).unwrap();
    let experiment = &adapted.experiment;
    assert_eq!(experiment.data.set, "my images.npy");
    assert_eq!((experiment.data.max_train, experiment.data.max_test), (Some(2000), Some(500)));
    assert_eq!((experiment.training.epochs, experiment.training.learning_rate), (2, 0.5));
    assert_eq!(experiment.training.seed, 7);
    assert!(experiment.expected.is_empty(), "what the preset promises is not promised of other data");
    let model = serde_json::to_value(&experiment.model).unwrap();
    assert_eq!(model["vae"]["latent"], 3);
    assert!(
        adapted.command.starts_with("ae train vae --set 'data.set=\"my images.npy\"'"),
        "{}",
        adapted.command
    );
    assert!(
        adapted.command.ends_with("--seed 7") && !adapted.command.contains("deep"),
        "{}",
        adapted.command
    );
    assert_eq!(subject.settings_of_others(&["vae".to_string()].into()), ["model.deep.code=9"]);
    assert!(subject.caution().contains("2 epochs on at most 2000 rows"), "{}", subject.caution());
    assert_eq!(
        subject.words(),
        " --data 'my images.npy' --set model.vae.latent=3 --set model.deep.code=9 --set training.learning_rate=0.5 --quick"
    );
    let typo = Subject::of(task("search"), &options(&[("set", &["model.vea.latent=3"])])).unwrap();
    let error = typo.adapt(&preset).unwrap_err().to_string();
    assert!(error.contains("there is no such variant") && error.contains("`vae`"), "{error}");
    assert!(Subject::default().adapt(&preset).unwrap().experiment == preset.experiment);
}

#[test]
fn a_quick_look_says_so_and_progress_counts_the_models() {
    #[derive(Default)]
    struct Said(Vec<String>);
    impl ae_training::Observer for Said {
        fn on_run(&mut self, text: &str) {
            self.0.push(text.into());
        }
    }
    let bench = Bench::new();
    let data = stripes_of(&bench, 12);
    let mut said = Said::default();
    let (evaluation, _) = bench.observed(&mut said, &[0], |context| {
        let given = options(&[
            ("data", &[data.set.as_str()]),
            (
                "set",
                &["data.shape=[1, 12, 12]", "data.label=-1", "data.test=0.4", "training.learning_rate=0.001"],
            ),
            ("quick", &[]),
        ]);
        crate::tasks::run(task("denoise"), context, &given).unwrap()
    });
    assert_eq!(evaluation.title, "Cleaning damaged images (a quick look)");
    assert!(
        evaluation.method.starts_with("This is a quick look, without a verdict: "),
        "{}",
        evaluation.method
    );
    let beginnings: Vec<&str> = said.0.iter().map(|text| &text[..text.find(" with seed").unwrap()]).collect();
    let expected = [
        "1 of 3: training denoising",
        "2 of 3: training denoising-masking",
        "3 of 3: training denoising-salt",
    ];
    assert_eq!(beginnings, expected);
}

#[test]
fn presets_that_learn_from_labels_are_left_out_where_there_are_none() {
    let check = |content: &str, settings: &[&str], expected: &[&str]| {
        let bench = Bench::new();
        std::fs::write(bench.path("own.csv"), content).unwrap();
        let set = bench.path("own.csv").display().to_string();
        let names = bench.with(&[0], |context| {
            let given = options(&[("data", &[set.as_str()]), ("set", settings)]);
            context.subject = Subject::of(task("reconstruction"), &given).unwrap();
            let models = Models::of(context, &["vae", "cvae"]).unwrap();
            models.names().into_iter().map(String::from).collect::<Vec<_>>()
        });
        assert_eq!(names, expected);
    };
    let rows: String = (0..40).map(|row| format!("0.{row},0.{},{}\n", row % 7, row % 2)).collect();
    check(&rows, &[], &["vae"]);
    check(&rows, &["data.label=2"], &["vae", "cvae"]);
}

/// Asks every variant on data without labels.
#[test]
fn the_variants_that_learn_from_labels_are_known() {
    let summary = |shape: &[i64]| ae_models::DataSummary {
        shape: shape.to_vec(),
        mean: 0.5,
        low: 0.0,
        high: 1.0,
        classes: 0,
    };
    let mut labelled = BTreeSet::new();
    for name in ModelConfig::names() {
        let model: ModelConfig = serde_json::from_str(&format!(r#"{{"{name}": {{}}}}"#)).unwrap();
        let noise = ae_tensor::Noise::new(0, 0, ae_tensor::Device::Cpu);
        let refused = |shape: &[i64]| {
            matches!(model.initialise(&summary(shape), &noise), Err(ae_models::ModelError::NoLabels { .. }))
        };
        if refused(&[1, 32, 32]) || refused(&[8, 2]) || refused(&[12]) {
            labelled.insert(name.to_string());
        }
    }
    assert_eq!(labelled, LABELLED.map(String::from).into());
}
