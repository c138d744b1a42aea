/**
 * Checks of JSON values: a check takes a value and the key it stands under, and returns the value with a type, or
 * throws. TypeScript reads the type of a manifest off these.
 */

import { BundleError, quote } from "./errors.js";

/**
 * @template T
 * @typedef {(value: unknown, key: string) => T} Check
 */

/**
 * Text.
 *
 * @param {(value: string) => boolean} [accepts]
 * @param {string} [form] what is accepted, in words
 * @returns {Check<string>}
 */
export function text(accepts = () => true, form = "text") {
  return (value, key) => (typeof value === "string" && accepts(value) ? value : refuse(value, key, form));
}

/**
 * A finite number.
 *
 * @param {(value: number) => boolean} [accepts]
 * @param {string} [form] what is accepted, in words
 * @returns {Check<number>}
 */
export function number(accepts = () => true, form = "a finite number") {
  return (value, key) => {
    return typeof value === "number" && Number.isFinite(value) && accepts(value) ? value : refuse(value, key, form);
  };
}

/**
 * A whole number.
 *
 * @param {number} least
 * @param {number} most
 */
export function integer(least, most) {
  return number((v) => Number.isInteger(v) && v >= least && v <= most, `a whole number from ${least} to ${most}`);
}

/**
 * One of a few values.
 *
 * @template {string | boolean} T
 * @param {T[]} choices
 * @returns {Check<T>}
 */
export function oneOf(...choices) {
  return (value, key) => {
    return choices.find((choice) => choice === value) ?? refuse(value, key, choices.map(quote).join(" or "));
  };
}

/**
 * A list.
 *
 * @template T
 * @param {Check<T>} entry
 * @param {number} [least] entries
 * @param {number} [most] entries
 * @returns {Check<T[]>}
 */
export function array(entry, least = 0, most = Number.POSITIVE_INFINITY) {
  return (value, key) => {
    if (!Array.isArray(value)) {
      return refuse(value, key, "a list");
    }
    if (value.length < least || value.length > most) {
      const range = least === most ? `${least}` : `${least} to ${most}`;
      throw new BundleError(`${key}: expected ${range} entries, got ${value.length}`);
    }
    return value.map((item, index) => entry(item, `${key}[${index}]`));
  };
}

/**
 * An object whose keys are all there, but those that are `optional`; other keys are kept as they are.
 *
 * @template {Record<string, Check<any>>} S
 * @param {S} checks key → check
 * @returns {Check<{ [K in keyof S]: ReturnType<S[K]> }>}
 */
export function object(checks) {
  return (value, key) => {
    const given = asObject(value, key);
    const found = Object.entries(checks).map(([name, check]) => {
      const path = key === "" ? name : `${key}.${name}`;
      return [name, check(Object.hasOwn(given, name) ? given[name] : undefined, path)];
    });
    return { ...given, ...Object.fromEntries(found) };
  };
}

/**
 * An object of any keys.
 *
 * @template T
 * @param {Check<T>} entry
 * @returns {Check<Record<string, T>>}
 */
export function record(entry) {
  return (value, key) => {
    const entries = Object.entries(asObject(value, key));
    return Object.fromEntries(entries.map(([name, item]) => [name, entry(item, `${key}[${quote(name)}]`)]));
  };
}

/**
 * A value that may be null.
 *
 * @template T
 * @param {Check<T>} check
 * @returns {Check<T | null>}
 */
export function nullable(check) {
  return (value, key) => (value === null ? null : check(value, key));
}

/**
 * A key that may be absent.
 *
 * @template T
 * @param {Check<T>} check
 * @returns {Check<T | undefined>}
 */
export function optional(check) {
  return (value, key) => (value === undefined ? undefined : check(value, key));
}

/**
 * @param {unknown} value
 * @param {string} key
 * @returns {Record<string, unknown>}
 */
function asObject(value, key) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(value, key || "the document", "an object");
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} key
 * @param {string} form
 * @returns {never}
 */
function refuse(value, key, form) {
  throw new BundleError(value === undefined ? `${key}: is missing` : `${key}: expected ${form}, got ${quote(value)}`);
}
