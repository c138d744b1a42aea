/** Numbers to pixels and back, and the round numbers along an axis. */

/**
 * An axis: a range of the data over a range of pixels.
 *
 * @typedef {object} Axis
 * @property {number} low
 * @property {number} high
 * @property {number} start pixel of `low`
 * @property {number} stop pixel of `high`
 */

/**
 * @param {Axis} axis
 * @param {number} value
 */
export function toPixel({ low, high, start, stop }, value) {
  return start + ((value - low) / (high - low)) * (stop - start);
}

/**
 * @param {Axis} axis
 * @param {number} pixel
 */
export function toValue({ low, high, start, stop }, pixel) {
  return low + ((pixel - start) / (stop - start)) * (high - low);
}

/**
 * Round numbers in a range: 1, 2 or 5 times a power of ten apart.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most how many may be there
 * @returns {{values: number[], text: string[]}}
 */
export function ticks(low, high, most) {
  const least = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
  const values = [];
  for (let index = Math.ceil(low / step); index * step <= high; index++) {
    values.push(index * step);
  }
  const decimals = Math.min(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0), 12);
  const large = Math.max(Math.abs(low), Math.abs(high)) >= 1e6 || step < 1e-6;
  return {
    values,
    text: values.map((value) => withMinus(large ? value.toExponential(2) : value.toFixed(decimals))),
  };
}

/** Digits that a field shows: enough to tell two pixels of any picture apart. */
const DIGITS = 6;

/**
 * A number as a field shows it.
 *
 * @param {number} value
 */
export function shortText(value) {
  return String(Number(value.toPrecision(DIGITS)));
}

/**
 * The float32 of what a field shows, so that what can be read off the page is what was computed.
 *
 * @param {number} value
 */
export function shown(value) {
  return Math.fround(Number(shortText(value)));
}

/**
 * A number's text with a minus sign instead of a hyphen, and none for zero.
 *
 * @param {string} text
 */
export function withMinus(text) {
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replaceAll("-", "−");
}

/** A log_prob beyond this is shown by its power of ten. */
const LARGE = 1e5;

/**
 * A log_prob as it is read: two digits behind the point tell densities a hundredth apart.
 *
 * @param {number} score
 */
export function shortScore(score) {
  if (!Number.isFinite(score)) {
    return score < 0 ? "−∞" : String(score);
  }
  return withMinus(Math.abs(score) < LARGE ? score.toFixed(2) : score.toExponential(2));
}
