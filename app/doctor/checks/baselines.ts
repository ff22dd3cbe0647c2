import { access } from "node:fs/promises";
import { durationText } from "../../../alerting/text/quantities.ts";
import { dayMs } from "../../../core/window.ts";
import type { ModelSpec } from "../../../core/model.ts";
import { fewestTrailingWindows } from "../../../detectors/baselines/trailing.ts";
import { readBaseline } from "../../../store/facts/baselines.ts";
import type { Facts } from "../../../store/facts/client.ts";
import { readControlWindows } from "../../../store/facts/control-windows.ts";
import { baselinesInUse, type BaselineAge } from "../../../store/facts/health.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** A reference from half a year ago is of another season, and mostly of another model. */
const staleMs = 180 * dayMs;
const fewestRows = 100;
/** Windows without a row of the control version after which it is said. */
const controlWindows = 2;
const comfortableRows = 1000;
/** Below, ordinary variation is learnt live first. */
const fewestWindows = 10;

export const baselinesCheck: Check = {
  name: "baselines",
  title: "Baselines",
  run: async (patient) => {
    const { models } = patient.config;
    if (models.length === 0) return [skipped("no model is declared, so none has a baseline")];
    const facts = await patient.facts();
    const inUse = await baselinesInUse(facts);
    // Of the models, not of this machine: a replay of old data is not stale.
    const newestMs = patient.config.service.clock === "wall" ? patient.nowMs() : null;
    return Promise.all(
      models.map(async (model): Promise<Observation> => {
        const own = inUse.filter((baseline) => baseline.model === model.name);
        const worst = own.toSorted((a, b) => a.toMs - b.toMs)[0];
        if (worst === undefined) return missing(model);
        const alone = await withoutControl(facts, own);
        return alone ?? aged(worst, model, newestMs);
      }),
    );
  },
};

async function missing(model: ModelSpec): Promise<Observation> {
  const { baseline, name } = model;
  if (baseline === null) {
    return warn(
      "has none: its numbers are shown, and nothing is judged",
      "write baseline into its file, or use leeway baseline",
      name,
    );
  }
  if (baseline.kind === "file") {
    const there = await access(baseline.path).then(
      () => true,
      () => false,
    );
    if (!there)
      return fail(`its file ${baseline.path} is not there`, "put the file there, or correct baseline.path", name);
  }
  if (baseline.kind === "trailing") {
    const windowMs = model.monitoring.windowMs === "auto" ? dayMs : model.monitoring.windowMs;
    const needed = `${fewestTrailingWindows} windows of ${durationText(windowMs)}`;
    return baseline.lengthMs < fewestTrailingWindows * windowMs
      ? fail(
          `its trailing range of ${durationText(baseline.lengthMs)} never holds ${needed}`,
          "raise baseline.length",
          name,
        )
      : skipped(`it is not made yet: it comes once ${needed} have rows, and its gap has passed`, name);
  }
  return skipped("it is not made yet: it comes with the model's first closed window", name);
}

/** A version beside a control that is gone is not measured: the first of these baselines that waits for its control; null if none does. */
async function withoutControl(facts: Facts, baselines: readonly BaselineAge[]): Promise<Observation | null> {
  for (const { environment, model, baselineId, windowMs } of baselines) {
    const spec = (await readBaseline(facts, { environment, model, baselineId }))?.spec;
    if (spec?.kind !== "range" || spec.concurrent !== true || spec.version === undefined) continue;
    const { newestMs, controlMs } = await readControlWindows(facts, {
      environment,
      model,
      baselineId,
      control: spec.version,
    });
    if (newestMs - controlMs <= controlWindows * windowMs) continue;
    const since = controlMs === 0 ? "in any window" : `for ${durationText(newestMs - controlMs)}`;
    return warn(
      `version ${spec.version}, with which other versions are compared, had no rows ${since} (${environment}): the others are not measured`,
      "name the version that is approved now as baseline.version, or send a share of the traffic to it",
      model,
    );
  }
  return null;
}

function aged(baseline: BaselineAge, { name }: ModelSpec, nowMs: number | null): Observation {
  const { rows, fromMs, toMs, windowMs } = baseline;
  const windows = Math.round((toMs - fromMs) / windowMs);
  const ageMs = nowMs === null ? 0 : nowMs - toMs;
  // Without times rows stand for milliseconds, and there is no age.
  const timed = fromMs > dayMs;
  const age = timed && nowMs !== null ? `, ended ${durationText(Math.max(0, ageMs))} ago` : "";
  const detail = `${rows.toLocaleString("en-US")} rows in ${timed ? windows : "no"} windows of ${durationText(windowMs)}${age}`;
  if (rows < fewestRows)
    return fail(`${detail}: nothing is held against fewer than ${fewestRows}`, "give it a larger baseline", name);
  if (timed && ageMs > staleMs)
    return warn(`${detail}: stale`, "set a newer one with leeway baseline, once the present is as it should be", name);
  if (rows < comfortableRows)
    return warn(`${detail}: small, so only large changes are seen`, "give it a larger baseline", name);
  if (!timed || windows < fewestWindows) {
    return warn(
      `${detail}: how healthy windows vary is learnt live first, over 14 windows`,
      `give it a time column and at least ${fewestWindows} windows; 28 days are good`,
      name,
    );
  }
  return ok(detail, name);
}
