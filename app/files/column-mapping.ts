import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { SourceColumn } from "../../store/facts/file-comparison-source.ts";
import { nearestName } from "../config/fault.ts";

/** What a column of a file can be, other than a feature. The keys are the options of the command line. */
export const columnRoles = {
  "time-column": "the time of the event (or label)",
  id: "the event's id",
  "entity-key": "what the prediction is about",
  prediction: "the class or the estimate",
  score: "the score of the positive class",
  label: "the known outcome",
  name: "the outcome's name, in a file of labels; empty where the label is the truth",
  "label-time": "when the outcome was known",
  version: "the model's version",
  arm: "the canary or A/B arm",
  latency: "the latency in milliseconds",
  weight: "1 / sampling share",
} as const;

export type ColumnRole = keyof typeof columnRoles;

/**
 * Names that say what a column is, likeliest first, in lower case with `_`. What may as well be a feature (a weight, a
 * variant) is not guessed.
 */
const eventNames: Readonly<Record<ColumnRole, readonly string[]>> = {
  "time-column": [
    "event_time",
    "timestamp",
    "prediction_time",
    "predicted_at",
    "scored_at",
    "event_timestamp",
    "time",
    "datetime",
    "date_time",
    "created_at",
    "date",
    "ts",
  ],
  id: ["event_id", "prediction_id", "request_id", "inference_id", "id", "uuid"],
  "entity-key": ["entity_key", "entity_id"],
  prediction: ["prediction", "predicted", "y_pred", "pred", "predicted_class", "predicted_label", "prediction_label"],
  score: ["score", "probability", "proba", "prob", "y_score", "y_proba", "prediction_score", "predicted_probability"],
  label: ["label", "target", "y_true", "actual", "ground_truth", "outcome", "y"],
  "label-time": ["label_time", "label_timestamp", "labelled_at", "labeled_at", "outcome_time"],
  name: [],
  version: ["version", "model_version"],
  arm: ["arm"],
  latency: ["latency_ms"],
  weight: [],
};

const labelNames: Readonly<Partial<Record<ColumnRole, readonly string[]>>> = {
  "time-column": [...eventNames["label-time"], ...eventNames["time-column"]],
  id: eventNames.id,
  "entity-key": eventNames["entity-key"],
  label: eventNames.label,
  name: ["name", "outcome_name", "label_name"],
};

export interface MappingRequest {
  readonly kind: "events" | "labels";
  /** As `ingest`, for messages. */
  readonly command: string;
  readonly fileName: string;
  /** By role, as the user named them. */
  readonly given: Readonly<Partial<Record<ColumnRole, string>>>;
  readonly cohorts: readonly string[];
  /** Null: every column that is nothing else. */
  readonly features: readonly string[] | null;
  readonly spec: ModelSpec | null;
}

export interface ColumnMapping {
  readonly roles: ReadonlyMap<ColumnRole, { readonly column: SourceColumn; readonly guessed: boolean }>;
  readonly features: readonly SourceColumn[];
  readonly cohorts: readonly SourceColumn[];
  /** Lists, objects and times that are no feature: kept as text. */
  readonly extra: readonly SourceColumn[];
  /** Features that the model declares and the file has not. */
  readonly absent: readonly string[];
}

/**
 * Which column is what: as told, else by its name, else a feature. A column that the model file declares as a feature stays
 * one, whatever its name.
 *
 * @throws usage if a column that was named is not there, or is named for two things.
 */
export function mapColumns(columns: readonly SourceColumn[], request: MappingRequest): ColumnMapping {
  const { kind, given, spec } = request;
  const byName = new Map(columns.map((column) => [column.name, column]));
  const named = (option: string, name: string): SourceColumn => {
    const column = byName.get(name);
    if (column !== undefined) return column;
    const nearest = nearestName(name, [...byName.keys()]);
    const remedy =
      nearest === null ? `it has ${listed([...byName.keys()])}` : `did you mean ${JSON.stringify(nearest)}?`;
    throw new LeewayError(
      "usage",
      `${request.command}: --${option}: ${request.fileName} has no column ${JSON.stringify(name)}; ${remedy}`,
    );
  };

  if (kind === "events" && given.name !== undefined) {
    const message = `${request.command}: --name is of files of labels: an outcome beside its event is a field that is kept in extra, or a label of its own`;
    throw new LeewayError("usage", message);
  }
  const roles = new Map<ColumnRole, { column: SourceColumn; guessed: boolean }>();
  const taken = new Map<string, string>();
  const take = (name: string, option: string) => {
    const before = taken.get(name);
    if (before !== undefined && before !== option) {
      const message = `${request.command}: column ${JSON.stringify(name)} cannot be both --${before} and --${option}`;
      throw new LeewayError("usage", message);
    }
    taken.set(name, option);
  };
  for (const [role, name] of Object.entries(given) as [ColumnRole, string][]) {
    roles.set(role, { column: named(role, name), guessed: false });
    take(name, role);
  }
  const cohorts = request.cohorts.map((name) => named("cohorts", name));
  for (const { name } of cohorts) take(name, "cohorts");
  const chosen = request.features?.map((name) => named("features", name)) ?? null;
  for (const { name } of chosen ?? []) take(name, "features");

  const declared = new Set(spec?.features.map(({ name }) => name));
  const free = columns.filter(({ name }) => !taken.has(name) && !declared.has(name));
  const names = kind === "events" ? eventNames : labelNames;
  for (const [role, candidates] of Object.entries(names) as [ColumnRole, readonly string[]][]) {
    if (roles.has(role)) continue;
    const column = candidates
      .map((candidate) => free.find(({ name }) => plainName(name) === candidate && !taken.has(name)))
      .find((found) => found !== undefined);
    if (column === undefined) continue;
    roles.set(role, { column, guessed: true });
    take(column.name, role);
  }
  // A time of the file's own type says what it is, if it is the only one.
  const times = free.filter(({ name, kind: stored }) => stored === "time" && !taken.has(name));
  if (!roles.has("time-column") && times.length === 1) {
    roles.set("time-column", { column: times[0]!, guessed: true });
    take(times[0]!.name, "time-column");
  }
  if (kind === "labels") return { roles, features: [], cohorts: [], extra: [], absent: [] };

  const attributes = new Set(spec?.cohorts.map(({ attribute }) => attribute));
  const rest = chosen === null ? columns.filter(({ name }) => !taken.has(name)) : chosen;
  const isCohort = ({ name }: SourceColumn) => attributes.has(name) && !declared.has(name) && chosen === null;
  const isExtra = ({ name, kind: stored }: SourceColumn) =>
    (stored === "other" || stored === "time") && !declared.has(name);
  return {
    roles,
    features: rest.filter((column) => !isCohort(column) && !isExtra(column)),
    cohorts: [...cohorts, ...rest.filter((column) => isCohort(column))],
    extra: rest.filter((column) => !isCohort(column) && isExtra(column)),
    absent: [...declared].filter((name) => !byName.has(name)),
  };
}

/** `Event Time`, `eventTime` and `event-time` are one name. */
function plainName(name: string): string {
  return name
    .trim()
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[\s.-]+/g, "_");
}

const mostListed = 12;

/** Names for a message, not too many. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, mostListed).map((name) => (name.length > 64 ? `${name.slice(0, 64)}…` : name));
  const more = names.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more.toLocaleString("en-US")} more` : ""}`;
}
