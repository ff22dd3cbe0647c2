import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { z } from "zod";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { type ConfigDocument, type Environment, parseConfigDocument } from "./document.ts";
import { type ConfigFault, configError, displayPath, sortedFaults } from "./fault.ts";
import { faultAt, schemaFaults, valueAt } from "./file-faults.ts";
import { type EffectiveOption, type Layer, mergeLayers } from "./layers.ts";
import { modelSpec } from "./model-spec.ts";
import { readReceivers, type Receivers } from "./receivers.ts";
import {
  baselineFaults,
  fileOptionFaults,
  listenFaults,
  monitorFaults,
  outcomeFaults,
  performanceFaults,
  receiverFaults,
  selectorFaults,
  topicFaults,
} from "./references.ts";
import { builtInModelDefaults, modelSchema, type ServiceFile, serviceSchema, tokensSchema } from "./schema.ts";
import { type ApiToken, type ServiceConfig, serviceConfig } from "./service-config.ts";

export interface LoadedConfig extends Receivers {
  readonly service: ServiceConfig;
  /** Declared models, by name. */
  readonly models: readonly ModelSpec[];
  /** What holds for a model that registered itself: the built-in defaults and the entries of `defaults:` without `match`. */
  readonly learningModel: (name: string) => ModelSpec;
  /** What applies to a model and where it was said; null for a model that no file declares. */
  readonly effectiveOptions: (model: string) => readonly EffectiveOption[] | null;
  /** Every file that was read, absolute. */
  readonly files: readonly string[];
}

export interface ConfigRequest {
  /** From `--config`; null: `LEEWAY_CONFIG`, then ./leeway.yaml, then the defaults alone. */
  readonly path: string | null;
  /** From `--data`; null: `data:` of the file, then `LEEWAY_DATA`, then ./data. */
  readonly dataDir?: string | null;
  readonly environment: Environment;
  readonly cwd: string;
}

export type ConfigResult =
  | { readonly kind: "valid"; readonly config: LoadedConfig }
  | { readonly kind: "invalid"; readonly faults: readonly ConfigFault[] };

/** As `loadConfig`, for callers that cannot go on without one. @throws config_invalid, a line per fault. */
export function requireConfig(request: ConfigRequest): LoadedConfig {
  const result = loadConfig(request);
  if (result.kind === "invalid") throw configError(result.faults, request.cwd);
  return result.config;
}

/** Which leeway.yaml counts; null if there is none. @throws config_invalid if the one that was asked for is not there. */
export function findConfigFile(request: ConfigRequest): string | null {
  const asked = request.path ?? (request.environment["LEEWAY_CONFIG"] || null);
  if (asked === null) {
    const beside = join(request.cwd, "leeway.yaml");
    return existsSync(beside) ? beside : null;
  }
  const path = resolve(request.cwd, asked);
  const file = isDirectory(path) ? join(path, "leeway.yaml") : path;
  if (existsSync(file)) return file;
  const where = request.path === null ? "LEEWAY_CONFIG" : "--config";
  throw new LeewayError("config_invalid", `${displayPath(file, request.cwd)}: there is no such file; correct ${where}`);
}

/**
 * Reads leeway.yaml and the model files. Nothing is thrown for what they say: all faults come back at once.
 * @throws config_invalid if the file that was asked for is not there.
 */
export function loadConfig(request: ConfigRequest): ConfigResult {
  const file = findConfigFile(request);
  const faults: ConfigFault[] = [];
  const empty: ConfigDocument = { file: "", value: {}, faults: [], lineOf: () => 1 };
  const serviceDocument = file === null ? empty : readDocument(file, request.environment, faults);
  const serviceFile = serviceDocument === null ? null : checked(serviceDocument, serviceSchema, faults);
  if (serviceDocument !== null && serviceDocument !== empty) {
    faults.push(
      ...fileOptionFaults(serviceDocument),
      ...topicFaults(serviceDocument),
      ...listenFaults(serviceDocument),
      ...selectorFaults(serviceDocument),
      ...receiverFaults(serviceDocument),
    );
  }
  const tokens = serviceDocument === null ? null : readTokens(serviceDocument, request.environment, faults);

  const modelFiles = findModelFiles(serviceDocument, faults);
  const modelDocuments = modelFiles.flatMap((path) => readDocument(path, request.environment, faults) ?? []);
  const declared = modelDocuments.map((document) => {
    faults.push(...baselineFaults(document));
    const named = valueAt(document.value, ["model"]);
    const name = typeof named === "string" && named !== "" ? named : basename(document.file, extname(document.file));
    faults.push(...monitorFaults(document, name));
    faults.push(...performanceFaults(document), ...outcomeFaults(document));
    return { document, name, parsed: checked(document, modelSchema, faults) };
  });
  checkDuplicates(declared, request.cwd, faults);

  if (faults.length > 0 || serviceFile === null || serviceDocument === null) {
    return { kind: "invalid", faults: sortedFaults(faults) };
  }
  const service = serviceConfig(serviceFile, { ...request, file, tokens });
  const receivers = readReceivers(serviceFile, file === null ? request.cwd : dirname(file));

  const layersOf = (tags: Readonly<Record<string, string>>): readonly Layer[] => [
    { value: builtInModelDefaults, document: null, prefix: [] },
    ...serviceLayers(serviceDocument, serviceFile, tags),
  ];
  const models = declared.map(({ document, parsed, name }) => {
    const own: Layer = { value: document.value as Record<string, unknown>, document, prefix: [] };
    const named: Layer = { value: { model: name }, document, prefix: [] };
    const { value, options } = mergeLayers([...layersOf(parsed?.tags ?? {}), named, own]);
    return { spec: modelSpec(name, "declared", modelSchema.parse(value), dirname(document.file)), options };
  });
  const config: LoadedConfig = {
    ...receivers,
    service,
    models: models.map((model) => model.spec).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    learningModel: (name) =>
      modelSpec(name, "learning", modelSchema.parse(mergeLayers(layersOf({})).value), request.cwd),
    effectiveOptions: (name) => models.find((model) => model.spec.name === name)?.options ?? null,
    files: [...(file === null ? [] : [file]), ...modelFiles],
  };
  return { kind: "valid", config };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function readDocument(file: string, environment: Environment, faults: ConfigFault[]): ConfigDocument | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    faults.push({
      file,
      line: 1,
      path: "",
      message: `cannot be read (${reasonOf(error)}); correct its path or permissions`,
    });
    return null;
  }
  const document = parseConfigDocument(file, text, environment);
  faults.push(...document.faults);
  return document.value === null ? null : document;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function checked<Schema extends z.ZodType>(
  document: ConfigDocument,
  schema: Schema,
  faults: ConfigFault[],
): z.output<Schema> | null {
  const result = schema.safeParse(document.value);
  if (result.success) return result.data;
  faults.push(...schemaFaults(document, schema, result.error));
  return null;
}

