import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs of Debian packages that tests use, by the command that must be on the PATH. */
const packages = {
  chromium: "chromium",
  jsonnet: "jsonnet",
  jsonnetfmt: "jsonnet",
  promtool: "prometheus",
  prometheus: "prometheus",
} as const;

export type DebianCommand = keyof typeof packages;

export function isInstalled(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests that need `command` are skipped, or null if they can run. */
export function whyMissing(command: DebianCommand): string | null {
  return isInstalled(command)
    ? null
    : `${command} is not installed: run \`apt-get install ${packages[command]}\` as root`;
}

/** Vitest globalSetup: as root on Debian, installs what is missing, once; elsewhere the tests that need it are skipped by name. */
export function setup(): void {
  const missing = new Set(
    (Object.keys(packages) as DebianCommand[])
      .filter((command) => !isInstalled(command))
      .map((command) => packages[command]),
  );
  if (missing.size === 0 || process.getuid?.() !== 0 || !isInstalled("apt-get")) return;
  process.stderr.write(`installing Debian packages for the tests: ${[...missing].join(" ")}\n`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const update = spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", "ignore", "inherit"], env: environment });
  if (update.status !== 0) return;
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...missing];
  spawnSync("apt-get", install, { stdio: ["ignore", "ignore", "inherit"], env: environment });
}
