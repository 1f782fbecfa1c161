const { default: JsdomEnvironment } = require('jest-environment-jsdom');

/** jsdom with Node's own Response, which it lacks. */
module.exports = class extends JsdomEnvironment {
  async setup() {
    await super.setup();
    this.global.Response = Response;
  }
};
