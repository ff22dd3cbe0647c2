import type { SimulatedMonitoring } from "../../detectors/simulate/outcome.ts";
import { builtInModelDefaults } from "../config/schema.ts";

/** The budget and floors of a model that states none. */
export const defaultMonitoring: SimulatedMonitoring = {
  falseIncidentsPerModelWeek: builtInModelDefaults.monitoring.false_incidents_per_model_week,
  effectFloor: builtInModelDefaults.monitoring.effect_floor,
  qualityFloor: builtInModelDefaults.monitoring.quality_floor,
};
