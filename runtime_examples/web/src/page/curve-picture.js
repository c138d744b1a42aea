/** One feature: the density as a curve. */

import { Frame } from "./frame.js";
import { latest } from "./latest.js";
import { paintCurve, paintDots } from "./paint.js";
import { gridRows, midpoint } from "./plane.js";

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
    this.axis = { feature: 0, cells: CELLS, ...state.range(0) };
    this.xs = Float64Array.from({ length: CELLS }, (_, cell) => midpoint(this.axis, cell));
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
    this.frame.setCursor(point[0], this.densities[nearest < 0 ? CELLS - 1 : nearest] ?? 0);
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
    if (!this.state.model.holds("log_prob")) {
      this.densities = new Float64Array(CELLS);
      this.frame.setRanges(this.axis, { name: "", low: 0, high: 1 });
      this.paint();
      return;
    }
    const rows = this.state.rows(gridRows(new Float32Array(1), this.axis, null));
    const logProb = await this.state.model.logProb(rows, this.state.context, signal);
    signal.throwIfAborted();
    this.densities = Float64Array.from(logProb, Math.exp);
    const most = this.densities.reduce((a, b) => (b > a && b < Infinity ? b : a), 0);
    this.frame.setRanges(this.axis, { name: "density", low: 0, high: HEADROOM * most || 1 });
    this.showPoint();
    this.paint();
  }
}
