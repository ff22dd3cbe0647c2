/** Sends messages of one kind, in batches. */
export interface Sender {
  /**
   * @param airport Messages of one airport stay in order where the transport keeps one.
   * @returns A promise to wait for if the batch was full.
   */
  add(airport: string, value: string): Promise<void> | null;
  /** Resolves when everything that was added has arrived. */
  flush(): Promise<void>;
}
