/** What a few rows say of a feature: where its axis begins and ends, and what it is held at. */

/** The part of the rows that an axis leaves out on each side, so that one far row does not squeeze the others. */
const OUTSIDE = 0.002;
/** What is added to an axis on each side, as a part of it. */
const MARGIN = 0.15;

/**
 * One column of rows, in ascending order.
 *
 * @param {Float32Array | Float64Array} rows `[rows, width]`
 * @param {number} width
 * @param {number} column
 * @returns {Float64Array}
 */
export function sortedColumn(rows, width, column) {
  return Float64Array.from({ length: rows.length / width }, (_, row) => rows[row * width + column]).sort();
}

/**
 * A quantile, linear between the rows.
 *
 * @param {Float64Array} sorted at least one
 * @param {number} part 0 to 1
 */
export function quantile(sorted, part) {
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** @param {Float64Array} sorted at least one */
export function mean(sorted) {
  return sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
}

/**
 * The range that shows a column.
 *
 * @param {Float64Array} sorted at least one
 * @param {number} scale standard deviation, for a column of one value
 * @returns {[number, number]}
 */
export function span(sorted, scale) {
  const low = quantile(sorted, OUTSIDE);
  const high = quantile(sorted, 1 - OUTSIDE);
  const margin = high > low ? MARGIN * (high - low) : 3 * scale;
  return [low - margin, high + margin];
}
