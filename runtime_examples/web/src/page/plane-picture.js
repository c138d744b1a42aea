/** Two features: the density as a heat map, the others held at the point. */

import { Frame } from "./frame.js";
import { latest } from "./latest.js";
import { paintDensity, paintDots } from "./paint.js";
import { gridRows } from "./plane.js";

/** @typedef {import("./state.js").State} State */

/** Cells an axis, ever finer. */
const LEVELS = [32, 64, 128, 256];
/** Milliseconds: a level that takes longer is the last. */
const PATIENCE = 250;
/** Numbers in the rows of a grid, so that many features do not fill the memory. */
const MOST_NUMBERS = 2 ** 22;

export class PlanePicture {
  /**
   * @param {HTMLElement} container
   * @param {State} state
   * @param {() => void} onPoint after the point has moved
   * @param {(error: unknown) => void} onError
   */
  constructor(container, state, onPoint, onError) {
    this.state = state;
    this.features = { across: 0, up: 1 };
    this.logProb = new Float32Array(0);
    this.cells = 0;
    const move = (/** @type {number} */ x, /** @type {number} */ y) => {
      state.point[this.features.across] = x;
      state.point[this.features.up] = y;
      onPoint();
    };
    this.frame = new Frame(container, "The density over two features", move, () => this.paint());
    this.density = latest((signal) => this.#compute(signal), onError);
  }

  close() {
    this.density.stop();
    this.frame.close();
  }

  /** The features that can be read off the picture, in the order of its axes. */
  get axes() {
    return [this.features.across, this.features.up];
  }

  /**
   * @param {number} across
   * @param {number} up
   */
  setFeatures(across, up) {
    this.features = { across, up };
    const { state, frame } = this;
    frame.setRanges(state.range(across), state.range(up));
    frame.surface.setAttribute("aria-label", `The density over ${state.names[across]} and ${state.names[up]}`);
    this.showPoint();
  }

  /** Draws the density anew: the context, or what is held, has changed. */
  async showDensity() {
    await this.density.run();
  }

  showPoint() {
    this.frame.setCursor(this.state.point[this.features.across], this.state.point[this.features.up]);
  }

  paint() {
    if (this.cells > 0) {
      paintDensity(this.frame, this.logProb, this.cells);
    }
    this.showSamples();
  }

  showSamples() {
    const { width, samples } = this.state;
    const column = (/** @type {number} */ feature) => samples.data.filter((_, index) => index % width === feature);
    paintDots(this.frame, column(this.features.across), column(this.features.up));
  }

  /** @param {AbortSignal} signal */
  async #compute(signal) {
    const { model, point, width } = this.state;
    const held = point.slice();
    const { across, up } = this.features;
    for (const cells of LEVELS.filter((cells) => cells === LEVELS[0] || cells * cells * width <= MOST_NUMBERS)) {
      const begun = performance.now();
      const axis = (/** @type {number} */ feature) => ({ feature, cells, ...this.state.range(feature) });
      const rows = this.state.rows(gridRows(held, axis(across), axis(up)));
      const logProb = await model.logProb(rows, this.state.context, signal);
      signal.throwIfAborted();
      Object.assign(this, { logProb, cells });
      paintDensity(this.frame, logProb, cells);
      if (performance.now() - begun > PATIENCE) {
        return;
      }
    }
  }
}
