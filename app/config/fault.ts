import { relative } from "node:path";
import { LeewayError } from "../../core/errors.ts";

/** One thing wrong in one configuration file. Faults are values: all of them are collected before anyone is told. */
export interface ConfigFault {
  /** Absolute path of the file. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Where in the file, as `receivers[0].webhook.url`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong; what to do. Never the value of a secret. */
  readonly message: string;
}

export type PathPart = string | number;

/** `["receivers", 0, "a b"]` → `receivers[0]["a b"]`. */
export function formatPath(path: readonly PathPart[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** A file as people would type it: relative to where they are if that is shorter. */
export function displayPath(file: string, cwd: string): string {
  const path = relative(cwd, file);
  return path !== "" && !path.startsWith("..") ? path : file;
}

/** `file:line: path: what is wrong; what to do` */
export function formatFault(fault: ConfigFault, cwd: string): string {
  const where = `${displayPath(fault.file, cwd)}:${fault.line}`;
  return fault.path === "" ? `${where}: ${fault.message}` : `${where}: ${fault.path}: ${fault.message}`;
}

/** Faults in the order in which a reader meets them. */
export function sortedFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  return faults.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** All faults as one error, a line each: the only error of this program that has more than one line. */
export function configError(faults: readonly ConfigFault[], cwd: string): LeewayError {
  return new LeewayError("config_invalid", faults.map((fault) => formatFault(fault, cwd)).join("\n"));
}

/** The known name nearest to a mistyped one (Damerau–Levenshtein distance at most 2, or a third of its length), or null. */
export function nearestName(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().replaceAll("-", "_"), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, beforeLast[j - 2]! + 1);
      row.push(distance);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
