/** An open model: its picture, and the controls beside it. */

import { absence } from "../../../node/src/manifest.js";
import { parseSeed } from "../../../node/src/noise.js";
import { formatFloat32 } from "../float32.js";
import { sampleTable } from "../table.js";
import { CurvePicture } from "./curve-picture.js";
import { byId, choice, download, fillOptions, grouped, numberField, say, slider } from "./elements.js";
import { Gallery } from "./gallery.js";
import { latest } from "./latest.js";
import { MARGINAL } from "./plane.js";
import { PlanePicture } from "./plane-picture.js";
import { shortScore } from "./scale.js";
import { State } from "./state.js";

/** @typedef {import("../model.js").Model} Model */

const HOTTEST = 2;

export class View {
  /**
   * Shows a model.
   *
   * @param {Model} model
   * @param {{x: Float32Array | Float64Array, context: Float32Array | Float64Array | null}} examples
   * @param {(error: unknown) => void} onError
   */
  constructor(model, examples, onError) {
    this.model = model;
    this.state = new State(model, examples);
    this.closing = new AbortController();
    this.temperature = 1;
    this.reading = latest((signal) => this.#read(signal), onError);
    this.sampling = latest((signal) => this.#sample(signal), onError);
    this.onError = onError;
    const container = byId("picture", HTMLElement);
    const onPoint = () => this.#pointMoved();
    this.isImage = model.manifest.event_shape.length === 3;
    this.picture = this.isImage
      ? new Gallery(container, this.state, onPoint)
      : new (this.state.width === 1 ? CurvePicture : PlanePicture)(container, this.state, onPoint, onError);
    this.#title();
    this.#absence();
    this.#plane();
    this.#context();
    this.#samples();
    this.#coordinates();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.picture.paint(), this.#listening);
  }

  /** Computes what is to be seen. */
  async show() {
    await Promise.all([this.picture.showDensity(), this.sampling.run(), this.reading.run()]);
  }

  /** Stops what is being computed and lets go of the page. */
  close() {
    this.closing.abort();
    this.reading.stop();
    this.sampling.stop();
    this.picture.close();
  }

  /** Listeners that go when the model does. */
  get #listening() {
    return { signal: this.closing.signal };
  }

  #title() {
    const { manifest } = this.model;
    const { width, contextColumns } = this.state;
    say("name", manifest.name);
    say("description", manifest.description);
    const facts = [
      this.isImage ? `images, ${manifest.event_shape.join(" × ")}` : `${width} ${width === 1 ? "feature" : "features"}`,
      ...(contextColumns.length > 0 ? [`given ${contextColumns.map(({ name }) => name).join(", ")}`] : []),
      ...(manifest.reference ? [`${grouped(manifest.reference.rows)} reference rows`] : []),
    ];
    say("facts", facts.join(" · "));
    document.title = `${manifest.name} – flowexport`;
  }

