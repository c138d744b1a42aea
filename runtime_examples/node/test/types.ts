/** What a user of TypeScript writes: this file need only compile. */

import { InputError, type Manifest, Model, type NdArray } from "flowbundle";

export async function scores(folder: string, rows: number[][]): Promise<number[]> {
  const model: Model = await Model.open(folder, { threads: 2 });
  const manifest: Manifest = model.manifest;
  const x: NdArray = { data: Float32Array.from(rows.flat()), shape: [rows.length, ...manifest.event_shape] };
  const samples: NdArray = await model.sample(3, { seed: 0n, temperature: 0.5 });
  // @ts-expect-error a seed is a BigInt
  await model.sample(3, { seed: 0 });
  await model.logProb(rows);
  // @ts-expect-error rows are numbers
  await model.logProb([["1", "2"]]);
  const logProb: Float32Array | Float64Array = await model.logProb(samples);
  return [...logProb, ...(await model.logProb(x))].map((each) => model.percentile(each));
}

export const isMissing = (error: unknown): boolean => error instanceof InputError && error.code === "missing_context";
