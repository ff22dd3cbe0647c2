import { createHash } from "node:crypto";

/** Reproducible noise in [0, 1): mulberry32. */
function createNoise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const airports = ["JFK", "ORD", "ATL", "DEN", "LAX", "SFO", "SEA", "BOS", "MIA", "PHX", "IAH", "LGA"];
const browsers = ["firefox", "chromium", "webkit", "other"];

/**
 * Messages as the benchmarks send them: about 640 bytes, 30 features (20 numbers, 7 categories, 3 booleans), a score, a
 * class, one cohort and a unique id.
 */
export function benchEvents(options: {
  readonly count: number;
  readonly models: number;
  readonly fromTimeMs: number;
  readonly seed?: number;
}): Buffer[] {
  const noise = createNoise(options.seed ?? 1);
  const pick = (list: readonly string[]) => list[Math.floor(noise() * list.length)];
  const id = createHash("sha256").update(String(options.seed)).digest("hex").slice(0, 12);
  const events: Buffer[] = [];
  for (let index = 0; index < options.count; index++) {
    const features: Record<string, unknown> = {};
    for (let feature = 0; feature < 20; feature++) {
      const size = 10 ** (feature % 4);
      features[`num_${feature}`] =
        feature % 3 === 0 ? Math.floor(noise() * 1000 * size) : Math.round(noise() * size * 1000) / 1000;
    }
    features["origin"] = pick(airports);
    features["destination"] = pick(airports);
    features["browser"] = pick(browsers);
    for (let feature = 0; feature < 4; feature++) features[`cat_${feature}`] = `c${Math.floor(noise() * 40)}`;
    for (let feature = 0; feature < 3; feature++) features[`flag_${feature}`] = noise() < 0.5;
    const score = Math.round(noise() * 1e4) / 1e4;
    events.push(
      Buffer.from(
        JSON.stringify({
          event_id: `${id}-${String(index).padStart(10, "0")}`,
          model: options.models === 1 ? "flight-delay" : `model-${index % options.models}`,
          version: "2026-03",
          event_time: new Date(options.fromTimeMs + index).toISOString(),
          features,
          prediction: score > 0.5 ? "late" : "on_time",
          scores: { late: score },
          latency_ms: Math.round(noise() * 3000) / 100,
          cohorts: { region: pick(["north", "south", "east", "west"]) },
        }),
      ),
    );
  }
  return events;
}
