/** What lies on the canvases: a density, samples, a curve. */

import { RAMPS, ramp, STEPS } from "./colour.js";
import { peak } from "./plane.js";
import { toPixel } from "./scale.js";

/** @typedef {import("./frame.js").Frame} Frame */

/** The heat map shows this root of the density, so that its slopes can be seen beside its peak. */
const ROOT = 2;
const DOT_RADIUS = 1.5;
const TABLES = { light: ramp(RAMPS.light), dark: ramp(RAMPS.dark) };
const DARK = "(prefers-color-scheme: dark)";

/**
 * Log-densities of a grid as colours.
 *
 * @param {Frame} frame
 * @param {Float32Array | Float64Array} logProb `[cells, cells]`, from the top left
 * @param {number} cells
 */
export function paintDensity(frame, logProb, cells) {
  const table = matchMedia(DARK).matches ? TABLES.dark : TABLES.light;
  const most = peak(logProb);
  const image = new ImageData(cells, cells);
  for (let index = 0; index < logProb.length; index++) {
    const height = Math.exp((logProb[index] - most) / ROOT);
    const step = Math.round((STEPS - 1) * (Number.isFinite(height) ? height : 0));
    image.data.set(table.subarray(4 * step, 4 * step + 4), 4 * index);
  }
  const small = document.createElement("canvas");
  small.width = cells;
  small.height = cells;
  /** @type {CanvasRenderingContext2D} */ (small.getContext("2d")).putImageData(image, 0, 0);
  const { across, up } = frame;
  const context = frame.context(frame.ground);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, across.start, up.stop, across.stop - across.start, up.start - up.stop);
}

/**
 * The colours of a heat map from nothing to its highest density.
 *
 * @param {HTMLCanvasElement} canvas `[STEPS, 1]` pixels
 */
export function paintColours(canvas) {
  const table = matchMedia(DARK).matches ? TABLES.dark : TABLES.light;
  const image = new ImageData(STEPS, 1);
  image.data.set(table);
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
}

/**
 * Samples as dots; those outside the picture are left out.
 *
 * @param {Frame} frame
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number> | null} ys null puts them on the axis, as short lines
 */
export function paintDots(frame, xs, ys) {
  const { across, up } = frame;
  const context = frame.context(frame.dots);
  context.fillStyle = getComputedStyle(frame.container).color;
  context.globalAlpha = opacity(xs.length);
  for (let index = 0; index < xs.length; index++) {
    const x = toPixel(across, xs[index]);
    const y = ys === null ? up.start : toPixel(up, ys[index]);
    if (x >= across.start && x <= across.stop && y >= up.stop && y <= up.start) {
      context.beginPath();
      if (ys === null) {
        context.rect(x - 0.5, y - 10, 1, 10);
      } else {
        context.arc(x, y, DOT_RADIUS, 0, 2 * Math.PI);
      }
      context.fill();
    }
  }
}

/**
 * Many dots are each fainter, so that they do not hide the density.
 *
 * @param {number} count
 */
function opacity(count) {
  return Math.min(0.6, Math.max(0.12, 20 / Math.sqrt(count)));
}

/**
 * A density over one feature.
 *
 * @param {Frame} frame
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} densities
 * @param {string} colour
 */
export function paintCurve(frame, xs, densities, colour) {
  const { across, up } = frame;
  const context = frame.context(frame.ground);
  context.beginPath();
  for (let index = 0; index < xs.length; index++) {
    context.lineTo(toPixel(across, xs[index]), toPixel(up, densities[index]));
  }
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.lineTo(across.stop, up.start);
  context.lineTo(across.start, up.start);
  context.globalAlpha = 0.12;
  context.fillStyle = colour;
  context.fill();
}
