//! Restores a picture of any size by a trained model, tile by tile.

use ae_datasets::{DataError, picture};
use ae_models::damage::{Damaged, downscale::enlarge};
use ae_models::{ModelConfig, ModelError, Restorer, limits};
use ae_records::files::{self, FileError};
use ae_records::run_dir::RunDir;
use ae_report::{ReportError, picture as pictures};
use ae_tensor::{Device, Kind, Tensor, array, tch};
use ae_training::{ModelFileError, PortableModel};
use ndarray::Array3;
use std::path::PathBuf;

/// Side of a tile in pixels, without its margin.
pub const TILE: i64 = ae_catalogue::TILE;
/// Largest side of a tile.
const MAX_TILE: i64 = 4096;
/// Above this, a pixel of a mask is lost.
const IS_LOST: f64 = 0.5;

/// What to restore, and by which model.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The folder of a run, or a model file.
    pub model: PathBuf,
    /// The damaged picture, PNG or JPEG.
    pub picture: PathBuf,
    /// For a model that has to be told where the picture is damaged: a picture of the same size, white where it is lost.
    pub mask: Option<PathBuf>,
    /// For a model that has to be told the direction of a blur: that of the camera's motion, in degrees, clockwise from the
    /// horizontal.
    pub angle: Option<f64>,
    /// The restored picture, a PNG file.
    pub out: PathBuf,
    /// Side of a tile in pixels, from 1 to 4096: the memory needed grows with its square, and the result does not depend
    /// on it.
    pub tile: i64,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Height and width of the restored picture.
    pub size: [i64; 2],
    /// Number of tiles.
    pub tiles: usize,
    /// Name of the damage that was undone.
    pub damage: &'static str,
}

/// Why a picture cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The model file.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// A model that restores nothing.
    #[error(
        "the variant `{variant}` in {} does not restore pictures; train one that does, such as `ae train restoring`",
        path.display()
    )]
    Unsuited {
        /// The variant.
        variant: String,
        /// The model file.
        path: PathBuf,
    },
    /// A model of images that are neither grey nor in colour.
    #[error("the model in {} takes images of {channels} channels, not of 1 or 3", path.display())]
    Channels {
        /// The model file.
        path: PathBuf,
        /// What it takes.
        channels: i64,
    },
    /// A picture or mask that cannot be read.
    #[error(transparent)]
    Picture(#[from] DataError),
    /// A model that has to be told where the picture is damaged.
    #[error(
        "the model undoes `{0}` and has to be told where; give --mask, a picture of the same size that is white where \
         pixels are lost"
    )]
    NoMask(&'static str),
    /// A mask for a model that finds the damage by itself.
    #[error("the model undoes `{0}`, whose place it finds by itself; leave out --mask")]
    MaskNotNeeded(&'static str),
    /// A model that has to be told the direction of a blur.
    #[error(
        "the model undoes `{0}` and has to be told its direction; give --angle, in degrees clockwise from the horizontal"
    )]
    NoAngle(&'static str),
    /// A direction that is none.
    #[error("{0} is no direction; give --angle in degrees, such as 30")]
    Angle(f64),
    /// A direction for a model that does not take one.
    #[error("the model undoes `{0}`, and is not told a direction; leave out --angle")]
    AngleNotNeeded(&'static str),
    /// A mask of another size.
    #[error(
        "the mask {} is {}x{}, but the picture is {}x{} (height x width); give a mask of the same size",
        path.display(), got[0], got[1], expected[0], expected[1]
    )]
    MaskSize {
        /// The mask.
        path: PathBuf,
        /// Its height and width.
        got: [i64; 2],
        /// Those of the picture.
        expected: [i64; 2],
    },
    /// A mask without a white pixel.
    #[error("the mask {} has no white pixel, so there is nothing to restore", .0.display())]
    NothingLost(PathBuf),
    /// A side of tiles out of range.
    #[error("a tile cannot have a side of {0} pixels; choose --tile between 1 and {MAX_TILE}")]
    Tile(i64),
    /// The restored picture cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The restored picture cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model cannot be computed.
    #[error(transparent)]
    Compute(#[from] ModelError),
}

