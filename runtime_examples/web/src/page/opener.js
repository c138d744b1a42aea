/** Choosing a bundle: from the zoo, by two file inputs, or by dropping it on the page. */

import { BundleError } from "../../../node/src/errors.js";
import { fromAddress } from "../sources.js";
import { byId, make } from "./elements.js";
import { entryFiles, fromFiles } from "./files.js";
import { unzip } from "./zip.js";

/** @typedef {import("../sources.js").Source} Source */

const ZOO = new URL("zoo/", document.baseURI);
/** What of the zoo was compiled when the page was assembled. */
const MODULES = new URL("modules/", document.baseURI);
/** A zip larger than this is not read. */
const MOST_ZIP_BYTES = 512 * 2 ** 20;

/**
 * The names of the models that come with the page.
 *
 * @returns {Promise<string[]>}
 */
export async function zooNames() {
  return await listed(ZOO);
}

/**
 * A model of the zoo.
 *
 * @param {string} name
 * @returns {Promise<Source>}
 */
export async function zooSource(name) {
  const file = encodeURIComponent(name);
  const source = fromAddress(new URL(`${file}/`, ZOO), name);
  const compiled = (await listed(MODULES)).includes(name);
  return compiled ? { ...source, module: new URL(`${file}.wasm`, MODULES) } : source;
}

/**
 * The names in a folder's index.json.
 *
 * @param {URL} folder
 * @returns {Promise<string[]>}
 */
async function listed(folder) {
  const response = await fetch(new URL("index.json", folder));
  if (!response.ok) {
    throw new BundleError(`${folder.pathname}index.json: cannot be read (${response.statusText})`);
  }
  return await response.json();
}

/** The name of the bundle that the server has beside the page, as `flowexport view` gives it in the address, or null. */
export function servedName() {
  return new URLSearchParams(location.search).get("bundle");
}

/**
 * That bundle; the address says whether the server has it compiled as well.
 *
 * @param {string} name
 * @returns {Source}
 */
export function servedSource(name) {
  const source = fromAddress(new URL("bundle/", document.baseURI), name);
  const compiled = new URLSearchParams(location.search).has("compiled");
  return compiled ? { ...source, module: new URL("module/bundle.wasm", document.baseURI) } : source;
}

/**
 * Listens for bundles of the user's own.
 *
 * @param {(source: () => Promise<Source>) => void} onChosen called with what reads the files
 */
export function listen(onChosen) {
  const folder = byId("folder", HTMLInputElement);
  folder.addEventListener("change", () => {
    const files = new Map([...(folder.files ?? [])].map((file) => [file.webkitRelativePath, file]));
    folder.value = "";
    const [[path] = [""]] = files;
    if (files.size > 0) {
      onChosen(async () => fromFiles(files, path.split("/")[0]));
    }
  });
  const zip = byId("zip", HTMLInputElement);
  zip.addEventListener("change", () => {
    const file = zip.files?.[0];
    zip.value = "";
    if (file !== undefined) {
      onChosen(() => zipSource(file));
    }
  });

  const veil = byId("drop", HTMLElement);
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) {
      event.preventDefault();
      veil.hidden = false;
    }
  });
  addEventListener("dragleave", (event) => {
    // It also comes when the pointer goes from one element to another.
    veil.hidden = event.relatedTarget === null;
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    // The entries are gone once the event is over.
    const items = [...(event.dataTransfer?.items ?? [])];
    const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
    if (entries.length > 0) {
      onChosen(() => droppedSource(entries));
    }
  });
}

/** @param {FileSystemEntry[]} entries a folder, a zip, or the files of a folder */
async function droppedSource(entries) {
  const found = await Promise.all(entries.map(entryFiles));
  const files = new Map(found.flatMap((map) => [...map]));
  const [[name, file]] = files;
  return files.size === 1 && /\.zip$/i.test(name) ? await zipSource(file) : fromFiles(files, entries[0].name);
}

/** @param {File} file */
async function zipSource(file) {
  if (file.size > MOST_ZIP_BYTES) {
    throw new BundleError(`${file.name}: larger than ${MOST_ZIP_BYTES} bytes`);
  }
  return fromFiles(unzip(new Uint8Array(await file.arrayBuffer()), file.name), file.name);
}

/**
 * Fills the list of models; the user's own bundle, where that is the one, stands first.
 *
 * @param {readonly string[]} names
 * @param {string | null} chosen one of them, or null for a bundle of the user's own
 * @param {string} label of that
 */
export function showChoice(names, chosen, label) {
  const select = byId("zoo", HTMLSelectElement);
  const own = chosen === null ? [make("option", { value: "" }, [label])] : [];
  select.replaceChildren(...own, ...names.map((name) => make("option", { value: name }, [name])));
  select.value = chosen ?? "";
}
