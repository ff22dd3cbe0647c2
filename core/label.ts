/** What really happened, often long after the prediction. */
export interface Label {
  /** Exactly one of `eventId` and `entityKey` may be empty. */
  readonly eventId: string;
  /** Goes to the entity's latest event at or before `labelTimeMs` within the model's `label_window`. */
  readonly entityKey: string;
  readonly model: string;
  readonly environment: string;
  /** A class (string), a number, or an outcome such as revenue. A boolean arrives as "true" or "false". */
  readonly label: number | string;
  /** When the outcome was known, ms since the epoch. The latest wins, then the highest offset. */
  readonly labelTimeMs: number;
}
