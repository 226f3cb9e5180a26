//! The training loop for every model: batches, losses, optimizers and checkpoints.

mod curves;
mod weights;

use crate::checkpoint::{self, CheckpointError};
use crate::config::TrainingConfig;
use crate::data::{Epoch, Splits};
use crate::description::TrainingData;
use crate::evaluate::{evaluate_with, group_names, named_terms};
use crate::observer::{Observer, Pulse};
use crate::options::{Start, TrainOptions};
use crate::outcome::{Outcome, TrainError};
use crate::pace::Pace;
use crate::schedule::Schedule;
use crate::start;
use crate::team::Team;
use crate::tensors::{copy, exchange, unnamed};
use ae_models::{Losses, Model};
use ae_records::checkpoint::{Best, Origin, Position};
use ae_records::files;
use ae_records::metrics::MetricsLog;
use ae_tensor::optimizer::update_averages;
use ae_tensor::{Device, Noise, Optimizer, Tape, Tensor};
use curves::Events;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Trains `model` in place, without a folder or an observer; [`train_with`] adds a folder, an observer and a
/// way to stop.
///
/// # Errors
/// See [`TrainError`].
pub fn train<'m>(
    model: &(impl AsRef<dyn Model + 'm> + ?Sized),
    data: &impl TrainingData,
    config: &TrainingConfig,
) -> Result<Outcome, TrainError> {
    train_with(model, data, config, TrainOptions::default())
}

/// Trains `model` in place, on its device. At the end it holds the weights to use: the averages with EMA,
/// those of the best epoch with early stopping.
///
/// # Errors
/// See [`TrainError`].
pub fn train_with<'m>(
    model: &(impl AsRef<dyn Model + 'm> + ?Sized),
    data: &impl TrainingData,
    config: &TrainingConfig,
    options: TrainOptions<'_>,
) -> Result<Outcome, TrainError> {
    let model = model.as_ref();
    config.check()?;
    start::check_frozen(model, &config.freeze)?;
    let device = model.parameters().first().map_or(Device::Cpu, |(_, parameter)| parameter.device());
    let data = data.splits(device)?;
    start::check_data(&data, config)?;
    let is_masked = data.train.has_missing() || data.validation.has_missing();
    if is_masked && !model.masks_missing() {
        return Err(TrainError::Missing);
    }
    if [&data.validation, &data.test].iter().any(|split| split.is_predicted()) && !model.predicts() {
        return Err(TrainError::Predicted(data.dataset.name.clone()));
    }
    let never = AtomicBool::new(false);
    let TrainOptions { run, resume, settings, observer, stop, workers } = options;
    let team = Team::new(workers);
    let start = Start { run: run.filter(|_| team.is_first()), resume, settings };
    let training = Loop::new(model, &data, config, device, start, team.clone());
    let outcome = training.and_then(|training| match observer {
        Some(observer) => training.run(observer, stop.unwrap_or(&never)),
        None => training.run(&mut (), stop.unwrap_or(&never)),
    });
    team.end(&outcome);
    outcome
}

struct Loop<'a> {
    model: &'a dyn Model,
    data: &'a Splits,
    config: &'a TrainingConfig,
    device: Device,
    team: Team,
    /// The checkpoint's path, and what it is made from.
    checkpoint: Option<(PathBuf, Origin)>,
    pace: Pace,
    log: Option<MetricsLog>,
    events: Option<Events>,
    groups: Vec<&'static str>,
    /// Whether a group has parameters that are not frozen.
    trains: Vec<bool>,
    parameters: Vec<Tensor>,
    /// Parameters and buffers.
    state: Vec<Tensor>,
    optimizers: Vec<Optimizer>,
    averages: Vec<Tensor>,
    best: Vec<Tensor>,
    frozen: weights::Frozen,
    position: Position,
    /// Loss terms of steps that are still on the device: values `[terms]`, and the number of samples.
    pending: Vec<(Tensor, i64)>,
    names: Vec<String>,
    samples: i64,
    started: Instant,
    seconds_before: f64,
}

