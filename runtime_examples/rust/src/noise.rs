//! The noise behind every sample: Philox4x32-10 and Box–Muller, the same numbers in every language.
//!
//! Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 3.3.

use std::f64::consts::PI;

/// 2³², the number of values of a word.
const WORDS: f64 = 4_294_967_296.0;

/// Ten rounds of Philox: four words of noise for a counter and a key.
///
/// ```
/// let words = flowbundle::philox4x32([0; 4], [0; 2]);
/// assert_eq!(words, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let (high0, low0) = product(0xD251_1F53, counter[0]);
        let (high1, low1) = product(0xCD9E_8D57, counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// Standard normals number `start` … `start + count − 1` of a seed; none is larger than 6.66.
///
/// Any part of the stream can be had alone: it is numbered, not drawn in turn.
///
/// ```
/// let all = flowbundle::normals(7, 0, 10);
/// assert_eq!(flowbundle::normals(7, 6, 4), all[6..]);
/// ```
pub fn normals(seed: u64, start: u64, count: usize) -> Vec<f32> {
    let skipped = (start % 4) as usize;
    let blocks = (skipped + count).div_ceil(4) as u64;
    let mut stream: Vec<f32> = (0..blocks).flat_map(|block| block_of(seed, start / 4 + block)).collect();
    stream.truncate(skipped + count);
    stream.drain(..skipped);
    stream
}

/// Normals 4 · `block` … 4 · `block` + 3 of a seed.
fn block_of(seed: u64, block: u64) -> [f32; 4] {
    let [u0, v0, u1, v1] =
        philox4x32([block as u32, (block >> 32) as u32, 0, 0], [seed as u32, (seed >> 32) as u32]);
    let ([a, b], [c, d]) = (pair(u0, v0), pair(u1, v1));
    [a, b, c, d]
}

/// Two normals of two words (Box–Muller), computed in float64 and rounded once.
fn pair(u: u32, v: u32) -> [f32; 2] {
    let radius = (-2.0 * ((f64::from(u) + 1.0) / WORDS).ln()).sqrt();
    let (sin, cos) = (2.0 * PI * f64::from(v) / WORDS).sin_cos();
    [(radius * cos) as f32, (radius * sin) as f32]
}

/// The high and the low word of a 64-bit product.
fn product(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers() {
        let zero = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
        assert_eq!(philox4x32([0; 4], [0; 2]), zero);
        let counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
        let pi = [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1];
        assert_eq!(philox4x32(counter, [0xa4093822, 0x299f31d0]), pi);
    }

    #[test]
    fn seeds_give_the_known_normals() {
        for (seed, known) in [
            (0, [0.9911377, -0.9246626, -0.61760896, -0.4820686]),
            ((1 << 63) + 5, [0.24326237, 0.01694727, -1.5504903, 0.27301276]),
        ] {
            for (found, known) in normals(seed, 0, 4).into_iter().zip(known) {
                assert!((found - known).abs() <= 2e-7, "seed {seed}: {found}, {known}");
            }
        }
    }

    #[test]
    fn any_part_of_the_stream_can_be_had_alone() {
        let all = normals(u64::MAX, 0, 64);
        for start in 0..9 {
            for count in 0..9 {
                assert_eq!(normals(u64::MAX, start as u64, count), all[start..start + count]);
            }
        }
    }

    #[test]
    fn blocks_are_numbered_by_64_bits() {
        let far = 1 << 34; // block 2³²: the counter's second word
        assert_eq!(normals(0, far, 4), block_of(0, 1 << 32));
        assert_ne!(normals(0, far, 4), normals(0, 0, 4));
        assert_eq!(normals(0, u64::MAX, 1).len(), 1);
    }

    #[test]
    fn the_largest_word_gives_zero_and_the_smallest_the_largest_normal() {
        assert_eq!(pair(u32::MAX, 0), [0.0, 0.0]);
        assert!(pair(0, 0)[0] > 6.66 && pair(0, 0)[0] < 6.67);
    }
}
