//! Draws images in a grid, enlarged by whole factors so that every pixel is visible.

use crate::chart::{self, MAX_PIXELS, MIDDLE, refused, text, units};
use crate::error::ReportError;
use crate::explore::{Exploration, Space, Thumbnails};
use ae_records::files;
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use ndarray::{ArrayView3, ArrayView4, Axis};
use plotters::prelude::Text;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Width in pixels that the enlargement of rows with labels aims to stay within, and that of a grid.
const ROWS_WIDTH: usize = 1200;
const GRID_WIDTH: usize = 640;
/// Maximum length in pixels of an enlarged image's longer side; a longer image keeps its size.
const TILE: usize = 112;
/// What lies between the images is transparent, to suit any page.
pub(super) const GROUND: Rgba<u8> = Rgba([255, 255, 255, 0]);
/// Colour of NaN.
const ALARM: [u8; 3] = [255, 0, 80];

/// Draws images `[N, C, H, W]` with values in `[0, 1]`, row by row, `columns` per row.
///
/// One channel is grey; three are red, green and blue. Values outside the range are clipped. NaN is drawn in
/// bright red, because it is a fault that must not be overlooked.
///
/// # Errors
/// No images, no columns, another number of channels, or a picture that is too large.
pub fn image_grid(path: &Path, images: ArrayView4<f32>, columns: usize) -> Result<(), ReportError> {
    tile(path, images, columns, 4)
}

/// Writes a single image `[C, H, W]` with values in `[0, 1]`, pixel by pixel, as [`image_grid`] colours it. Unlike there,
/// a grey image is written in one channel.
///
/// # Errors
/// No pixels, another number of channels than 1 or 3, or a file that cannot be written.
pub fn image(path: &Path, image: ArrayView3<f32>) -> Result<(), ReportError> {
    Ok(files::write_atomic_bytes(path, &image_bytes(image)?)?)
}

/// What [`image()`] writes.
///
/// # Errors
/// No pixels, or another number of channels than 1 or 3.
pub fn image_bytes(image: ArrayView3<f32>) -> Result<Vec<u8>, ReportError> {
    let (channels, height, width) = image.dim();
    if image.is_empty() {
        return Err(ReportError::Nothing { what: "images" });
    }
    let pixel = |x: u32, y: u32| {
        let value = |channel: usize| image[[channel.min(channels - 1), y as usize, x as usize]];
        Rgb(colour(std::array::from_fn(value)))
    };
    let canvas = RgbImage::from_fn(width as u32, height as u32, pixel);
    match channels {
        1 => chart::png_bytes(&DynamicImage::from(canvas).into_luma8()),
        3 => chart::png_bytes(&canvas),
        _ => Err(ReportError::Channels(channels)),
    }
}

/// Draws the decoded grid of a two-dimensional latent space: as [`image_grid`], without gaps between the
/// images.
///
/// # Errors
/// As [`image_grid`].
pub fn latent_manifold(path: &Path, images: ArrayView4<f32>, columns: usize) -> Result<(), ReportError> {
    tile(path, images, columns, 0)
}

/// Draws the decoded grid of a plane through a latent space, as [`latent_manifold`]: `side²` images, row by row from the
/// top, whose latents run through `steps` from left to right along the first of `axes`, and from bottom to top along the
/// second. In a report, the reader moves through the plane with two sliders.
///
/// # Errors
/// As [`image_grid`], or a number of images other than the square of that of the steps.
pub fn latent_plane(
    path: &Path,
    images: ArrayView4<f32>,
    axes: [&str; 2],
    steps: &[f32],
) -> Result<(), ReportError> {
    let (got, expected) = (images.len_of(Axis(0)), steps.len() * steps.len());
    if got != expected {
        return Err(ReportError::Shape { what: "images", got: vec![got], expected: vec![expected] });
    }
    latent_manifold(path, images, steps.len())?;
    let images = Thumbnails::of_images(images)?;
    Exploration::Space(Space { axes: axes.map(String::from), steps: steps.to_vec(), images }).write(path)
}

/// Draws rows of images `[N, C, H, W]`, each with a label to its left, such as originals above their
/// reconstructions; otherwise as [`image_grid`].
///
/// # Errors
/// As [`image_grid`], or rows of different shapes.
pub fn image_rows<L: AsRef<str>>(path: &Path, rows: &[(L, ArrayView4<f32>)]) -> Result<(), ReportError> {
    let Some((_, first)) = rows.first() else { return Err(ReportError::Nothing { what: "rows of images" }) };
    for (_, images) in rows {
        if images.dim() != first.dim() {
            let (got, expected) = (images.shape().to_vec(), first.shape().to_vec());
            return Err(ReportError::Shape { what: "rows of images", got, expected });
        }
    }
    let labels: Vec<&str> = rows.iter().map(|(label, _)| label.as_ref()).collect();
    let views: Vec<ArrayView4<f32>> = rows.iter().map(|(_, images)| *images).collect();
    chart::write_image(path, &labelled_rows(&labels, &views)?)
}

