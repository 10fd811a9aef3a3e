export { TestTask } from './test-task.ts';
export { VirtualHost, type VirtualHostOptions } from './virtual-host.ts';
