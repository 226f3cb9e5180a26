//! `ae compress` and `ae decompress`: pictures to a file, by a trained model, and back.

use crate::cli::{Cli, CompressArgs, DecompressArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::compressor::{CompressionError, DEFAULT_QUALITY, NamedPicture, PictureCompressor};
use ae_records::files;
use ae_records::text::one_line;
use std::path::{Component, Path, PathBuf};

/// Ending of compressed files.
const ENDING: &str = "aec";

pub(crate) fn compress(args: &CompressArgs, cli: &Cli) -> Result<(), Failure> {
    let compressor = PictureCompressor::load(&args.model, crate::commands::chosen(&args.machine)?)?;
    let paths = match args.input.is_dir() {
        true => ae_datasets::pictures_in(&args.input).map_err(CompressionError::from)?,
        false => vec![args.input.clone()],
    };
    let out = args.out.clone().unwrap_or_else(|| args.input.with_extension(ENDING));
    check_free(&out, args.force)?;
    let pictures = paths.iter().map(|path| compressor.read(path)).collect::<Result<Vec<_>, _>>()?;
    let bytes = compressor.compress(&pictures, args.quality)?;
    // From the bytes alone, before they are written: a file that cannot be opened is worth nothing.
    let decoded = compressor.decompress(&bytes, &out)?;
    files::write_atomic_bytes(&out, &bytes).map_err(CompressionError::from)?;
    let pixels: usize = pictures.iter().map(|picture| picture.pixels.len() / compressor.channels()).sum();
    let rate = 8.0 * bytes.len() as f64 / pixels as f64;
    let exact = compressor.is_lossless();
    if exact && decoded != pictures {
        return Err(Failure::new("the pictures did not come back exactly, so nothing was written"));
    }
    let psnr = (!exact).then(|| psnr(&pictures, &decoded));
    let quality = (!exact).then(|| args.quality.unwrap_or(DEFAULT_QUALITY));
    match cli.json {
        true => output::json(&serde_json::json!({
            "pictures": pictures.len(), "bytes": bytes.len(), "bits_per_pixel": rate, "psnr": psnr,
            "quality": quality, "exact": exact, "file": out.display().to_string(),
        })),
        false => output::result(&format!(
            "{}, {} bytes, {rate:.3} bits a pixel, {}: {}",
            output::counted(pictures.len(), "picture"),
            bytes.len(),
            psnr.map_or("exact".into(), |psnr| format!("PSNR {psnr:.1} dB")),
            out.display()
        )),
    }
    Ok(())
}

pub(crate) fn decompress(args: &DecompressArgs, cli: &Cli) -> Result<(), Failure> {
    let compressor = PictureCompressor::load(&args.model, crate::commands::chosen(&args.machine)?)?;
    let pictures = compressor.decompress_file(&args.input)?;
    let out = args.out.clone();
    let targets: Vec<PathBuf> = match &pictures[..] {
        [_] => vec![out.unwrap_or_else(|| args.input.with_extension("png"))],
        many => {
            let folder = out.unwrap_or_else(|| args.input.with_extension(""));
            many.iter().enumerate().map(|(at, picture)| folder.join(name(at, &picture.name))).collect()
        }
    };
    targets.iter().try_for_each(|target| check_free(target, args.force))?;
    for (picture, target) in pictures.iter().zip(&targets) {
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::create_dir(folder).map_err(CompressionError::from)?;
        }
        let image = picture.pixels.mapv(|byte| f32::from(byte) / 255.0);
        ae_report::picture::image(target, image.view()).map_err(Failure::new)?;
    }
    let shown: Vec<String> = targets.iter().map(|target| target.display().to_string()).collect();
    match cli.json {
        true => output::json(&serde_json::json!({ "pictures": shown })),
        false => {
            let place = match &shown[..] {
                [one] => one.clone(),
                many => many.first().map_or_else(String::new, |first| {
                    Path::new(first).parent().unwrap_or(Path::new(".")).display().to_string()
                }),
            };
            output::result(&format!("{}: {}", output::counted(pictures.len(), "picture"), one_line(&place)));
        }
    }
    Ok(())
}

fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    match path.exists() && !force {
        true => Err(Failure::usage(format!(
            "{} exists already; choose another file with --out, or overwrite it with --force",
            path.display()
        ))),
        false => Ok(()),
    }
}

/// The file of a picture in its folder: the name in the compressed file, which may be anyone's, without what would lead
/// out of the folder.
fn name(at: usize, stored: &str) -> String {
    let plain = Path::new(stored).components().next_back().and_then(|last| match last {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let stem =
        plain.and_then(|name| Path::new(name).file_stem()?.to_str()).filter(|stem| !stem.contains('\\'));
    stem.map_or_else(|| format!("{:05}.png", at + 1), |stem| format!("{stem}.png"))
}

/// Over all values of all pictures, in dB.
fn psnr(originals: &[NamedPicture], decoded: &[NamedPicture]) -> f64 {
    let pairs = originals.iter().zip(decoded).flat_map(|(a, b)| a.pixels.iter().zip(&b.pixels));
    let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), (&a, &b)| {
        (sum + (f64::from(a) - f64::from(b)).powi(2), count + 1.0)
    });
    10.0 * (255.0 * 255.0 / (sum / f64::max(count, 1.0)).max(1e-3)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_stays_in_its_folder() {
        for (stored, expected) in [
            ("cat.jpg", "cat.png"),
            ("../../etc/passwd", "passwd.png"),
            ("..", "00003.png"),
            ("", "00003.png"),
            ("/", "00003.png"),
            ("a\\..\\b.png", "00003.png"),
        ] {
            assert_eq!(name(2, stored), expected, "{stored}");
        }
    }
}
