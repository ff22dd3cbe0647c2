/**
 * All that a decision remembers between windows: plain JSON, so that it can be stored with each window and a revised
 * window can be decided again from the state before it.
 */
export interface DecisionState {
  readonly format: 1;
}