impl RestoreError {
    /// Whether the user's arguments or files are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        use RestoreError::{Compute, File, Model, Report};
        !matches!(self, Model(_) | Report(_) | File(_) | Compute(_))
    }
}

/// Restores a picture, and writes it as PNG. A model of grey images restores each channel of a colour picture; a model of
/// colour images sees a grey picture in all three channels. A model of small pictures gives one that is larger along
/// each side by the factor that it was trained for.
///
/// # Errors
/// A file that holds no model that restores, a picture or mask that cannot be read, a mask that is missing, not needed or of
/// another size, or a result that cannot be written. See [`RestoreError`].
pub fn restore(wish: &Wish, device: Device) -> Result<Restored, RestoreError> {
    if !(1..=MAX_TILE).contains(&wish.tile) {
        return Err(RestoreError::Tile(wish.tile));
    }
    files::check_writable(&wish.out)?;
    let path = RunDir::model_at(&wish.model);
    let PortableModel { model, metadata } = PortableModel::load::<ModelConfig>(&path, device)?;
    let restorer = model.as_restorer().ok_or_else(|| RestoreError::Unsuited {
        variant: metadata.model.name().into(),
        path: path.clone(),
    })?;
    let channels = metadata.shape.first().copied().unwrap_or(0);
    if channels != 1 && channels != 3 {
        return Err(RestoreError::Channels { path, channels });
    }
    let picture = picture(&wish.picture)?;
    let is_colour = picture.dim().0 == 3;
    let lost = lost(wish, restorer, &picture)?;
    let kernel = kernel(wish, restorer)?;
    let (result, tiles) = limits::guarded(|| {
        let mut damaged = prepared(restorer, picture, lost, channels, device);
        let size = [damaged.images.size()[0], -1, -1];
        damaged.kernels = kernel.map(|kernel| kernel.to_device(device).expand(size, false));
        let tiles = Tiles::of(restorer, &damaged.images, wish.tile);
        let restored = tiles.restore(restorer, &damaged).clamp(0.0, 1.0);
        let [_, _, height, width] = restored.size()[..] else { panic!("restored images are [B, C, H, W]") };
        let restored = match (channels, is_colour) {
            (3, false) => restored.mean_dim([1i64].as_slice(), true, Kind::Float),
            _ => restored.reshape([1, -1, height, width]),
        };
        (restored, tiles.count())
    })?;
    let [_, _, height, width] = result.size()[..] else { panic!("restored images are [B, C, H, W]") };
    pictures::image(&wish.out, array::to_images(&result).index_axis(ndarray::Axis(0), 0))?;
    Ok(Restored { size: [height, width], tiles, damage: restorer.corruption().name() })
}

/// 1 where the picture is lost, `[1, 1, H, W]`, if the model has to be told.
fn lost(
    wish: &Wish,
    restorer: &dyn Restorer,
    original: &Array3<f32>,
) -> Result<Option<Tensor>, RestoreError> {
    let corruption = restorer.corruption();
    let path = match (corruption.tells_place(), &wish.mask) {
        (false, None) => return Ok(None),
        (false, Some(_)) => return Err(RestoreError::MaskNotNeeded(corruption.name())),
        (true, None) => return Err(RestoreError::NoMask(corruption.name())),
        (true, Some(path)) => path,
    };
    let mask = array::from_array(picture(path)?);
    let lost = mask.mean_dim([0i64].as_slice(), false, Kind::Float).gt(IS_LOST);
    let (_, height, width) = original.dim();
    let (got, expected) = ([lost.size()[0], lost.size()[1]], [height as i64, width as i64]);
    if got != expected {
        return Err(RestoreError::MaskSize { path: path.clone(), got, expected });
    }
    if !lost.any().int64_value(&[]).is_positive() {
        return Err(RestoreError::NothingLost(path.clone()));
    }
    Ok(Some(lost.to_kind(Kind::Float).view([1, 1, got[0], got[1]])))
}

