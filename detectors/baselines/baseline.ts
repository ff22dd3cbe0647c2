import { baselineEnvironmentPrefix } from "../../core/inference-event.ts";
import type { Baseline, PinnedBaselineSpec, Binning, Series } from "../../core/baseline.ts";
import type { Clock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { FeatureSpec, ModelSpec } from "../../core/model.ts";
import type { PooledReference } from "../../core/profile.ts";
import { formatSlice, parseSlice } from "../../core/slice.ts";
import { dayMs, hourMs, nextWindow, windowContaining } from "../../core/window.ts";
import type { Window } from "../../core/window.ts";
import type { Logger } from "../../core/logger.ts";
import { countBaselineRows, insertBaselineRows } from "../../store/facts/baseline-rows.ts";
import type { BaselineFile } from "../../store/facts/baseline-rows.ts";
import { insertBaseline, insertBaselineSeries, readBaseline, readBaselineSeries } from "../../store/facts/baselines.ts";
import { cohortExpressions } from "../../store/facts/cohort-expressions.ts";
import type { CohortExpression } from "../../store/facts/cohort-expressions.ts";
import { createBinnings } from "../../store/facts/binnings.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { longestGaps } from "../../store/facts/gaps.ts";
import { readProfiles, writeProfiles } from "../../store/facts/profiles.ts";
import type { StoredProfile } from "../../store/facts/profiles.ts";
import { neverExpires } from "../../store/facts/row-scope.ts";
import type { RowScope } from "../../store/facts/row-scope.ts";
import { featureExpressions, resultExpressions } from "../../store/facts/series-expressions.ts";
import type { SeriesExpression } from "../../store/facts/series-expressions.ts";
import { binCount } from "../../store/facts/slots.ts";
import type { BinnedExpression } from "../../store/facts/slots.ts";
import { sliceValues } from "../../store/facts/slice-values.ts";
import { readUserGroups } from "../../store/facts/user-groups.ts";
import { medianHourRows, summarizeRows } from "../../store/facts/windows.ts";
import { weekdaysOf } from "../decisions/decider.ts";
import { learnReference } from "../decisions/learnt-reference.ts";
import type { LearntReference } from "../decisions/learnt-reference.ts";
import { baselineIdentity } from "./baseline-identity.ts";
import { concurrentReferences, controlOf, splitsOf, writeSplits } from "./concurrent.ts";
import { pooledCounts } from "./counts.ts";
import { fileColumns } from "./file-columns.ts";
import { readLearntBaseline, writeLearntBaseline } from "./learnt-baseline.ts";
import type { LearningOptions, LearntBaseline } from "./learnt-baseline.ts";

/** A reference, ready to be compared with: its counts, and where its rows lie. */
export interface LoadedBaseline {
  readonly baseline: Baseline;
  readonly reference: readonly PooledReference[];
  /** What its windows taught; they themselves are read where they are asked for: see `readReferenceWindows`. */
  readonly learnt: LearntReference;
  /** IANA zone of the calendar whose weekdays were allowed to differ; null if none were. */
  readonly weekdayZone: string | null;
  /** Bins of the whole model's series, which slices and versions share. */
  readonly binnings: readonly { readonly series: Series; readonly binning: Binning }[];
  readonly rowScope: RowScope;
  /** Watched slices that the reference has enough rows of, by attribute. */
  readonly slices: readonly { readonly attribute: string; readonly values: readonly string[] }[];
  /** False if the reference has no times, or fewer than `fewestSubWindows` whole windows. */
  readonly subWindowsKnown: boolean;
  /** Longest gap of each whole window of the reference, empty ones included; none if it has no times. */
  readonly gapsMs: readonly number[];
  readonly features: readonly FeatureSpec[];
  /** Feature schemas of the reference's rows; live rows may have others: see `binnedExpressions`. */
  readonly schemaIds: readonly string[];
}

/** How much natural variation can be learnt from: below, windows warm up first. */
export const fewestSubWindows = 10;
/** Rows of the median hour from which windows are hours. */
const hourlyRows = 1000;
/** A window at an end of the reference counts as whole if no more than this share of it lies outside. */
const partialShare = 0.05;
/** Sub-windows profiled by one statement: bounds what the engine holds for them. */
const windowsPerStatement = 64;
const maxSliceValues = 50;
/** Without times the rows' order stands for time, in so many blocks. */
const rowOrderBlocks = 28;

export interface BaselineRequest {
  readonly environment: string;
  readonly model: ModelSpec;
  readonly features: readonly FeatureSpec[];
  readonly schemas: readonly FeatureSchema[];
}

/**
 * The baseline of a model in an environment: loaded if it is stored, made and stored otherwise. Making it is idempotent and
 * ends with its row in `baselines`; before that nobody sees it.
 *
 * @throws LeewayError `baseline_unreadable` if the file or range holds nothing usable.
 */
export async function ensureBaseline(
  facts: Facts,
  request: BaselineRequest & { readonly spec: PinnedBaselineSpec },
  options: { readonly clock: Clock; readonly log: Logger },
): Promise<LoadedBaseline> {
  const { environment, model, features, spec } = request;
  const baselineId = await baselineIdentity(environment, model, features, spec);
  const stored = await readBaseline(facts, { environment, model: model.name, baselineId });
  const baseline = stored ?? (await makeBaseline(facts, request, spec, baselineId, options));
  return loadBaseline(facts, request, baseline, options.clock.now());
}

/** A baseline that is stored; null if there is none of this id. Nothing is written. */
export async function loadStoredBaseline(
  facts: Facts,
  request: BaselineRequest,
  baselineId: string,
): Promise<LoadedBaseline | null> {
  const { environment, model } = request;
  const stored = await readBaseline(facts, { environment, model: model.name, baselineId });
  return stored === null ? null : loadBaseline(facts, request, stored, null);
}

async function makeBaseline(
  facts: Facts,
  request: BaselineRequest,
  spec: PinnedBaselineSpec,
  baselineId: string,
  options: { readonly clock: Clock; readonly log: Logger },
): Promise<Baseline> {
  const { environment, model, features } = request;
  const createdAtMs = options.clock.now();
  const startedMs = performance.now();
  const schemas =
    spec.kind === "file" ? [await insertFileRows(facts, request, spec, baselineId, createdAtMs)] : request.schemas;
  const range = rowsOf(spec, environment, model.name, baselineId);
  const summary = await summarizeRows(facts, range);
  if (summary === null) {
    const ofVersion = spec.kind === "range" && spec.version !== undefined ? ` of version ${spec.version}` : "";
    const what = spec.kind === "file" ? `file ${spec.path}` : `range of environment ${environment}`;
    throw new LeewayError(
      "baseline_unreadable",
      `the baseline of model ${model.name} is empty: its ${what} holds no rows${ofVersion}; check baseline`,
    );
  }
  const timed = spec.kind === "range" || spec.time !== null;
  const windowMs =
    (spec.kind === "range" ? spec.trailing?.windowMs : null) ?? (await windowLength(facts, range, model, timed));
  const scope: RowScope = { ...range, fromMs: summary.firstMs, toMs: summary.lastMs + 1 };
  const windows = timed
    ? windowsCovering(scope, { lengthMs: windowMs, zone: model.monitoring.zone })
    : blocks(scope, Math.max(1, Math.ceil(summary.rows / rowOrderBlocks)));

  const expressions = [...featureExpressions(features, schemas), ...resultExpressions(model.task)];
  const binnings = await createBinnings(facts, scope, expressions);
  const series = expressions.map((expression, index) => ({
    ...expression,
    binning: binnings[index] as Binning,
    binningVersion: "",
  }));
  await insertBaselineSeries(
    facts,
    baselineId,
    series.map(({ role, feature, binning }) => ({ role, feature, version: "", binning })),
    createdAtMs,
  );

  const cohorts = cohortExpressions(model.cohorts, features, schemas, model.monitoring.zone);
  const attributes = await watchedSlices(facts, scope, model, { cohorts, windows: windows.length });
  const profile = {
    rows: { ...versionOf(spec), environment: scope.environment, model: model.name },
    environment,
    baselineId,
    kind: "reference" as const,
    revision: 0,
    weighted: summary.weighted,
    reference: scope,
    computedAtMs: createdAtMs,
    expiresOn: neverExpires,
  };
  for (let start = 0; start < windows.length; start += windowsPerStatement) {
    const chunk = windows.slice(start, start + windowsPerStatement);
    await writeProfiles(facts, { ...profile, windows: chunk, series, slices: attributes, resultsByVersion: false });
  }

  if (controlOf(spec) !== null) {
    const results = series.filter(({ role }) => role !== "feature");
    const rows = { scope, rows: summary.rows, windows, series: results, computedAtMs: createdAtMs };
    await writeSplits(facts, { environment, baselineId, ...rows });
  }

  const baseline: Baseline = {
    baselineId,
    model: model.name,
    spec,
    rows: summary.rows,
    fromMs: summary.firstMs,
    toMs: summary.lastMs + 1,
    createdAtMs,
    windowMs,
  };
  await insertBaseline(facts, environment, baseline);
  options.log.info(
    {
      model: model.name,
      environment,
      baselineId,
      rows: summary.rows,
      windows: windows.length,
      ms: Math.round(performance.now() - startedMs),
    },
    "a baseline was made",
  );
  return baseline;
}

/** Where the rows of a baseline lie; the times of a file are not known before they are asked. */
function rowsOf(spec: PinnedBaselineSpec, environment: string, model: string, baselineId: string): RowScope {
  return spec.kind === "range"
    ? { environment, model, fromMs: spec.fromMs, toMs: spec.toMs, ...versionOf(spec) }
    : {
        environment: `${baselineEnvironmentPrefix}${baselineId}`,
        model,
        // The bounds of DateTime64.
        fromMs: Date.UTC(1900, 0, 1),
        toMs: Date.UTC(2299, 0, 1),
      };
}

function versionOf(spec: PinnedBaselineSpec): Pick<RowScope, "version"> {
  return spec.kind === "range" && spec.version !== undefined ? { version: spec.version } : {};
}

async function insertFileRows(
  facts: Facts,
  { model, features }: BaselineRequest,
  spec: Extract<PinnedBaselineSpec, { kind: "file" }>,
  baselineId: string,
  nowMs: number,
): Promise<FeatureSchema> {
  const { format, columns } = await fileColumns(spec.path);
  const wanted: readonly (readonly [name: string, what: string])[] = [
    ...features.map((feature) => [feature.name, "features"] as const),
    ...(["time", "prediction", "score", "label"] as const).flatMap((key) =>
      spec[key] === null ? [] : [[spec[key], `baseline.${key}`] as const],
    ),
  ];
  for (const [name, what] of wanted) {
    if (columns.has(name)) continue;
    throw new LeewayError(
      "baseline_unreadable",
      `baseline file ${spec.path} has no column ${JSON.stringify(name)}, which ${what} of model ${model.name} names; it has ${[...columns.keys()].join(", ")}. Write the column, or change the model's file`,
    );
  }
  const schema = createFeatureSchema(
    model.name,
    features.map(({ name, type }) => ({ name, type })),
  );
  const file: BaselineFile = {
    path: spec.path,
    format,
    schema,
    time: spec.time === null ? null : { column: spec.time, type: columns.get(spec.time)?.timeType ?? "text" },
    prediction: spec.prediction,
    score: spec.score,
    label: spec.label,
    cohorts: model.cohorts.map((cohort) => cohort.attribute).filter((attribute) => columns.has(attribute)),
  };
  const environment = `${baselineEnvironmentPrefix}${baselineId}`;
  await writeFeatureSchemas(facts, [schema], nowMs);
  try {
    await insertBaselineRows(facts, file, { environment, task: model.task, ingestTimeMs: nowMs });
  } catch (error) {
    if (!(error instanceof LeewayError) || error.retryable) throw error;
    throw new LeewayError(
      "baseline_unreadable",
      `baseline file ${spec.path} of model ${model.name} cannot be read as its features' types: ${error.message}; correct the file, or the types in the model's file`,
      { cause: error },
    );
  }
  const counted = await countBaselineRows(facts, { environment, model: model.name });
  if (counted.rows !== counted.distinct || counted.rows !== counted.expected) {
    throw new LeewayError(
      "baseline_unreadable",
      `the rows of baseline file ${spec.path} are stored ${counted.rows} times for ${counted.expected} rows: an earlier load was cut off. Delete the events of environment ${environment} and start again`,
    );
  }
  return schema;
}

async function windowLength(facts: Facts, scope: RowScope, model: ModelSpec, timed: boolean): Promise<number> {
  const { windowMs } = model.monitoring;
  if (windowMs !== "auto") return windowMs;
  return timed && (await medianHourRows(facts, scope)) >= hourlyRows ? hourMs : dayMs;
}

function windowsCovering(scope: RowScope, alignment: { lengthMs: number; zone: string }): Window[] {
  const windows: Window[] = [];
  for (
    let window = windowContaining(scope.fromMs, alignment);
    window.startMs < scope.toMs;
    window = nextWindow(window, alignment)
  ) {
    windows.push(window);
  }
  return windows;
}

function blocks(scope: RowScope, rows: number): Window[] {
  const windows: Window[] = [];
  for (let startMs = scope.fromMs; startMs < scope.toMs; startMs += rows) {
    windows.push({ startMs, endMs: startMs + rows });
  }
  return windows;
}

async function watchedSlices(
  facts: Facts,
  scope: RowScope,
  model: ModelSpec,
  { cohorts, windows }: { readonly cohorts: readonly CohortExpression[]; readonly windows: number },
): Promise<(CohortExpression & { values: string[] })[]> {
  const attributes = [];
  for (const [index, { watch }] of model.cohorts.entries()) {
    const cohort = cohorts[index];
    if (!watch || cohort === undefined) continue;
    const values = await sliceValues(facts, scope, {
      cohort,
      minRows: model.monitoring.minSliceRows * windows,
      limit: maxSliceValues,
    });
    if (values.length > 0) attributes.push({ ...cohort, values: values.map(({ value }) => value) });
  }
  return attributes;
}

/** @param nowMs When what is learnt now is stored; null: nothing is written. */
async function loadBaseline(
  facts: Facts,
  request: BaselineRequest,
  baseline: Baseline,
  nowMs: number | null,
): Promise<LoadedBaseline> {
  const { environment, model, features } = request;
  const { baselineId, spec, fromMs, toMs } = baseline;
  const binnings = (await readBaselineSeries(facts, baselineId)).map(({ binning, ...series }) => ({
    series: { ...series, slice: "" },
    binning,
  }));
  const binningOf = (series: Series) =>
    binnings.find((one) => one.series.role === series.role && one.series.feature === series.feature)?.binning ?? null;
  const rowScope = { ...rowsOf(spec, environment, model.name, baselineId), fromMs, toMs };
  const options = {
    zone: model.monitoring.zone,
    weekdayZone: model.monitoring.season === "weekdays" ? model.monitoring.zone : null,
  };
  let learnt = await readLearntBaseline(facts, environment, baseline, options, binningOf);
  if (learnt === null) {
    learnt = await learnBaseline(facts, environment, baseline, rowScope, options, binningOf);
    if (nowMs !== null) await writeLearntBaseline(facts, environment, baseline, options, learnt, nowMs);
  }
  const reference = learnt.reference.series.map((one) => one.reference);
  return {
    baseline,
    reference,
    learnt: learnt.reference,
    weekdayZone: options.weekdayZone,
    binnings: binnings.filter(({ series }) =>
      reference.some((one) => one.series.role === series.role && one.series.feature === series.feature),
    ),
    rowScope,
    slices: slicesOf(reference),
    subWindowsKnown: learnt.subWindowsKnown,
    gapsMs: learnt.gapsMs,
    features,
    schemaIds: learnt.schemaIds,
  };
}

/** Reads all windows of the reference, and learns from them. */
async function learnBaseline(
  facts: Facts,
  environment: string,
  baseline: Baseline,
  rowScope: RowScope,
  { zone, weekdayZone }: LearningOptions,
  binningOf: (series: Series) => Binning | null,
): Promise<LearntBaseline> {
  const { baselineId, model, spec, windowMs } = baseline;
  const profiles = await referenceProfiles(facts, { environment, baselineId, model }, binningOf);
  const timed = isTimed(baseline);
  const whole = isWholeOf(baseline);
  const pooledReference = [...Map.groupBy(profiles, ({ series }) => series)]
    .flatMap(([series, stored]) => {
      const binning = binningOf(series);
      if (binning === null) return [];
      const windows = stored.filter(({ counts, window }) => counts.rows > 0 && whole(window));
      return [
        {
          series,
          binning,
          pooled: pooledCounts(
            stored.map(({ counts }) => counts),
            binning,
          ),
          subWindows: windows.map(({ counts }) => counts),
          ...(timed && { subWindowTimes: windows.map(({ window }) => window) }),
        },
      ];
    })
    // A baseline without scores or classes says nothing about them; live ones are then not judged, not "missing before".
    .filter(({ series, pooled }) => series.role === "feature" || pooled.presentRows > 0);

  const control = controlOf(spec);
  const groups = control === null ? [] : await readUserGroups(facts, { environment, model, baselineId });
  const reference = pooledReference.flatMap((one) => {
    if (control === null || one.series.role === "feature") return [one];
    const own = groups.filter((group) => group.role === one.series.role && whole(group));
    return concurrentReferences(control, one, splitsOf(own, one.binning));
  });

  const windows = timed ? windowsCovering(rowScope, { lengthMs: windowMs, zone }).filter(whole) : [];
  const subWindowsKnown = windows.length >= fewestSubWindows;
  const rows = await summarizeRows(facts, rowScope);
  // Where rows have expired there would seem to be no gaps at all, and every live one would be longer.
  const gapsKnown = windows.length > 0 && rows !== null && rows.rows >= baseline.rows;
  const gapsMs = gapsKnown ? await longestGaps(facts, { environment: rowScope.environment, model }, windows, null) : [];
  return {
    reference: learnReference(reference, { subWindowsKnown, weekdayOf: weekdaysOf({ weekdayZone, windowMs }) }),
    subWindowsKnown,
    gapsMs,
    schemaIds: rows?.schemaIds ?? [],
  };
}

/** The stored windows of the reference, of all series or of one. */
function referenceProfiles(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string; readonly series?: Series },
  binningOf: (series: Series) => Binning | null,
): Promise<StoredProfile[]> {
  const always = { fromMs: Date.UTC(1900, 0, 1), toMs: Date.UTC(2299, 0, 1) };
  return readProfiles(facts, { ...key, ...always, kind: "reference" }, (series) => {
    const binning = binningOf(series);
    return binning === null ? null : binCount(binning);
  });
}

