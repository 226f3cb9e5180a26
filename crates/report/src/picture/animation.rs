//! Draws videos in a grid, as an animated PNG that a browser plays.

use super::grid::labelled_rows;
use crate::chart::{MAX_PIXELS, refused};
use crate::error::ReportError;
use ae_records::files;
use image::RgbaImage;
use ndarray::{ArrayView4, ArrayView5, Axis};
use std::path::Path;

/// Draws rows of videos `[N, T, C, H, W]`, each with a label to its left, such as originals above forecasts; `seconds` is
/// how long each of the `T` images is shown. Otherwise as [`super::image_rows`]. A program that does not know
/// animations shows the first image.
///
/// # Errors
/// As [`super::image_rows`], a duration that is not between 0.01 and 60 seconds, or frames with too many pixels in all.
pub fn animated_rows<L: AsRef<str>>(
    path: &Path,
    rows: &[(L, ArrayView5<f32>)],
    seconds: f64,
) -> Result<(), ReportError> {
    let Some((_, first)) = rows.first() else { return Err(ReportError::Nothing { what: "rows of videos" }) };
    for (_, videos) in rows {
        if videos.dim() != first.dim() {
            let (got, expected) = (videos.shape().to_vec(), first.shape().to_vec());
            return Err(ReportError::Shape { what: "rows of videos", got, expected });
        }
    }
    if !(0.01..=60.0).contains(&seconds) {
        return Err(ReportError::Chart(format!(
            "an image cannot be shown for {seconds} seconds; give 0.01 to 60"
        )));
    }
    let labels: Vec<&str> = rows.iter().map(|(label, _)| label.as_ref()).collect();
    let mut frames = Vec::new();
    for step in 0..first.len_of(Axis(1)) {
        let at = |(_, videos): &(L, ArrayView5<'_, f32>)| videos.index_axis(Axis(1), step).to_owned();
        let images: Vec<_> = rows.iter().map(at).collect();
        let views: Vec<ArrayView4<f32>> = images.iter().map(|images| images.view()).collect();
        let frame = labelled_rows(&labels, &views)?;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        if width.saturating_mul(height).saturating_mul(first.len_of(Axis(1))) > MAX_PIXELS {
            return Err(ReportError::TooLarge { width, height });
        }
        frames.push(frame);
    }
    write(path, &frames, (seconds * 1000.0).round() as u16)
}

fn write(path: &Path, frames: &[RgbaImage], milliseconds: u16) -> Result<(), ReportError> {
    let Some(first) = frames.first() else { return Err(ReportError::Nothing { what: "images" }) };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, first.width(), first.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(frames.len() as u32, 0).map_err(refused)?;
    encoder.set_frame_delay(milliseconds, 1000).map_err(refused)?;
    let mut writer = encoder.write_header().map_err(refused)?;
    for frame in frames {
        writer.write_image_data(frame).map_err(refused)?;
    }
    writer.finish().map_err(refused)?;
    Ok(files::write_atomic_bytes(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array5;

    fn video(value: f32) -> Array5<f32> {
        Array5::from_shape_fn((2, 3, 1, 4, 4), |(_, step, ..)| value * step as f32)
    }

    #[test]
    fn every_step_is_a_frame() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let (bright, dark) = (video(0.5), video(0.0));
        animated_rows(&path, &[("bright", bright.view()), ("dark", dark.view())], 0.2).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        assert_eq!(reader.info().animation_control.unwrap().num_frames, 3);
        let mut frames = Vec::new();
        for _ in 0..3 {
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            frames.push(pixels);
        }
        assert_eq!(reader.info().frame_control.unwrap().delay_num, 200);
        assert!(frames[0] != frames[1] && frames[1] != frames[2]);
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let path = Path::new("never.png");
        let check = |rows: &[(&str, ArrayView5<f32>)], seconds: f64, expected: &str| {
            let error = animated_rows(path, rows, seconds).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let (two, more) = (video(0.5), Array5::<f32>::zeros((2, 4, 1, 4, 4)));
        check(&[], 0.2, "rows of videos");
        check(&[("a", two.view()), ("b", more.view())], 0.2, "rows of videos");
        check(&[("a", two.view())], 0.0, "give 0.01 to 60");
    }
}