/// Rows of images of equal shapes, at least one, each with its label to the left.
pub(super) fn labelled_rows(labels: &[&str], rows: &[ArrayView4<f32>]) -> Result<RgbaImage, ReportError> {
    let (columns, ..) = rows[0].dim();
    let layout = Layout::new(rows[0], columns, rows.len(), 4, ROWS_WIDTH)?;
    let mut canvas = labelled_canvas(&layout, labels)?;
    let left = canvas.width() as usize - layout.width();
    for (row, images) in rows.iter().enumerate() {
        for (column, image) in images.outer_iter().enumerate() {
            layout.place(&mut canvas, (left, 0), (column, row), image);
        }
    }
    Ok(canvas)
}

fn tile(path: &Path, images: ArrayView4<f32>, columns: usize, gap: usize) -> Result<(), ReportError> {
    let n_images = images.len_of(Axis(0));
    let columns = columns.min(n_images);
    let rows = if columns == 0 { 0 } else { n_images.div_ceil(columns) };
    let layout = Layout::new(images, columns, rows, gap, GRID_WIDTH)?;
    let mut canvas = RgbaImage::from_pixel(layout.width() as u32, layout.height() as u32, GROUND);
    for (index, image) in images.outer_iter().enumerate() {
        layout.place(&mut canvas, (0, 0), (index % columns, index / columns), image);
    }
    chart::write_image(path, &canvas)
}

/// The grid, with sizes in pixels.
struct Layout {
    columns: usize,
    rows: usize,
    tile_width: usize,
    tile_height: usize,
    gap: usize,
}

impl Layout {
    fn new(
        images: ArrayView4<f32>,
        columns: usize,
        rows: usize,
        gap: usize,
        aim: usize,
    ) -> Result<Self, ReportError> {
        let (_, channels, height, width) = images.dim();
        if images.is_empty() || columns == 0 {
            return Err(ReportError::Nothing { what: "images" });
        }
        if channels != 1 && channels != 3 {
            return Err(ReportError::Channels(channels));
        }
        let factor = (TILE / width.max(height)).min(aim / columns.saturating_mul(width)).max(1);
        let layout = Layout { columns, rows, tile_width: width * factor, tile_height: height * factor, gap };
        let (width, height) = (layout.width(), layout.height());
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(ReportError::TooLarge { width, height });
        }
        Ok(layout)
    }

    fn width(&self) -> usize {
        self.columns * (self.tile_width + self.gap) - self.gap
    }

    fn height(&self) -> usize {
        self.rows * (self.tile_height + self.gap) - self.gap
    }

    /// Draws an image `[C, H, W]` into its cell.
    fn place(
        &self,
        canvas: &mut RgbaImage,
        (left, top): (usize, usize),
        (column, row): (usize, usize),
        image: ArrayView3<f32>,
    ) {
        let (channels, height, width) = image.dim();
        let small = RgbaImage::from_fn(width as u32, height as u32, |x, y| {
            let value = |channel: usize| image[[channel.min(channels - 1), y as usize, x as usize]];
            let [red, green, blue] = colour(std::array::from_fn(value));
            Rgba([red, green, blue, 255])
        });
        let enlarged =
            imageops::resize(&small, self.tile_width as u32, self.tile_height as u32, FilterType::Nearest);
        let x = left + column * (self.tile_width + self.gap);
        let y = top + row * (self.tile_height + self.gap);
        imageops::replace(canvas, &enlarged, x as i64, y as i64);
    }
}

fn colour(values: [f32; 3]) -> [u8; 3] {
    if values.iter().any(|v| v.is_nan()) {
        return ALARM;
    }
    values.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// A canvas with the labels of the rows on the left and room for the images on the right.
fn labelled_canvas(layout: &Layout, labels: &[&str]) -> Result<RgbaImage, ReportError> {
    let style = text(20, MIDDLE).pos(Pos::new(HPos::Right, VPos::Center));
    let room = chart::widest(&style, labels)? + 16;
    let size = (room + layout.width() as u32, layout.height() as u32);
    let drawing = chart::svg(size, |area| {
        for (row, label) in labels.iter().enumerate() {
            let middle = row * (layout.tile_height + layout.gap) + layout.tile_height / 2;
            let end = (units(room as i32 - 14), units(middle as i32));
            area.draw(&Text::new(*label, end, style.clone())).map_err(refused)?;
        }
        Ok(())
    })?;
    chart::transparent(&drawing, 1)
}
