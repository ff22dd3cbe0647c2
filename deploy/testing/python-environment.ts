import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "./debian-packages.ts";

const cacheDir = join(import.meta.dirname, "..", "..", ".cache", "python");

export type PythonEnvironment =
  | { readonly kind: "ready"; readonly python: string }
  /** Why tests that need it are skipped. */
  | { readonly kind: "missing"; readonly why: string };

/**
 * A virtual environment with these requirements, made once and kept in `.cache/`. It takes the packages from the registry
 * that pip is configured for.
 *
 * @param requirements Path of a requirements.txt.
 */
export function pythonEnvironment(requirements: string): PythonEnvironment {
  if (!isInstalled("python3")) return { kind: "missing", why: "python3 is not installed" };
  const version = run("python3", ["--version"]).output;
  const identity = createHash("sha256").update(version).update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = join(cacheDir, identity);
  const python = join(folder, "bin", "python");
  const done = join(folder, "complete");
  if (existsSync(done)) return { kind: "ready", python };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cacheDir, { recursive: true });
  process.stderr.write("making a Python environment for the tests, once\n");
  const made = run("python3", ["-m", "venv", folder]);
  if (!made.ok) return { kind: "missing", why: `python3 -m venv failed: ${made.output}` };
  const installed = run(python, ["-m", "pip", "install", "--quiet", "--no-input", "-r", requirements]);
  if (!installed.ok) return { kind: "missing", why: `pip could not install ${requirements}: ${installed.output}` };
  // Written last, in one step: an environment that was cut off is made again.
  writeFileSync(`${done}.tmp`, "");
  renameSync(`${done}.tmp`, done);
  return { kind: "ready", python };
}

function run(command: string, args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  const output = `${stdout}${stderr}`.trim().split("\n").at(-1) ?? "";
  return { ok: status === 0, output };
}
