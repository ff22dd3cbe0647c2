import { resolve } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import { featureTypes, type FeatureType } from "../../core/feature-schema.ts";
import type { EventFile, EventFileRequest, MappedPart } from "../files/event-file.ts";
import { columnRoles, listed, type ColumnRole } from "../files/column-mapping.ts";
import type { LoadedConfig } from "../config/load.ts";
import { outputPalette } from "./colour.ts";
import type { CommandContext, OptionSpec, OptionValues } from "./command.ts";
import { printable } from "./table.ts";

const column = (role: ColumnRole): OptionSpec => ({
  type: "string",
  placeholder: "COLUMN",
  description: `Column with ${columnRoles[role]}.`,
});

/** What a file's columns are: the same options wherever a file is read row by row. */
export const fileOptions = {
  model: { type: "string", placeholder: "NAME", description: "Whose rows these are." },
  "time-column": column("time-column"),
  at: { type: "string", placeholder: "TIME", description: "One time for all rows, such as 2026-01-31T23:00:00Z." },
  zone: {
    type: "string",
    placeholder: "ZONE",
    description: "IANA time zone of times that name none, such as Europe/Berlin (default: UTC).",
  },
  id: column("id"),
  "entity-key": column("entity-key"),
  prediction: column("prediction"),
  score: column("score"),
  positive: {
    type: "string",
    placeholder: "CLASS",
    description: "The class that the score is of; else the model file's task.positive.",
  },
  label: column("label"),
  "label-time": column("label-time"),
  version: column("version"),
  arm: column("arm"),
  latency: column("latency"),
  weight: column("weight"),
  cohorts: { type: "string", placeholder: "A,B", description: "Columns to slice by that are no features." },
  features: {
    type: "string",
    placeholder: "A,B",
    description: "These columns alone are features; else every column that is nothing else.",
  },
  types: {
    type: "string",
    placeholder: "A=TYPE,…",
    description: `What features are, where the file says otherwise: ${featureTypes.join(", ")}.`,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** The same of files of labels alone. */
export const labelFileOptions = { name: column("name") } as const satisfies Readonly<Record<string, OptionSpec>>;

/** @throws usage */
export function eventFileRequest(
  command: string,
  name: string,
  options: OptionValues<typeof fileOptions> & { readonly name?: string },
  rest: {
    readonly kind: EventFileRequest["kind"];
    readonly environment: string;
    readonly config: LoadedConfig;
    readonly context: CommandContext;
    readonly sampleRows?: number;
  },
): EventFileRequest {
  const fail = (message: string) => new LeewayError("usage", `${command}: ${message}; see leeway help ${command}`);
  const names = (option: "cohorts" | "features") => {
    const found = options[option]?.split(",").map((one) => one.trim()) ?? null;
    if (found?.includes("") === true) throw fail(`--${option} ${JSON.stringify(options[option])} holds an empty name`);
    return found;
  };
  const model = options.model ?? null;
  if (model === "") throw fail("--model is empty");
  const given: Partial<Record<ColumnRole, string>> = {};
  for (const role of Object.keys(columnRoles) as ColumnRole[]) {
    const value = options[role];
    if (value !== undefined) given[role] = value;
  }
  return {
    name,
    path: resolve(rest.context.cwd, name),
    command,
    kind: rest.kind,
    model,
    spec: rest.config.models.find((spec) => spec.name === model) ?? null,
    environment: rest.environment,
    given,
    cohorts: names("cohorts") ?? [],
    features: names("features"),
    types: typesOf(options.types, fail),
    atMs: timeOf(options.at, fail),
    zone: zoneOf(options.zone, fail),
    positive: options.positive ?? null,
    otherModels: command === "ingest" ? "refuse" : "leave",
    sampleRows: rest.sampleRows ?? null,
  };
}

function typesOf(text: string | undefined, fail: (message: string) => LeewayError): ReadonlyMap<string, FeatureType> {
  const types = new Map<string, FeatureType>();
  for (const pair of text?.split(",") ?? []) {
    // A name may hold an equals sign, a type never does.
    const at = pair.lastIndexOf("=");
    const type = featureTypes.find((candidate) => candidate === pair.slice(at + 1).trim());
    if (at <= 0 || type === undefined) {
      throw fail(`--types ${JSON.stringify(pair)} is not NAME=TYPE with one of ${featureTypes.join(", ")}`);
    }
    types.set(pair.slice(0, at).trim(), type);
  }
  return types;
}

function timeOf(text: string | undefined, fail: (message: string) => LeewayError): number | null {
  if (text === undefined) return null;
  const timeMs = parseTime(text);
  if (timeMs !== null) return timeMs;
  throw fail(`--at ${JSON.stringify(text)} is not a time; write it as 2026-01-31T23:00:00Z`);
}

/** A day (UTC), or a time with its zone, in ms; null if it is neither. */
export function parseTime(text: string): number | null {
  const timeMs = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(timeMs) ? timeMs : null;
}

function zoneOf(text: string | undefined, fail: (message: string) => LeewayError): string {
  if (text === undefined) return "UTC";
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw fail(`--zone ${JSON.stringify(text)} is not a time zone; write an IANA name such as Europe/Berlin`);
  }
}

/** What the file's columns were taken for: what was guessed is marked as such. */
export function mappingText(file: EventFile, context: CommandContext): string {
  const palette = outputPalette(context);
  const width = Math.max(0, ...file.mapping.map(({ part }) => part.length));
  const lines = file.mapping.map((mapped) => {
    const detail = [mapped.detail, mapped.guessed ? "a guess" : null].filter((text) => text !== null).join("; ");
    const columns = mapped.columns.length === 0 ? "" : printable(listed(mapped.columns));
    const shown = detail === "" ? "" : palette.faint(columns === "" ? detail : ` (${detail})`);
    return `  ${mapped.part.padEnd(width)}  ${columns}${shown}\n`;
  });
  return `${lines.join("")}${file.notes.map((note) => `  ${printable(note)}\n`).join("")}`;
}

/** The same for programs. */
export function mappingView(mapping: readonly MappedPart[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    mapping.map(({ part, columns, detail, guessed }) => [part, { columns, detail, guessed }] as const),
  );
}