  /** What a bundle of one direction cannot do, in a line; controls of it are put away. */
  #absence() {
    const { model } = this;
    const line = absence(model.manifest);
    say("absence", line && `T${line.slice(1)}.`);
    byId("absence", HTMLElement).hidden = line === "";
    for (const [id, shown] of /** @type {const} */ ([
      ["point", model.holds("log_prob")],
      ["score", model.holds("log_prob")],
      ["others", model.holds("log_prob")],
      ["samples", model.holds("sample")],
      ["shown-field", line === ""],
    ])) {
      byId(id, HTMLElement).hidden = !shown;
    }
  }

  /** The choice of two features, and what the others are held at. */
  #plane() {
    const { state, picture } = this;
    byId("plane", HTMLElement).hidden = !(picture instanceof PlanePicture && state.width > 2);
    if (!(picture instanceof PlanePicture)) {
      return;
    }
    const horizontal = byId("horizontal", HTMLSelectElement);
    const vertical = byId("vertical", HTMLSelectElement);
    let [across, up] = state.plane;
    fillOptions(horizontal, state.names, across);
    fillOptions(vertical, state.names, up);
    const kind = byId("shown", HTMLSelectElement);
    kind.value = picture.isMarginal ? "marginal" : "cut";
    const kindChosen = () => {
      picture.isMarginal = kind.value === "marginal";
      // Samples hold nothing, so that they stand beside a cut and not on it.
      this.#showDots(picture.isMarginal);
      this.#held();
      this.#changed();
      this.#caption();
    };
    kind.addEventListener("change", kindChosen, this.#listening);
    const chosen = () => {
      const wanted = [horizontal.selectedIndex, vertical.selectedIndex];
      // The same feature twice: the axes change places.
      [across, up] = wanted[0] === wanted[1] ? [up, across] : wanted;
      [horizontal.selectedIndex, vertical.selectedIndex] = [across, up];
      picture.setFeatures(across, up);
      this.#held();
      this.#coordinates();
      this.#changed();
      picture.showSamples();
    };
    for (const select of [horizontal, vertical]) {
      select.addEventListener("change", chosen, this.#listening);
    }
    const hold = (/** @type {(feature: number) => number} */ value) => {
      const others = state.point.map((now, feature) => (picture.axes.includes(feature) ? now : value(feature)));
      state.point.set(others);
      this.#held();
      this.#changed();
    };
    byId("held-median", HTMLElement).addEventListener("click", () => hold((f) => state.median(f)), this.#listening);
    byId("held-mean", HTMLElement).addEventListener("click", () => hold((f) => state.mean(f)), this.#listening);
    picture.setFeatures(across, up);
    this.#held();
  }

  #held() {
    const { state } = this;
    const axes = /** @type {number[]} */ (this.picture.axes);
    const others = state.names
      .map((name, feature) => ({ name, feature }))
      .filter(({ feature }) => !axes.includes(feature));
    const isMarginal = this.picture instanceof PlanePicture && this.picture.isMarginal;
    const rest = others.length === 1 ? "other feature" : `other ${others.length} features`;
    const held = `The ${rest} ${others.length === 1 ? "is" : "are"} held`;
    say("held-summary", isMarginal ? `The point’s ${rest}` : held);
    const fields = others.map(({ name, feature }) => {
      return numberField(name, state.point[feature], (value) => {
        state.point[feature] = value;
        this.#changed();
      }).field;
    });
    byId("held", HTMLElement).replaceChildren(...fields);
  }

  #context() {
    const { contextColumns, contextValues } = this.state;
    byId("conditions", HTMLElement).hidden = contextColumns.length === 0;
    const controls = contextColumns.map(({ name, categories, sorted }, column) => {
      const set = (/** @type {number} */ value) => {
        contextValues[column] = value;
        this.#changed();
        this.sampling.run();
      };
      if (categories) {
        return choice(name, categories, contextValues[column], set);
      }
      const [low, high] = [sorted[0], sorted[sorted.length - 1]];
      const range = high > low ? { low, high } : { low: low - 1, high: low + 1 };
      return slider(name, range, contextValues[column], set);
    });
    byId("context", HTMLElement).replaceChildren(...controls);
  }

  #samples() {
    const seed = byId("seed", HTMLInputElement);
    const rows = byId("rows", HTMLInputElement);
    const setTemperature = (/** @type {number} */ value) => {
      this.temperature = value;
      this.sampling.run();
    };
    const temperature = slider("Temperature", { low: 0, high: HOTTEST, least: 0 }, this.temperature, setTemperature);
    byId("temperature", HTMLElement).replaceChildren(temperature);
    for (const input of [seed, rows]) {
      input.addEventListener("change", () => this.sampling.run(), this.#listening);
    }
    const reseed = () => {
      seed.value = String(crypto.getRandomValues(new BigUint64Array(1))[0]);
      this.sampling.run();
    };
    byId("reseed", HTMLElement).addEventListener("click", reseed, this.#listening);
    byId("samples-download", HTMLElement).addEventListener("click", () => this.#download(), this.#listening);
    const dots = byId("dots", HTMLInputElement);
    const drawing = this.model.holds("sample");
    byId("dots-switch", HTMLElement).hidden = this.isImage || !drawing;
    if (this.isImage && !drawing) {
      this.state.samples = /** @type {import("../model.js").Rows} */ (this.state.examples);
    }
    this.#showDots(true);
    dots.addEventListener("change", () => this.#showDots(dots.checked), this.#listening);
  }

  /** @param {boolean} shown */
  #showDots(shown) {
    byId("dots", HTMLInputElement).checked = shown;
    this.state.dots = shown;
    this.picture.showSamples();
  }

  /** The point in numbers, to be read and to be typed. */
  #coordinates() {
    const { state } = this;
    const fields = this.picture.axes.map((feature) => {
      const field = numberField(state.names[feature], state.point[feature], (value) => {
        state.point[feature] = value;
        this.picture.showPoint();
        this.reading.run();
      });
      return { feature, ...field };
    });
    this.fields = fields;
    byId("coordinates", HTMLElement).replaceChildren(...fields.map(({ field }) => field));
    say(
      "reading-note",
      this.isImage ? "Press a sample to read it." : "Click the picture, or move there by arrow keys.",
    );
  }

  #pointMoved() {
    for (const { feature, set } of this.fields ?? []) {
      set(this.state.point[feature]);
    }
    this.picture.showPoint();
    this.reading.run();
  }

  /** The density is another one. */
  #changed() {
    this.picture.showDensity();
    this.reading.run();
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    const { model, state } = this;
    if (!model.holds("log_prob")) {
      return;
    }
    const [score] = await model.logProb(state.rows(state.point.slice()), state.context, signal);
    signal.throwIfAborted();
    const output = byId("log-prob", HTMLElement);
    output.textContent = shortScore(score);
    // All its digits, for whoever compares.
    output.title = formatFloat32(score);
    byId("percentile-row", HTMLElement).hidden = model.manifest.reference === null;
    if (model.manifest.reference !== null) {
      const percentile = model.percentile(score);
      say("percentile", percentile.toFixed(2));
      say("percentile-words", likelier(percentile));
      byId("percentile-mark", HTMLElement).style.left = `${percentile}%`;
    }
  }

  /** What the fields ask for, or null where one of them cannot be; it is marked. */
  #draw() {
    const seed = byId("seed", HTMLInputElement);
    const rows = byId("rows", HTMLInputElement);
    const text = seed.value.trim();
    const seedFits = /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n;
    seed.setAttribute("aria-invalid", String(!seedFits));
    rows.setAttribute("aria-invalid", String(!(rows.validity.valid && rows.value !== "")));
    if (!seedFits || !rows.validity.valid || rows.value === "") {
      return null;
    }
    return {
      count: rows.valueAsNumber,
      draw: {
        seed: parseSeed(text),
        temperature: this.temperature,
        context: this.state.context,
      },
    };
  }

  /** @param {AbortSignal} signal */
  async #sample(signal) {
    if (!this.model.holds("sample")) {
      this.#caption();
      return;
    }
    const wanted = this.#draw();
    if (wanted === null) {
      return;
    }
    const samples = await this.model.sample(wanted.count, { ...wanted.draw, signal });
    signal.throwIfAborted();
    this.state.samples = samples;
    this.picture.showSamples();
    this.drawn = { count: wanted.count, seed: wanted.draw.seed };
    this.#caption();
  }

  #caption() {
    const { count, seed } = this.drawn ?? { count: 0, seed: 0n };
    const drawn = `${grouped(count)} ${count === 1 ? "sample" : "samples"} of seed ${seed}`;
    if (!this.model.holds("sample")) {
      const cut = this.state.width > 2 ? "A cut: the others are held." : "The density: more is likelier.";
      say("caption", this.isImage ? "Images of the golden cases." : cut);
    } else if (!this.model.holds("log_prob") && !this.isImage) {
      const smoothed = `The density, smoothed from ${grouped(MARGINAL.rows)} samples, and ${drawn} along the axis.`;
      say("caption", this.state.width === 1 ? smoothed : `The two features. Dots: ${drawn}.`);
    } else if (this.isImage) {
      say("caption", `The first of ${drawn}.`);
    } else if (this.state.width === 1) {
      say("caption", `The density, and ${drawn} along the axis.`);
    } else if (this.state.width === 2) {
      say("caption", `The density: stronger colour is likelier. Dots: ${drawn}.`);
    } else {
      const isMarginal = this.picture instanceof PlanePicture && this.picture.isMarginal;
      const ground = isMarginal ? "The two features, whatever the others are." : "A cut: the others are held.";
      const beyond = isMarginal ? "" : ", which hold nothing and spread beyond the cut";
      say("caption", `${ground} Dots: ${drawn}${beyond}.`);
    }
  }

  async #download() {
    const wanted = this.#draw();
    if (wanted === null) {
      return;
    }
    try {
      const parts = [];
      for await (const text of sampleTable(this.model, wanted.count, { ...wanted.draw, ...this.#listening })) {
        parts.push(text);
      }
      download(parts, `${this.model.manifest.name}-${wanted.draw.seed}.csv`);
    } catch (error) {
      this.onError(error);
    }
  }
}

/**
 * A percentile in words.
 *
 * @param {number} percentile
 */
function likelier(percentile) {
  const part = 100 - percentile;
  if (part === 0 || part === 100) {
    return `${part === 0 ? "none" : "all"} of the reference rows are likelier`;
  }
  const rounded = part < 1 ? "less than 1" : part > 99 ? "more than 99" : Math.round(part);
  return `${rounded} % of the reference rows are likelier`;
}
