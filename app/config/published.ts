import type { z } from "zod";
import { methodsPage } from "../../detectors/methods/methods-page.ts";
import { measuredPage, readKeptResults } from "../simulation/measured-page.ts";
import { type JsonSchema, jsonSchemaOf } from "./file-faults.ts";
import { modelSchema, serviceSchema, tokensSchema } from "./schema.ts";

/**
 * What is published of the options: JSON Schemas for editors, and a document for people. All of it is made from the
 * schemas that validate; `node app/config/publish.ts` writes the files, and a test compares them.
 */
export function publishedFiles(): Readonly<Record<string, string>> {
  return {
    "app/config/leeway.schema.json": schemaFile("leeway.yaml", serviceSchema),
    "app/config/model.schema.json": schemaFile("models/*.yaml", modelSchema),
    "docs/configuration.md": optionsDocument(),
    "docs/methods.md": methodsPage(),
    "docs/measured.md": measuredPage(readKeptResults()),
  };
}

function schemaFile(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = jsonSchemaOf(schema) as JsonSchema & { readonly $schema?: string };
  return `${JSON.stringify({ $schema, title, ...rest }, standardKeywords, 2)}\n`;
}

/** Our own metadata in the words of the standard. */
function standardKeywords(_: string, node: unknown): unknown {
  if (typeof node !== "object" || node === null || !("builtIn" in node || "value" in node)) return node;
  const { builtIn, value, ...rest } = node as JsonSchema;
  // An option may be called `value` one day: a keyword is a text, an option's schema a map.
  return {
    ...rest,
    ...(builtIn !== undefined && { default: builtIn }),
    ...(typeof value === "object" && { value }),
  };
}

interface OptionRow {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

/** One row per option that holds a value, in the order of the schema. */
export function optionRows(schema: z.ZodType): readonly OptionRow[] {
  return rowsOf(jsonSchemaOf(schema), "", true);
}

function rowsOf(node: JsonSchema, path: string, required: boolean): readonly OptionRow[] {
  const description = node.description ?? "";
  const own: OptionRow = { path, type: typeOf(node), fallback: fallbackOf(node, required), description };
  const alternatives = node.oneOf ?? [];
  if (alternatives.length > 0) {
    // Options that several kinds share are told once.
    const below = alternatives.flatMap((alternative) => childrenOf(alternative, path));
    const kinds = alternatives.map((alternative) => alternative.properties?.["kind"]?.const).join(", ");
    const rows = below.filter((row) => row.path !== `${path}.kind`);
    const kind: OptionRow = { path: `${path}.kind`, type: kinds, fallback: "needed", description };
    return [kind, ...rows.filter((row, index) => rows.findIndex((other) => other.path === row.path) === index)];
  }
  if (node.anyOf !== undefined) return [own, ...node.anyOf.flatMap((alternative) => childrenOf(alternative, path))];
  if (node.type === "array" && node.items?.properties !== undefined) {
    return [own, ...childrenOf(node.items, `${path}[]`)];
  }
  if (typeof node.additionalProperties === "object" && node.additionalProperties.properties !== undefined) {
    return [own, ...childrenOf(node.additionalProperties, `${path}.<name>`)];
  }
  const children = childrenOf(node, path);
  return children.length > 0 || path === "" ? children : [own];
}

function childrenOf(node: JsonSchema, path: string): readonly OptionRow[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(child, path === "" ? name : `${path}.${name}`, node.required?.includes(name) ?? false),
  );
}

function typeOf(node: JsonSchema): string {
  if (node.value !== undefined) return node.value;
  if (node.enum !== undefined) return node.enum.join(", ");
  if (node.const !== undefined) return String(node.const);
  if (node.anyOf !== undefined) {
    return [...new Set(node.anyOf.map(typeOf).filter((type) => type !== "null"))].join(" or ");
  }
  if (node.type === "string") return "text";
  if (node.type === "integer") return "whole number";
  if (node.type === "array") return node.items?.properties === undefined ? "list" : "list of maps";
  if (node.type === "object") return "map";
  return node.type ?? "";
}

function fallbackOf(node: JsonSchema, required: boolean): string {
  const fallback = node.builtIn ?? node.default;
  if (fallback !== undefined) return `\`${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}\``;
  return required ? "needed" : "";
}

function table(schema: z.ZodType, keep: (row: OptionRow) => boolean = () => true): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    "| option | value | default | meaning |",
    "| --- | --- | --- | --- |",
    ...optionRows(schema)
      .filter(keep)
      .map((row) => `| \`${row.path}\` | ${cell(row.type)} | ${cell(row.fallback)} | ${cell(row.description)} |`),
  ].join("\n");
}

const isShared = (row: OptionRow) => /^(monitoring|alerting|retention)\b/.test(row.path);

function optionsDocument(): string {
  return `<!-- Written by \`node app/config/publish.ts\` from the schemas in app/config/schema.ts; a test compares. -->

# Configuration

Leeway reads one \`leeway.yaml\` for the service and one file per model in \`models/\` beside it. Every option has a
default; without any file Leeway uses its embedded engine, takes \`KAFKA_BROKERS\` from the environment and lets models
register themselves.

- The file is the one of \`--config\`, else of \`LEEWAY_CONFIG\`, else \`./leeway.yaml\`.
- \`leeway check-config\` lists every fault at once, as \`file:line: path: what is wrong; what to do\`.
- \`leeway config effective --model NAME\` shows what applies to a model and which line said so.
- \`\${X}\` stands for an environment variable, and it is a fault if X is not set; \`\${X:-text}\` has a default, and a
  value that is nothing but \`\${X:-}\` is left out if X is not set. \`$\${\` is a literal \`\${\`.
- Secrets belong into files or variables: an option that ends in \`_file\` names a file that holds the value.
- Relative paths start at the file they stand in.
- Durations are a whole number and a unit: \`500ms\`, \`30s\`, \`5m\`, \`1h\`, \`90d\`, \`2w\`. Sizes: \`512KiB\`, \`256MiB\`.
- What the file says wins over the environment, and options of the command line win over both.
- \`SIGHUP\` reads everything anew: all of it or, if anything is wrong, none of it. Changes of \`kafka\`, \`store\`, \`http\`,
  \`data\` and \`clock\` take effect with the next start.
- Editors can complete and check: \`app/config/leeway.schema.json\` and \`app/config/model.schema.json\` are JSON Schemas.

## leeway.yaml

${table(serviceSchema, (row) => !/^defaults\[\]\.(monitoring|alerting|retention)/.test(row.path))}

An entry of \`defaults\` also holds \`monitoring\`, \`alerting\` and \`retention\`, as a model's file does:

    defaults:
      - monitoring: { window: 1d, effect_floor: 0.02 }
      - match: { tier: critical }
        alerting: { severity: { data_broken: page, predictions_moved: page, inputs_moved: ticket } }

## models/*.yaml

${table(modelSchema, (row) => !isShared(row))}

These may also stand in an entry of \`defaults\`:

${table(modelSchema, isShared)}

## The file of http.tokens_file

${table(tokensSchema)}

A token is sent as \`Authorization: Bearer <token>\`; the file holds only its hash: \`printf %s "$TOKEN" | sha256sum\`.
With tokens, everything but \`/healthz\` and \`/readyz\` asks for one.
`;
}
