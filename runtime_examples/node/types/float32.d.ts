/**
 * The shortest text that reads back the same float32; infinities and NaN as `inf`, `-inf` and `nan`.
 *
 * @param {number} value a float32
 * @returns {string}
 */
export declare function formatFloat32(value: number): string;
/**
 * The shortest text that reads back the same float64.
 *
 * @param {number} value
 * @returns {string}
 */
export declare function formatFloat64(value: number): string;
