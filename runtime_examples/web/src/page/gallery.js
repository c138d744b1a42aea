/** An image model: a grid of its samples, one of which is read. */

import { make } from "./elements.js";

const MOST = 48;

export class Gallery {
  /**
   * @param {HTMLElement} container
   * @param {import("./state.js").State} state
   * @param {() => void} onPoint after another image was chosen
   */
  constructor(container, state, onPoint) {
    this.container = container;
    this.state = state;
    this.onPoint = onPoint;
    this.chosen = 0;
    this.grid = make("div", { className: "gallery", role: "group", ariaLabel: "Samples; press one to read it" });
    container.replaceChildren(this.grid);
    container.classList.add("images");
  }

  close() {
    this.container.classList.remove("images");
    this.container.replaceChildren();
  }

  /** No feature can be read off it. */
  get axes() {
    return [];
  }

  /** There is none to draw. */
  async showDensity() {}

  showPoint() {
    for (const [index, button] of [...this.grid.children].entries()) {
      button.setAttribute("aria-pressed", String(index === this.chosen));
    }
  }

  showSamples() {
    const { samples, width } = this.state;
    const count = Math.min(MOST, samples.shape[0]);
    const seen = samples.data.subarray(0, count * width);
    const levels = brightness(seen);
    const buttons = Array.from({ length: count }, (_, index) => {
      const image = paintImage(seen.subarray(index * width, (index + 1) * width), this.state.model.manifest, levels);
      const button = make("button", { type: "button", ariaLabel: `Sample ${index + 1}` }, [image]);
      button.addEventListener("click", () => this.choose(index));
      return button;
    });
    this.grid.replaceChildren(...buttons);
    if (count > 0) {
      this.choose(Math.min(this.chosen, count - 1));
    }
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = index;
    const { samples, width, point } = this.state;
    point.set(samples.data.subarray(index * width, (index + 1) * width));
    this.showPoint();
    this.onPoint();
  }

  /** Images have colours of their own. */
  paint() {}
}

/**
 * The values that are black and white: of most numbers the smallest and the largest.
 *
 * @param {Float32Array | Float64Array} data
 */
function brightness(data) {
  const sorted = data.filter(Number.isFinite).sort();
  const black = sorted[Math.floor(0.002 * sorted.length)] ?? 0;
  const white = sorted[Math.ceil(0.998 * sorted.length) - 1] ?? 1;
  return { black, white: white > black ? white : black + 1 };
}

/**
 * One image on a canvas of its own size: three channels as colours, otherwise the first as grey.
 *
 * @param {Float32Array | Float64Array} data `[channels, height, width]`
 * @param {{event_shape: number[]}} manifest
 * @param {{black: number, white: number}} levels
 */
function paintImage(data, { event_shape: [channels, height, width] }, { black, white }) {
  const canvas = make("canvas", { width, height });
  const image = new ImageData(width, height);
  const size = width * height;
  for (let pixel = 0; pixel < size; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = data[(channels === 3 ? colour : 0) * size + pixel];
      image.data[4 * pixel + colour] = (255 * (value - black)) / (white - black);
    }
    image.data[4 * pixel + 3] = 255;
  }
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return canvas;
}
