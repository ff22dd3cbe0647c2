import type { Fault, WireObject } from "../validation/fault.ts";

/**
 * How the bytes of a message become an object in the contract's own words (`docs/events.md`). A format knows nothing of
 * models, limits or tables: what its object says is checked afterwards, the same for every format.
 */
export interface Format {
  readonly description: string;
  /** @returns the object, or what `refuse` returns if the bytes are not this format. */
  readonly parse: (value: Buffer, refuse: Refuse) => WireObject | null;
}

/** Says why there is no object; always returns null. */
export type Refuse = (reason: Fault["reason"], detail: string) => null;
