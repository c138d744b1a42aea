/**
 * Makes a task that gives way to its own next call: the older one's signal is aborted, and what it throws is dropped.
 *
 * @template {unknown[]} A
 * @param {(signal: AbortSignal, ...given: A) => Promise<void>} task
 * @param {(error: unknown) => void} onError
 * @returns {{run: (...given: A) => Promise<void>, stop: () => void}}
 */
export function latest(task, onError) {
  let controller = new AbortController();
  return {
    async run(...given) {
      controller.abort();
      controller = new AbortController();
      const { signal } = controller;
      try {
        await task(signal, ...given);
      } catch (error) {
        if (!signal.aborted) {
          onError(error);
        }
      }
    },
    stop: () => controller.abort(),
  };
}
