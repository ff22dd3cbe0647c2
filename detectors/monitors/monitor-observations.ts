import { createHash } from "node:crypto";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { Logger } from "../../core/logger.ts";
import type { ModelSpec, MonitorSpec } from "../../core/model.ts";
import { windowsBetween } from "../../core/window.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { monitorValue } from "../../store/facts/monitor-values.ts";
import type { MonitorValue } from "../../store/facts/monitor-values.ts";
import { alignmentOf } from "../baselines/baseline.ts";
import type { LoadedBaseline } from "../baselines/baseline.ts";
import type { DecisionState } from "../decisions/decision-state.ts";
import { createJointValues } from "../multivariate/joint-values.ts";
import { valueReference } from "./value-evidence.ts";
import type { ValueObservation, ValueReference } from "./value-evidence.ts";

/** Runs the statements of a model's monitors. */
export interface MonitorObserver {
  /**
   * Every monitor's value in a window, beside what the baseline's windows gave. That is asked once and then remembered by
   * the decision state, so that it outlives the rows it came from. A statement that fails gives no value and is told in the log,
   * once for as long as it fails in the same way; the other monitors go on.
   *
   * @throws LeewayError `store_unreachable`.
   */
  observe(
    before: Pick<DecisionState, "monitors">,
    window: Window,
    schemas: readonly FeatureSchema[],
  ): Promise<readonly ValueObservation[]>;
}

type SqlMonitor = Extract<MonitorSpec, { readonly kind: "sql" }>;

/** How statements reach the store. */
export type ReaderConnection = () => Promise<Facts>;

/** @param options.connectReader Facts with a reader's rights, closed after each window. */
export function createMonitorObserver(options: {
  readonly facts: Facts;
  readonly connectReader: ReaderConnection;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly loaded: LoadedBaseline;
  readonly log: Logger;
}): MonitorObserver {
  const { model, environment, loaded, log } = options;
  const { baseline, rowScope } = loaded;
  const classifier = createJointValues({ facts: options.facts, model, environment, loaded });
  let told = "";

  /** Whole windows alone: a value such as a sum is not comparable over a part of one. */
  const referenceWindows = (): Window[] => {
    const { spec, fromMs, toMs } = baseline;
    const timed = spec.kind !== "file" || spec.time !== null;
    if (!timed) return [];
    const slackMs = baseline.windowMs * partialShare;
    return [...windowsBetween(fromMs - slackMs, toMs + slackMs, alignmentOf(baseline, model))];
  };

  return {
    observe: async (before, window, schemas) => {
      if (model.monitors.length === 0) return [];
      await using reader = await options.connectReader();
      const viewed = { name: model.name, task: model.task, features: loaded.features };
      const failures: string[] = [];
      const ask = async (monitor: SqlMonitor, of: Window, inEnvironment: string): Promise<MonitorValue> =>
        monitorValue(
          reader,
          { environment: inEnvironment, model: model.name, fromMs: of.startMs, toMs: of.endMs },
          { model: viewed, schemas, sql: monitor.sql },
        );

      /** Null if the statement fails: what it gave in other windows would not be all of them. */
      const askReference = async (monitor: SqlMonitor, statement: string): Promise<ValueReference | null> => {
        const values: (number | null)[] = [];
        for (const one of referenceWindows()) {
          const asked = await ask(monitor, one, rowScope.environment);
          if (asked.kind === "failed") {
            failures.push(`${monitor.name}: ${asked.why}`);
            return null;
          }
          values.push(asked.kind === "value" ? asked.value : null);
        }
        return valueReference(statement, values);
      };

      const observations: ValueObservation[] = [];
      for (const monitor of model.monitors) {
        const { name, minChange } = monitor;
        const statement = statementOf(monitor, baseline.baselineId);
        const known = before.monitors?.[name];
        if (monitor.kind === "domain_classifier") {
          const { contrast, nullDeviation, value } = await classifier.value(window, schemas);
          const remembered = known?.statement === statement;
          const reference = remembered
            ? known
            : valueReference(statement, await classifier.referenceValues(referenceWindows(), schemas));
          observations.push({ name, signal: "joint", contrast, value, reference, minChange, nullDeviation });
          continue;
        }
        const asked = await ask(monitor, window, environment);
        const value = asked.kind === "value" ? asked.value : null;
        if (asked.kind === "failed") failures.push(`${name}: ${asked.why}`);
        const reference =
          known?.statement === statement
            ? known
            : asked.kind === "failed"
              ? null
              : await askReference(monitor, statement);
        observations.push({
          name,
          signal: "custom",
          contrast: "value of a window",
          value,
          reference,
          minChange,
          nullDeviation: 0,
        });
      }
      const failure = failures.join("; ");
      if (failure !== "" && failure !== told) {
        const message = `monitors of model ${model.name} give no value: ${failure}. Correct sql in the model's file`;
        log.error({ model: model.name, environment, windowStart: new Date(window.startMs).toISOString() }, message);
      }
      told = failure;
      return observations;
    },
  };
}

/** A window at an end of the reference counts as whole if no more than this share of it lies outside. */
const partialShare = 0.05;

/** Identifies what the reference's values were asked with, and of what. */
function statementOf(monitor: MonitorSpec, baselineId: string): string {
  return createHash("sha256")
    .update(JSON.stringify([monitor.kind === "sql" ? monitor.sql : monitor.kind, baselineId]))
    .digest("hex")
    .slice(0, 16);
}
