//! The methods for cleaning damaged images.

use ae_tensor::{Kind, Pca, Tensor};

/// The numbers of components that PCA may keep.
const COMPONENTS: [i64; 8] = [4, 8, 16, 32, 64, 128, 256, 512];

/// A method for cleaning damaged images.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cleaner {
    Nothing,
    Median,
    Pca,
    /// The preset trained on Gaussian noise.
    Gaussian,
    /// The preset trained on the kind of damage at hand.
    Own,
    /// The model of a run that the user gave, by its name.
    Given(String),
}

impl Cleaner {
    /// Name in the metrics.
    pub(super) fn name(&self) -> &str {
        match self {
            Cleaner::Nothing => "damaged",
            Cleaner::Median => "median",
            Cleaner::Pca => "pca",
            Cleaner::Gaussian => "denoising",
            Cleaner::Own => "own",
            Cleaner::Given(name) => name,
        }
    }

    /// Name in tables and pictures.
    pub(super) fn title(&self) -> &str {
        match self {
            Cleaner::Nothing => "damaged",
            Cleaner::Median => "median 3×3",
            Cleaner::Pca => "PCA",
            Cleaner::Gaussian => "denoising",
            Cleaner::Own => "matched",
            Cleaner::Given(name) => name,
        }
    }
}

/// The number of components with which PCA brings damaged images closest to the clean ones.
pub(super) fn best_components(pca: &Pca, clean: &Tensor, damaged: &Tensor) -> i64 {
    let error = |components: i64| {
        let cleaned = pca.reconstruct(damaged, components).clamp(0.0, 1.0);
        (cleaned - clean).square().mean(Kind::Double).double_value(&[])
    };
    let candidates = COMPONENTS.into_iter().filter(|&components| components <= pca.most());
    let errors = candidates.map(|components| (error(components), components));
    errors.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1, |(_, components)| components)
}

/// A 3×3 median filter on images `[B, C, H, W]`; border pixels are repeated, as in
/// `scipy.ndimage.median_filter`.
pub(crate) fn median(images: &Tensor) -> Tensor {
    let (height, width) = (images.size()[2], images.size()[3]);
    let padded = images.replication_pad2d([1, 1, 1, 1]);
    let shifted: Vec<Tensor> =
        (0..9).map(|i| padded.narrow(2, i / 3, height).narrow(3, i % 3, width)).collect();
    Tensor::stack(&shifted, 0).median_dim(0, false).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Noise, array};

    #[test]
    fn the_median_is_that_of_the_neighbourhood() {
        let image = Tensor::from_slice(&[1f32, 2.0, 9.0, 4.0, 5.0, 6.0, 7.0, 8.0, 3.0]).view([1, 1, 3, 3]);
        // scipy.ndimage.median_filter(image, size=3), mode "reflect", which repeats the border once.
        let expected = [2.0, 4.0, 6.0, 4.0, 5.0, 6.0, 7.0, 6.0, 5.0];
        assert_eq!(array::to_vec(&median(&image)), expected);
    }

    #[test]
    fn more_noise_leaves_fewer_components() {
        let noise = Noise::new(0, 0, ae_tensor::Device::Cpu);
        let rows = noise.normal("plane", &[200, 3]).matmul(&noise.normal("axes", &[3, 40])) * 0.02 + 0.5;
        let rows = (rows + noise.normal("fine", &[200, 40]) * 0.01).view([200, 1, 5, 8]);
        let pca = Pca::fit(&rows);
        let best =
            |std: f64| best_components(&pca, &rows, &(&rows + noise.normal("damage", &rows.size()) * std));
        assert_eq!(best(0.0), 32, "the largest candidate");
        assert_eq!(best(0.05), 4);
    }
}
