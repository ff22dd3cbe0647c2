import { LeewayError } from "../../core/errors.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import type { ModelSpec } from "../../core/model.ts";
import { minuteMs } from "../../core/window.ts";
import { modelFeatures } from "../../detectors/baselines/model-features.ts";
import type { ConfiguredReport } from "../../detectors/simulate/measured.ts";
import { rowWeights, type ConfiguredModel } from "../../detectors/simulate/model-scenarios.ts";
import type { SimulatedMonitoring } from "../../detectors/simulate/outcome.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { parseDuration } from "../config/duration.ts";
import { requireConfig } from "../config/load.ts";
import type { ServiceConfig } from "../config/service-config.ts";
import { connectReader } from "../lifecycle/store-reader.ts";
import { configuredModel, usualTraffic, type SimulatedTraffic } from "../simulation/configured-model.ts";
import type { CommandContext, OptionSpec, OptionValues } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { modelNamed } from "./model-option.ts";

const whole = (description: string, usual: number) =>
  ({
    type: "string",
    placeholder: "N",
    description: `${description} (default: ${usual.toLocaleString("en-GB")}).`,
  }) as const;

/** What a configuration cannot tell of a model's traffic. */
const trafficOptions = {
  "rows-per-window": whole("Of the model: rows in an ordinary window", usualTraffic.rowsPerWindow),
  "rows-per-user": whole(
    "Of the model: rows that one user has in a window, 1 if none comes back",
    usualTraffic.rowsPerUser,
  ),
  "reference-windows": {
    type: "string",
    placeholder: "N",
    description:
      "Of the model: windows of its reference, if the configuration does not say (default: 28 days of them).",
  },
  "values-per-cohort": whole(
    "Of the model: values of a watched cohort, where its kind does not say",
    usualTraffic.valuesPerCohort,
  ),
  "canary-share": {
    type: "string",
    placeholder: "SHARE",
    description: `Of a concurrent baseline: the new version's share of the rows (default: ${usualTraffic.canaryShare}).`,
  },
  window: {
    type: "string",
    placeholder: "DURATION",
    description: "Of the model: another length of its windows than the configuration's, such as 1h.",
  },
  weights: {
    type: "string",
    placeholder: "KIND",
    description: `Of the model: how its rows are weighted, ${rowWeights.join(" or ")} (default: not).`,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Options of a simulation of one model of a configuration. */
export const simulatedModelOptions = {
  ...configOptions,
  model: {
    type: "string",
    placeholder: "NAME",
    description: "Simulate this model of the configuration instead; it may be left out if there is one.",
  },
  ...trafficOptions,
} as const;

type Given = OptionValues<typeof simulatedModelOptions>;

/**
 * The model of the configuration that is to be simulated; null if none was asked for. Features that its file does not
 * declare are asked of its store, if that is there.
 *
 * @throws LeewayError `usage`, and those of the configuration.
 */
export async function simulatedModel(
  given: Given,
  context: CommandContext,
): Promise<{
  readonly model: ConfiguredModel;
  readonly monitoring: SimulatedMonitoring;
  readonly report: ConfiguredReport;
} | null> {
  if (given.config === undefined && given.model === undefined) {
    for (const option of ["data", ...(Object.keys(trafficOptions) as (keyof typeof trafficOptions)[])] as const) {
      if (given[option] === undefined) continue;
      throw usage(`--${option} is about a model of the configuration; name it with --config and --model`);
    }
    return null;
  }
  const traffic = trafficOf(given);
  const { service, models } = requireConfig(configRequest(given, context));
  const spec = modelNamed(given.model, models, "simulate");
  const { types, from } = await featureTypesOf(spec, service);
  const { model, report } = configuredModel(spec, types, from, traffic);
  const { falseIncidentsPerModelWeek, effectFloor, qualityFloor } = spec.monitoring;
  return { model, report, monitoring: { falseIncidentsPerModelWeek, effectFloor, qualityFloor } };
}

async function featureTypesOf(
  spec: ModelSpec,
  service: ServiceConfig,
): Promise<{ readonly types: readonly FeatureType[] | null; readonly from: string }> {
  if (spec.features.length > 0) return { types: spec.features.map(({ type }) => type), from: "as declared" };
  try {
    await using reader = await connectReader(service);
    const features = modelFeatures(spec, await readFeatureSchemas(reader));
    return { types: features.length === 0 ? null : features.map(({ type }) => type), from: "as stored" };
  } catch (error) {
    // A configuration may be tried out before there is a service.
    if (error instanceof LeewayError && error.code.startsWith("store_")) return { types: null, from: "" };
    throw error;
  }
}

function trafficOf(given: Given): SimulatedTraffic {
  const { window, weights } = given;
  const windowMs = window === undefined ? null : parseDuration(window);
  if (window !== undefined && (windowMs === null || windowMs < minuteMs)) {
    throw usage(`--window ${JSON.stringify(window)} is not a length of at least a minute; write it as 1d or 1h`);
  }
  const kind = rowWeights.find((known) => known === weights) ?? null;
  if (weights !== undefined && kind === null) {
    throw usage(`--weights ${JSON.stringify(weights)} is neither ${rowWeights.join(" nor ")}`);
  }
  const rowsPerWindow = wholeNumber(given["rows-per-window"], "--rows-per-window");
  if (rowsPerWindow !== null && rowsPerWindow > mostRows) {
    throw usage(
      `--rows-per-window: more than ${mostRows.toLocaleString("en-GB")} rows are not simulated; what is found with those is found with more`,
    );
  }
  return {
    rowsPerWindow,
    rowsPerUser: wholeNumber(given["rows-per-user"], "--rows-per-user"),
    referenceWindows: wholeNumber(given["reference-windows"], "--reference-windows"),
    valuesPerCohort: wholeNumber(given["values-per-cohort"], "--values-per-cohort"),
    canaryShare: shareOf(given["canary-share"]),
    windowMs,
    weights: kind,
  };
}

/** A window of more takes gigabytes to draw. */
const mostRows = 1_000_000;

function shareOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const share = Number(text);
  if (share > 0 && share < 1) return share;
  throw usage(`--canary-share ${JSON.stringify(text)} is no share between 0 and 1; write 5 % as 0.05`);
}

/** @throws LeewayError `usage` */
export function wholeNumber(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LeewayError("usage", `simulate: ${option} ${JSON.stringify(text)} is not a whole number from 1 up`);
}

function usage(message: string): LeewayError {
  return new LeewayError("usage", `simulate: ${message}; see leeway help simulate`);
}
