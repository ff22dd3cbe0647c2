import type { Finding } from "../../core/finding.ts";
import { openFindings } from "../incidents/incident.ts";
import type { IncidentState } from "../incidents/incident.ts";
import { seriesName, unitQuestion } from "./finding-text.ts";
import type { PredictionsWord } from "./finding-text.ts";
import { timeText } from "./quantities.ts";

/**
 * What to do next, concretely, by what is wrong: at most three steps, the first to be taken first.
 *
 * @param changed What the notification is about, in the order of telling; not empty.
 */
export function nextSteps(
  changed: readonly Finding[],
  predictions: PredictionsWord,
  context: { readonly incident: IncidentState; readonly zone: string },
): readonly string[] {
  const [lead] = changed as readonly [Finding, ...Finding[]];
  const name = seriesName(lead);
  const since = timeText(lead.openedWindowStartMs, context.zone);
  const question = unitQuestion(lead);
  switch (lead.signal) {
    case "silence":
      return [
        `See whether the service that emits ${lead.model} is up, and what was deployed around ${since}.`,
        "If it is up: see whether its events reach the topic, and whether leeway_consumer_lag_seconds is rising.",
        "Every figure of this window rests on fewer rows: read it with care.",
      ];
    case "volume":
      return [
        `See what was deployed, or what traffic was moved, around ${since}: callers, routing, sampling, retries.`,
        "If more events than usual come: see whether some come twice (event_id), or a replay runs.",
        "Shares stay right, but windows rest on another number of rows.",
      ];
    case "joint":
      return [
        `Look at ${lead.evidence.contrast} side by side around ${since}: a join by the wrong key, a shifted column, or rows of another source leave each feature as it was.`,
        "If the world changed, the model has learnt combinations that no longer occur: see whether its errors grow.",
      ];
    case "performance": {
      const { version } = lead.series;
      const compared = openFindings(context.incident).find(
        ({ finding }) => finding.evidence.control !== undefined && finding.series.version === version,
      );
      if (compared !== undefined) {
        return [
          `Version ${version} also decides differently from version ${compared.finding.evidence.control} on the same traffic: hold its rollout, or take it back if wrong decisions cost money.`,
          "Look for what only one of them has: its threshold, its feature code, its training data, its cache.",
          "See on the model's page whether one slice or arm carries it, and how many labels are still to come.",
        ];
      }
      const moved = openFindings(context.incident).some((tracked) => tracked.finding.series.role === "feature");
      return [
        moved
          ? "Inputs of this incident moved around the same time: explain those first."
          : `No input moved with it: see whether labels changed their meaning around ${since}, or the world did (the same inputs, other outcomes).`,
        "See on the model's page whether one slice or arm carries it, and how many labels are still to come.",
        `Hold or fall back if wrong decisions cost money; train on windows since ${since} if the change is real and lasts.`,
      ];
    }
    case "custom":
      return [
        `See whether the world or the data moved ${name}: run its statement on the windows around ${since} (leeway sql), split by version or cohort.`,
        "Look at what else is open in this incident: an input that moved at the same time may explain it.",
      ];
    case "type_mismatch":
      return [
        `See which client sends ${name} as another type: a serializer, a new version, or a column read as text.`,
        "Rows of the wrong type are read as missing where they cannot be converted; mend the producer.",
      ];
    case "out_of_range":
      return [
        `Look at the rows: a unit, a scale, a sentinel such as -1 or 9999 for ${name}, or a truly new range.`,
        "The model has never learnt such values: hold or fall back for these rows until it is clear.",
      ];
    case "constant":
      return [
        `See whether the model or its fallback answers: a default, a timeout, or features that never arrive (around ${since}).`,
        `Treat decisions since ${since} as worthless until it is clear.`,
      ];
    case "error":
      return [
        `See the service's log around ${since}: it emits events, but no prediction.`,
        "If these are rejections on purpose, emit them as a class of their own.",
      ];
    case "latency":
      return [
        `See what was deployed around ${since}, and the service's load: CPU, a dependency, cold starts.`,
        "Answers that come too late may be replaced by a fallback: see whether predictions moved as well.",
      ];
    case "missing":
      return [
        `Find who fills ${name}: a join, an upstream table, or a client that began to leave it out.`,
        "See in the rows whether one version, arm or cohort sends all of the gaps.",
        predictions === "moved"
          ? "Predictions moved with it: hold or fall back for the rows without a value."
          : "Decide whether rows without a value should be predicted at all.",
      ];
    case "unseen":
      return [
        `See whether the new values of ${name} are right: a new category, another spelling, another code list.`,
        "If they are right, the model has never learnt them: map them, or train again.",
        "If they are wrong, mend the producer; the rows say since when.",
      ];
    case "distribution":
      break;
  }
  const { control } = lead.evidence;
  if (control !== undefined) {
    return [
      `Versions ${lead.series.version} and ${control} decide differently on the same traffic: hold the rollout until it is known why.`,
      "Look for what only one of them has: its threshold, its feature code, its training data, its cache.",
      `If version ${lead.series.version} is right, approve it: name it as baseline.version in the model's file.`,
    ];
  }
  if (lead.series.role !== "feature") {
    const inputs = openFindings(context.incident).some((tracked) => tracked.finding.series.role === "feature");
    return inputs
      ? [
          "The predictions follow the inputs named here: explain those first.",
          `Treat decisions since ${since} as doubtful until then.`,
        ]
      : [
          `No input moved with it: see what was deployed around ${since} (model version, feature code, threshold).`,
          "If a version changed, compare it with the one before on the same hours.",
        ];
  }
  const ask = `Ask what changed for ${name} around ${since}: a deploy, a unit, a time zone, a join, or the world itself.`;
  const first = question === null ? ask : `${ask} Note that ${question}`;
  // Without a full stop: it is copied to a shell.
  const accept = `accept it as the new baseline: leeway incidents accept ${context.incident.incidentId}`;
  if (predictions === "moved") {
    return [
      first,
      `Predictions moved with it: treat decisions since ${since} as doubtful, and hold or fall back if they cost money.`,
      `If the change is real and lasts, train on it, then ${accept}`,
    ];
  }
  return [
    first,
    predictions === "did not move"
      ? "Predictions did not move: this can wait for working hours."
      : "Whether predictions moved is not known: look at the model's scores for the same hours.",
    `If the change is real and lasts, ${accept}`,
  ];
}
