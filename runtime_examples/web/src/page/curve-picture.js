/** One feature: the density as a curve. */

import { Frame } from "./frame.js";
import { latest } from "./latest.js";
import { paintCurve, paintDots } from "./paint.js";
import { gridRows, MARGINAL, marginal, midpoint } from "./plane.js";

const CELLS = 512;
/** How far the axis goes above the peak. */
const HEADROOM = 1.15;

export class CurvePicture {
  /**
   * @param {HTMLElement} container
   * @param {import("./state.js").State} state
   * @param {() => void} onPoint after the point has moved
   * @param {(error: unknown) => void} onError
   */
  constructor(container, state, onPoint, onError) {
    this.state = state;
    const cells = state.model.holds("log_prob") ? CELLS : MARGINAL.cells;
    this.axis = { feature: 0, cells, ...state.range(0) };
    this.xs = Float64Array.from({ length: cells }, (_, cell) => midpoint(this.axis, cell));
    this.densities = new Float64Array(0);
    const move = (/** @type {number} */ x) => {
      state.point[0] = x;
      onPoint();
    };
    this.frame = new Frame(container, `The density over ${state.names[0]}`, move, () => this.paint());
    this.density = latest((signal) => this.#compute(signal), onError);
  }

  close() {
    this.density.stop();
    this.frame.close();
  }

  get axes() {
    return [0];
  }

  async showDensity() {
    await this.density.run();
  }

  showPoint() {
    const { point } = this.state;
    const nearest = this.xs.findIndex((x) => x >= point[0]);
    this.frame.setCursor(point[0], this.densities[nearest < 0 ? this.axis.cells - 1 : nearest] ?? 0);
  }

  paint() {
    const colour = getComputedStyle(this.frame.container).getPropertyValue("--accent");
    paintCurve(this.frame, this.xs, this.densities, colour);
    this.showSamples();
  }

  showSamples() {
    paintDots(this.frame, this.state.dots ? this.state.samples.data : new Float32Array(0), null);
  }

  /** @param {AbortSignal} signal */
  async #compute(signal) {
    const densities = await (this.state.model.holds("log_prob") ? this.#exact(signal) : this.#sampled(signal));
    signal.throwIfAborted();
    this.densities = densities;
    const most = this.densities.reduce((a, b) => (b > a && b < Infinity ? b : a), 0);
    this.frame.setRanges(this.axis, { name: "density", low: 0, high: HEADROOM * most || 1 });
    this.showPoint();
    this.paint();
  }
  /** @param {AbortSignal} signal */
  async #exact(signal) {
    const { model, context } = this.state;
    const rows = this.state.rows(gridRows(new Float32Array(1), this.axis, null));
    return Float64Array.from(await model.logProb(rows, context, signal), Math.exp);
  }

  /**
   * Of a model that draws samples alone, by many of them.
   *
   * @param {AbortSignal} signal
   */
  async #sampled(signal) {
    const { model, context } = this.state;
    const { data } = await model.sample(MARGINAL.rows, { seed: 0n, context, signal });
    const { low, high, cells } = this.axis;
    const unit = (MARGINAL.rows * (high - low)) / cells;
    return Float64Array.from(marginal(data, 1, this.axis, null), (count) => Math.exp(count) / unit);
  }
}