/// The kernel of the picture's blur, `[1, K, K]`, if the model has to be told.
fn kernel(wish: &Wish, restorer: &dyn Restorer) -> Result<Option<Tensor>, RestoreError> {
    let corruption = restorer.corruption();
    let takes_angle = restorer.is_told_kernels() && corruption.has_direction();
    let angle = match (takes_angle, wish.angle) {
        (true, None) => return Err(RestoreError::NoAngle(corruption.name())),
        (false, Some(_)) => return Err(RestoreError::AngleNotNeeded(corruption.name())),
        (true, Some(angle)) if !angle.is_finite() => return Err(RestoreError::Angle(angle)),
        (_, angle) => angle.unwrap_or(0.0).to_radians(),
    };
    Ok(restorer.is_told_kernels().then(|| corruption.kernel(angle, Device::Cpu)).flatten())
}

/// The picture as the model takes it, `[B, C, H, W]`, and where it is whole.
fn prepared(
    restorer: &dyn Restorer,
    picture: Array3<f32>,
    lost: Option<Tensor>,
    channels: i64,
    device: Device,
) -> Damaged {
    let picture = array::from_array(picture).to_device(device);
    let images = match channels {
        1 => picture.unsqueeze(1),                                // each channel is an image
        _ => picture.unsqueeze(0).expand([-1, 3, -1, -1], false), // a grey one is repeated
    };
    let corruption = restorer.corruption();
    let images = match lost {
        Some(lost) => {
            let size = [images.size()[0], 1, images.size()[2], images.size()[3]];
            return corruption.lose(&images, &lost.to_device(device).expand(size, false));
        }
        None if corruption.factor() > 1 => enlarge(&images.contiguous(), corruption.factor()).clamp(0.0, 1.0),
        None => images.contiguous(),
    };
    Damaged { images, whole: None, kernels: None }
}

/// An image in tiles that overlap by as much as a restored pixel depends on, so that no seam is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiles {
    height: i64,
    width: i64,
    /// Side of a tile without its margin; a multiple of the model's grid.
    side: i64,
    margin: i64,
}

impl Tiles {
    /// Tiles of about `side` pixels for images `[B, C, H, W]`.
    pub(crate) fn of(restorer: &dyn Restorer, images: &Tensor, side: i64) -> Self {
        let grid = restorer.grid();
        let whole = |pixels: i64| (pixels + grid - 1) / grid * grid;
        let (height, width) = (images.size()[2], images.size()[3]);
        Tiles { height, width, side: whole(side), margin: whole(restorer.reach()) }
    }

    fn along(side: i64, whole: i64) -> impl Iterator<Item = i64> + Clone {
        (0..whole).step_by(side as usize)
    }

    fn count(&self) -> usize {
        Self::along(self.side, self.height).count() * Self::along(self.side, self.width).count()
    }

    /// The restored images, as if they were restored as a whole.
    pub(crate) fn restore(&self, restorer: &dyn Restorer, damaged: &Damaged) -> Tensor {
        let whole = damaged.whole.as_ref();
        tch::no_grad(|| {
            let start = restorer.start(damaged);
            let rows: Vec<Tensor> = Self::along(self.side, self.height)
                .map(|top| {
                    let tiles: Vec<Tensor> = Self::along(self.side, self.width)
                        .map(|left| self.tile(restorer, &start, whole, [top, left]))
                        .collect();
                    Tensor::cat(&tiles, 3)
                })
                .collect();
            Tensor::cat(&rows, 2)
        })
    }

    /// The restored tile that begins at this row and column, without its margin.
    fn tile(
        &self,
        restorer: &dyn Restorer,
        start: &Tensor,
        whole: Option<&Tensor>,
        [top, left]: [i64; 2],
    ) -> Tensor {
        // Where the margined tile begins, how long it is, and where the tile begins in it and how long that is.
        let cut = |start: i64, end: i64| {
            let from = (start - self.margin).max(0);
            let to = (start + self.side + self.margin).min(end);
            (from, to - from, start - from, self.side.min(end - start))
        };
        let (down, across) = (cut(top, self.height), cut(left, self.width));
        let part = |t: &Tensor| t.narrow(2, down.0, down.1).narrow(3, across.0, across.1);
        let restored = restorer.refine(&part(start), whole.map(part).as_ref());
        restored.narrow(2, down.2, down.3).narrow(3, across.2, across.3)
    }
}

#[cfg(test)]
#[path = "restoring_tests.rs"]
mod tests;
