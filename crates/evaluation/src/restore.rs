//! `ae eval restore`: undoes damage to images, compared with what people use instead: biharmonic inpainting, total
//! variation, Wiener's filter, bicubic enlargement.

mod biharmonic;
mod colours;
mod methods;
mod trial;
mod variation;
mod wiener;

use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::images::{self, PSNR, SSIM};
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{Figure, SPREAD, columns};
use crate::tasks::{OptionValues, RunTask};
pub(crate) use ae_catalogue::tasks::RESTORE as TASK;
use ae_models::damage::Corruption;
use ae_records::names::nearest;
use ae_report::gallery::Entry;
use ae_report::picture;
use std::path::PathBuf;
pub(crate) use trial::figures_of;
use trial::{Compared, GAIN, IMAGES, TUNING, Trial};

pub(crate) const RUN: RunTask = |context, options| {
    let sets = chosen(options, "set", &SETS, |set| set.name)?;
    let kinds = chosen(options, "damage", &KINDS, |kind| kind.name)?;
    let wanted = |set: &Set, kind: &Kind, seed| {
        let corruption = format!("model.restoring.corruption={{ {} = {{}} }}", kind.name);
        let kind = Corruption::all().into_iter().find(|it| it.name() == kind.name);
        // What the classical methods are told, the network is told.
        let told = match kind {
            Some(kind) if kind.tells_place() => Some("model.restoring.fill=true"),
            Some(kind) if kind.is_blur() => Some("model.restoring.deblur=true"),
            _ => None,
        };
        let settings: Vec<&str> = [Some(corruption.as_str()), told].into_iter().flatten().collect();
        Wanted::preset(set.preset, &settings, seed)
    };
    evaluate(context, options, (&sets, &kinds), wanted, colours::wanted)
};

/// A set of images.
#[derive(Clone, Copy, Debug)]
struct Set {
    name: &'static str,
    /// Trained on it, with damage of one kind.
    preset: &'static str,
    in_colour: bool,
}

/// A kind of damage, with its default settings.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// In settings and metrics.
    name: &'static str,
    title: &'static str,
}

const SETS: [Set; 3] = [
    Set { name: "olivetti", preset: "restoring", in_colour: false },
    Set { name: "fashion-mnist", preset: "restoring-watermark", in_colour: false },
    Set { name: "cifar10-subset", preset: "restoring-downscale", in_colour: true },
];

const KINDS: [Kind; 8] = [
    Kind { name: "centre", title: "a hole in the centre, half as high and wide as the image" },
    Kind {
        name: "blocks",
        title: "four square holes at random places, a quarter of the image along each side",
    },
    Kind { name: "scratches", title: "four white scratches, two pixels thin" },
    Kind { name: "watermark", title: "two lines of white text of 60 % opacity at places that are not told" },
    Kind { name: "blur", title: "blurred with a Gaussian of 1.6 pixels, with noise of 0.01" },
    Kind {
        name: "motion",
        title: "blurred along a line of 7 pixels in a random direction, with noise of 0.01",
    },
    Kind { name: "downscale", title: "made twice smaller along each side" },
    Kind { name: colours::NAME, title: "without its colours" },
];

/// The entries that an option names; all of them if it is not given.
fn chosen<T: Copy>(
    options: &OptionValues,
    option: &'static str,
    all: &[T],
    name: fn(&T) -> &'static str,
) -> Result<Vec<T>, EvaluationError> {
    let wanted = options.all(option);
    let names: Vec<String> = all.iter().map(|it| name(it).to_string()).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !names.contains(wanted)) {
        let nearest = nearest(unknown, &names);
        let nearest = nearest.first().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let legal = names.join(", ");
        return Err(EvaluationError::Choice { option, got: unknown.clone(), nearest, legal });
    }
    let is_wanted = |it: &&T| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name(it));
    Ok(all.iter().filter(is_wanted).copied().collect())
}

