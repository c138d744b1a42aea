/** The smallest normal float32. Above it six decimal digits survive the way through a float32 and back. */
const SMALLEST_NORMAL = 2 ** -126;

/**
 * The shortest text that reads back the same float32; infinities and NaN as `inf`, `-inf` and `nan`.
 *
 * @param {number} value a float32
 * @returns {string}
 */
export function formatFloat32(value) {
  if (!Number.isFinite(value) || value === 0) {
    return formatFloat64(value);
  }
  // Any shorter text of a normal number is its six digits without their zeros, so the search starts there.
  for (let digits = Math.abs(value) < SMALLEST_NORMAL ? 1 : 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) {
      return formatFloat64(rounded);
    }
  }
  return formatFloat64(Number(value.toPrecision(9)));
}

/**
 * The shortest text that reads back the same number of a model's type.
 *
 * @param {number} value
 * @param {{dtype: string}} manifest
 */
export function formatNumber(value, { dtype }) {
  return dtype === "float64" ? formatFloat64(value) : formatFloat32(value);
}

/**
 * The shortest text that reads back the same float64.
 *
 * @param {number} value
 * @returns {string}
 */
export function formatFloat64(value) {
  if (Number.isFinite(value)) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