/** Model files are read even if leeway.yaml has faults, so that theirs are told in the same breath. */
function findModelFiles(document: ConfigDocument | null, faults: ConfigFault[]): readonly string[] {
  if (document === null || document.file === "") return [];
  const directory = dirname(document.file);
  const patterns = valueAt(document.value, ["models"]);
  if (!Array.isArray(patterns))
    return globSync("models/*.{yaml,yml}", { cwd: directory })
      .map((path) => join(directory, path))
      .toSorted();
  const found = new Set<string>();
  patterns.forEach((pattern: unknown, index) => {
    if (typeof pattern !== "string") return;
    const paths = globSync(pattern, { cwd: directory });
    if (paths.length === 0)
      faults.push(faultAt(document, ["models", index], "matches no file; correct the glob or remove it"));
    for (const path of paths) found.add(resolve(directory, path));
  });
  return [...found].toSorted();
}

function checkDuplicates(
  declared: readonly { readonly document: ConfigDocument; readonly name: string }[],
  cwd: string,
  faults: ConfigFault[],
): void {
  const first = new Map<string, ConfigDocument>();
  for (const { document, name } of declared) {
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, document);
      continue;
    }
    const where = `${displayPath(earlier.file, cwd)}:${earlier.lineOf(["model"])}`;
    faults.push(
      faultAt(document, ["model"], `${JSON.stringify(name)} is declared at ${where} too; rename or remove one`),
    );
  }
}

/** What leeway.yaml says about a model with these tags. */
function serviceLayers(
  document: ConfigDocument,
  file: ServiceFile,
  tags: Readonly<Record<string, string>>,
): readonly Layer[] {
  const written = document.value as { idle_after?: string; defaults?: readonly Record<string, unknown>[] };
  const idleAfter: readonly Layer[] =
    written.idle_after === undefined
      ? []
      : [
          {
            value: { monitoring: { idle_after: written.idle_after } },
            document: serviceIdleAfter(document),
            prefix: [],
          },
        ];
  const matching = file.defaults.flatMap((entry, index): readonly Layer[] => {
    const match = Object.entries(entry.match ?? {});
    if (!match.every(([tag, wanted]) => [wanted].flat().includes(tags[tag] ?? ""))) return [];
    const { match: _, ...value } = written.defaults?.[index] ?? {};
    return [{ value, document, prefix: ["defaults", index] }];
  });
  return [...idleAfter, ...matching];
}

/** The top-level `idle_after` stands for `monitoring.idle_after`, but on its own line. */
function serviceIdleAfter(document: ConfigDocument): ConfigDocument {
  return { ...document, lineOf: () => document.lineOf(["idle_after"]) };
}

/** The tokens that are let in; null if none are asked for, or after a fault. */
function readTokens(
  document: ConfigDocument,
  environment: Environment,
  faults: ConfigFault[],
): readonly ApiToken[] | null {
  const name = valueAt(document.value, ["http", "tokens_file"]);
  if (typeof name !== "string") return null;
  const file = resolve(dirname(document.file), name);
  // A file that is not there is a fault of leeway.yaml, told already.
  if (!existsSync(file)) return null;
  const tokensDocument = readDocument(file, environment, faults);
  const parsed = tokensDocument === null ? null : checked(tokensDocument, tokensSchema, faults);
  return parsed?.tokens.map((token) => ({ name: token.name, sha256: Buffer.from(token.sha256, "hex") })) ?? null;
}
