import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Role } from "./roles.ts";

/** `DATA/serve-<role>.json`: where the process with a role serves, for people and scripts on this machine. */
export interface AddressFile {
  readonly url: string;
  readonly pid: number;
  readonly roles: readonly Role[];
}

/** Writes a file for each role; disposing removes those that are still this process's own. */
export function writeAddressFiles(dataDir: string, url: string, roles: ReadonlySet<Role>): Disposable {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const content: AddressFile = { url, pid: process.pid, roles: [...roles] };
  const paths = [...roles].map((role) => join(dataDir, `serve-${role}.json`));
  for (const path of paths) writeFileSync(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  return {
    [Symbol.dispose]: () => {
      for (const path of paths) if (readPid(path) === process.pid) rmSync(path, { force: true });
    },
  };
}

/** Where a process on this machine serves this data directory now; null if none does. */
export function runningService(dataDir: string): string | null {
  for (const role of ["alerting", "detector", "collector"] satisfies readonly Role[]) {
    try {
      const { url, pid } = JSON.parse(readFileSync(join(dataDir, `serve-${role}.json`), "utf8")) as AddressFile;
      // Signal 0 only asks whether the process is there.
      process.kill(pid, 0);
      return url;
    } catch {
      // No file, or that of a process that was killed.
    }
  }
  return null;
}

function readPid(path: string): number | null {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as AddressFile).pid;
  } catch {
    return null;
  }
}
