export type { SimulatedPaths, SimulatedStat } from './file-system.ts';
export type { SimulatedFaults, SimulationOptions } from './options.ts';
export { simulate, type SimulatedDriver } from './simulated-driver.ts';
