import { setTimeout as delay } from "node:timers/promises";
import { originalDay } from "./calendar.ts";
import type { Day, Shift } from "./calendar.ts";
import type { DemoConsole } from "./console.ts";
import { decidedDays } from "./decided.ts";
import type { Program } from "./processes.ts";
import type { ProducerReport } from "./producer-report.ts";
import { counterTotal } from "./service-port.ts";
import type { Stage } from "./stage.ts";
import { countStored } from "./stored.ts";
import { thousands } from "./summary.ts";
import type { Warehouse } from "./warehouse.ts";

/** The monitored service, seen from outside. */
export interface Traffic {
  /** The last day that was sent in full, with the totals; null before the first. */
  readonly report: () => ProducerReport | null;
  readonly sending: () => boolean;
}

/** How a run went from its first event to the end of its last day. */
export interface Passage {
  /** From the first event sent until everything was stored, or until it was given up. */
  readonly storingMs: number;
  readonly kills: number;
  readonly deadLettered: number;
  readonly failures: readonly string[];
}

const tickMs = 500;
/** What was just decided takes a poll of alerting's to be read, and another to be sent: longer than that must it be quiet. */
const ticksToBelieve = 6;
/** If nothing at all moves for this long, the run is given up. */
const stallTimeoutMs = 120_000;

/**
 * Follows a run until everything is stored, every day is decided and alerting has nothing left to do, and kills the
 * collector on the way if that is asked for.
 *
 * @param run.kills Shares of the days, ascending: when so much of them is stored, the collector is killed and started again.
 */
export async function follow(run: {
  readonly stage: Stage;
  readonly out: DemoConsole;
  readonly seconds: () => number;
  readonly shift: Shift;
  readonly days: readonly Day[];
  readonly warehouse: Warehouse;
  readonly traffic: Traffic;
  readonly collector: { readonly first: Program; readonly start: () => Program; readonly url: string };
  readonly kills: readonly number[];
  /** Notifications so far. */
  readonly told: () => number;
  readonly alertingIsIdle: () => Promise<boolean>;
}): Promise<Passage> {
  const { stage, out, warehouse, traffic, days, kills } = run;
  const startMs = performance.now();
  const lastDay = days.at(-1);
  const deadLetters = () => counterTotal(run.collector.url, "leeway_messages_dead_lettered_total");
  let collector = run.collector.first;
  let killed = 0;
  let deadLettersOfKilled = 0;
  let storingMs: number | null = null;
  let quietTicks = 0;
  let lastState = "";
  let lastMovedMs = startMs;
  const failures: string[] = [];
  for (;;) {
    const stored = await stage.unlessCut(countStored(warehouse));
    const decided = await stage.unlessCut(decidedDays(warehouse));
    const sent = traffic.report();
    const rate = Math.round((1000 * stored.events) / ((storingMs ?? performance.now() - startMs) || 1));
    const decidedDay = decided.lastStartMs === null ? null : originalDay(decided.lastStartMs, run.shift);
    out.progress(
      `${run.seconds()} s: ${thousands(sent?.events ?? 0)} events sent, ${thousands(stored.events)} stored (${thousands(rate)}/s), ` +
        `${thousands(stored.labels)} labels; decided up to ${decidedDay ?? "…"}, day ${decided.days} of ${days.length}`,
    );

    const nextKill = kills[killed];
    if (nextKill !== undefined && storedShare(stored.events, days.length) >= nextKill) {
      killed++;
      deadLettersOfKilled += await deadLetters();
      await stage.kill(collector);
      out.line(
        `Chaos ${killed} of ${kills.length}: killed the collector at ${thousands(stored.events)} stored events.`,
      );
      collector = run.collector.start();
    }

    const everythingSent = !traffic.sending() && sent !== null && sent.day === lastDay;
    const everythingStored = everythingSent && stored.events >= sent.events && stored.labels >= sent.labels;
    if (everythingStored) storingMs ??= performance.now() - startMs;
    const quiet = everythingStored && decidedDay === lastDay && (await stage.unlessCut(run.alertingIsIdle()));
    quietTicks = quiet ? quietTicks + 1 : 0;
    if (quietTicks >= ticksToBelieve) break;

    const state = JSON.stringify([stored, decided, sent?.events, run.told()]);
    if (state !== lastState) {
      lastState = state;
      lastMovedMs = performance.now();
    } else if (performance.now() - lastMovedMs > stallTimeoutMs) {
      failures.push(`nothing moved for ${stallTimeoutMs / 1000} s, so the run was given up`);
      break;
    }
    await stage.unlessCut(delay(tickMs));
  }
  out.progress("");
  if (killed < kills.length) failures.push(`the collector was killed ${killed} times instead of ${kills.length}`);
  return {
    storingMs: storingMs ?? performance.now() - startMs,
    kills: killed,
    deadLettered: deadLettersOfKilled + (await deadLetters()),
    failures,
  };
}

/** Flights a day, rather too many than too few, so that the last kill comes before the last event. */
const flightsADay = 16_700;

function storedShare(storedEvents: number, days: number): number {
  return storedEvents / (flightsADay * days);
}
