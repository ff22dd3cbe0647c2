/**
 * Measures the decision layer on simulated models.
 *
 *     node detectors/simulate/measure.ts --stream iid --features 20 --reference 10000 --rows 1000 --models 60
 *     node detectors/simulate/measure.ts --change mean:0.2 --models 600
 *     node detectors/simulate/measure.ts --identity step:0.2 --models 100
 */
import { parseArgs } from "node:util";
import { meanInterval, shareInterval } from "./interval.ts";
import { outcomeOf } from "./outcome.ts";
import { createModel, type Change, type StreamSpec } from "./streams.ts";

const { values: options } = parseArgs({
  options: {
    stream: { type: "string", default: "iid" },
    features: { type: "string", default: "20" },
    reference: { type: "string", default: "10000" },
    rows: { type: "string", default: "1000" },
    cluster: { type: "string", default: "10" },
    wander: { type: "string", default: "0.01" },
    /** Half the relative spread of a live window's rows; 0 for changes, so that delays are those of n rows. */
    spread: { type: "string" },
    models: { type: "string", default: "60" },
    windows: { type: "string" },
    seed: { type: "string", default: "1" },
    "no-sub-windows": { type: "boolean", default: false },
    /** mean:0.2 · share:0.15:5 (of 5 categories) · missing:0.02 · new:0.01:4 (known categories) */
    change: { type: "string" },
    /** step:σ (stays from window 14) · once:σ · week:σ · flap:σ (2 on, 2 off) · rare:σ (1 on, 6 off) · ramp:σ (over 14 windows) */
    identity: { type: "string" },
  },
});

const kinds: readonly StreamSpec["kind"][] = ["iid", "season", "hourly", "cluster", "wander"];
const kind = kinds.find((name) => name === options.stream);
if (kind === undefined) throw new Error(`unknown stream ${options.stream}; one of ${kinds.join(", ")}`);
const spec: StreamSpec = {
  kind,
  features: Number(options.features),
  referenceRows: Number(options.reference),
  rows: Number(options.rows),
  volumeSpread: Number(options.spread ?? (options.change === undefined ? 0.3 : 0)),
  clusterSize: Number(options.cluster),
  wander: kind === "wander" ? Number(options.wander) : 0,
};
const models = Number(options.models);
const seed = Number(options.seed);
const subWindowsKnown = !options["no-sub-windows"];
const started = performance.now();

if (options.change !== undefined) delays(changeOf(options.change, () => 1));
else if (options.identity !== undefined) identity(options.identity);
else falseIncidents();
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, seed ${seed}`);

function falseIncidents(): void {
  const windows = Number(options.windows ?? (kind === "hourly" ? 336 : 28));
  const warmUp = subWindowsKnown ? 0 : 14;
  const weeks = windows / (kind === "hourly" ? 168 : 7);
  const rates: number[] = [];
  const messages: number[] = [];
  const signals = new Map<string, number>();
  for (let model = 0; model < models; model += 1) {
    const outcome = outcomeOf(createModel(spec, null, seed, model), windows + warmUp, { subWindowsKnown });
    const counted = outcome.incidents.filter((window) => window >= warmUp).length;
    rates.push(counted / weeks);
    messages.push((counted + outcome.growths.filter((window) => window >= warmUp).length) / weeks);
    for (const { signal } of outcome.findings) signals.set(signal, (signals.get(signal) ?? 0) + 1);
  }
  const { mean, half } = meanInterval(rates);
  const all = meanInterval(messages);
  console.log(
    `${kind}, ${spec.features} features, N ${spec.referenceRows}, n ${spec.rows}: ` +
      `${mean.toFixed(4)} ± ${half.toFixed(4)} false incidents per model-week over ${models * weeks} model-weeks; ` +
      `with growth ${all.mean.toFixed(4)} ± ${all.half.toFixed(4)}; findings ${JSON.stringify(Object.fromEntries(signals))}`,
  );
}

function changeOf(text: string, strength: Change["strength"]): Change {
  const [name, size, categories] = text.split(":");
  const names = { mean: "mean", share: "share", missing: "missing", new: "new_category" } as const;
  if (!(name !== undefined && name in names)) throw new Error(`unknown change ${text}`);
  const changeKind = names[name as keyof typeof names];
  return { kind: changeKind, size: Number(size), categories: Number(categories ?? 2), strength };
}

function delays(change: Change): void {
  const found: number[] = [];
  const last = Number(options.windows ?? (kind === "hourly" ? 24 : 7));
  for (let run = 0; run < models; run += 1) {
    const model = createModel(spec, change, seed, run);
    const first = (feature: string | null, outcome: ReturnType<typeof outcomeOf>) =>
      outcome.findings.find((finding) => finding.feature === feature);
    const outcome = outcomeOf(model, last, {
      subWindowsKnown,
      until: (soFar) => first(model.changed, soFar) !== undefined,
    });
    found.push(first(model.changed, outcome)?.window ?? Infinity);
  }
  const within = [1, 2, last].map((windows) => {
    const { share, low, high } = shareInterval(found.filter((window) => window < windows).length, models);
    return `≤ ${windows}: ${share.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
  });
  console.log(
    `${options.change} on ${kind}, N ${spec.referenceRows}, n ${spec.rows}, ${models} runs: ${within.join("  ")}`,
  );
}

function identity(text: string): void {
  const [shape, size] = text.split(":");
  const from = 14;
  const shapes: Record<string, (window: number) => number> = {
    step: (w) => (w >= from ? 1 : 0),
    once: (w) => (w === from ? 1 : 0),
    week: (w) => (w >= from && w < from + 7 ? 1 : 0),
    flap: (w) => (w >= from && (w - from) % 4 < 2 ? 1 : 0),
    rare: (w) => (w >= from && (w - from) % 7 === 0 ? 1 : 0),
    ramp: (w) => Math.min(1, Math.max(0, (w - from + 1) / 14)),
  };
  const strength = shapes[shape!];
  if (strength === undefined) throw new Error(`unknown shape ${text}; one of ${Object.keys(shapes).join(", ")}`);
  const windows = Number(options.windows ?? 42);
  let exactlyOne = 0;
  let incidents = 0;
  const open: number[] = [];
  for (let run = 0; run < models; run += 1) {
    const model = createModel(spec, { kind: "mean", size: Number(size), categories: 2, strength }, seed, run);
    const outcome = outcomeOf(model, windows, { subWindowsKnown });
    const own = outcome.findings.filter(({ feature, window }) => feature === model.changed && window >= from);
    if (own.length === 1) exactlyOne += 1;
    incidents += outcome.incidents.length;
    const closed = outcome.closings.findLast(({ feature }) => feature === model.changed);
    if (own[0] !== undefined && closed !== undefined) open.push(closed.window - own[0].window);
  }
  const median = open.toSorted((a, b) => a - b)[open.length >> 1];
  console.log(
    `${text} on ${kind}, N ${spec.referenceRows}, n ${spec.rows}: exactly one finding of the changed feature in ` +
      `${exactlyOne}/${models}; ${(incidents / models).toFixed(2)} incidents per run of ${windows} windows; ` +
      `closed in ${open.length}, median ${median ?? "–"} windows after opening`,
  );
}
