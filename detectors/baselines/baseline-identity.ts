import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { PinnedBaselineSpec } from "../../core/baseline.ts";
import { LeewayError } from "../../core/errors.ts";
import type { FeatureSpec, ModelSpec } from "../../core/model.ts";

/** Raised when the same rows would be counted in another way. */
const countingVersion = 1;

/**
 * First 16 hex digits of sha256 over everything that determines a baseline's rows and how they are counted. A file is known
 * by its content, not its path: moved or copied, it stays the same baseline.
 */
export async function baselineIdentity(
  environment: string,
  model: ModelSpec,
  features: readonly FeatureSpec[],
  spec: PinnedBaselineSpec,
): Promise<string> {
  const rows =
    spec.kind === "file"
      ? [spec.kind, await fileDigest(spec.path), spec.time, spec.prediction, spec.score, spec.label]
      : [
          spec.kind,
          spec.fromMs,
          spec.toMs,
          ...(spec.trailing === undefined ? [] : [spec.trailing.windowMs]),
          ...(spec.version === undefined ? [] : [spec.concurrent === true ? "concurrent" : "version", spec.version]),
        ];
  const { monitoring, task } = model;
  const identity = JSON.stringify([
    countingVersion,
    environment,
    model.name,
    rows,
    features.map((feature) => [feature.name, feature.type]),
    task.kind === "binary" ? [task.kind, task.positive] : [task.kind],
    [monitoring.windowMs, monitoring.zone],
    model.cohorts
      .filter((cohort) => cohort.watch)
      .map(({ attribute, derive }) => (derive === undefined ? attribute : [attribute, derive])),
  ]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 16);
}

const digests = new Map<string, string>();

/** A file of the same path, size and time of change is not read again. */
async function fileDigest(path: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(path);
    const known = `${path}\n${size}\n${mtimeMs}`;
    const digest = digests.get(known);
    if (digest !== undefined) return digest;
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    const fresh = hash.digest("hex");
    digests.set(known, fresh);
    return fresh;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LeewayError(
      "baseline_unreadable",
      `baseline file ${path} cannot be read: ${reason}; check baseline.path`,
      { cause: error },
    );
  }
}
