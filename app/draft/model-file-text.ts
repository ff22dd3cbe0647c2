import { parse } from "yaml";
import type { DraftCohort, DraftFeature, ModelDraft } from "./model-draft.ts";

/** Where a draft's events came from, for its head. */
export interface DraftOrigin {
  /** Such as `events.ndjson` or `topic leeway.events`. */
  readonly source: string;
  /** Of all messages that were looked at, whatever their model. */
  readonly messages: number;
  /** What a table's columns were taken for, such as `time: scored_at (a guess)`; empty for messages. */
  readonly mapping: readonly string[];
  /** What shows each refused message, such as `leeway tap`. */
  readonly shownBy: string;
  readonly refused: ReadonlyMap<string, number>;
}

const mostFeatures = 500;
/** A slice for each value must be of some use. */
const mostSlices = 50;

/** A model file with what a sample shows, and comments on what it does not. It is valid as it stands. */
export function modelFileText(draft: ModelDraft, origin: DraftOrigin): string {
  const { model, events, task } = draft;
  const lines: string[] = [
    `# ${oneLine(model)}, drafted by leeway init from ${counted(events, "event")} of ${oneLine(origin.source)}.`,
    `# Their times: ${minute(draft.fromMs)} to ${minute(draft.toMs)} (UTC). Versions: ${namesOf(draft.versions)}.`,
    "# Every field is optional, and docs/configuration.md lists them all. Lines with ? are guesses: see to them.",
    "#",
    ...formatLines(origin),
    ...refusedLines(origin),
    "",
    `model: ${scalar(model)}`,
    "tags: {}  # such as { team: ops, tier: critical }: `defaults:` in leeway.yaml select by them",
    "",
    ...taskLines(draft),
    "",
  ];
  if (draft.features.length === 0) {
    lines.push("# features: no event has any.");
  } else {
    lines.push("features:", ...draft.features.slice(0, mostFeatures).map((feature) => featureLine(feature, events)));
    const more = draft.features.length - mostFeatures;
    if (more > 0) lines.push(`  # and ${more.toLocaleString("en-US")} more: discovery.max_features is ${mostFeatures}`);
  }
  lines.push("", ...cohortLines(draft), "");
  lines.push(
    "# ? Baseline: what was normal cannot be guessed. Without one the model is shown, and not judged. Either a file with a",
    "# row per event, or a range of stored events (`to` is exclusive):",
    "# baseline: { kind: file, path: ../reference.parquet, time: event_time, prediction: prediction, score: score }",
    `# baseline: { kind: range, from: ${day(draft.fromMs)}T00:00:00Z, to: ${day(draft.toMs)}T00:00:00Z }`,
    "",
    ...monitoringLines(draft),
  );
  if (task.kind === "unknown")
    lines.push("", "# Until the task is known, the model's results are watched as they come.");
  return `${lines.join("\n")}\n`;
}

function formatLines({ mapping, source }: DraftOrigin): string[] {
  if (mapping.length === 0) return ["# Format: leeway-json, one JSON object a message in the words of docs/events.md."];
  return [`# What the columns of ${oneLine(source)} were taken for:`, ...mapping.map((line) => `#   ${oneLine(line)}`)];
}

function refusedLines({ messages, refused, shownBy }: DraftOrigin): string[] {
  if (refused.size === 0) return [];
  const rows = [...refused.values()].reduce((sum, count) => sum + count, 0);
  const reasons = [...refused].map(([reason, count]) => `${reason} ${count}`).join(", ");
  return [
    `# ${rows} of ${counted(messages, "message")} would be refused: ${reasons}; ${shownBy} shows each with what is wrong.`,
  ];
}

function taskLines({ task, hasEntityKeys }: ModelDraft): string[] {
  const delay = [
    "  # ? How long labels usually take, which events do not say:",
    "  label_delay: 1d",
    ...(hasEntityKeys
      ? ["  # Labels may name an entity_key; how long after its event at most:", "  label_window: 30d"]
      : []),
  ];
  switch (task.kind) {
    case "binary":
      return [
        `task:`,
        `  kind: binary  # classes: ${namesOf(task.classes)}`,
        `  positive: ${scalar(task.positive)}  # ? chosen by ${task.why}: the class whose score is the model's score`,
        ...delay,
      ];
    case "multiclass":
      return ["task:", `  kind: multiclass  # classes: ${namesOf(task.classes)}`, ...delay];
    case "regression":
      return ["task:", "  kind: regression  # its predictions are numbers", ...delay];
    case "unknown":
      return [
        `# ? Task: ${oneLine(task.why)}.`,
        "# task: { kind: binary, positive: …, label_delay: 1d }",
        "task: { kind: unknown }",
      ];
  }
}

