/** Elements of the page, found by their names, and the few that are made while it runs. */

import { shortText } from "./scale.js";

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) {
    throw new Error(`the page has no ${kind.name} #${id}`);
  }
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, properties = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** @param {string} id @param {string} text */
export function say(id, text) {
  byId(id, HTMLElement).textContent = text;
}

/**
 * A field of one number, with its name above it.
 *
 * @param {string} name
 * @param {number} value
 * @param {(value: number) => void} onChange called with finite numbers only
 */
export function numberField(name, value, onChange) {
  const id = `field-${serial()}`;
  const input = make("input", { id, inputMode: "decimal", autocomplete: "off", value: shortText(value) });
  input.addEventListener("change", () => {
    const found = Math.fround(Number(input.value.replace("−", "-")));
    const fits = input.value.trim() !== "" && Number.isFinite(found);
    input.setAttribute("aria-invalid", String(!fits));
    if (fits) {
      onChange(found);
    }
  });
  const field = make("div", { className: "field" }, [make("label", { htmlFor: id, title: name }, [name]), input]);
  return {
    field,
    /** @param {number} value */
    set(value) {
      input.value = shortText(value);
      input.removeAttribute("aria-invalid");
    },
  };
}

/**
 * A slider, and a field beside it that takes any number.
 *
 * @param {string} name
 * @param {{low: number, high: number, least?: number}} range of the slider, and the smallest number that is taken
 * @param {number} value
 * @param {(value: number) => void} onChange
 */
export function slider(name, { low, high, least = -Infinity }, value, onChange) {
  const id = `field-${serial()}`;
  const range = make("input", { id, type: "range", min: String(low), max: String(high), step: "any" });
  const exact = make("input", { inputMode: "decimal", autocomplete: "off", ariaLabel: `${name}, exact` });
  range.step = String((high - low) / 200);
  range.value = String(value);
  exact.value = shortText(value);
  range.addEventListener("input", () => {
    exact.value = shortText(Number(range.value));
    exact.removeAttribute("aria-invalid");
    onChange(Math.fround(Number(exact.value)));
  });
  exact.addEventListener("change", () => {
    const found = Math.fround(Number(exact.value.replace("−", "-")));
    const fits = exact.value.trim() !== "" && Number.isFinite(found) && found >= least;
    exact.setAttribute("aria-invalid", String(!fits));
    if (fits) {
      range.value = String(found);
      onChange(found);
    }
  });
  return make("div", { className: "slider" }, [make("label", { htmlFor: id }, [name]), range, exact]);
}

/**
 * A choice of one.
 *
 * @param {string} name
 * @param {readonly string[]} options
 * @param {number} chosen
 * @param {(index: number) => void} onChange
 */
export function choice(name, options, chosen, onChange) {
  const id = `field-${serial()}`;
  const select = make("select", { id });
  fillOptions(select, options, chosen);
  select.addEventListener("change", () => onChange(select.selectedIndex));
  return make("div", { className: "field" }, [make("label", { htmlFor: id }, [name]), select]);
}

/**
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} options
 * @param {number} chosen
 */
export function fillOptions(select, options, chosen) {
  select.replaceChildren(...options.map((text, index) => make("option", { value: String(index) }, [text])));
  select.selectedIndex = chosen;
}

/**
 * Hands the user a file.
 *
 * @param {BlobPart[]} parts
 * @param {string} name
 */
export function download(parts, name) {
  const address = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  make("a", { href: address, download: name }).click();
  // The browser has taken the address by the time the click returns, but not yet the bytes behind it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** @param {number} count */
export function grouped(count) {
  return count.toLocaleString("en");
}

let last = 0;

function serial() {
  last++;
  return last;
}
