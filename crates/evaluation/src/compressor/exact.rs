//! Pictures by a variational autoencoder and bits-back coding: each comes back bit for bit.

use super::{NamedPicture, size_of};
use ae_coding::{BitsBack, CodingError, Container, Values};
use ndarray::Array3;

/// A model that stores pictures of one size.
#[derive(Debug)]
pub(super) struct Exact {
    coder: BitsBack,
    /// `[C, H, W]`.
    shape: [usize; 3],
}

impl Exact {
    /// `None` if the samples of the model are no pictures.
    pub(super) fn new(coder: BitsBack, shape: &[i64]) -> Option<Self> {
        let shape: [i64; 3] = shape.try_into().ok()?;
        Some(Exact { coder, shape: shape.map(|side| side as usize) })
    }

    /// # Errors
    /// Says which picture the model cannot store, and why.
    pub(super) fn encode(&self, pictures: &[NamedPicture]) -> Result<Vec<u8>, String> {
        let images = pictures.iter().map(|picture| self.values(picture)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.coder.encode(&images.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    /// What is stored of a picture.
    fn values(&self, picture: &NamedPicture) -> Result<Vec<u8>, String> {
        let [_, height, width] = self.shape;
        let (name, size) = (&picture.name, size_of(&picture.pixels));
        if size != [height, width] {
            return Err(format!(
                "{name} has {} × {} pixels, but the model stores pictures of {height} × {width} only (height × width)",
                size[0], size[1]
            ));
        }
        let bit = |&pixel: &u8| match pixel {
            0 => Ok(0),
            u8::MAX => Ok(1),
            grey => Err(format!(
                "{name} has a pixel of grey level {grey}, but the model stores black (0) and white (255) only; make the picture \
                 black and white, or train a model of grey levels, such as `ae train vae-levels`"
            )),
        };
        match self.coder.values() {
            Values::Bits => picture.pixels.iter().map(bit).collect(),
            Values::Levels { .. } => Ok(picture.pixels.iter().copied().collect()),
        }
    }

    /// The pictures of a file, in its order.
    pub(super) fn decode(&self, container: &Container) -> Result<Vec<Array3<u8>>, CodingError> {
        let [_, height, width] = self.shape.map(|side| side as u32);
        if !container.pictures.iter().all(|picture| (picture.height, picture.width) == (height, width)) {
            return Err(CodingError::Damaged("its pictures have another size than those of the model"));
        }
        let scale = if self.coder.values() == Values::Bits { u8::MAX } else { 1 };
        let images = self.coder.decode(&container.payload, container.pictures.len())?;
        let picture = |values: Vec<u8>| {
            let picture =
                Array3::from_shape_vec(self.shape, values).expect("the model gives pictures of its shape");
            picture.mapv(|value| value * scale)
        };
        Ok(images.into_iter().map(picture).collect())
    }
}
