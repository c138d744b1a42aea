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

/** Quantile bins an axis, by which two columns are told to depend on each other. */
const BINS = 6;
/** Columns that are compared in pairs; of more, the first ones. */
const MOST_COLUMNS = 48;

/**
 * The two columns that say most of each other: the largest mutual information, over bins of equal numbers of rows.
 *
 * @param {Float32Array | Float64Array} rows `[rows, width]`
 * @param {readonly Float64Array[]} sorted each column, in ascending order
 * @returns {[number, number]} the first of them comes first
 */
export function mostStructured(rows, sorted) {
  const width = sorted.length;
  const count = rows.length / width;
  const binned = sorted.slice(0, MOST_COLUMNS).map((column, feature) => {
    const edges = Array.from({ length: BINS - 1 }, (_, edge) => quantile(column, (edge + 1) / BINS));
    return Uint8Array.from(
      { length: count },
      (_, row) => edges.filter((edge) => rows[row * width + feature] > edge).length,
    );
  });
  /** @type {[number, number]} */
  let best = [0, Math.min(1, width - 1)];
  let most = -Infinity;
  for (let first = 0; first < binned.length; first++) {
    for (let second = first + 1; second < binned.length; second++) {
      const found = information(binned[first], binned[second]);
      if (found > most + 1e-9) {
        [most, best] = [found, [first, second]];
      }
    }
  }
  return best;
}

/**
 * Mutual information of two binned columns, in nats.
 *
 * @param {Uint8Array} first
 * @param {Uint8Array} second
 */
function information(first, second) {
  const together = new Float64Array(BINS * BINS);
  const [one, two] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (let row = 0; row < first.length; row++) {
    together[first[row] * BINS + second[row]]++;
    one[first[row]]++;
    two[second[row]]++;
  }
  let sum = 0;
  for (let cell = 0; cell < together.length; cell++) {
    if (together[cell] > 0) {
      const expected = (one[Math.floor(cell / BINS)] * two[cell % BINS]) / first.length;
      sum += (together[cell] / first.length) * Math.log(together[cell] / expected);
    }
  }
  return sum;
}

/**
 * The row that comes most often; of several, the first.
 *
 * @param {Float32Array | Float64Array} rows `[rows, width]`
 * @param {number} width
 * @param {readonly number[]} columns those that are looked at
 * @returns {number[]} its values in these columns
 */
export function commonest(rows, width, columns) {
  /** @type {Map<string, {count: number, values: number[]}>} */
  const seen = new Map();
  for (let row = 0; row < rows.length / width; row++) {
    const values = columns.map((column) => rows[row * width + column]);
    const found = seen.get(values.join()) ?? { count: 0, values };
    found.count++;
    seen.set(values.join(), found);
  }
  return [...seen.values()].reduce((a, b) => (b.count > a.count ? b : a)).values;
}
