import { baselineInForce } from "../core/accepted-baseline.ts";
import type { AcceptedBaseline } from "../core/accepted-baseline.ts";
import type { BaselineSpec } from "../core/baseline.ts";
import type { ModelSpec } from "../core/model.ts";
import type { BaselineRecord } from "../store/facts/baseline-history.ts";

/** The baselines of a model as the API shows them. Times are RFC 3339. */
export interface ModelBaselines {
  readonly model: string;
  /** What its file names. */
  readonly configured: SpecView | null;
  /** By watched environment, what holds from the next window on; null: nothing, so nothing is judged. */
  readonly in_force: Readonly<Record<string, SpecView | null>>;
  /** Those that were made, the newest first. */
  readonly baselines: readonly BaselineView[];
  /** What people set, the newest first. */
  readonly accepted: readonly AcceptedView[];
}

export type SpecView =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "range";
      readonly from: string;
      readonly to: string;
      /** Rows of this version alone. */
      readonly version?: string;
      /** Results of other versions are held against that version's rows of the same windows. */
      readonly concurrent?: boolean;
      /** It is the present range of a trailing baseline. */
      readonly trailing?: boolean;
    }
  | { readonly kind: "trailing"; readonly length_seconds: number; readonly gap_seconds: number };

export interface BaselineView {
  readonly id: string;
  readonly environment: string;
  readonly spec: SpecView;
  readonly rows: number;
  readonly window_seconds: number;
  readonly made: string;
  /** It decided the newest window. */
  readonly in_force: boolean;
  /** The windows that were held against it: when it was in force. */
  readonly decided: { readonly from: string; readonly to: string; readonly windows: number } | null;
}

export interface AcceptedView {
  readonly environment: string;
  /** Null: that of the file again. */
  readonly spec: SpecView | null;
  readonly by: string;
  readonly at: string;
  readonly comment: string | null;
  readonly incident: string | null;
}

const timestamp = (ms: number) => new Date(ms).toISOString();

function specView(spec: BaselineSpec): SpecView {
  switch (spec.kind) {
    case "file":
      return { kind: "file", path: spec.path };
    case "range":
      return {
        kind: "range",
        from: timestamp(spec.fromMs),
        to: timestamp(spec.toMs),
        ...(spec.version === undefined ? {} : { version: spec.version }),
        ...(spec.concurrent === true ? { concurrent: true } : {}),
        ...(spec.trailing === undefined ? {} : { trailing: true }),
      };
    case "trailing":
      return { kind: "trailing", length_seconds: spec.lengthMs / 1000, gap_seconds: spec.gapMs / 1000 };
  }
}

/** @param accepted The newest first. */
export function baselineView(
  model: ModelSpec,
  history: readonly BaselineRecord[],
  accepted: readonly AcceptedBaseline[],
): ModelBaselines {
  const inForce = model.monitoring.environments.map((environment) => {
    const latest = accepted.find((one) => one.environment === environment) ?? null;
    const spec = baselineInForce(model.baseline, latest);
    return [environment, spec === null ? null : specView(spec)] as const;
  });
  return {
    model: model.name,
    configured: model.baseline === null ? null : specView(model.baseline),
    in_force: Object.fromEntries(inForce),
    baselines: history.map((baseline) => ({
      id: baseline.baselineId,
      environment: baseline.environment,
      spec: specView(baseline.spec),
      rows: baseline.rows,
      window_seconds: baseline.windowMs / 1000,
      made: timestamp(baseline.createdAtMs),
      in_force: baseline.inForce,
      decided:
        baseline.decided === null
          ? null
          : {
              from: timestamp(baseline.decided.startMs),
              to: timestamp(baseline.decided.endMs),
              windows: baseline.decided.windows,
            },
    })),
    accepted: accepted.map(({ environment, spec, by, atMs, comment, incidentId }) => ({
      environment,
      spec: spec === null ? null : specView(spec),
      by,
      at: timestamp(atMs),
      comment,
      incident: incidentId,
    })),
  };
}