impl<'a> Loop<'a> {
    fn new(
        model: &'a dyn Model,
        data: &'a Splits,
        config: &'a TrainingConfig,
        device: Device,
        start: Start<'_>,
        team: Team,
    ) -> Result<Self, TrainError> {
        let (parameters, state) = (unnamed(model.parameters()), unnamed(model.state()));
        let copies = |of: &[Tensor], wanted: bool| {
            if wanted { of.iter().map(|p| p.detach().copy()).collect() } else { Vec::new() }
        };
        let groups = group_names(model);
        config.check_groups(&groups)?;
        let trained = weights::trained(model, &config.freeze);
        let trains = trained.iter().map(|(_, parameters)| !parameters.is_empty()).collect();
        let optimizer =
            |(name, parameters): (&str, Vec<Tensor>)| Optimizer::new(config.optimizer_of(name), &parameters);
        let mut this = Loop {
            model,
            data,
            config,
            device,
            team,
            checkpoint: None,
            pace: Pace::default(),
            log: None,
            events: None,
            groups,
            trains,
            optimizers: trained.into_iter().map(optimizer).collect::<Result<_, _>>()?,
            averages: copies(&parameters, config.ema.is_some()),
            best: copies(&state, config.early_stopping.is_some()),
            frozen: weights::Frozen::of(model, &config.freeze),
            parameters,
            state,
            position: Position::default(),
            pending: Vec::new(),
            names: Vec::new(),
            samples: 0,
            started: Instant::now(),
            seconds_before: 0.0,
        };
        this.take_weights_of_another(&start)?;
        this.begin(start)?;
        this.frozen.keep();
        Ok(this)
    }

    /// Opens the folder, if there is one, and takes up the state to go on from.
    fn begin(&mut self, start: Start<'_>) -> Result<(), TrainError> {
        let Start { run, resume, settings } = start;
        if run.is_none() && !self.team.is_several() {
            return Ok(());
        }
        let origin = checkpoint::origin(settings, self.config, self.data);
        self.team.agree(&origin)?;
        if let Some(run) = run {
            let path = run.checkpoint();
            match (path.exists(), resume) {
                (true, false) => return Err(CheckpointError::Occupied(path).into()),
                (true, true) => {
                    self.position = self.tensors().load(&path, &origin)?;
                    self.seconds_before = self.position.seconds;
                }
                // Killed before its first checkpoint, the run begins again.
                (false, _) => {}
            }
            files::create_dir(path.parent().unwrap_or(run.root()))?;
            self.checkpoint = Some((path, origin));
            self.log = Some(MetricsLog::open(&run.metrics(), self.position.metrics_length)?);
            self.events = Some(Events::open(&run.events(), self.position.step)?);
        }
        let all = unnamed(self.tensors().named());
        Ok(self.team.start(&mut self.position, &all)?)
    }

