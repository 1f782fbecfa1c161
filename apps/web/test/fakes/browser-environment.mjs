import { TestEnvironment } from 'jest-environment-jsdom';

/** jsdom has no fetch of its own; Node's classes are the same as a browser's. */
export default class BrowserEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, { Request, Response, Headers, AbortSignal });
  }
}
