import { LeewayError } from "../../core/errors.ts";
import { methods, streamMethods, type StreamMethodName } from "./registry.ts";
import type {
  StreamMethod,
  StreamOption,
  StreamOptions,
  StreamSettings,
  StreamVerdict,
} from "./streaming/stream-method.ts";

type Options<Name extends StreamMethodName> = StreamSettings<
  Extract<(typeof streamMethods)[number], { readonly name: Name }>["options"]
>;

/** A detector's settings; every one has a default (docs/methods.md lists them). */
export type WatchOptions<Name extends StreamMethodName> = {
  readonly [Option in keyof Options<Name>]?: Options<Name>[Option] | undefined;
};

/** Sums of squares of larger values are no numbers: one such value would blind a detector for good. */
const largest = 1e150;

/** A detector that is fed one value at a time. */
export interface StreamWatch {
  /**
   * Takes the next value. A missing one (null, undefined, NaN, beyond ±1e150) changes nothing.
   *
   * @throws LeewayError `usage` for what is no number, and for a value that the method has no use for.
   */
  readonly update: (value: number | boolean | null | undefined) => StreamVerdict;
}

/**
 * Watches a stream of values for a change by one method. After a change the detector starts afresh: the next value is its
 * first.
 *
 * @throws LeewayError `usage` for an unknown method, option or setting.
 * @example
 * const watch = watchStream("adwin", { delta: 0.01 });
 * for (const error of errors) if (watch.update(error).change) report();
 */
export function watchStream<Name extends StreamMethodName>(
  method: Name,
  options: WatchOptions<Name> = {},
): StreamWatch {
  // The registry's methods differ in their options, which are checked against their own list.
  const known = streamMethodNamed(method) as unknown as StreamMethod<string, StreamOptions>;
  const settings = settingsOf(known, options);
  let update = known.start(settings);
  return {
    update: (value) => {
      const number = typeof value === "boolean" ? Number(value) : (value ?? Number.NaN);
      if (typeof number !== "number") {
        throw new LeewayError("usage", `${method}: ${typeof number} is no value of a stream; give numbers`);
      }
      if (!(Math.abs(number) <= largest)) return { change: false };
      if (known.values !== undefined && !known.values.allows(number)) {
        throw new LeewayError("usage", `${method}: values must be ${known.values.must}, not ${number}`);
      }
      const verdict = update(number);
      if (verdict.change) update = known.start(settings);
      return verdict;
    },
  };
}

function streamMethodNamed(name: string): (typeof streamMethods)[number] {
  const found = streamMethods.find((method) => method.name === name);
  if (found !== undefined) return found;
  if (methods.some((method) => method.name === name)) {
    throw new LeewayError("usage", `${name} compares two samples; use compareSamples("${name}", reference, current)`);
  }
  const names = streamMethods.map((method) => method.name).join(", ");
  throw new LeewayError("usage", `no method "${name}" for streams; the methods are ${names}`);
}

function settingsOf(method: StreamMethod<string, StreamOptions>, options: object): StreamSettings<StreamOptions> {
  if (options === null || typeof options !== "object") {
    throw new LeewayError("usage", `${method.name}: options must be an object`);
  }
  const settings: Record<string, StreamOption["default"]> = {};
  for (const [name, option] of Object.entries(method.options)) settings[name] = option.default;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const option = Object.hasOwn(method.options, name) ? method.options[name] : undefined;
    if (option === undefined) {
      const names = Object.keys(method.options).join(", ");
      throw new LeewayError("usage", `${method.name} has no option "${name}"; its options are ${names}`);
    }
    if (!option.allows(value)) {
      throw new LeewayError("usage", `${method.name}: ${name} must be ${option.must}, not ${JSON.stringify(value)}`);
    }
    settings[name] = value as StreamOption["default"];
  }
  return settings;
}
