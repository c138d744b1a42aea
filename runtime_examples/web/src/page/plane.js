/** Rows of a grid over one or two features, the others held. */

/**
 * The midpoints of a grid, row by row from the top of the picture, left to right.
 *
 * @param {Float32Array | Float64Array} held `[features]`, what the others stay at
 * @param {{feature: number, low: number, high: number, cells: number}} across
 * @param {{feature: number, low: number, high: number, cells: number} | null} up null for one feature only
 * @returns {Float32Array | Float64Array} `[cells, features]`
 */
export function gridRows(held, across, up) {
  const width = held.length;
  const lines = up?.cells ?? 1;
  const rows = new Float32Array(lines * across.cells * width);
  let at = 0;
  for (let line = 0; line < lines; line++) {
    for (let column = 0; column < across.cells; column++, at += width) {
      rows.set(held, at);
      rows[at + across.feature] = midpoint(across, column);
      if (up !== null) {
        rows[at + up.feature] = midpoint(up, up.cells - 1 - line);
      }
    }
  }
  return rows;
}

/**
 * @param {{low: number, high: number, cells: number}} axis
 * @param {number} cell
 */
export function midpoint({ low, high, cells }, cell) {
  return low + ((cell + 0.5) / cells) * (high - low);
}

/**
 * The largest of some log-densities, −∞ where there is none that is finite.
 *
 * @param {Float32Array | Float64Array} logProb
 */
export function peak(logProb) {
  let most = -Infinity;
  for (const value of logProb) {
    most = Number.isFinite(value) ? Math.max(most, value) : most;
  }
  return most;
}
