import { backtestCommand } from "./backtest.ts";
import { baselineCommand } from "./baseline.ts";
import { checkConfigCommand } from "./check-config.ts";
import type { Command } from "./command.ts";
import { compareCommand } from "./compare.ts";
import { configCommand } from "./config-effective.ts";
import { doctorCommand } from "./doctor.ts";
import { explainCommand } from "./explain.ts";
import { createHelpCommand } from "./help.ts";
import { incidentsCommand } from "./incidents.ts";
import { ingestCommand } from "./ingest.ts";
import { initCommand } from "./init.ts";
import { modelsCommand } from "./models.ts";
import { migrateCommand } from "./migrate.ts";
import { replayCommand } from "./replay.ts";
import { receiversCommand } from "./receivers.ts";
import { serveCommand } from "./serve.ts";
import { silencesCommand } from "./silences.ts";
import { simulateCommand } from "./simulate.ts";
import { sqlCommand } from "./sql.ts";
import { tapCommand } from "./tap.ts";
import { versionCommand } from "./version.ts";

/** Closed: a new command is one file and one line here; help and the documentation are made from this list. */
export const commands: readonly Command[] = [
  serveCommand,
  initCommand,
  compareCommand,
  ingestCommand,
  replayCommand,
  backtestCommand,
  migrateCommand,
  sqlCommand,
  modelsCommand,
  incidentsCommand,
  silencesCommand,
  baselineCommand,
  explainCommand,
  tapCommand,
  doctorCommand,
  simulateCommand,
  receiversCommand,
  checkConfigCommand,
  configCommand,
  createHelpCommand(() => commands),
  versionCommand,
];
