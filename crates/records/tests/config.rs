//! Configurations as the presets have them, right and wrong.

use ae_records::config::{self, ConfigError};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    description: String,
    seed: u64,
    model: Model,
    data: Data,
    training: Training,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Model {
    Vanilla(Vanilla),
    Vae(Vae),
}

impl Default for Model {
    fn default() -> Self {
        Model::Vanilla(Vanilla::default())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Vanilla {
    hidden: Vec<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Vae {
    latent: i64,
    beta: f64,
}

impl Default for Vae {
    fn default() -> Self {
        Vae { latent: 20, beta: 1.0 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Data {
    set: String,
    label: Option<String>,
    ignore: Vec<String>,
}

impl Default for Data {
    fn default() -> Self {
        Data { set: "mnist".into(), label: None, ignore: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Training {
    epochs: u64,
    rate: Rate,
    schedule: Schedule,
    widths: Vec<u8>,
    shuffle: bool,
}

impl Default for Training {
    fn default() -> Self {
        Training { epochs: 10, rate: Rate(1e-3), schedule: Schedule::Constant, widths: vec![], shuffle: true }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Schedule {
    Constant,
    Cosine {
        #[serde(default)]
        warmup: u64,
    },
    Step {
        every: u64,
        factor: f64,
    },
}

/// A value that checks its own range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Rate(f64);

impl TryFrom<f64> for Rate {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        if value > 0.0 { Ok(Rate(value)) } else { Err(format!("must be above 0, got {value}")) }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> f64 {
        rate.0
    }
}

fn load(text: &str, overrides: &[&str]) -> Result<Config, ConfigError> {
    let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
    config::load("mine.toml", text, &overrides)
}

fn check(text: &str, overrides: &[&str], expected: Config) {
    let config = load(text, overrides).unwrap_or_else(|e| panic!("{text:?} {overrides:?}: {e}"));
    assert_eq!(config, expected, "{text:?} {overrides:?}");
    // What is written out complete is the same configuration.
    assert_eq!(load(&config::to_toml(&config), &[]).unwrap(), config, "{text:?} {overrides:?}");
}

fn check_error(text: &str, overrides: &[&str], expected: &str) {
    let error = load(text, overrides).expect_err(&format!("{text:?} {overrides:?} is wrong")).to_string();
    assert_eq!(error, expected, "{text:?} {overrides:?}");
}

fn vae(latent: i64, beta: f64) -> Config {
    Config { model: Model::Vae(Vae { latent, beta }), ..Default::default() }
}

fn scheduled(schedule: Schedule) -> Config {
    Config { training: Training { schedule, ..Default::default() }, ..Default::default() }
}

#[test]
fn texts_are_read() {
    check("", &[], Config::default());
    check("[model.vae]\nlatent = 2", &[], vae(2, 1.0));
    check("model = {vae = {beta = 4}}", &[], vae(20, 4.0));
    check("\u{feff}seed = 18446744073709551615\r\n", &[], Config { seed: u64::MAX, ..Default::default() });
    check(
        "description = \"a\\nb `c` ü\"",
        &[],
        Config { description: "a\nb `c` ü".into(), ..Default::default() },
    );
}

#[test]
fn overrides_are_laid_over() {
    check("[model.vae]\nbeta = 4", &["model.vae.latent=2"], vae(2, 4.0));
    check("[model.vae]", &["model.vae.latent=2", "model.vae.latent=3"], vae(3, 1.0));
    check("", &["seed=18446744073709551615"], Config { seed: u64::MAX, ..Default::default() });
    check("seed = 18446744073709551615", &["model=vae"], Config { seed: u64::MAX, ..vae(20, 1.0) });
    let data = |set: &str, label: Option<&str>| Config {
        data: Data { set: set.into(), label: label.map(Into::into), ..Default::default() },
        ..Default::default()
    };
    check("", &["data.set=fashion_mnist"], data("fashion_mnist", None));
    check("", &["data.set=a=b"], data("a=b", None));
    check("", &["data.set = \"quoted\" "], data("quoted", None));
    check("", &["data.set=2024"], data("2024", None));
    check("", &["data.set="], data("", None));
    check("", &["data.set=true", "data.label=class"], data("true", Some("class")));
    let widths = |widths: &[u8]| Config {
        training: Training { widths: widths.to_vec(), ..Default::default() },
        ..Default::default()
    };
    check("training.widths = [9]", &["training.widths=[1, 2]"], widths(&[1, 2]));
    // A shell takes the quotes away.
    for given in ["[id, row no]", r#"["id", "row no"]"#, "['id',row no]"] {
        let ignore = vec!["id".into(), "row no".into()];
        let data = Data { ignore, ..Default::default() };
        check("", &[&format!("data.ignore={given}")], Config { data, ..Default::default() });
    }
}

#[test]
fn overrides_choose_variants() {
    check("", &["model=vae"], vae(20, 1.0));
    check("", &["model=vae", "model.vae.latent=2"], vae(2, 1.0));
    check("", &["model={vae={latent=2}}"], vae(2, 1.0));
    check("[model.vae]\nbeta = 4", &["model=vae"], vae(20, 4.0));
    let cosine = |warmup| scheduled(Schedule::Cosine { warmup });
    check("", &["training.schedule.cosine.warmup=100"], cosine(100));
    check("", &["training.schedule=cosine"], cosine(0));
    check("training.schedule.cosine.warmup = 7", &["training.schedule=constant"], Config::default());
    let steps =
        ["training.schedule=step", "training.schedule.step.every=3", "training.schedule.step.factor=0.5"];
    check("", &steps, scheduled(Schedule::Step { every: 3, factor: 0.5 }));
    check("", &steps[1..], scheduled(Schedule::Step { every: 3, factor: 0.5 }));
}

#[test]
fn unknown_keys_are_named_with_their_line() {
    check_error(
        "seed = 1\ntraning.epochs = 1",
        &[],
        "mine.toml:2: unknown key `traning`; did you mean `training`?",
    );
    check_error(
        "[training]\nepochs = 1\n\nepoch = 2",
        &[],
        "mine.toml:4: unknown key `training.epoch`; did you mean `training.epochs`?",
    );
    check_error(
        "[model.vae]\nlatnt = 1",
        &[],
        "mine.toml:2: unknown key `model.vae.latnt`; did you mean `model.vae.latent`?",
    );
    check_error("epochs = 1", &[], "mine.toml:1: unknown key `epochs`; did you mean `training.epochs`?");
    check_error(
        "[model.vae]\n[data]\nlatent = 1\n",
        &[],
        "mine.toml:3: unknown key `data.latent`; did you mean `model.vae.latent`?",
    );
    check_error(
        "[data]\nx = 1",
        &[],
        "mine.toml:2: unknown key `data.x`; keys known here: `data.set`, `data.label`, `data.ignore`",
    );
    check_error(
        "\n[training.schedule.cosine]\nwrmup = 1",
        &[],
        "mine.toml:3: unknown key `training.schedule.cosine.wrmup`; did you mean `training.schedule.cosine.warmup`?",
    );
    check_error(
        "\n[model.vea]\nlatent = 2",
        &[],
        "mine.toml:2: `model` cannot be `vea`; did you mean `vae`?",
    );
    check_error(
        "[model]\nhidden = [2]",
        &[],
        "mine.toml:2: unknown key `model.hidden`; did you mean `model.vanilla.hidden`?",
    );
    check_error(
        "model.transformer = {}",
        &[],
        "mine.toml:1: `model` cannot be `transformer`; choices: `vanilla`, `vae`",
    );
}

#[test]
fn wrong_values_are_named_with_their_line() {
    check_error(
        "[training]\nepochs = \"ten\"",
        &[],
        "mine.toml:2: `training.epochs` must be a whole number, 0 or more, got \"ten\"",
    );
    check_error(
        "training.epochs = -1",
        &[],
        "mine.toml:1: `training.epochs` must be a whole number, 0 or more, got -1",
    );
    check_error(
        "training.epochs = 1.5",
        &[],
        "mine.toml:1: `training.epochs` must be a whole number, 0 or more, got 1.5",
    );
    check_error(
        "seed = 99999999999999999999",
        &[],
        "mine.toml:1: `seed` must be a whole number, 0 or more, got 99999999999999999999",
    );
    check_error(
        "[training]\nwidths = [\n 1,\n 300]",
        &[],
        "mine.toml:4: `training.widths[1]` must be a whole number from 0 to 255, got 300",
    );
    check_error(
        "training.shuffle = 'yes, expected no'",
        &[],
        "mine.toml:1: `training.shuffle` must be true or false, got \"yes, expected no\"",
    );
    check_error("\ntraining = 3", &[], "mine.toml:2: `training` must be a table, got 3");
    check_error("data.set = [1]", &[], "mine.toml:1: `data.set` must be text in quotes, got a list");
    check_error("[training]\nrate = 0", &[], "mine.toml:2: `training.rate` must be above 0, got 0");
    check_error(
        "[training.schedule.step]\nevery = 3",
        &[],
        "mine.toml:1: `training.schedule.step.factor` is missing",
    );
    check_error(
        "model = 'vae'",
        &[],
        "mine.toml:1: `model` cannot be the bare name `vae`; write [model.vae] instead",
    );
    check_error("[model.vae]\n[model.vanilla]", &[], "mine.toml:1: `model` must hold exactly one choice");
    check_error("seed = 1\nmodel = {}", &[], "mine.toml:2: `model` must hold exactly one choice");
}

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    check_error("seed = 1\nseed = 2", &[], "mine.toml:2: not valid TOML: duplicate key");
    check_error("\nseed == 1", &[], "mine.toml:2: not valid TOML: extra `=`, expected nothing");
}

#[test]
fn wrong_overrides_name_the_override() {
    check_error(
        "",
        &["foo"],
        "`--set foo` has no `=`; write it as key.path=value, for example --set training.epochs=50",
    );
    check_error(
        "",
        &["=1"],
        "`--set =1` has no key before the `=`; write it as key.path=value, for example --set training.epochs=50",
    );
    check_error(
        "",
        &["a..b=1"],
        "`--set a..b=1` has no dotted key before the `=`; write it as key.path=value, for example --set training.epochs=50",
    );
    check_error(
        "",
        &["traning.epochs=1"],
        "--set traning.epochs=1: unknown key `traning.epochs`; did you mean `training.epochs`?",
    );
    check_error(
        "",
        &["seed=1", "training.epoch=1"],
        "--set training.epoch=1: unknown key `training.epoch`; did you mean `training.epochs`?",
    );
    check_error("", &["epochs=1"], "--set epochs=1: unknown key `epochs`; did you mean `training.epochs`?");
    check_error(
        "",
        &["training.epochs=ten", "seed=1"],
        "--set training.epochs=ten: `training.epochs` must be a whole number, 0 or more, got \"ten\"",
    );
    check_error(
        "",
        &["training.epochs.x=1"],
        "--set training.epochs.x=1: `training.epochs` must be a whole number, 0 or more, got a table",
    );
    check_error("", &["training.rate=-1"], "--set training.rate=-1: `training.rate` must be above 0, got -1");
    check_error("", &["model=vea"], "--set model=vea: `model` cannot be `vea`; did you mean `vae`?");
    check_error(
        "",
        &["model.vea.latent=2"],
        "--set model.vea.latent=2: unknown key `model.vea.latent`; did you mean `model.vae.latent`?",
    );
    check_error(
        "",
        &["training.schedule.cosin.warmup=2"],
        "--set training.schedule.cosin.warmup=2: `training.schedule` cannot be `cosin`; did you mean `cosine`?",
    );
    check_error(
        "",
        &["training.schedule=step"],
        "--set training.schedule=step: `training.schedule.step.every` is missing",
    );
    let not_chosen = "--set model.vae.latent=2: `model` is `vanilla` here, so `model.vae` does not exist; \
                      put --set model=vae before it to change `model` to `vae`";
    check_error("[model.vanilla]", &["model.vae.latent=2"], not_chosen);
    check_error("", &["model.vae.latent=2"], not_chosen);
}

#[test]
fn a_mistake_in_the_text_comes_before_one_in_the_overrides() {
    check_error(
        "epoch = 1",
        &["foo"],
        "mine.toml:1: unknown key `epoch`; keys known here: `description`, `seed`, `model`, `data`, `training`",
    );
}
