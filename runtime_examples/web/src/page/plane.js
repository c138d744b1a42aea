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

/** Cells an axis of a density that is made of samples, and how many these are. */
export const MARGINAL = { cells: 96, rows: 16384 };

/** Times that the counts of a cell are spread over its neighbours: what a bell of this variance does. */
const SPREADS = 4;

/**
 * The density of samples over one or two features, smoothed, as its logarithm up to a constant: that of their number.
 *
 * @param {Float32Array | Float64Array} samples `[rows, width]`
 * @param {number} width
 * @param {{feature: number, low: number, high: number, cells: number}} across
 * @param {{feature: number, low: number, high: number, cells: number} | null} up null for one feature only
 * @returns {Float32Array} `[cells, cells]`, from the top left; `[cells]` for one feature
 */
export function marginal(samples, width, across, up) {
  const { cells } = across;
  const lines = up === null ? 1 : cells;
  let counts = new Float32Array(lines * cells);
  for (let row = 0; row < samples.length; row += width) {
    const column = cellOf(across, samples[row + across.feature]);
    const line = up === null ? 0 : cellOf(up, samples[row + up.feature]);
    if (column >= 0 && column < cells && line >= 0 && line < lines) {
      counts[(lines - 1 - line) * cells + column]++;
    }
  }
  for (let time = 0; time < SPREADS; time++) {
    counts = spread(counts, cells, 1);
    counts = up === null ? counts : spread(counts, cells, cells);
  }
  return counts.map(Math.log);
}

/**
 * @param {{low: number, high: number, cells: number}} axis
 * @param {number} value
 */
function cellOf({ low, high, cells }, value) {
  return Math.floor(((value - low) / (high - low)) * cells);
}

/**
 * A quarter of each cell to either neighbour, along one axis; nothing leaves at the ends.
 *
 * @param {Float32Array} counts `[lines, cells]`
 * @param {number} cells
 * @param {number} step from a cell to its neighbour: 1 along a line, `cells` from line to line
 */
function spread(counts, cells, step) {
  return counts.map((own, index) => {
    const place = Math.floor(index / step) % cells;
    const before = place > 0 ? counts[index - step] : own;
    const after = place < cells - 1 ? counts[index + step] : own;
    return (before + 2 * own + after) / 4;
  });
}