/**
 * The windows of one series of a reference with times, those without rows and those that it holds only a part of left out; in
 * order of time.
 */
export async function readReferenceWindows(
  facts: Facts,
  of: { readonly environment: string; readonly loaded: LoadedBaseline },
  { series, binning }: Pick<PooledReference, "series" | "binning">,
): Promise<StoredProfile[]> {
  const { baseline } = of.loaded;
  const { baselineId, model } = baseline;
  // A reference is counted over all versions.
  const counted = { ...series, version: "" };
  const key = { environment: of.environment, model, baselineId, series: counted };
  const stored = await referenceProfiles(facts, key, () => binning);
  const whole = isWholeOf(baseline);
  return stored.filter(({ counts, window }) => counts.rows > 0 && whole(window));
}

function isTimed({ spec }: Baseline): boolean {
  return spec.kind === "range" || spec.time !== null;
}

/** Whether no more than a small part of a window lies outside the reference. */
function isWholeOf(baseline: Baseline): (window: Window) => boolean {
  const { fromMs, toMs } = baseline;
  const timed = isTimed(baseline);
  return ({ startMs, endMs }) => {
    const allowedMs = (endMs - startMs) * partialShare;
    return !timed || (startMs >= fromMs - allowedMs && endMs <= toMs + allowedMs);
  };
}

