/** What a detector says of one value. `warning` comes from the methods that have such a level. */
export interface StreamVerdict {
  /** True once for each change; with the next value the detector starts afresh. */
  readonly change: boolean;
  readonly warning?: boolean;
}

/** A setting of a detector: its default, what it means and which values it may have. */
export interface StreamOption<Value extends number | boolean | null = number | boolean | null> {
  readonly default: Value;
  readonly meaning: string;
  readonly must: string;
  readonly allows: (value: unknown) => boolean;
}

export type StreamOptions = Readonly<Record<string, StreamOption>>;

export type StreamSettings<Options extends StreamOptions> = {
  readonly [Name in keyof Options]: Options[Name] extends StreamOption<infer Value> ? Value : never;
};

/** One detector of changes in a stream of values that come one at a time. */
export interface StreamMethod<Name extends string, Options extends StreamOptions> {
  readonly name: Name;
  readonly title: string;
  /** What a reader learns from a change, in one sentence. */
  readonly meaning: string;
  /** When it says so and by which convention, in one sentence. */
  readonly convention: string;
  readonly source: string;
  readonly options: Options;
  /** What a value must be beyond finite, if anything. */
  readonly values?: { readonly must: string; readonly allows: (value: number) => boolean };
  /** @returns The update of a fresh detector. It gets finite values only, and none after it said `change`. */
  readonly start: (settings: StreamSettings<Options>) => (value: number) => StreamVerdict;
}

export function defineStreamMethod<const Name extends string, Options extends StreamOptions>(
  method: StreamMethod<Name, Options>,
): StreamMethod<Name, Options> {
  return method;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export function numberAbove(least: number, value: number, meaning: string): StreamOption<number> {
  return {
    default: value,
    meaning,
    must: `a number above ${least}`,
    allows: (given) => isNumber(given) && given > least,
  };
}

export function numberFrom(least: number, value: number, meaning: string): StreamOption<number> {
  return {
    default: value,
    meaning,
    must: `a number from ${least}`,
    allows: (given) => isNumber(given) && given >= least,
  };
}

export function wholeFrom(least: number, value: number, meaning: string): StreamOption<number> {
  return {
    default: value,
    meaning,
    must: `a whole number from ${least}`,
    allows: (given) => Number.isSafeInteger(given) && Number(given) >= least,
  };
}

export function fraction(value: number, meaning: string): StreamOption<number> {
  return {
    default: value,
    meaning,
    must: "a number above 0, at most 1",
    allows: (given) => isNumber(given) && given > 0 && given <= 1,
  };
}
