/**
 * Colours of the heat map: a straight line in OKLab, so that equal steps of density look equal.
 * https://bottosson.github.io/posts/oklab/
 */

/** @typedef {readonly [lightness: number, a: number, b: number]} OkLab */

export const STEPS = 256;

/** Each ramp begins at the colour of the plot's ground in style.css. */
export const RAMPS = {
  light: [oklch(0.968, 0.006, 107), oklch(0.8, 0.085, 264), oklch(0.4, 0.17, 264)],
  dark: [oklch(0.226, 0.012, 264), oklch(0.44, 0.14, 264), oklch(0.78, 0.11, 264)],
};

/**
 * A table of colours through given stops.
 *
 * @param {readonly OkLab[]} stops two or more
 * @returns {Uint8ClampedArray} `[STEPS, 4]`, sRGB and opacity
 */
export function ramp(stops) {
  const table = new Uint8ClampedArray(4 * STEPS);
  for (let step = 0; step < STEPS; step++) {
    const place = (step / (STEPS - 1)) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const [from, to] = [stops[first], stops[first + 1]];
    const mixed = from.map((value, axis) => value + (place - first) * (to[axis] - value));
    table.set([...toSrgb(/** @type {any} */ (mixed)), 255], 4 * step);
  }
  return table;
}

/**
 * @param {number} lightness 0 to 1
 * @param {number} chroma
 * @param {number} hue degrees
 * @returns {OkLab}
 */
function oklch(lightness, chroma, hue) {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/**
 * @param {OkLab} colour
 * @returns {number[]} red, green and blue, 0 to 255
 */
export function toSrgb([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
}
