import { z } from "zod";
import type { ConfigDocument } from "./document.ts";
import { type ConfigFault, formatPath, nearestName, type PathPart } from "./fault.ts";

/** What the schema found wrong in a document, in words for the person who wrote it. */
export function schemaFaults(document: ConfigDocument, schema: z.ZodType, error: z.ZodError): readonly ConfigFault[] {
  const json = jsonSchemaOf(schema);
  // A variable that is not set has its fault already; what the text `${X}` then looks like to the schema is no news.
  const told = new Set(document.faults.map((fault) => fault.path));
  return error.issues.flatMap((issue) => issueFaults(document, json, issue)).filter((fault) => !told.has(fault.path));
}

/** A fault at a path of a document. */
export function faultAt(document: ConfigDocument, path: readonly PathPart[], message: string): ConfigFault {
  return { file: document.file, line: document.lineOf(path), path: formatPath(path), message };
}

/** The parts of JSON Schema that zod writes for our files. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** Our own: a default that applies later than in the schema, and the name of the kind of value. */
  readonly builtIn?: unknown;
  readonly value?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

/** The JSON Schema of what people write (before defaults and conversions). */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  let json = jsonSchemas.get(schema);
  if (json === undefined) {
    json = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
    jsonSchemas.set(schema, json);
  }
  return json;
}

type Issue = z.core.$ZodIssue;

function issueFaults(document: ConfigDocument, json: JsonSchema, issue: Issue): readonly ConfigFault[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  const value = valueAt(document.value, path);

  if (issue.code === "unrecognized_keys") {
    const known = knownNames(json, document.value, path);
    return issue.keys.map((key) => faultAt(document, [...path, key], unknownOption(key, known)));
  }
  if (issue.code === "invalid_union" && "errors" in issue && issue.errors.length > 0) {
    // The branch that the value was meant for is the one that did not refuse its kind of value.
    const branch = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0 || !refusesKind(inner)));
    if (branch !== undefined) {
      return branch.flatMap((inner) => issueFaults(document, json, { ...inner, path: [...issue.path, ...inner.path] }));
    }
  }
  return [faultAt(document, path, messageOf(issue, value))];
}

function refusesKind(issue: Issue): boolean {
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

function unknownOption(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  if (nearest !== null) return `is not a known option; did you mean ${nearest}?`;
  return `is not a known option; remove it (known here: ${known.join(", ")})`;
}

function messageOf(issue: Issue, value: unknown): string {
  if (value === undefined && issue.code === "invalid_value")
    return `is missing; write one of ${issue.values.join(", ")}`;
  if (issue.code === "invalid_union" && "discriminator" in issue) {
    const options = ("options" in issue && Array.isArray(issue.options) ? issue.options : []) as readonly string[];
    if (value === undefined) return `is missing; write one of ${options.join(", ")}`;
    return `is ${shown(value)}; use one of ${options.join(", ")}${didYouMean(value, options)}`;
  }
  if (value === undefined && issue.code === "invalid_type") return "is missing; add it";
  if (value === null) return "is empty; give it a value or remove it ({} is an empty map)";
  if (!/^(Invalid|Too|Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `is ${kindOf(value)}; ${remedies[issue.expected] ?? `write ${issue.expected}`}`;
    case "invalid_value": {
      const options = issue.values.map(String);
      return `is ${shown(value)}; use one of ${options.join(", ")}${didYouMean(value, options)}`;
    }
    case "too_small":
      if (issue.origin === "string") return "is empty; write something";
      if (issue.origin === "array") return "is an empty list; add an entry or remove it";
      return `is ${shown(value)}; it must be ${issue.inclusive === true ? "at least" : "above"} ${issue.minimum}`;
    case "too_big":
      return `is ${shown(value)}; it must be ${issue.inclusive === true ? "at most" : "below"} ${issue.maximum}`;
    case "invalid_key":
      return "has an empty name; write a name";
    default:
      return issue.message;
  }
}

const remedies: Readonly<Record<string, string>> = {
  string: "write text, in quotes if it looks like something else",
  number: "write a number, without quotes",
  int: "write a whole number",
  boolean: "write true or false, without quotes",
  object: "write a map of options",
  record: "write a map",
  array: "write a list, such as [a, b]",
};

/** Only for values of closed lists and numbers: text of any other kind may be a secret. */
function shown(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value.slice(0, 60))
    : kindIsScalar(value)
      ? String(value)
      : kindOf(value);
}

function kindIsScalar(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean";
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "true or false";
  return Number.isInteger(value) ? "a whole number" : "a number";
}

function didYouMean(value: unknown, options: readonly string[]): string {
  const nearest = typeof value === "string" ? nearestName(value, options) : null;
  return nearest === null ? "" : ` (did you mean ${nearest}?)`;
}

/** The value that stands at a path of plain data; undefined if there is none. */
export function valueAt(root: unknown, path: readonly PathPart[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PathPart, unknown>)[part];
  }
  return value;
}

/** The option names that the schema knows at a path. */
function knownNames(root: JsonSchema, document: unknown, path: readonly PathPart[]): readonly string[] {
  // A schema that contains itself (routes below routes) is written once, under a name.
  const resolved = (node: JsonSchema) => root.$defs?.[node.$ref?.replace("#/$defs/", "") ?? ""] ?? node;
  let nodes: readonly JsonSchema[] = branches(root, document);
  path.forEach((part, index) => {
    const value = valueAt(document, path.slice(0, index + 1));
    nodes = nodes.flatMap((node) => {
      const below =
        typeof part === "number"
          ? node.items
          : (node.properties?.[part] ??
            (typeof node.additionalProperties === "object" ? node.additionalProperties : undefined));
      return below === undefined ? [] : branches(resolved(below), value);
    });
  });
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** The alternatives of a schema that a value may be meant for: those of its `kind`, if it names a known one. */
function branches(node: JsonSchema, value: unknown): readonly JsonSchema[] {
  const all = node.oneOf ?? node.anyOf;
  if (all === undefined) return [node];
  const kind = valueAt(value, ["kind"]);
  const meant = all.filter((branch) => branch.properties?.["kind"]?.const === kind);
  return meant.length > 0 ? meant : all;
}
