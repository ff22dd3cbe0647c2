import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/** What each folder of the product may import, besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  store: ["core"],
  collector: ["core", "store"],
  detectors: ["core", "store"],
  alerting: ["core", "store"],
  app: ["core", "store", "collector", "detectors", "alerting"],
  // Users of the product by its public contract: they import nothing from inside.
  dashboards: [],
  deploy: [],
  examples: [],
};

/** What the package gives to programs: the one file that may be called index and only re-export. */
const packageEntry = "detectors/index.ts";

/** Packages that only some files may import; everything else talks to a port. */
const keepers: Readonly<Record<string, RegExp>> = {
  kafkajs: /^(collector\/sources\/|examples\/)/,
  "kafkajs-snappy": /^collector\/sources\//,
  "@clickhouse/client": /^store\//,
  chdb: /^store\/engine\//,
  "prom-client": /(^|\/)metrics\.ts$/,
  fastify: /^app\/http\//,
  pino: /^app\/telemetry\//,
  "@opentelemetry/api": /^app\/telemetry\//,
  "@opentelemetry/sdk-node": /^app\/telemetry\//,
};

const root = join(import.meta.dirname, "..", "..");

/** Tests, benchmarks and what serves them may reach across, to bring real parts together. */
const isTest = (file: string) =>
  /\.(test|bench)\.ts$|(^|\/)testing\/|^deploy\/checks\/|\/test-[\w-]+\.ts$|bench-[\w-]+\.ts$/.test(file);

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

const files = globSync("{core,store,collector,detectors,alerting,app,dashboards,deploy,examples}/**/*.ts", {
  cwd: root,
});
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), "utf8")));

function importsOf(file: string, text: string): readonly Import[] {
  const statement =
    /^\s*(?:import|export)\s+(type\s)?[^;"']*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/gm;
  return [...text.matchAll(statement)].map(([, type, from, bare, dynamic]) => ({
    file,
    from: from ?? bare ?? dynamic ?? "",
    typeOnly: type !== undefined,
  }));
}

const folderOf = (file: string) => file.split("/")[0] ?? "";
const targetOf = ({ file, from }: Import) => relative(root, join(root, dirname(file), from));
const shown = ({ file, from }: Import) => `${file} imports ${from}`;

test("imports are found at all", () => {
  expect(imports.length).toBeGreaterThan(files.length);
  expect(imports.map(shown)).toContain("store/facts/client.ts imports @clickhouse/client");
});

test("folders import only against the flow of the data", () => {
  const wrong = imports
    .filter(({ from, file }) => from.startsWith(".") && !isTest(file))
    .filter((statement) => {
      const [own, target] = [folderOf(statement.file), folderOf(targetOf(statement))];
      return own !== target && mayImport[own]?.includes(target) !== true;
    });
  expect(wrong.map(shown)).toEqual([]);
});

test("the examples import nothing from inside, in tests neither", () => {
  const wrong = imports.filter(
    (statement) =>
      folderOf(statement.file) === "examples" &&
      statement.from.startsWith(".") &&
      folderOf(targetOf(statement)) !== "examples",
  );
  expect(wrong.map(shown)).toEqual([]);
});

test("product code never imports tests", () => {
  const wrong = imports.filter(
    (statement) => statement.from.startsWith(".") && !isTest(statement.file) && isTest(targetOf(statement)),
  );
  expect(wrong.map(shown)).toEqual([]);
});

test.each(Object.entries(keepers))("%s is imported only where it is kept", (name, keeper) => {
  const wrong = imports.filter(
    ({ file, from }) => (from === name || from.startsWith(`${name}/`)) && !keeper.test(file) && !isTest(file),
  );
  expect(wrong.map(shown)).toEqual([]);
});

test("relative imports name their file with its extension", () => {
  const wrong = imports.filter(({ from }) => from.startsWith(".") && !/\.(ts|js|json)$/.test(from));
  expect(wrong.map(shown)).toEqual([]);
});

test("no file has a name that says nothing", () => {
  const empty = new Set(["utils", "util", "helpers", "helper", "common", "types", "misc", "shared", "index"]);
  const wrong = files.filter((file) => file !== packageEntry && empty.has(basename(file).split(".")[0] ?? ""));
  expect(wrong).toEqual([]);
});

test("there are no barrels: no file only re-exports", () => {
  const wrong = files.filter((file) => {
    if (file === packageEntry) return false;
    const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    const statements = text
      .split(";")
      .map((statement) => statement.trim())
      .filter((statement) => statement !== "");
    return statements.length > 0 && statements.every((statement) => /^export\s[^=]*\sfrom\s/.test(statement));
  });
  expect(wrong).toEqual([]);
});
