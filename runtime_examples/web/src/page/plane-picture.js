/** Two features: the density as a heat map, the others held at the point. */

import { byId, say } from "./elements.js";
import { Frame } from "./frame.js";
import { latest } from "./latest.js";
import { paintColours, paintDensity, paintDots } from "./paint.js";
import { gridRows, MARGINAL, marginal, peak } from "./plane.js";
import { withMinus } from "./scale.js";

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
    const [across, up] = state.plane;
    this.features = { across, up };
    /** Whether the density is that of the two features whatever the others are, or that of a cut through them. */
    this.isMarginal = state.model.holds("sample") && (state.width > 2 || !state.model.holds("log_prob"));
    byId("legend", HTMLElement).hidden = false;
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
    byId("legend", HTMLElement).hidden = true;
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
    paintColours(/** @type {HTMLCanvasElement} */ (byId("legend", HTMLElement).querySelector("canvas")));
    this.showSamples();
  }

  showSamples() {
    const { width, samples, dots } = this.state;
    const column = (/** @type {number} */ feature) =>
      dots ? samples.data.filter((_, index) => index % width === feature) : new Float32Array(0);
    paintDots(this.frame, column(this.features.across), column(this.features.up));
  }

  /** @param {AbortSignal} signal */
  async #compute(signal) {
    if (this.isMarginal) {
      await this.#marginal(signal);
      return;
    }
    const { model, point, width } = this.state;
    const held = point.slice();
    for (const cells of LEVELS.filter((cells) => cells === LEVELS[0] || cells * cells * width <= MOST_NUMBERS)) {
      const begun = performance.now();
      const rows = this.state.rows(gridRows(held, ...this.#grid(cells)));
      const logProb = await model.logProb(rows, this.state.context, signal);
      signal.throwIfAborted();
      this.#show(logProb, cells);
      const most = withMinus(peak(logProb).toFixed(2));
      say("legend-note", `Density, as a part of the highest here, where log_prob is ${most}.`);
      if (performance.now() - begun > PATIENCE) {
        return;
      }
    }
  }

  /**
   * The density of the two features alone, by samples of the model at temperature 1.
   *
   * @param {AbortSignal} signal
   */
  async #marginal(signal) {
    const { model, context, width } = this.state;
    const samples = await model.sample(MARGINAL.rows, { seed: 0n, context, signal });
    signal.throwIfAborted();
    this.#show(marginal(samples.data, width, ...this.#grid(MARGINAL.cells)), MARGINAL.cells);
    const many = MARGINAL.rows.toLocaleString("en");
    say("legend-note", `Density of these two features, as a part of the highest here; smoothed from ${many} samples.`);
  }

  /**
   * @param {number} cells
   * @returns {[{feature: number, low: number, high: number, cells: number}, {feature: number, low: number, high: number, cells: number}]}
   */
  #grid(cells) {
    const { across, up } = this.features;
    return [
      { feature: across, cells, ...this.state.range(across) },
      { feature: up, cells, ...this.state.range(up) },
    ];
  }

  /**
   * @param {Float32Array | Float64Array} logProb
   * @param {number} cells
   */
  #show(logProb, cells) {
    Object.assign(this, { logProb, cells });
    paintDensity(this.frame, logProb, cells);
    paintColours(/** @type {HTMLCanvasElement} */ (byId("legend", HTMLElement).querySelector("canvas")));
  }
}
