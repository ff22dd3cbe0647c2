import { shareText } from "../../../alerting/text/quantities.ts";
import { examineWindow } from "../../../detectors/examination.ts";
import { findDecidedWindow } from "../../../store/facts/decided-window.ts";
import { type SeriesStates, seriesStates } from "../../../store/facts/health.ts";
import { seriesLabel } from "../../explanation/series-explanation.ts";
import { ok, skipped, type Check, type Observation, type Patient, warn } from "../check.ts";

const windowsLookedAt = 14;
/** A monitor that needs a fifth of the rows to move sees what everybody sees. */
const deafAbove = 0.2;
const namedAtMost = 5;

/** Series that could not have fired: a monitor that is silent for want of rows looks just like one that found nothing. */
export const deafMonitorsCheck: Check = {
  name: "deaf_monitors",
  title: "Deaf monitors",
  run: async (patient) => {
    const facts = await patient.facts();
    const all = await seriesStates(facts, windowsLookedAt);
    if (all.length === 0) return [skipped("no window has been decided yet")];
    const observations: Observation[] = [];
    for (const [key, series] of Map.groupBy(all, (one) => JSON.stringify([one.model, one.environment]))) {
      const [model = "", environment = ""] = JSON.parse(key) as string[];
      const subject = environment === "production" ? model : `${model} (${environment})`;
      const whole = series.filter((one) => one.series.slice === "");
      const found = [
        told(whole, ["no_baseline"], "no baseline", "give the model a baseline that has them", subject),
        told(
          whole,
          ["insufficient_data"],
          `too few rows in each of the last ${windowsLookedAt} windows`,
          "use longer windows (monitoring.window), or collect more",
          subject,
        ),
        told(
          whole,
          ["too_variable"],
          "too much variation between healthy windows, so no alert ever",
          "nothing, if they are functions of time such as weekday; else use longer windows",
          subject,
        ),
        await hardOfHearing(patient, model, environment, subject),
      ].filter((one) => one !== null);
      observations.push(
        ...(found.length > 0
          ? found
          : [ok(`every series could show a change of ${shareText(deafAbove)} of rows`, subject)]),
      );
    }
    return observations;
  },
};

/** Series that had no other state. */
function told(
  series: readonly SeriesStates[],
  states: readonly string[],
  what: string,
  remedy: string,
  subject: string,
): Observation | null {
  const only = series.filter(
    (one) => one.signal === "distribution" && one.states.every((state) => states.includes(state)),
  );
  return only.length === 0
    ? null
    : warn(`${what}: ${names(only.map((one) => seriesLabel(one.series)))}`, remedy, subject);
}

/** From the newest window, measured again. */
async function hardOfHearing(
  patient: Patient,
  name: string,
  environment: string,
  subject: string,
): Promise<Observation | null> {
  const facts = await patient.facts();
  const model = patient.config.models.find((one) => one.name === name);
  const decided = model === undefined ? null : await findDecidedWindow(facts, { environment, model: name, atMs: null });
  if (model === undefined || decided === null) return null;
  const examination = await examineWindow(facts, { environment, model, decided });
  const deaf = (examination?.series ?? []).filter(
    ({ signal, series, nearest, tooVariable }) =>
      signal === "distribution" &&
      series.slice === "" &&
      !tooVariable &&
      nearest !== null &&
      nearest.minimumDetectableEffect > deafAbove,
  );
  if (deaf.length === 0) return null;
  const needed = Math.min(...deaf.map(({ nearest }) => nearest?.minimumDetectableEffect ?? 1));
  return warn(
    `no change of less than ${shareText(needed)} of rows could have been seen in the newest window (${decided.rows.toLocaleString("en-US")} rows): ${names(deaf.map(({ series }) => seriesLabel(series)))}`,
    "use longer windows, a larger baseline, or fewer features and watched cohorts",
    subject,
  );
}

function names(all: readonly string[]): string {
  const distinct = [...new Set(all)].map((name) => (name === "" ? "all features" : name));
  const more = distinct.length - namedAtMost;
  return `${distinct.slice(0, namedAtMost).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
