export type { SimulatedFaults, SimulationOptions } from './options.ts';
export { simulate, type SimulatedDriver } from './simulated-driver.ts';
