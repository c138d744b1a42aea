/** What the page shows of a model: a point, a context, samples; and where its features live. */

import { contextFeatures, eventSize, featureNames } from "../../../node/src/manifest.js";
import { shown } from "./scale.js";
import { commonest, mean, mostStructured, quantile, sortedColumn, span } from "./statistics.js";

/** @typedef {import("../bundle.js").NdArray} NdArray */
/** @typedef {import("../model.js").Model} Model */

export class State {
  /**
   * @param {Model} model
   * @param {{x: Float32Array | Float64Array, context: Float32Array | Float64Array | null}} examples
   */
  constructor(model, examples) {
    const { manifest } = model;
    this.model = model;
    this.width = eventSize(manifest);
    this.names = featureNames(manifest);
    /** Rows that show where the model lives. */
    this.examples = this.rows(examples.x);
    this.columns = Array.from({ length: this.width }, (_, feature) => sortedColumn(examples.x, this.width, feature));
    /** The features that a plane begins with. */
    this.plane = mostStructured(examples.x, this.columns);
    /** The row that is read; a plane goes through it. */
    this.point = Float32Array.from(this.columns, (column) => shown(quantile(column, 0.5)));
    this.contextColumns = contextFeatures(manifest).map((column, index, all) => ({
      ...column,
      sorted: sortedColumn(/** @type {Float32Array | Float64Array} */ (examples.context), all.length, index),
    }));
    const categorical = this.contextColumns.flatMap(({ categories }, index) => (categories ? [index] : []));
    const context = examples.context ?? new Float32Array(0);
    const usual = categorical.length > 0 ? commonest(context, this.contextColumns.length, categorical) : [];
    this.contextValues = Float32Array.from(this.contextColumns, ({ sorted, categories }, index) =>
      categories ? usual[categorical.indexOf(index)] : shown(quantile(sorted, 0.5)),
    );
    /** @type {import("../model.js").Rows} */
    this.samples = { data: new Float32Array(0), shape: [0, ...manifest.event_shape] };
    /** Whether they are shown as dots. */
    this.dots = true;
  }

  /** The context as the model takes it, or null: a copy, as a run may outlast a move of a slider. */
  get context() {
    const { length } = this.contextValues;
    return length > 0 ? { data: this.contextValues.slice(), shape: [length] } : null;
  }

  /**
   * Rows as the model takes them.
   *
   * @param {Float32Array | Float64Array} data
   * @returns {NdArray}
   */
  rows(data) {
    return { data, shape: [data.length / this.width, ...this.model.manifest.event_shape] };
  }

  /**
   * The range in which a feature is shown.
   *
   * @param {number} feature
   */
  range(feature) {
    const [low, high] = span(this.columns[feature], this.model.manifest.scale[feature]);
    return { name: this.names[feature], low, high };
  }

  /** @param {number} feature */
  median(feature) {
    return shown(quantile(this.columns[feature], 0.5));
  }

  /** @param {number} feature */
  mean(feature) {
    return shown(mean(this.columns[feature]));
  }
}
