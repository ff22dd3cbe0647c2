/**
 * What the package gives to programs: methods of comparing samples and of watching streams (docs/methods.md), and the
 * performance of a classifier before labels arrive (docs/backtest.md).
 */
export { LeewayError, type ErrorCode } from "../core/errors.ts";
export {
  compareCounts,
  compareSamples,
  type Comparison,
  type ComparisonDetail,
  type CountOptions,
  type Counts,
  type SampleOptions,
} from "./methods/compare.ts";
export type { Alternative } from "./methods/method.ts";
export { estimatePerformance, type EstimatedPerformance } from "./performance/cbpe.ts";
export { calibrated, fitIsotonic, type IsotonicCurve } from "./performance/isotonic.ts";
export type { Measured } from "./performance/measured.ts";
export { methods, streamMethods, type MethodName, type StreamMethodName } from "./methods/registry.ts";
export type { Sample } from "./methods/sample-cells.ts";
export type { StreamVerdict } from "./methods/streaming/stream-method.ts";
export { watchStream, type StreamWatch, type WatchOptions } from "./methods/watch-stream.ts";
