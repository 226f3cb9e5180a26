//! Convolutions of images, in their fastest memory layout.

use ae_tensor::{Device, Tensor};

/// `[B, C, H, W]` convolved with `parameters`, a weight `[O, C, K, K]` and a bias `[O]`.
pub(super) fn convolve(x: &Tensor, parameters: &[Tensor], stride: i64, padding: i64) -> Tensor {
    let pair = |n: i64| [n, n];
    channels_last(x).conv2d(&parameters[0], Some(&parameters[1]), pair(stride), pair(padding), pair(1), 1)
}

/// `[B, C, H, W]` through the transposed convolution with `parameters`, a weight `[C, O, K, K]` and a bias
/// `[O]`.
pub(super) fn convolve_transposed(
    x: &Tensor,
    parameters: &[Tensor],
    stride: i64,
    padding: i64,
    output_padding: [i64; 2],
) -> Tensor {
    let pair = |n: i64| [n, n];
    let mut y = channels_last(x).conv_transpose2d(
        &parameters[0],
        None::<&Tensor>,
        pair(stride),
        pair(padding),
        output_padding,
        1,
        pair(1),
    );
    // Added separately: oneDNN has a bias only in its reference loops, which take longer than this and its
    // gradient.
    y += parameters[1].view([-1, 1, 1]);
    y
}

/// The same values `[B, C, H, W]`, on a CPU with the channels of a pixel adjacent in memory. The layers after
/// it keep that layout, so a network pays for at most one copy, and training takes half to three quarters of
/// the time. Images of one channel are left as they are: their layouts are the same.
fn channels_last(x: &Tensor) -> Tensor {
    match x.device() {
        Device::Cpu => x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => x.shallow_clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Noise;

    #[test]
    fn the_layout_stays_and_changes_no_value() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let [x, weight, bias] =
            [&[5, 3, 9, 8][..], &[4, 3, 3, 3], &[4]].map(|size| noise.normal("draw", size));
        let last = channels_last(&x);
        assert_eq!(last, x);
        assert_eq!(last.stride(), [3 * 9 * 8, 1, 3 * 8, 3]);
        let parameters = [weight, bias];
        let close =
            |ours: &Tensor, plain: &Tensor| assert!((ours - plain).abs().max().double_value(&[]) < 1e-5);

        let down = convolve(&x, &parameters, 2, 1);
        close(&down, &x.conv2d(&parameters[0], Some(&parameters[1]), [2, 2], [1, 1], [1, 1], 1));
        assert_eq!(down.stride()[1], 1, "the next layer would copy");
        assert_eq!(channels_last(&down).data_ptr(), down.data_ptr());

        let parameters = [parameters[0].shallow_clone(), noise.normal("bias", &[3])];
        let up = convolve_transposed(&down, &parameters, 2, 1, [0, 1]);
        let plain =
            down.conv_transpose2d(&parameters[0], Some(&parameters[1]), [2, 2], [1, 1], [0, 1], 1, [1, 1]);
        close(&up, &plain);
        assert_eq!(up.size(), x.size());
    }
}