    fn run(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, TrainError> {
        let batch = self.config.batch.samples(self.data.train.len());
        observer.on_start(&self.progress(BTreeMap::new(), batch));
        let mut interrupted = false;
        while self.position.epoch < self.config.epochs && !self.position.stopped && !interrupted {
            let epoch = self.data.train.epoch(self.config.seed, self.position.epoch, batch);
            interrupted = self.steps_of(&epoch, observer, stop)?;
            if !interrupted {
                self.end_epoch(observer, batch)?;
            }
        }
        if interrupted {
            self.save()?;
        } else {
            self.take_final_weights();
        }
        observer.on_end();
        let seconds = self.seconds_before + self.started.elapsed().as_secs_f64();
        Ok(Outcome {
            interrupted,
            stopped_early: self.position.stopped,
            epochs: self.position.epoch,
            steps: self.position.step,
            seconds,
            samples_per_second: self.samples_per_second(),
        })
    }

    /// Takes the remaining steps of an epoch; returns whether it was interrupted.
    fn steps_of(
        &mut self,
        epoch: &Epoch<'_>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, TrainError> {
        let batch = self.config.batch.samples(self.data.train.len());
        let mut pulse = Pulse::begin();
        while self.position.batch < epoch.len() {
            // Several workers stop after the same step: the one in which they tell each other.
            let stops = stop.load(Ordering::Relaxed);
            if stops && !self.team.is_several() {
                return Ok(true);
            }
            let stops = self.step(epoch, stops)?;
            let (step, ends) = (self.position.step, self.position.batch == epoch.len());
            if step.is_multiple_of(self.config.log_interval(epoch.len())) && !ends {
                let terms = self.write_window()?;
                observer.on_log(&self.progress(terms, batch));
            }
            if pulse.is_due() {
                self.collect()?;
                observer.on_pulse(&self.progress(self.position.window.means(), batch));
            }
            if step.is_multiple_of(self.config.checkpoint_every) && !ends {
                self.save()?;
            }
            if stops && !ends {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One step of every group's optimizer on the next batch. Returns whether a worker was told to stop: this one if
    /// `stops`, or another.
    fn step(&mut self, epoch: &Epoch<'_>, stops: bool) -> Result<bool, TrainError> {
        let rows = epoch.rows_of(self.position.batch);
        let noise = Noise::new(self.config.seed, self.position.step, self.device);
        let task = self.team.task(rows, noise, self.position.step, self.config.epochs * epoch.len() as u64);
        let batch = epoch.part(self.position.batch, task.share.rows.clone());
        let mut losses = self.model.losses(&batch, &task.pass);
        let totals: Vec<Option<Tensor>> = losses.iter().map(Losses::total).collect();
        let (names, values) = named_terms(&self.groups, &losses, &totals);
        let mut tapes: Vec<Option<Tape>> = losses.iter_mut().map(Losses::take_tape).collect();
        for (optimizer, tape) in self.optimizers.iter().zip(&tapes) {
            // A tape overwrites them.
            if tape.is_none() {
                optimizer.zero_gradients()?;
            }
        }
        // All gradients before any update: the graph of a later group may run through an earlier one's
        // weights.
        let active = |(group, total): (usize, &'_ Option<Tensor>)| {
            Some((group, total.as_ref().filter(|_| self.trains[group])?.shallow_clone()))
        };
        let active: Vec<(usize, Tensor)> = totals.iter().enumerate().filter_map(active).collect();
        let last = active.len().saturating_sub(1);
        for (index, (group, total)) in active.iter().enumerate() {
            match tapes[*group].take() {
                Some(tape) => {
                    tape.back()?;
                    self.optimizers[*group].scale_gradients(task.share.weight)?;
                }
                None => self.optimizers[*group].backward(&task.weighted(total), index < last)?,
            }
        }
        let exchanged = self.team.exchange(&task, &self.parameters, values, stops)?;
        for (group, _) in active {
            let rate = self.rate(group, self.position.step, epoch.len());
            let optimizer = &mut self.optimizers[group];
            if let Some(norm) = self.config.clip_norm {
                let _norm_before = optimizer.clip_gradient_norm(norm)?;
            }
            optimizer.step(rate)?;
        }
        self.frozen.restore();
        if let Some(decay) = self.config.ema {
            update_averages(&self.averages, &self.parameters, decay)?;
        }
        if self.names != names {
            self.collect()?; // a model that learns in stages has new terms from now on
            self.names = names;
        }
        self.pending.push((exchanged.values, rows as i64));
        self.samples += rows as i64;
        self.position.step += 1;
        self.position.batch += 1;
        Ok(exchanged.stops)
    }

    fn end_epoch(&mut self, observer: &mut dyn Observer, batch: usize) -> Result<(), TrainError> {
        self.position.epoch += 1;
        self.position.batch = 0;
        let terms = self.write_window()?;
        let validation = if self.data.validation.is_empty() { None } else { Some(self.validate()?) };
        observer.on_epoch(&self.progress(terms, batch), validation.as_ref());
        let is_last = self.position.stopped || self.position.epoch == self.config.epochs;
        if is_last || self.pace.is_due(Instant::now()) { self.save() } else { Ok(()) }
    }

    /// Figures of the validation rows, with the weights that would be used if training ended here.
    fn validate(&mut self) -> Result<BTreeMap<String, f64>, TrainError> {
        let current = (!self.averages.is_empty()).then(|| exchange(&self.parameters, &self.averages));
        let figures =
            evaluate_with(&self.team, self.model, &self.data.validation, self.config.seed, "validation")?;
        let loss = figures.get(self.model.objective()).copied().unwrap_or(f64::NAN);
        if let Schedule::ReduceOnPlateau(settings) = self.config.schedule {
            settings.observe(&mut self.position.plateau, loss);
        }
        if let Some(stopping) = self.config.early_stopping {
            let epoch = self.position.epoch;
            if self.position.best.is_none_or(|best| loss < best.loss - stopping.min_delta) {
                self.position.best = Some(Best { loss, epoch });
                copy(&self.best, &self.state);
            }
            self.position.stopped =
                epoch - self.position.best.map_or(0, |best| best.epoch) >= stopping.patience;
        }
        if let Some(current) = current {
            copy(&self.parameters, &current);
        }
        self.write("validation", &figures)?;
        Ok(figures)
    }

    /// The learning rate of a group's step.
    fn rate(&self, group: usize, step: u64, batches: usize) -> f64 {
        self.config.rate(self.groups[group], step, batches, self.position.plateau.reductions)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.collect()?;
        let Some((path, origin)) = self.checkpoint.clone() else { return Ok(()) };
        let began = Instant::now();
        if let Some(log) = &mut self.log {
            self.position.metrics_length = log.length()?;
        }
        self.position.seconds = self.seconds_before + self.started.elapsed().as_secs_f64();
        let position = self.position.clone();
        self.tensors().save(&path, &origin, &position)?;
        self.pace.saved(began, Instant::now());
        Ok(())
    }
}
