import { dayMs } from "../../../core/window.ts";
import { readDecidedThrough } from "../../../store/facts/decided-through.ts";
import { feedbackByMonitor } from "../../../store/facts/feedback.ts";
import { findingsOpenedSince } from "../../../store/facts/health.ts";
import { ok, skipped, type Check, warn } from "../check.ts";

const lookBackMs = 28 * dayMs;
/** One feature of a model within its budget opens a finding every few months. */
const noisyFindings = 4;
const namedAtMost = 10;
/** People speak of few incidents, and later than they happen. */
const feedbackMs = 90 * dayMs;
const noisyVerdicts = 2;

export const noisyMonitorsCheck: Check = {
  name: "noisy_monitors",
  title: "Noisy monitors",
  run: async (patient) => {
    const facts = await patient.facts();
    const throughMs = await readDecidedThrough(facts);
    if (throughMs === null) return [skipped("no window has been decided yet")];
    const called = (await feedbackByMonitor(facts, patient.nowMs() - feedbackMs)).filter(
      ({ noise, useful }) => noise >= noisyVerdicts && noise > useful,
    );
    const noisy = (await findingsOpenedSince(facts, throughMs - lookBackMs)).filter(
      ({ findings }) => findings >= noisyFindings,
    );
    if (noisy.length === 0 && called.length === 0) {
      return [ok(`no series opened ${noisyFindings} findings within 28 days, and none is called noise`)];
    }
    return [
      ...called
        .slice(0, namedAtMost)
        .map(({ model, feature, signal, noise, useful }) =>
          warn(
            `people called ${seriesText(feature, signal)} noise ${noise} times within 90 days, and useful ${useful} times`,
            "leeway explain shows the incidents: accept the change with leeway baseline, raise monitoring.effect_floor, or route it as severity none",
            model,
          ),
        ),
      ...noisy
        .slice(0, namedAtMost)
        .map(({ model, feature, signal, findings }) =>
          warn(
            `${seriesText(feature, signal)} opened ${findings} findings within 28 days`,
            "leeway explain shows them: set a newer or longer baseline if the world moved, or raise monitoring.effect_floor",
            model,
          ),
        ),
    ];
  },
};

function seriesText(feature: string, signal: string): string {
  return `${feature === "" ? "the flow of events" : feature} (${signal})`;
}
