/** What the scores of a table are like: how they are spread, and its least likely rows. */

import { byId, grouped, make, say } from "./elements.js";
import { svg } from "./frame.js";
import { shortScore, ticks, toPixel, withMinus } from "./scale.js";
import { quantile } from "./statistics.js";

const LOWEST = 5;
const BARS = 40;
/** The part of the reference rows below the threshold. */
const FRACTION = 0.01;
const SIZE = { width: 420, height: 170, bottom: 26 };
/** What the picture leaves out at its low end, so that one far row does not squeeze the others. */
const OUTSIDE = 0.005;

/** @typedef {{log_prob_quantiles: number[]} | null} Reference */

/**
 * @param {Float64Array} scores log_prob of each row, in their order
 * @param {(score: number) => number} percentile
 * @param {Reference} reference
 */
export function showScores(scores, percentile, reference) {
  const finite = scores.filter(Number.isFinite).sort();
  byId("score-picture", HTMLElement).hidden = finite.length === 0;
  byId("score-lowest", HTMLElement).hidden = scores.length === 0;
  const threshold = reference === null ? null : quantile(Float64Array.from(reference.log_prob_quantiles), FRACTION);
  if (finite.length > 0) {
    byId("score-histogram", HTMLElement).replaceChildren(histogram(finite, threshold));
  }
  say("score-threshold", threshold === null ? "" : belowThreshold(scores, threshold));
  const rows = lowest(scores).map((row) => {
    const cells = [grouped(row + 1), shortScore(scores[row])];
    const rank = reference === null ? "–" : percentile(scores[row]).toFixed(2);
    return make(
      "tr",
      {},
      [...cells, rank].map((text) => make("td", {}, [text])),
    );
  });
  const table = /** @type {HTMLTableElement} */ (byId("score-lowest", HTMLElement).querySelector("table"));
  table.tBodies[0].replaceChildren(...rows);
}

/** Takes the picture and the rows of another table away. */
export function forgetScores() {
  byId("score-picture", HTMLElement).hidden = true;
  byId("score-lowest", HTMLElement).hidden = true;
}

/**
 * The rows of the lowest scores, the lowest first.
 *
 * @param {Float64Array} scores
 */
export function lowest(scores) {
  /** @type {number[]} */
  const found = [];
  for (let row = 0; row < scores.length; row++) {
    const place = found.findIndex((other) => scores[row] < scores[other]);
    if (place >= 0 || found.length < LOWEST) {
      found.splice(place < 0 ? found.length : place, 0, row);
      found.length = Math.min(found.length, LOWEST);
    }
  }
  return found;
}

/**
 * @param {Float64Array} scores
 * @param {number} threshold
 */
function belowThreshold(scores, threshold) {
  const below = scores.reduce((count, score) => count + Number(score < threshold), 0);
  const part = withMinus(((100 * below) / Math.max(scores.length, 1)).toFixed(1));
  return (
    `${grouped(below)} of ${grouped(scores.length)} rows (${part} %) are below the line at ` +
    `${shortScore(threshold)}, as 1 % of the reference rows are.`
  );
}

/**
 * @param {Float64Array} sorted finite, in ascending order
 * @param {number | null} threshold
 */
function histogram(sorted, threshold) {
  const first = Math.min(quantile(sorted, OUTSIDE), threshold ?? Infinity);
  const last = sorted[sorted.length - 1];
  const margin = 0.05 * (last - first) || 1;
  const [low, high] = [first - margin, last + margin];
  const counts = new Float64Array(BARS);
  for (const score of sorted) {
    const bar = Math.floor(((score - low) / (high - low)) * BARS);
    // What lies further out is counted in the first bar.
    counts[Math.max(bar, 0)]++;
  }
  const { width, height, bottom } = SIZE;
  const axis = { low, high, start: 0, stop: width };
  const tall = (height - bottom - 14) / Math.max(...counts);
  const floor = height - bottom;
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": "Histogram of log_prob over the rows of the table",
  });
  for (let bar = 0; bar < BARS; bar++) {
    const at = { x: (bar * width) / BARS + 0.5, width: width / BARS - 1, height: counts[bar] * tall };
    picture.append(svg("rect", { class: "bar", y: floor - at.height, ...at }));
  }
  picture.append(svg("path", { class: "axis", d: `M0 ${floor}H${width}` }));
  const { values, text } = ticks(low, high, 6);
  values.forEach((value, index) => {
    picture.append(label(toPixel(axis, value), height - 8, text[index]));
  });
  if (threshold !== null) {
    const x = toPixel(axis, threshold);
    picture.append(svg("path", { class: "threshold", d: `M${x} 14V${floor}` }));
    picture.append(label(Math.min(Math.max(x, 40), width - 40), 10, "lowest 1 %"));
  }
  return picture;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 */
function label(x, y, content) {
  const element = svg("text", { x, y, "text-anchor": "middle" });
  element.textContent = content;
  return element;
}
