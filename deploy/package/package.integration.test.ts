import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "leeway-package-"));
const installed = join(folder, "node_modules", "leeway");
const run = promisify(execFile);
// The package needs Node 24, wherever it lies. The registry may be named by the environment.
const environment = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
};

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;

beforeAll(async () => {
  const { stdout } = await run("npm", ["pack", "--pack-destination", folder, "--json"], {
    cwd: root,
    env: environment,
  });
  // What the build says comes first.
  [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [Packed];
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "own", private: true, type: "module" }));
  // Without what is optional: the engine is half a gigabyte, and the package must do without.
  const quick = ["--prefer-offline", "--omit=dev", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...quick, join(folder, packed.filename)], { cwd: folder, env: environment });
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function npx(...args: readonly string[]) {
  const child = spawn("npx", ["--no-install", ...args], { cwd: folder, env: environment });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

test("the package holds what runs and its types: no tests, no sources, no maps, no paths of this machine", () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toContain("bin/leeway.js");
  expect(paths).toContain("dist/index.js");
  expect(paths).toContain("dist/index.d.ts");
  const wanted =
    /^(LICENSE|README\.md|package\.json|bin\/leeway\.js|dist\/.+(\.js|\.d\.ts|\.ttf|\.css|\.svg|OFL\.txt))$/;
  expect(paths.filter((path) => !wanted.test(path))).toEqual([]);
  expect(paths.filter((path) => /(\.|\/)(test|testing|bench)\b|-fixture\./.test(path))).toEqual([]);
  const leaking = paths.filter((path) => readFileSync(join(installed, path)).includes(root));
  expect(leaking).toEqual([]);
  expect(packed.size).toBeLessThan(1.5 * 1024 * 1024);
});

test("import { compareSamples } works, and TypeScript knows its types", async () => {
  const program = `import { compareSamples } from "leeway";
const { score }: { score: number } = compareSamples("ks", [1, 2, 3, 4], [3, 4, 5, 6]);
console.log(score);
`;
  writeFileSync(join(folder, "own.ts"), program);
  writeFileSync(join(folder, "wrong.ts"), program.replace('"ks"', '"kolmogorov"'));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const check = (file: string) =>
    run(tsc, ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", file], { cwd: folder });
  await check("own.ts");
  await expect(check("wrong.ts")).rejects.toMatchObject({ stdout: expect.stringContaining('"kolmogorov"') });
  expect((await run(process.execPath, ["own.ts"], { cwd: folder })).stdout).toBe("0.5\n");
});

test("without the engine, leeway compare says in one line what to do, and the rest works", async () => {
  expect(await npx("leeway", "compare", "--example")).toEqual({
    code: 3,
    stdout: "",
    stderr: "leeway: compare reads files with the embedded engine, which is not installed: run `npm install chdb`\n",
  });
  expect((await npx("leeway", "--version")).stdout).toContain("leeway ");
  expect((await npx("leeway", "check-config")).code).toBe(0);
});

test("with it, npx leeway compare --example shows what differs", async () => {
  for (const name of ["chdb", "@chdb"]) {
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  const { code, stdout, stderr } = await npx("leeway", "compare", "--example");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/drift/);
});