export function alignmentOf(baseline: Baseline, model: ModelSpec): { lengthMs: number; zone: string } {
  return { lengthMs: baseline.windowMs, zone: model.monitoring.zone };
}

function slicesOf(reference: readonly PooledReference[]): { attribute: string; values: string[] }[] {
  const byAttribute = new Map<string, Set<string>>();
  for (const { series } of reference) {
    for (const [attribute, value] of Object.entries(parseSlice(series.slice))) {
      byAttribute.set(attribute, (byAttribute.get(attribute) ?? new Set()).add(value));
    }
  }
  return [...byAttribute].map(([attribute, values]) => ({ attribute, values: [...values].toSorted() }));
}

/** Every slice that is judged on its own. */
export function sliceNames(baseline: LoadedBaseline): string[] {
  return baseline.slices.flatMap(({ attribute, values }) => values.map((value) => formatSlice({ [attribute]: value })));
}

/** The baseline's series with SQL that fits rows of those of the given schemas that are named. */
export function binnedExpressions(
  loaded: LoadedBaseline,
  model: ModelSpec,
  schemas: readonly FeatureSchema[],
  schemaIds: readonly string[],
): BinnedExpression[] {
  const expressions: SeriesExpression[] = [
    ...featureExpressions(
      loaded.features,
      schemas.filter((schema) => schemaIds.includes(schema.schemaId)),
    ),
    ...resultExpressions(model.task),
  ];
  return expressions.flatMap((expression) => {
    const found = loaded.binnings.find(
      ({ series }) => series.role === expression.role && series.feature === expression.feature,
    );
    return found === undefined ? [] : [{ ...expression, binning: found.binning, binningVersion: found.series.version }];
  });
}
