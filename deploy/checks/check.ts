/** `npm run check`: types, lint, format, unused code. All of them run, also after one has failed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";

interface Check {
  readonly name: string;
  /** In `node_modules/.bin`. */
  readonly command: string;
  readonly args: readonly string[];
  readonly remedy: string;
}

const checks: readonly Check[] = [
  { name: "types", command: "tsc", args: ["-p", "."], remedy: "correct the types" },
  { name: "lint", command: "oxlint", args: ["--deny-warnings"], remedy: "npx oxlint --fix corrects some" },
  { name: "format", command: "oxfmt", args: ["--check", "."], remedy: "npx oxfmt . formats" },
  { name: "unused code", command: "knip", args: ["--no-progress"], remedy: "remove it, or use it" },
];

const root = join(import.meta.dirname, "..", "..");
const binaries = join(root, "node_modules", ".bin");
// The checks run on this same Node, not on an older one of the system.
const environment = { ...process.env, PATH: `${binaries}${delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1" };

async function run(
  check: Check,
): Promise<{ readonly passed: boolean; readonly output: string; readonly seconds: number }> {
  const startedMs = performance.now();
  const child = spawn(join(binaries, check.command), check.args, {
    cwd: root,
    env: environment,
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { passed: code === 0, output: `${stdout}${stderr}`.trim(), seconds: (performance.now() - startedMs) / 1000 };
}

let failed = 0;
for (const check of checks) {
  const result = await run(check);
  console.log(`${result.passed ? "✓" : "✗"} ${check.name} (${result.seconds.toFixed(1)} s)`);
  if (result.passed) continue;
  failed += 1;
  console.log(result.output.replaceAll(/^/gm, "    "));
  console.log(`    → ${check.remedy}`);
}
console.log(failed === 0 ? "All checks passed." : `${failed} of ${checks.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
