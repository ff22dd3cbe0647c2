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

function readPid(path: string): number | null {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as AddressFile).pid;
  } catch {
    return null;
  }
}
