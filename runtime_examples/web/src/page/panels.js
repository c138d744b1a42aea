/** The three panels under the picture: proof, speed, and a table to score. */

import { replay } from "../golden.js";
import { scoreTable } from "../table.js";
import { measuredCalls, microseconds } from "../timing.js";
import { byId, grouped, make, say } from "./elements.js";
import { svg } from "./frame.js";
import { latest } from "./latest.js";
import { withMinus } from "./scale.js";
import { forgetScores, showScores } from "./score-picture.js";

/** @typedef {import("../model.js").Model} Model */

const MARKS = { true: "M2 9l4.5 4.5L16 4", false: "M3 3l12 12M15 3L3 15" };

export class Panels {
  /** @param {(error: unknown) => void} onError */
  constructor(onError) {
    /** @type {Model | null} */
    this.model = null;
    /** @type {() => import("../bundle.js").NdArray | null} */
    this.context = () => null;
    this.proof = latest((signal) => this.#prove(signal), onError);
    this.speed = latest((signal) => this.#measure(signal), onError);
    this.scores = latest(
      (signal, /** @type {File} */ file) => this.#score(signal, file),
      (error) => this.#refuse(error),
    );
    byId("measure", HTMLElement).addEventListener("click", () => this.speed.run());
    const csv = byId("csv", HTMLInputElement);
    csv.addEventListener("change", () => {
      const file = csv.files?.[0];
      // The same file can be chosen again, after it was changed.
      csv.value = "";
      if (file !== undefined) {
        this.scores.run(file);
      }
    });
  }

  /**
   * Takes another model and proves it.
   *
   * @param {Model} model
   * @param {() => import("../bundle.js").NdArray | null} context what timings are made with
   * @returns {Promise<boolean>} whether it passed, when the proof is done
   */
  async show(model, context) {
    this.stop();
    this.model = model;
    this.context = context;
    for (const cell of byId("timing-table", HTMLElement).querySelectorAll("[data-cell]")) {
      cell.textContent = "–";
    }
    this.#forgetScores();
    say("score-note", "");
    await this.proof.run();
    return byId("golden-verdict", HTMLElement).dataset.passed === "true";
  }

  /** Stops what is being computed. */
  stop() {
    for (const task of [this.proof, this.speed, this.scores]) {
      task.stop();
    }
    byId("measure", HTMLButtonElement).disabled = false;
  }

  /** @param {AbortSignal} signal */
  async #prove(signal) {
    const model = /** @type {Model} */ (this.model);
    const verdict = byId("golden-verdict", HTMLElement);
    delete verdict.dataset.passed;
    verdict.replaceChildren("Checking …");
    const rows = [];
    let failed = 0;
    for await (const { name, found, bound, passed } of replay(model)) {
      signal.throwIfAborted();
      failed += Number(!passed);
      rows.push(
        make("tr", {}, [
          make("td", {}, [name]),
          ...figures(found, bound),
          make("td", { className: passed ? "passed" : "failed" }, [passed ? "passed" : "failed"]),
        ]),
      );
    }
    byId("golden-cases", HTMLTableElement).tBodies[0].replaceChildren(...rows);
    verdict.dataset.passed = String(failed === 0);
    const total = rows.length;
    const sentence = failed === 0 ? `All ${total} cases passed` : `${failed} of ${total} cases failed`;
    verdict.replaceChildren(mark(failed === 0), sentence);
  }

  /** @param {AbortSignal} signal */
  async #measure(signal) {
    const model = /** @type {Model} */ (this.model);
    const button = byId("measure", HTMLButtonElement);
    button.disabled = true;
    say("timing-note", "Measuring …");
    try {
      for await (const { graph, rows, call } of measuredCalls(model, this.context())) {
        const time = (await microseconds(call, signal)) / rows;
        const cell = document.querySelector(`[data-cell="${graph} ${rows}"]`);
        /** @type {Element} */ (cell).textContent = time < 10 ? time.toFixed(2) : grouped(Math.round(time));
      }
      say("timing-note", "Means of many calls, on this device.");
    } finally {
      if (!signal.aborted) {
        button.disabled = false;
      }
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {File} file
   */
  async #score(signal, file) {
    const model = /** @type {Model} */ (this.model);
    this.#forgetScores();
    const parts = [];
    /** @type {number[]} */
    const scores = [];
    let total = 0;
    for await (const { text, rows } of scoreTable(model, texts(file), file.name, signal)) {
      signal.throwIfAborted();
      parts.push(text);
      for (const line of text
        .trimEnd()
        .split("\n")
        .slice(-rows || Infinity)) {
        scores.push(Number(line.split(",")[0].replace("inf", "Infinity")));
      }
      total += rows;
      say("score-note", `${grouped(total)} rows …`);
    }
    const href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    const link = make("a", { className: "button primary", download: "scores.csv", href }, ["Download scores"]);
    byId("scores", HTMLElement).replaceChildren(link);
    showScores(Float64Array.from(scores), (score) => model.percentile(score), model.manifest.reference);
    const without = model.manifest.reference === null ? ", without percentiles: the bundle has no reference rows" : "";
    say("score-note", `${grouped(total)} ${total === 1 ? "row" : "rows"} of ${file.name} scored${without}.`);
  }

  /** @param {unknown} error */
  #refuse(error) {
    const note = byId("score-note", HTMLElement);
    note.textContent = error instanceof Error ? error.message : String(error);
    note.classList.add("refused");
  }

  #forgetScores() {
    const link = byId("scores", HTMLElement).querySelector("a");
    URL.revokeObjectURL(link?.href ?? "");
    link?.remove();
    forgetScores();
    byId("score-note", HTMLElement).classList.remove("refused");
  }
}

/**
 * The text of a file, in pieces.
 *
 * @param {File} file
 */
async function* texts(file) {
  const reader = file
    .stream()
    .pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))
    .getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    yield/** @type {string} */ (value);
  }
}

/**
 * The cells of a difference and its bound, or of the error that a case got and the one that it should have got.
 *
 * @param {number | string} found
 * @param {number | string} bound
 */
function figures(found, bound) {
  if (typeof found === "string") {
    return [make("td", { colSpan: 2 }, [found === bound ? found : `${found}, expected ${bound}`])];
  }
  return [found, bound].map((value) =>
    make("td", {}, [Number(value) === 0 ? "0" : withMinus(Number(value).toExponential(1))]),
  );
}

/**
 * A tick or a cross: the verdict is not told by its colour alone.
 *
 * @param {boolean} passed
 */
function mark(passed) {
  const icon = svg("svg", { viewBox: "0 0 18 18", class: "mark", "aria-hidden": "true" });
  icon.append(svg("path", { d: MARKS[`${passed}`] }));
  return icon;
}
