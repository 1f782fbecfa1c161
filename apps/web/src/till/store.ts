/** A state that components follow by useSyncExternalStore. */
export abstract class Store<State extends object> {
  private readonly listeners = new Set<() => void>();

  protected constructor(private state: State) {}

  readonly current = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  protected set(changes: Partial<State>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}
