import type { Facts } from "./client.ts";

/** Ends of the newest decided windows in which any version, and in which the control, had scores or classes; 0: there is none. */
export interface ControlWindows {
  readonly newestMs: number;
  readonly controlMs: number;
}

/** Until when a control version was there to compare with, by what was counted for the windows of a baseline. */
export async function readControlWindows(
  facts: Facts,
  key: {
    readonly environment: string;
    readonly model: string;
    readonly baselineId: string;
    readonly control: string;
  },
): Promise<ControlWindows> {
  const [row] = await facts.query<ControlWindows>(
    `SELECT toUnixTimestamp64Milli(max(window_end)) AS newestMs,
       toUnixTimestamp64Milli(maxIf(window_end, version = {control:String})) AS controlMs
     FROM profiles
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND kind = 'live' AND role IN ('score', 'class') AND rows > 0`,
    { ...key },
  );
  return row ?? { newestMs: 0, controlMs: 0 };
}