function featureLine(feature: DraftFeature, events: number): string {
  const { name, type, distinct, missing, otherwise } = feature;
  const remarks: string[] = [];
  if (type === "numeric" && feature.smallest !== null) remarks.push(`${feature.smallest} to ${feature.largest}`);
  if (type === "categorical") remarks.push(counted(distinct, "value"));
  if (missing > 0) remarks.push(`missing in ${Math.max(1, Math.round((100 * missing) / events))} %`);
  if (missing === events) remarks.push("? never a value: its type is a guess");
  if (otherwise > 0) remarks.push(`? ${counted(otherwise, "value")} of another type: would count as missing`);
  if (type === "categorical" && distinct > 50 && distinct > events / 2)
    remarks.push("? an id or free text: better no feature");
  if (type === "numeric" && feature.whole && distinct <= 10 && events >= 100) {
    remarks.push(`? ${distinct} whole numbers: categorical, if they are codes`);
  }
  const comment = remarks.length === 0 ? "" : `  # ${remarks.join("; ")}`;
  return `  ${key(name)}: { type: ${type} }${comment}`;
}

function cohortLines({ cohorts, features }: ModelDraft): string[] {
  const usable = (distinct: number) => distinct > 1 && distinct <= mostSlices;
  const line = ({ attribute, distinct }: DraftCohort) =>
    usable(distinct)
      ? `  ${key(attribute)}: {}  # ${counted(distinct, "value")}`
      : `  # ${key(attribute)}: {}  # ? ${counted(distinct, "value")}: ${distinct <= 1 ? "nothing to slice by" : "too many to slice by"}`;
  const own = cohorts.map(line);
  const chosen = cohorts.filter(({ distinct }) => usable(distinct)).length;
  const offered = features
    .filter(({ type, distinct }) => type !== "numeric" && usable(distinct))
    .slice(0, 5)
    .map(({ name, distinct }) => `  # ${key(name)}: {}  # a feature with ${counted(distinct, "value")}`);
  return [
    "# Attributes to slice by: they explain a finding. `watch: true` tests each slice on its own.",
    ...(chosen === 0 ? ["# cohorts:"] : ["cohorts:"]),
    ...(chosen === 0 ? own.map((text) => text.replace(/^ {2}(# )?/, "#   ")) : own),
    ...(chosen === 0 ? offered.map((text) => text.replace("  # ", "#   ")) : offered),
  ];
}

function monitoringLines({ environments }: ModelDraft): string[] {
  const watched = environments.length === 0 ? ["production"] : environments;
  const isUsual = watched.length === 1 && watched[0] === "production";
  return [
    "monitoring:",
    "  window: auto  # 1h if the baseline's median hour has 1,000 rows or more, else 1d",
    `  environments: [${watched.map(scalar).join(", ")}]${isUsual ? "" : "  # ? those of the sample; each is judged on its own"}`,
    "  false_incidents_per_model_week: 0.05  # how many false incidents you accept",
  ];
}

/** A name as a key of YAML: plain where that is read back as the same text, else quoted. */
function key(text: string): string {
  const plain = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && parse(text) === text;
  return plain ? text : JSON.stringify(text);
}

/** The same as a value, where `${` would be taken for a variable. */
function scalar(text: string): string {
  return key(text).replaceAll("${", () => "$${");
}

const mostNames = 8;

function namesOf(names: readonly string[]): string {
  if (names.length === 0) return "none named";
  const shown = names.slice(0, mostNames).map(oneLine).join(", ");
  return names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
}

/** What came in a message may hold anything; a comment ends with its line. */
function oneLine(text: string): string {
  const shown = text.replaceAll(/[\p{C}\u2028\u2029]+/gu, " ");
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

function counted(value: number, noun: string): string {
  return `${value.toLocaleString("en-US")} ${noun}${value === 1 ? "" : "s"}`;
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
