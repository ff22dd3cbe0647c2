import { durationText } from "../../../alerting/text/quantities.ts";
import { readStoredEvents } from "../../../store/facts/page-events.ts";
import { readWindowOverviews, type WindowOverview } from "../../../store/facts/page-windows.ts";
import { isBehind } from "../../page/standing.ts";
import { ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** Windows that should have been decided and were not, and models that still learn what is ordinary: neither is "no drift". */
export const decidedWindowsCheck: Check = {
  name: "decided_windows",
  title: "Decided windows",
  run: async (patient) => {
    const facts = await patient.facts();
    const { models, service } = patient.config;
    const [windows, events] = await Promise.all([
      readWindowOverviews(facts, { model: null, environment: null, windows: 1 }),
      readStoredEvents(facts, null),
    ]);
    const nowMs = patient.nowMs();
    const observations = windows.flatMap((last): Observation[] => {
      const spec = models.find(({ name }) => name === last.model);
      if (spec === undefined || !spec.monitoring.environments.includes(last.environment)) return [];
      const of = ({ model, environment }: Pick<WindowOverview, "model" | "environment">) =>
        model === last.model && environment === last.environment;
      const stored = events.find(of) ?? null;
      const subject = last.environment === "production" ? last.model : `${last.model} (${last.environment})`;
      if (isBehind(last, spec, stored, { nowMs, serviceClock: service.clock })) {
        const presentMs = service.clock === "wall" ? nowMs : (stored?.lastMs ?? nowMs);
        return [
          warn(
            `stale: no window was decided for ${durationText(presentMs - last.window.endMs)}`,
            "see whether its events still come, what watermark says, and that a process with the detector role runs",
            subject,
          ),
        ];
      }
      const warming = last.states.warming_up ?? 0;
      return [
        warming > 0
          ? warn(
              `warming_up: for ${warming} series only a large change would be told, while their usual variation is learnt`,
              "wait for fourteen windows, or give the model a baseline with times",
              subject,
            )
          : ok("the last window was decided in time", subject),
      ];
    });
    return observations.length > 0 ? observations : [skipped("no window of a declared model has been decided yet")];
  },
};