fn evaluate(
    context: &mut Context<'_>,
    options: &OptionValues,
    (sets, kinds): (&[Set], &[Kind]),
    wanted: impl Fn(&Set, &Kind, u64) -> Result<Wanted, EvaluationError>,
    colouring: impl Fn(usize, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    // Colours have figures and rivals of their own.
    let has_colours =
        sets.iter().any(|set| set.in_colour) && kinds.iter().any(|kind| kind.name == colours::NAME);
    let kinds: Vec<Kind> = kinds.iter().filter(|kind| kind.name != colours::NAME).copied().collect();
    let (sets, kinds) = (if kinds.is_empty() { &[] } else { sets }, kinds.as_slice());
    let mut draft = Evaluation::begin(context, &TASK)?;
    for option in TASK.options {
        for value in options.all(option.name) {
            draft.evaluation.command += &format!(" --{} {value}", option.name);
        }
    }
    let mut gains = Vec::new();
    for (order, set) in (0..).zip(sets) {
        let mut rows = Vec::new();
        let mut winners = Vec::new();
        for (at, kind) in (1..).zip(kinds) {
            let mut compared = Compared::default();
            for (place, seed) in context.seeds.clone().into_iter().enumerate() {
                let run = draft.trained(context, &wanted(set, kind, seed)?)?;
                let trial = Trial::new(&run)?;
                trial.judge(&mut compared)?;
                if place == 0 {
                    show(&draft, set, kind, &trial, 10 * order + at)?;
                }
            }
            for (name, (title, figures)) in &compared.0 {
                let mut row = vec![kind.name.to_string(), title.to_string()];
                row.extend(figures.cells(&[PSNR, SSIM])?);
                rows.push(row);
                figures
                    .enter(&mut draft.evaluation.metrics, &format!("{}/{}/{name}", set.name, kind.name))?;
            }
            winners.push(format!("{}: {}", kind.name, compared.winner()?));
            gains.push((set.name, kind.name, compared));
        }
        let note = format!("Higher is better. Highest PSNR: {}. {SPREAD}", winners.join("; "));
        let columns = columns(&["damage", "restored by"], &[PSNR, SSIM]);
        draft.evaluation.tables.push(ResultTable { title: set.name.into(), columns, rows, note });
    }
    if !gains.is_empty() {
        draft.evaluation.tables.insert(0, summary(sets, kinds, &gains)?);
    }
    if has_colours {
        colours::evaluate(context, &mut draft, 90, &colouring)?;
    }
    let titles: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.name, kind.title)).collect();
    draft.finish(format!(
        "At most {IMAGES} test images of each set, evenly spaced, are damaged and restored. PSNR is the mean over the images of \
         10 log10(1 / MSE) in dB against the undamaged image, at most {} dB per image, over all pixels and channels; SSIM is \
         that of Wang et al. (2004). The damage: {}. Each network learned from training images with damage of this kind, drawn \
         anew at every step; it is told where a hole or scratch is, and the kernel of a blur, as the classical methods are, but \
         nobody is told the place of a watermark. The one number that a classical method has is chosen by the MSE on {TUNING} training images. All results are clipped to [0, 1].",
        images::MAX_PSNR,
        titles.join("; ")
    ))
}

/// The gains over the best classical method, a row for each kind of damage.
fn summary(
    sets: &[Set],
    kinds: &[Kind],
    gains: &[(&str, &str, Compared)],
) -> Result<ResultTable, EvaluationError> {
    let mut rows = Vec::new();
    for kind in kinds {
        let mut row = vec![kind.name.to_string()];
        for set in sets {
            let found = gains.iter().find(|(of, name, _)| *of == set.name && *name == kind.name);
            let gain = found.and_then(|(.., compared)| compared.gain());
            row.push(gain.map_or(Ok("–".into()), Figure::to_text)?);
        }
        rows.push(row);
    }
    let columns = ["damage".into()].into_iter().chain(sets.iter().map(|set| set.name.to_string())).collect();
    let note = format!(
        "PSNR of the network less that of the best classical method, in dB; above 0 the network is better. {SPREAD}"
    );
    let title = format!("{} over the best classical method", GAIN.heading);
    Ok(ResultTable { title, columns, rows, note })
}

/// Images of a trial, row by row.
fn show(draft: &Draft, set: &Set, kind: &Kind, trial: &Trial, order: u32) -> Result<(), EvaluationError> {
    let shown = trial.shown();
    let rows: Vec<_> = shown.iter().map(|(title, images)| (*title, images.view())).collect();
    let entry = Entry {
        file: format!("{}-{}.png", set.name, kind.name),
        title: format!("{}: {}", set.name, kind.title),
        caption: images::shown_are(trial.seed()),
        order,
    };
    Ok(draft.gallery.add(entry, |path| picture::image_rows(path, &rows))?)
}

#[cfg(test)]
mod tests;
