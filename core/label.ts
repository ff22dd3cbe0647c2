/** What really happened, often long after the prediction. */
export interface Label {
  /** Exactly one of `eventId` and `entityKey` may be empty. */
  readonly eventId: string;
  /** Goes to the entity's latest event at or before `labelTimeMs` within the model's `label_window`. */
  readonly entityKey: string;
  readonly model: string;
  readonly environment: string;
  /** Empty: what really happened. Else the outcome of this name: a number such as revenue. */
  readonly name: string;
  /** A class (string), or a number. A boolean arrives as "true" or "false". */
  readonly label: number | string;
  /** When the outcome was known, ms since the epoch. The latest of a name wins, then the highest offset. */
  readonly labelTimeMs: number;
}
