import { dayMs } from "../../../core/window.ts";
import { readDecidedThrough } from "../../../store/facts/decided-through.ts";
import { findingsOpenedSince } from "../../../store/facts/health.ts";
import { ok, skipped, type Check, warn } from "../check.ts";

const lookBackMs = 28 * dayMs;
/** One feature of a model within its budget opens a finding every few months. */
const noisyFindings = 4;
const namedAtMost = 10;

export const noisyMonitorsCheck: Check = {
  name: "noisy_monitors",
  title: "Noisy monitors",
  run: async (patient) => {
    const facts = await patient.facts();
    const throughMs = await readDecidedThrough(facts);
    if (throughMs === null) return [skipped("no window has been decided yet")];
    const noisy = (await findingsOpenedSince(facts, throughMs - lookBackMs)).filter(
      ({ findings }) => findings >= noisyFindings,
    );
    if (noisy.length === 0) return [ok(`no series opened ${noisyFindings} findings within 28 days`)];
    return noisy
      .slice(0, namedAtMost)
      .map(({ model, feature, signal, findings }) =>
        warn(
          `${feature === "" ? "the flow of events" : feature} (${signal}) opened ${findings} findings within 28 days`,
          "leeway explain shows them: set a newer or longer baseline if the world moved, or raise monitoring.effect_floor",
          model,
        ),
      );
  },
};
