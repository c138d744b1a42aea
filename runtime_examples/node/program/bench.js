/** How long a call takes. */

/** Milliseconds until the code is compiled and the processor awake. */
const WARM_UP = 200;
/** Milliseconds of measuring: some thousand calls of one row. */
const MEASURED = 500;

/**
 * The median time of a call.
 *
 * @param {() => Promise<unknown>} call
 * @returns {Promise<number>} µs
 */
export async function medianMicroseconds(call) {
  await timesOf(call, WARM_UP);
  const times = (await timesOf(call, MEASURED)).sort((a, b) => a - b);
  return 1000 * times[Math.floor(times.length / 2)];
}

/**
 * The times of calls, in milliseconds, until so many have passed; at least one.
 *
 * @param {() => Promise<unknown>} call
 * @param {number} duration
 */
async function timesOf(call, duration) {
  const times = [];
  const end = performance.now() + duration;
  for (let start = performance.now(); times.length === 0 || start < end; start = performance.now()) {
    await call();
    times.push(performance.now() - start);
  }
  return times;
}
