/**
 * Checks of JSON values: a check takes a value and the key it stands under, and returns the value with a type, or
 * throws. TypeScript reads the type of a manifest off these.
 */
export type Check<T> = (value: unknown, key: string) => T;
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
export declare function text(accepts?: (value: string) => boolean, form?: string): Check<string>;
/**
 * A finite number.
 *
 * @param {(value: number) => boolean} [accepts]
 * @param {string} [form] what is accepted, in words
 * @returns {Check<number>}
 */
export declare function number(accepts?: (value: number) => boolean, form?: string): Check<number>;
/**
 * A whole number.
 *
 * @param {number} least
 * @param {number} most
 */
export declare function integer(least: number, most: number): Check<number>;
/**
 * One of a few values.
 *
 * @template {string | boolean} T
 * @param {T[]} choices
 * @returns {Check<T>}
 */
export declare function oneOf<T extends string | boolean>(...choices: T[]): Check<T>;
/**
 * A list.
 *
 * @template T
 * @param {Check<T>} entry
 * @param {number} [least] entries
 * @param {number} [most] entries
 * @returns {Check<T[]>}
 */
export declare function array<T>(entry: Check<T>, least?: number, most?: number): Check<T[]>;
/**
 * An object whose keys are all there, but those that are `optional`; other keys are kept as they are.
 *
 * @template {Record<string, Check<any>>} S
 * @param {S} checks key → check
 * @returns {Check<{ [K in keyof S]: ReturnType<S[K]> }>}
 */
export declare function object<S extends Record<string, Check<any>>>(checks: S): Check<{ [K in keyof S]: ReturnType<S[K]>; }>;
/**
 * An object of any keys.
 *
 * @template T
 * @param {Check<T>} entry
 * @returns {Check<Record<string, T>>}
 */
export declare function record<T>(entry: Check<T>): Check<Record<string, T>>;
/**
 * A value that may be null.
 *
 * @template T
 * @param {Check<T>} check
 * @returns {Check<T | null>}
 */
export declare function nullable<T>(check: Check<T>): Check<T | null>;
/**
 * A key that may be absent.
 *
 * @template T
 * @param {Check<T>} check
 * @returns {Check<T | undefined>}
 */
export declare function optional<T>(check: Check<T>): Check<T | undefined>;
