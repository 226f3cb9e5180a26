//! Tests of moving digits.

use super::*;

/// Two digits: one all white, one of a single white pixel in the upper left corner.
fn digits() -> Vec<u8> {
    let mut digits = vec![255u8; 2 * DIGIT * DIGIT];
    digits[DIGIT * DIGIT + 1..].fill(0);
    digits
}

fn dataset(config: &str, seed: u64) -> MovingDataset {
    let config: DataConfig = toml::from_str(config).unwrap();
    let about = Dataset::of(Samples::empty(0), Samples::empty(0));
    let many: Vec<u8> = digits().repeat(10);
    parts(about, many, digits(), config.resize.map_or(SIDE, |sides| sides[0]), &config, seed)
}

fn sequence(part: &MovingDigits, epoch: u64, index: usize) -> Vec<f32> {
    let mut values = vec![0.0; part.numel()];
    part.make(epoch, index, &mut values);
    values
}

#[test]
fn a_digit_moves_a_tenth_of_the_way_and_bounces() {
    let mut walker = Walker { place: [0.95, 0.5], velocity: [0.06, -0.08] };
    assert_eq!(walker.step(), [36, 15], "set back to the edge: row 36 of 36, column 0.42 · 36");
    assert_eq!(walker.step(), [33, 12], "and away from it");
    let mut walker = Walker { place: [0.5, 0.05], velocity: [0.0, -0.1] };
    assert_eq!((walker.step(), walker.step()), ([18, 0], [18, 3]));
    let mut rng = stream_rng(1, "test", 0);
    for _ in 0..100 {
        let mut walker = Walker::start(&mut rng);
        let [down, right] = walker.velocity;
        assert!((down.hypot(right) - STEP).abs() < 1e-12);
        assert!((0..200).all(|_| walker.step().iter().all(|&place| place <= SIDE - DIGIT)));
    }
}

#[test]
fn digits_overlap_by_the_greater_value_and_frames_shrink_by_means() {
    let mut frame = [0u8; SIDE * SIDE];
    let mut digit = vec![7u8; DIGIT * DIGIT];
    draw(&mut frame, &digit, [0, 0]);
    digit.fill(3);
    draw(&mut frame, &digit, [20, 36]);
    digit.fill(200);
    draw(&mut frame, &digit, [27, 27]);
    let at = |row: usize, column: usize| frame[row * SIDE + column];
    assert_eq!((at(0, 0), at(27, 27), at(20, 36), at(30, 40), at(0, 63)), (7, 200, 3, 200, 0));
    let mut small = vec![0.0; 32 * 32];
    shrink(&frame, 32, &mut small);
    let mean = f32::from(at(26, 26)) + f32::from(at(26, 27)) + f32::from(at(27, 26)) + f32::from(at(27, 27));
    assert!((small[13 * 32 + 13] - mean / 4.0 / 255.0).abs() < 1e-6);
    assert!((small[0] - 7.0 / 255.0).abs() < 1e-6);
}

#[test]
fn training_sequences_are_new_in_every_epoch_and_test_sequences_are_the_same_for_every_seed() {
    let [first, second] = [1, 2].map(|seed| dataset("max_train = 50\nvalidation = 0.1", seed));
    assert_eq!((first.train.len(), first.validation.len(), first.test.len()), (50, 1000, 10_000));
    let train = sequence(&first.train, 0, 3);
    assert_eq!(train, sequence(&first.train, 0, 3));
    assert!(train.iter().all(|value| (0.0..=1.0).contains(value)) && train.iter().any(|&value| value > 0.5));
    for other in [sequence(&first.train, 1, 3), sequence(&first.train, 0, 4), sequence(&second.train, 0, 3)] {
        assert_ne!(train, other);
    }
    assert_eq!(sequence(&first.test, 0, 9), sequence(&second.test, 0, 9));
    assert_ne!(sequence(&first.validation, 0, 9), sequence(&second.validation, 0, 9));
    assert_eq!(first.test.checksum(), second.test.checksum());
    assert_ne!(first.train.checksum(), second.train.checksum());
    // The last tenth of the digits is for validation.
    assert_eq!((first.train.digits.len(), first.validation.digits.len()), (18 * 784, 2 * 784));
    assert_eq!(dataset("", 1).validation.len(), 0);
}

#[test]
fn small_frames_show_the_same_as_large_ones() {
    let [large, small] = ["", "resize = [16, 16]"].map(|config| dataset(config, 1).test);
    let mean = |part: &MovingDigits| sequence(part, 0, 5).iter().sum::<f32>() / part.numel() as f32;
    assert_eq!(small.numel(), 20 * 256);
    assert!((mean(&large) - mean(&small)).abs() < 1e-5);
}
