import { EventEmitter } from 'node:events';
import { warn } from '../errors';
import { tell } from './listeners';

/** An `EventEmitter` whose listeners disturb nobody: what one throws or rejects with becomes a process warning. */
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  constructor() {
    super({ captureRejections: true });
  }

  override [EventEmitter.captureRejectionSymbol](error: unknown, ..._event: readonly unknown[]): void {
    warn(error);
  }

  /** Emits an event, and never throws. */
  protected notify<K extends keyof Events>(event: K, ...args: Events[K]): void {
    tell(() => this.emit(event as never, ...(args as never)));
  }
}
