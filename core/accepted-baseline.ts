import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { BaselineSpec } from "./baseline.ts";

/** A person took another baseline for a model in an environment than its file names. Each one stays on record. */
export interface AcceptedBaseline {
  readonly acceptanceId: string;
  readonly environment: string;
  readonly model: string;
  /** Null: the one of the model's file again. */
  readonly spec: BaselineSpec | null;
  /** What the model's file named at the time; null if nothing. */
  readonly configured: BaselineSpec | null;
  /** Ids of the baselines that it replaced: what is still found against them counts no more. */
  readonly replaced: readonly string[];
  /** The incident it was accepted on, if any. */
  readonly incidentId: string | null;
  readonly by: string;
  readonly comment: string | null;
  /** Wall clock. */
  readonly atMs: number;
}

/**
 * The baseline that a model is held against: the accepted one, until its file names another one than when it was accepted.
 * Then the file is newer, and holds.
 *
 * @param accepted The newest for this model and environment; null if there is none.
 */
export function baselineInForce(
  configured: BaselineSpec | null,
  accepted: AcceptedBaseline | null,
): BaselineSpec | null {
  if (accepted === null || accepted.spec === null) return configured;
  return isDeepStrictEqual(withoutFolder(configured), withoutFolder(accepted.configured)) ? accepted.spec : configured;
}

/** Roles may run on machines that keep the same file in different places. */
function withoutFolder(spec: BaselineSpec | null): BaselineSpec | null {
  return spec?.kind === "file" ? { ...spec, path: basename(spec.path) } : spec;
}
