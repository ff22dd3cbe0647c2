import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, open, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { storeDisks } from "../../../store/facts/health.ts";
import { fail, ok, type Check, type Observation, warn } from "../check.ts";
import { sizeText } from "../size-text.ts";

const mib = 1024 ** 2;
/** Merges need room beside the parts they merge. */
const fewestBytes = 512 * mib;
const comfortableBytes = 5 * 1024 * mib;
/** What is written to see whether something can be. */
const probeBytes = 64 * 1024;

export const diskCheck: Check = {
  name: "disk",
  title: "Disk",
  run: async (patient) => {
    const { dataDir, store } = patient.config.service;
    const observations = [await directoryObservation(dataDir)];
    if (store.url !== null) {
      const facts = await patient.facts();
      for (const { name, freeBytes, totalBytes } of await storeDisks(facts)) {
        observations.push(spaceObservation(freeBytes, totalBytes, `disk ${name} of ClickHouse`));
      }
    }
    return observations;
  },
};

async function directoryObservation(dataDir: string): Promise<Observation> {
  // A service that was never started has no directory yet: then it is about where it will be made.
  const exists = await access(dataDir).then(
    () => true,
    () => false,
  );
  const directory = exists ? dataDir : await nearestDirectory(dirname(dataDir));
  const { bsize, bavail, blocks } = await statfs(directory);
  const space = spaceObservation(bavail * bsize, blocks * bsize, dataDir);
  const trouble = exists ? await probe(directory) : await writableTrouble(directory);
  if (trouble !== null) {
    const remedy = trouble.includes("ENOSPC")
      ? "free some space there, or name another directory with data or --data"
      : "correct its owner or permissions, or name another directory with data or --data";
    return fail(`cannot be written (${trouble}); ${space.detail}`, remedy, dataDir);
  }
  return exists ? space : { ...space, detail: `${space.detail}; it is made by the first leeway serve` };
}

async function nearestDirectory(path: string): Promise<string> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there || dirname(path) === path ? path : nearestDirectory(dirname(path));
}

async function writableTrouble(directory: string): Promise<string | null> {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Writes a little and takes it away again: rights, quotas and full disks show in no other way. */
async function probe(directory: string): Promise<string | null> {
  const path = join(directory, `.doctor-${randomUUID()}`);
  try {
    const file = await open(path, "wx", 0o600);
    try {
      // Not `write`: a full disk may take a part of it, and call that a success.
      await file.writeFile(Buffer.alloc(probeBytes));
      await file.sync();
    } finally {
      await file.close();
    }
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    await unlink(path).catch(() => {});
  }
}

function spaceObservation(free: number, total: number, subject: string): Observation {
  const detail = `${sizeText(free)} of ${sizeText(total)} are free`;
  const remedy = "free some space, or keep less: retention in the models' files says for how long";
  if (free < fewestBytes) return fail(detail, remedy, subject);
  return free < comfortableBytes ? warn(detail, remedy, subject) : ok(detail, subject);
}
