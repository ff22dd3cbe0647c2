import type { Clock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createModelViews } from "../../store/facts/model-views.ts";
import { readModelNames, writeDeclaredModels } from "../../store/facts/models.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Log } from "../telemetry/log.ts";

/** Every model there is: those that files declare, and those that registered themselves. */
export interface ModelDirectory extends AsyncDisposable {
  readonly models: () => readonly ModelSpec[];
  /** Looks at the store again, and makes the views of models that changed. */
  readonly refresh: () => Promise<void>;
}

const refreshEveryMs = 10_000;

/**
 * @param options.views Whether this process makes the analysts' views (the detector and the alerting role do).
 */
export async function createModelDirectory(options: {
  readonly facts: Facts;
  readonly config: () => LoadedConfig;
  readonly views: boolean;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<ModelDirectory> {
  const { facts, config, log } = options;
  let models: readonly ModelSpec[] = config().models;
  /** What each model's view was made from. */
  const viewed = new Map<string, string>();

  const refresh = async (): Promise<void> => {
    const { models: declared, learningModel } = config();
    const names = new Set(declared.map((model) => model.name));
    const registered = (await readModelNames(facts)).filter((name) => !names.has(name));
    models = [...declared, ...registered.map(learningModel)];
    if (!options.views) return;
    await writeDeclaredModels(facts, [...names], options.clock.now());
    const schemas = await readFeatureSchemas(facts);
    for (const model of models) {
      const own = schemas.filter((schema) => schema.model === model.name);
      const features = model.features.length > 0 ? model.features : featuresOf(own);
      const source = JSON.stringify([model.task, features, own.map((schema) => schema.schemaId)]);
      if (viewed.get(model.name) === source) continue;
      try {
        await createModelViews(facts, { name: model.name, task: model.task, features }, own);
      } catch (error) {
        if (!(error instanceof LeewayError) || error.retryable) throw error;
        // Events choose their models' names, and one that ClickHouse cannot take must not cost the others their views.
        log.warn({ model: model.name, err: error }, "this model has no views; its rows are in the table events");
      }
      viewed.set(model.name, source);
    }
  };

  await refresh();
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = refresh().catch((error: unknown) =>
      log.warn({ err: error }, "the list of models could not be refreshed"),
    );
  }, refreshEveryMs);
  return {
    models: () => models,
    refresh,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** A model that registered itself has the features that its schemas name; the type is that of the latest. */
function featuresOf(
  schemas: readonly { readonly fields: readonly { name: string; type: ModelSpec["features"][number]["type"] }[] }[],
): ModelSpec["features"] {
  const types = new Map(schemas.flatMap((schema) => schema.fields.map((field) => [field.name, field.type] as const)));
  return [...types].map(([name, type]) => ({ name, type, unit: null }));
}
