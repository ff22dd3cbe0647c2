import { baselineInForce } from "../../core/accepted-baseline.ts";
import type { PinnedBaselineSpec, Trailing } from "../../core/baseline.ts";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { ModelSpec } from "../../core/model.ts";
import { dayMs, nextWindow, windowContaining } from "../../core/window.ts";
import { trailingRange } from "../../detectors/baselines/trailing.ts";
import { readAcceptedBaselines } from "../../store/facts/accepted-baselines.ts";
import { copyModelRows, type TimeRange } from "../../store/facts/backtest-copy.ts";
import { copyOutcomes, createOutcomes } from "../../store/facts/backtest-rows.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { summarizeRows } from "../../store/facts/windows.ts";
import type { ServiceConfig } from "../config/service-config.ts";
import { connectReader, readerAddress } from "../lifecycle/store-reader.ts";
import type { BacktestRun, PlannedWindow } from "./backtest.ts";

export interface StoreBacktestRequest {
  readonly service: ServiceConfig;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Copies what the store has of a model between two times, and its baseline, into a store of the backtest's own.
 *
 * @param facts A new store, with its tables.
 * @throws LeewayError `usage` (no baseline, or one that lies in the time itself; no events), those of the store.
 */
export async function loadFromStore(
  facts: Facts,
  request: StoreBacktestRequest,
  directory: string,
): Promise<{ readonly run: BacktestRun; readonly notes: readonly string[] }> {
  const { service, model, environment, fromMs, toMs } = request;
  await using reader = await connectReader(service);
  const accepted = (await readAcceptedBaselines(reader)).find(
    (one) => one.environment === environment && one.model === model.name,
  );
  const inForce = baselineInForce(model.baseline, accepted ?? null);
  const notes: string[] = [];
  const baseline = inForce?.kind === "trailing" ? standingRange(inForce, model, fromMs, notes) : inForce;
  if (baseline === null) {
    throw usage(`model ${model.name} has no baseline, so nothing can be judged; name one in its file (baseline:)`);
  }
  const ranges: TimeRange[] = [{ fromMs, toMs }];
  if (baseline.kind === "range") {
    if (fromMs < baseline.toMs && toMs > baseline.fromMs) {
      throw usage(
        `the baseline of ${model.name} is ${minute(baseline.fromMs)} to ${minute(baseline.toMs)}, which lies within --from and --to; begin at its end`,
      );
    }
    ranges.push({ fromMs: baseline.fromMs, toMs: baseline.toMs });
  }
  await copyModelRows(await readerAddress(service), facts, { environment, model: model.name, ranges, path: directory });
  const scope = { environment, model: model.name, fromMs, toMs };
  const summary = await summarizeRows(facts, scope);
  if (summary === null) {
    throw usage(
      `the store has no events of ${model.name} in ${environment} from ${minute(fromMs)} to ${minute(toMs)}; see leeway models, or name another --environment`,
    );
  }
  const { task } = model;
  await createOutcomes(facts);
  if (task.kind !== "unknown") {
    await copyOutcomes(facts, scope, task, environment);
    if (baseline.kind === "range") {
      await copyOutcomes(facts, { ...scope, fromMs: baseline.fromMs, toMs: baseline.toMs }, task, environment);
    }
  }
  return {
    run: {
      facts,
      model,
      environment,
      baseline,
      schemas: (await readFeatureSchemas(facts)).filter((schema) => schema.model === model.name),
      windows: (windowMs) => {
        const alignment = { lengthMs: windowMs, zone: model.monitoring.zone };
        const windows: PlannedWindow[] = [];
        let window = windowContaining(fromMs, alignment);
        // One that begins before the time asked for has only a part of its events here.
        if (window.startMs < fromMs) window = nextWindow(window, alignment);
        for (; window.startMs <= summary.lastMs; window = nextWindow(window, alignment)) {
          const [from, to] = [window.startMs, window.endMs].map((ms) => new Date(ms).toISOString()) as [string, string];
          windows.push({ window, from, to });
        }
        return Promise.resolve(windows);
      },
      rowsPerWindow: null,
      referenceOutcomes:
        baseline.kind === "range" ? { environment, fromMs: baseline.fromMs, toMs: baseline.toMs } : null,
      labelled: task.kind === "unknown" ? null : { environment, dueByMs: systemClock.now() },
      hasOutcomes: task.kind !== "unknown",
      probabilities: true,
      log: silentLogger,
    },
    notes,
  };
}

/** A trailing baseline does not move along: a backtest tells what one reference finds. */
function standingRange(trailing: Trailing, model: ModelSpec, fromMs: number, notes: string[]): PinnedBaselineSpec {
  const { windowMs, zone } = model.monitoring;
  const lengthMs = windowMs === "auto" ? dayMs : windowMs;
  const { startMs, endMs } = trailingRange(trailing, fromMs, { lengthMs, zone });
  notes.push(`the trailing baseline stands still: ${minute(startMs)} to ${minute(endMs)}, as it was at the beginning`);
  return { kind: "range", fromMs: startMs, toMs: endMs };
}

function usage(message: string): LeewayError {
  return new LeewayError("usage", `backtest: ${message}`);
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
