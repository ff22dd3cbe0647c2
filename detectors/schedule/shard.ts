import { createHash } from "node:crypto";

/** This process's part of the work: `index` of `count`, counted from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * Rendezvous hashing (Thaler and Ravishankar 1998): each model goes to the shard with the largest hash of both, so a change
 * of `count` moves only the models that it must. Overlap while shards change does no harm: an evaluation is idempotent.
 */
export function ownsModel(shard: Shard, model: string): boolean {
  let best = -1;
  let bestWeight = -1n;
  for (let index = 0; index < shard.count; index++) {
    const weight = createHash("sha256").update(`${index}\n${model}`).digest().readBigUInt64BE();
    if (weight > bestWeight) {
      best = index;
      bestWeight = weight;
    }
  }
  return best === shard.index;
}
